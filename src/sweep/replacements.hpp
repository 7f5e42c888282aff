// How the replacement vectors start: what stands for a token that is taken away.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "config/experiment.hpp"
#include "data/corpus.hpp"
#include "model/model.hpp"
#include "sweep/ranks.hpp"

namespace layersweep::sweep {

/// Per point a vector of its width, in the host's memory. mean: the mean state of a token over the first 1,024 training
/// texts; mask: the [MASK] embedding at point 0, the mean elsewhere and where the model has none; xavier: N(0, 1/width), as
/// the published code has it above point 0, where it takes [MASK]. The same bits on every rank; with a deterministic
/// reduction for every rank count. Collective.
std::vector<at::Tensor> starting_replacements(const Ranks& ranks, const model::Model& model, const data::Corpus& corpus,
                                              config::Replacement kind);

}  // namespace layersweep::sweep
