#include "jobs/steps/extract/judgement.hpp"

#include <ATen/ATen.h>

#include <cmath>
#include <string>

#include "jobs/agreement.hpp"
#include "jobs/floats.hpp"

namespace layersweep::jobs {
namespace {

// A value of every point and seed in the file's order: seed by seed.
template <class T>
std::vector<T> by_seed_and_point(const ModeProbes& mode, const auto& value) {
  std::vector<T> cells;
  for (std::int64_t s = 0; s < mode.layout.seeds(); ++s) {
    for (std::int64_t p = 0; p < mode.layout.points(); ++p) cells.push_back(static_cast<T>(value(p, s)));
  }
  return cells;
}

}  // namespace

void write_judgement(store::ResultsWriter& writer, const ModeProbes& mode, const Judgement& judgement,
                     const std::vector<stats::Agreement>& agreements) {
  const auto write = [&]<class T>(const char* name, const std::vector<T>& cells) {
    writer.write_from_first_rank<T>(mode.variable(name), cells);
  };
  const auto figure = [&](double sweep::Score::*member) {
    return by_seed_and_point<float>(mode, [&](auto p, auto s) { return sweep::at_cell(judgement.scores, p, s).*member; });
  };
  write("kl_mean", figure(&sweep::Score::kl));
  write("kl_p95", figure(&sweep::Score::kl_p95));
  write("kl_max", figure(&sweep::Score::kl_max));
  write("flipped_share", figure(&sweep::Score::flips));
  write("keep_share_mean", figure(&sweep::Score::keep_share));
  write("alpha", by_seed_and_point<float>(mode, [&](auto p, auto s) { return mode.alpha[p][s].template item<double>(); }));
  write("steps", by_seed_and_point<std::int32_t>(
                     mode, [&](auto p, auto s) { return mode.steps[p][s].template item<std::int64_t>(); }));
  write("status", by_seed_and_point<std::uint8_t>(mode, [&](auto p, auto s) { return sweep::at_cell(mode.status, p, s); }));
  const auto accepted = by_seed_and_point<std::uint8_t>(mode, [&](auto p, auto s) {
    return sweep::is_accepted(sweep::at_cell(judgement.scores, p, s), judgement.constraint);
  });
  write("accepted", accepted);
  write_agreement(writer, std::string(terms::name_of(mode.mode)), accepted, agreements);
  write("chosen_seed", judgement.chosen);
  if (judgement.random_keep_share) {
    write("random_keep_share", by_seed_and_point<float>(mode, [&](auto p, auto s) {
            return sweep::at_cell(*judgement.random_keep_share, p, s);
          }));
  }
}

void copy_judgement(store::ResultsWriter& writer, const ModeProbes& mode, const store::ResultsFile& judged) {
  const std::vector<std::int64_t> by_cell{mode.layout.seeds(), mode.layout.points()};
  for (const store::VariableSpec& spec : store::variables()) {
    if (!spec.traits.judged) continue;
    const std::string variable = mode.variable(spec.name);
    const auto shape = spec.dimensions.size() == 2 ? by_cell : std::vector<std::int64_t>{mode.layout.points()};
    if (judged.shape(variable) != shape) {
      throw base::InputError(fmt::format("{} is of another run", judged.path().string()),
                             "its points or seeds are not those of experiment.ini beside it");
    }
    store::with_cell_type(spec.type,
                          [&]<class T>(T) { writer.write_from_first_rank<T>(variable, judged.read<T>(variable)); });
  }
}

std::vector<std::int64_t> curve_steps(const ModeProbes& mode) {
  std::vector<std::int64_t> steps;
  for (const UnitResult* unit : mode.units) {
    if (unit->trained.curve.size() <= steps.size()) continue;
    steps.clear();
    for (const sweep::Validation& validation : unit->trained.curve) steps.push_back(validation.step);
  }
  return steps;
}

void write_curves(store::ResultsWriter& writer, const ModeProbes& mode) {
  const auto write = [&](const char* name, const auto& value) {
    const at::Tensor cells =
        at::full({std::ssize(curve_steps(mode)), mode.layout.seeds(), mode.layout.points()}, std::nan(""), at::kFloat);
    auto cell = cells.accessor<float, 3>();
    std::int64_t first = 0;
    for (const UnitResult* unit : mode.units) {
      const std::int64_t seeds = unit->trained.layout.seeds();
      for (std::int64_t v = 0; v < std::ssize(unit->trained.curve); ++v) {
        for (std::int64_t s = 0; s < seeds; ++s) {
          for (std::int64_t p = 0; p < mode.layout.points(); ++p) {
            cell[v][first + s][p] = static_cast<float>(value(unit->trained.curve[static_cast<std::size_t>(v)], p, s));
          }
        }
      }
      first += seeds;
    }
    writer.write_from_first_rank<float>(mode.variable(name), span_of(cells));
  };
  const auto score = [](double sweep::Score::*member) {
    return [member](const sweep::Validation& at, std::int64_t p, std::int64_t s) {
      return sweep::at_cell(at.scores, p, s).*member;
    };
  };
  write("training_kl", score(&sweep::Score::kl));
  write("training_keep_share", score(&sweep::Score::keep_share));
  write("training_flipped", score(&sweep::Score::flips));
  write("training_alpha",
        [](const sweep::Validation& at, std::int64_t p, std::int64_t s) { return at.alpha[p][s].item<double>(); });
}

}  // namespace layersweep::jobs
