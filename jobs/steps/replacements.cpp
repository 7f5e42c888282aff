#include "jobs/steps/replacements.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "model/batch.hpp"

namespace layersweep::jobs {
namespace {

constexpr std::int64_t most_texts = 1024;
constexpr std::int64_t texts_at_once = 16;

void add_moments(Replacements& to, const model::Model& encoder, const data::Corpus& corpus) {
  std::vector<at::Tensor> sum, squares;
  for (const model::Point& point : encoder.points()) {
    sum.push_back(at::zeros({point.width}, at::kDouble));
    squares.push_back(at::zeros({point.width}, at::kDouble));
  }
  const std::int64_t texts = std::min(most_texts, corpus.size());
  std::vector<std::int64_t> order;
  for (std::int64_t example = 0; example < texts; ++example) order.push_back(example);
  std::ranges::stable_sort(order, {}, [&](std::int64_t example) { return corpus.length(example); });
  double tokens = 0;
  for (std::int64_t first = 0; first < texts; first += texts_at_once) {
    const auto count = static_cast<std::size_t>(std::min(texts_at_once, texts - first));
    const model::Batch batch = model::collate(corpus, std::span(order).subspan(static_cast<std::size_t>(first), count));
    const model::Clean clean = encoder.clean(batch);
    for (std::size_t p = 0; p < sum.size(); ++p) {
      const at::Tensor states = clean.states[p].to(at::kDouble) * batch.mask.unsqueeze(-1);
      sum[p].add_(states.sum(at::IntArrayRef{0, 1}));
      squares[p].add_(states.square().sum(at::IntArrayRef{0, 1}));
    }
    tokens += batch.lengths.sum().item<double>();
  }
  for (std::size_t p = 0; p < sum.size(); ++p) {
    const at::Tensor mean = sum[p] / tokens;
    to.mean.push_back(mean.to(at::kFloat));
    to.deviation.push_back((squares[p] / tokens - mean.square()).clamp_min(0.0).sqrt().to(at::kFloat));
  }
}

}  // namespace

Replacements replacements_of(const Context& context, const model::Model& encoder, const Texts& texts,
                             const std::vector<ModeProbes>& modes, const std::vector<Judgement>& judgements) {
  Replacements result;
  add_moments(result, encoder, texts.train);
  result.replacement = result.mean;
  switch (context.experiment.explain.replacement) {
    case config::StandIn::mean:
      break;
    case config::StandIn::zero:
      for (at::Tensor& vector : result.replacement) vector = at::zeros_like(vector);
      break;
    case config::StandIn::mask:
      if (encoder.mask_state().defined()) result.replacement.front() = encoder.mask_state();
      break;
    case config::StandIn::learned:
      // In the order input, hidden: where both are trained the hidden ones stand.
      for (std::size_t m = 0; m < modes.size(); ++m) {
        const probe::ProbeLayout& layout = modes[m].layout;
        const std::vector<at::Tensor> blocks = layout.views(modes[m].parameters);
        const int points = modes[m].mode == terms::Mode::hidden ? static_cast<int>(layout.points()) : 1;
        for (int point = 0; point < points; ++point) {
          const auto place = layout.replacement_of(point);
          const std::int64_t seed = std::max(judgements[m].chosen[static_cast<std::size_t>(point)], 0);
          result.replacement[static_cast<std::size_t>(point)] = blocks[place.block][place.row][seed].clone();
        }
      }
  }
  return result;
}

}  // namespace layersweep::jobs
