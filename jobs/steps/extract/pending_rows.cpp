#include "jobs/steps/extract/pending_rows.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "jobs/floats.hpp"
#include "probe/evaluate.hpp"
#include "store/schema.hpp"
#include "sweep/evaluator.hpp"

namespace layersweep::jobs {

PendingRows::PendingRows(std::span<const Chunk> chunks, const std::vector<ModeProbes>& modes, const model::Model& model)
    : start_(start_of(chunks)), modes_(modes), model_(model) {
  for (const Chunk& chunk : chunks) {
    examples_ += chunk.count;
    tokens_ += chunk.tokens;
  }
  outputs_ = model.output().columns(model.head(), examples_, tokens_);
  for (const ModeProbes& mode : modes) {
    const auto missing = [&](std::int64_t columns) {
      return at::full({mode.layout.seeds(), mode.layout.points(), columns}, std::nan(""), at::kFloat);
    };
    masks_.push_back({missing(tokens_), missing(examples_), missing(examples_), missing(examples_)});
  }
}

void PendingRows::evaluate(const Chunk& chunk, int shards, std::int64_t token_budget) {
  std::int64_t copies = 1;
  for (const ModeProbes& mode : modes_) copies = std::max(copies, mode.layout.points() * mode.layout.seeds());
  const std::vector<std::int64_t> lengths = chunk.corpus->lengths(chunk.first, chunk.count);
  for (const data::GlobalBatch& batch : data::ordered_batches(lengths, {chunk_examples, shards, 0})) {
    for (data::Shard shard : batch.shards) {
      for (std::int64_t& example : shard) example += chunk.first;
      for (const auto& piece : sweep::micro_batches(*chunk.corpus, shard, copies, token_budget))
        evaluate_piece(chunk, piece);
    }
  }
}

void PendingRows::evaluate_piece(const Chunk& chunk, const std::vector<std::int64_t>& piece) {
  const model::Batch on_host = model::collate(*chunk.corpus, piece);
  const model::Batch batch = on_host.to(model_.device());
  const model::Clean clean = model_.clean(batch);
  std::vector<model::OutputPlace> places;
  std::vector<std::int64_t> rows;
  for (const std::int64_t example : piece) {
    rows.push_back(chunk.first_example + example - chunk.first - start_.example);
    places.push_back({chunk.corpus, example, rows.back(), chunk.token_of(example) - start_.token});
  }
  outputs_->take(on_host, clean.logits.cpu(), places);
  const at::Tensor where = at::tensor(rows, at::kLong);
  for (std::size_t m = 0; m < modes_.size(); ++m) {
    const ModeProbes& mode = modes_[m];
    const probe::HardMasks masks =
        probe::evaluate_hard_masks({model_, batch, clean}, {mode.layout, mode.parameters}, mode.active);
    const auto put = [&](const at::Tensor& to, const at::Tensor& values) {
      to.index_copy_(2, where, values.transpose(0, 1).contiguous());
    };
    put(masks_[m].kl, masks.kl);
    put(masks_[m].flipped, masks.flipped);
    put(masks_[m].share, masks.keep_share.masked_fill(mode.active.logical_not().unsqueeze(-1), std::nan("")));
    for (std::size_t b = 0; b < piece.size(); ++b) {
      const std::int64_t length = chunk.corpus->length(piece[b]);
      const at::Tensor row = masks.keep_probability.select(2, static_cast<std::int64_t>(b)).narrow(2, 0, length);
      masks_[m].keep.narrow(2, places[b].token, length).copy_(row.transpose(0, 1));
    }
  }
}

void PendingRows::put_evidence(std::vector<double>& evidence) const {
  const std::vector<double> own = outputs_->evidence();
  if (own.empty()) return;
  std::ranges::copy(own, evidence.begin() + std::ssize(own) / examples_ * start_.example);
}

void PendingRows::write_outputs(store::ResultsWriter& writer) const {
  for (const model::OutputColumn& column : outputs_->columns()) {
    const auto& dimensions = store::find_variable(column.name)->dimensions;
    const bool by_token = dimensions.front() == "token";
    store::Slab slab{{by_token ? start_.token : start_.example}, {by_token ? tokens_ : examples_}};
    if (dimensions.size() == 2) {
      slab.start.push_back(0);
      slab.count.push_back(model_.head().classes);
    }
    std::visit([&]<class T>(const std::vector<T>& cells) { writer.write<T>(column.name, slab, cells); }, column.cells);
  }
}

void PendingRows::write(store::ResultsWriter& writer) const {
  write_outputs(writer);
  for (std::size_t m = 0; m < modes_.size(); ++m) {
    const auto write = [&](const char* name, std::int64_t first, const at::Tensor& cells) {
      writer.write<float>(modes_[m].variable(name), {{0, 0, first}, cells.sizes().vec()}, span_of(cells));
    };
    const Masks& masks = masks_[m];
    write("keep_probability", start_.token, masks.keep);
    write("kl", start_.example, masks.kl);
    write("keep_share", start_.example, masks.share);
    std::vector<std::uint8_t> flips;
    for (const float flip : span_of(masks.flipped))
      flips.push_back(std::isnan(flip) ? 255 : static_cast<std::uint8_t>(flip));
    writer.write<std::uint8_t>(modes_[m].variable("flipped"), {{0, 0, start_.example}, masks.flipped.sizes().vec()}, flips);
  }
}

}  // namespace layersweep::jobs
