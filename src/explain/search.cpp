#include "explain/search.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/logical_and.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/where.h>

namespace layersweep::explain {

using probe::LookaheadRmsprop;

at::Tensor token_share(const Subject& subject) {
  return subject.batch.mask.to(at::kFloat) / subject.batch.lengths.to(at::kFloat).unsqueeze(-1);
}

Multipliers::Multipliers(const Subject& subject)
    : alpha_(at::ones({subject.texts()}, at::kFloat)), optimiser_(alpha_, LookaheadRmsprop::Variance::plain) {}

void Multipliers::ascend(const at::Tensor& divergence, double epsilon) {
  optimiser_.step((epsilon - divergence).contiguous(), at::full_like(alpha_, learning_rate));
  alpha_.clamp_(0.0, most);
}

TokenParameters::TokenParameters(const Subject& subject, double start)
    : values_(at::full({subject.texts(), subject.width()}, start, at::kFloat)), optimiser_({values_}, 0) {}

void TokenParameters::descend(const at::Tensor& gradient) { optimiser_.step({gradient.contiguous()}, learning_rate); }

BestMask::BestMask(const Subject& subject, const at::Tensor& start)
    : subject_(subject), best_(start.clone()), kept_(subject.batch.lengths.to(at::kFloat)) {}

void BestMask::consider(const at::Tensor& parameters, const at::Tensor& keep) {
  const at::Tensor divergence = masked_divergence(subject_, keep, repeated_texts(subject_, 1));
  const at::Tensor kept = (keep * subject_.batch.mask).sum(-1);
  const at::Tensor better = at::logical_and(divergence.le(subject_.epsilon), kept.lt(kept_));
  best_ = at::where(better.unsqueeze(-1), parameters, best_);
  kept_ = at::where(better, kept, kept_);
}

}  // namespace layersweep::explain
