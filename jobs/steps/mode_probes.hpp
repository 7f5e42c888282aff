// The trained probes of a mode, all seeds side by side, and their scores on dev.
#pragma once

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/context.hpp"
#include "jobs/steps/probe.hpp"
#include "model/model.hpp"
#include "sweep/selection.hpp"

namespace layersweep::jobs {

/// All trained probes of one mode, the seeds of all its units side by side.
struct ModeProbes {
  terms::Mode mode;
  probe::ProbeLayout layout;
  at::Tensor parameters;    ///< flat
  at::Tensor active;        ///< P x S bool: cells with figures to report
  at::Tensor alpha, steps;  ///< P x S
  sweep::CellTable<terms::Status> status;
  std::vector<const UnitResult*> units;

  /// "input/kl": of a results file.
  std::string variable(std::string_view name) const { return fmt::format("{}/{}", terms::name_of(mode), name); }
};

/// In the order input, hidden, where trained. The result refers to `units`.
std::vector<ModeProbes> probes_by_mode(const std::vector<UnitResult>& units);

/// How the probes of a mode do on all of dev.
struct Judgement {
  sweep::CellTable<sweep::Score> scores;
  sweep::Constraint constraint;      ///< of what is accepted
  std::vector<std::int32_t> chosen;  ///< per point an index into the seeds, −1 where none is accepted
  /// What sweep::random_keep_shares finds; extraction may ask for it.
  std::optional<sweep::CellTable<double>> random_keep_share = {};
};

/// Collective.
Judgement judge(const Context& context, const model::Model& encoder, const Texts& texts, const ModeProbes& mode);

}  // namespace layersweep::jobs
