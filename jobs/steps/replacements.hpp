// What explainers put in the place of tokens: replacement vectors and the moments of the states, per point.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "jobs/context.hpp"
#include "jobs/steps/mode_probes.hpp"
#include "model/model.hpp"

namespace layersweep::jobs {

struct Replacements {
  std::vector<at::Tensor> replacement;      ///< per point, its width: explain.replacement
  std::vector<at::Tensor> mean, deviation;  ///< per point, its width: of the tokens of the first 1,024 training texts
};

/// learned: of the chosen hidden probes (the first seed where none is chosen); without hidden mode the input probes' at
/// point 0, the mean state above. Every rank computes the same bits for itself. `judgements` belong to `modes`.
Replacements replacements_of(const Context& context, const model::Model& encoder, const Texts& texts,
                             const std::vector<ModeProbes>& modes, const std::vector<Judgement>& judgements);

}  // namespace layersweep::jobs
