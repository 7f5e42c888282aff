#include "probe/staircase.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/lerp.h>

#include "base/error.hpp"

namespace layersweep::probe {
namespace {

model::Rows masked_copies(const at::Tensor& states, const Joining& joining, const model::Batch& batch) {
  const std::int64_t copies = joining.gates.size(0);
  const at::Tensor b = joining.replacements.unsqueeze(1).unsqueeze(1);  // C x 1 x 1 x W
  // b + z·(h − b) = z·h + (1 − z)·b
  const at::Tensor masked = at::lerp(b, states.unsqueeze(0), joining.gates.unsqueeze(-1));
  return {masked.reshape({copies * batch.size(), batch.width(), states.size(-1)}),
          at::arange(batch.size(), batch.lengths.options()).repeat({copies})};
}

}  // namespace

at::Tensor staircase_pass(const CleanPass& pass, const std::vector<Joining>& joining) {
  const auto& [model, batch, clean] = pass;
  base::ensure(joining.size() == model.points().size(), "a staircase pass is told of every point who joins there");
  const int last = static_cast<int>(model.points().size()) - 1;
  model::Rows rows;
  for (int point = 0; point <= last; ++point) {
    const Joining& here = joining[static_cast<std::size_t>(point)];
    if (here.gates.defined()) {
      model::Rows joined = masked_copies(clean.states[static_cast<std::size_t>(point)], here, batch);
      if (point == last) joined = model.narrow_to_read_out(joined, batch);
      rows = rows.states.defined()
                 ? model::Rows{at::cat({rows.states, joined.states}), at::cat({rows.example, joined.example})}
                 : joined;
    }
    if (point < last && rows.states.defined()) {
      rows = model.advance(point, rows, batch, point + 1 == last ? model::Need::read_out : model::Need::all_tokens);
    }
  }
  base::ensure(rows.states.defined(), "a staircase pass needs at least one copy");
  return model.read_out(rows, batch).unflatten(0, {-1, batch.size()});
}

}  // namespace layersweep::probe
