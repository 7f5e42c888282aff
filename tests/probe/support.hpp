// Small frozen models with batches, and the probe written out plainly: one point and one seed at a time.
#pragma once

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/bert.hpp"
#include "model/families/gru_classifier.hpp"
#include "model/open.hpp"
#include "model/support.hpp"
#include "probe/masks.hpp"
#include "probe/parameters.hpp"

#include "model/output.hpp"

namespace layersweep::test {

struct Frozen {
  std::string name;
  std::shared_ptr<model::Model> model;
  model::Batch batch;

  std::vector<std::int64_t> widths() const { return probe::widths_of(*model); }
};

/// Points of unequal width; random weights with a head that makes confident predictions.
inline Frozen counting_model() {
  const model::CountingConfig config{10, 16, 2};
  model::CountingModel model{config, model::random_counting_weights(config, 7)};
  model.weights.mix_out.mul_(4.0);
  model.weights.head.mul_(8.0);
  Frozen frozen{"counting", model::make_counting(model), random_batch({4, 1, 7, 3, 7}, 10)};
  frozen.batch.query = at::randint(0, 10, {5, 2}, at::kLong);
  return frozen;
}

/// Four points of equal width.
inline Frozen tiny_bert() {
  model::TransformerModel model = test::read_bert(encoder_fixtures() / "tiny-bert");
  return {"bert", model::make_transformer(model.spec, model.weights, 4), random_batch({5, 9, 1, 6}, model.spec.vocabulary)};
}

/// The same for answers; the first text may have none, the last has no room for one.
inline Frozen tiny_question_answering() {
  model::TransformerModel model = test::read_bert(encoder_fixtures() / "tiny-qa");
  Frozen frozen{"span", model::make_transformer(model.spec, model.weights, 4),
                random_batch({5, 9, 1, 6}, model.spec.vocabulary)};
  frozen.batch.answerable = at::arange(9).unsqueeze(0).ge(2).logical_and(frozen.batch.mask);
  frozen.batch.answerable[0][0] = true;
  return frozen;
}

/// Two points of unequal width, of which the head reads each text's last token.
inline Frozen tiny_gru() {
  model::GruClassifierModel model = model::read_gru_classifier(encoder_fixtures() / "tiny-gru");
  return {"gru", model::make_gru_classifier(model, 4), random_batch({5, 9, 1, 6}, model.config.vocabulary)};
}

/// One of each further family, tiny-NAME.
inline Frozen tiny_transformer(const std::string& name) {
  Frozen frozen{name, model::open_model(encoder_fixtures() / ("tiny-" + name)), random_batch({5, 9, 1, 6}, 60)};
  frozen.batch.segments.zero_();
  return frozen;
}

inline Frozen frozen_model(const std::string& name) {
  return name == "bert"       ? tiny_bert()
         : name == "span"     ? tiny_question_answering()
         : name == "gru"      ? tiny_gru()
         : name == "counting" ? counting_model()
                              : tiny_transformer(name);
}

/// Those whose random weights were chosen so that masks change predictions, and gradients are large beside rounding.
inline const std::vector<std::string> decided_model_names = {"bert", "span", "counting", "gru"};

/// All that frozen_model makes.
inline const std::vector<std::string> model_names = [] {
  std::vector<std::string> names = decided_model_names;
  for (const auto& folder : reference_folders()) {
    const std::string name = folder.filename().string().substr(5);
    const bool span = model::describe_model(folder).head.output == terms::OutputKind::span;
    if (name != "bert" && !span) names.push_back(name);
  }
  return names;
}();

/// Logits without the filling beyond a text's end, next to which everything else would be nothing.
inline at::Tensor of_tokens(const at::Tensor& logits) { return logits.masked_fill(logits.eq(model::beyond_text), 0); }

/// Parameters away from their start, where every gate is open: gates on both sides of one half, replacements that differ.
inline at::Tensor spread_parameters(const probe::ProbeLayout& layout) {
  at::Tensor flat = at::randn({layout.size()}) * 0.3;
  const auto views = layout.views(flat);
  for (std::size_t b = 0; b < views.size(); ++b) {
    if (layout.blocks()[b].name == "gate.bias") views[b].copy_(at::randn(views[b].sizes()));
    if (layout.blocks()[b].name == "first.g" || layout.blocks()[b].name == "second.g") views[b].abs_().add_(0.3);
  }
  return flat;
}

inline std::map<std::string, at::Tensor> named_cell(const probe::ProbeLayout& layout, const at::Tensor& flat, int point,
                                                    std::int64_t seed) {
  const auto cell = layout.cell(flat, point, seed);
  return {cell.begin(), cell.end()};
}

/// Gate logits of one probe, B x T.
inline at::Tensor plain_logits(const probe::ProbeLayout& layout, const at::Tensor& flat, int point, std::int64_t seed,
                               const std::vector<at::Tensor>& states) {
  auto p = named_cell(layout, flat, point, seed);
  const auto index = static_cast<std::size_t>(point);
  const at::Tensor x =
      (layout.mode() == terms::Mode::input ? at::cat({states[0], states[index]}, -1) : states[index]).to(flat.dtype());
  const at::Tensor w1 = p["first.g"].unsqueeze(1) * p["first.v"] / p["first.v"].square().sum(1, true).sqrt();
  const at::Tensor w2 = p["second.g"] * p["second.v"] / p["second.v"].square().sum().sqrt();
  const at::Tensor inner = at::tanh(at::matmul(x, w1.t()) + p["first.bias"]);
  return 10.0 * at::tanh(at::matmul(inner, w2) + p["second.bias"]) + p["gate.bias"];
}

/// The replacement vector of one cell.
inline at::Tensor plain_replacement(const probe::ProbeLayout& layout, const at::Tensor& flat, int point, std::int64_t seed) {
  return named_cell(layout, flat, layout.mode() == terms::Mode::input ? 0 : point, seed).at("replacement");
}

/// Logits of one masked copy that goes in at `point`, taken up one point at a time with all its tokens.
inline at::Tensor plain_pass(const Frozen& frozen, const model::Clean& clean, int point, const at::Tensor& gates,
                             const at::Tensor& replacement) {
  const at::Tensor z = gates.unsqueeze(-1);
  model::Rows rows{z * clean.states[static_cast<std::size_t>(point)] + (1 - z) * replacement,
                   at::arange(frozen.batch.size())};
  const int last = static_cast<int>(frozen.model->points().size()) - 1;
  for (int p = point; p < last; ++p) rows = frozen.model->advance(p, rows, frozen.batch, model::Need::all_tokens);
  return frozen.model->read_out(frozen.model->narrow_to_read_out(rows, frozen.batch), frozen.batch);
}

inline at::Tensor bools(const std::vector<std::vector<int>>& rows) {
  at::Tensor result =
      at::zeros({static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(rows[0].size())}, at::kBool);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t c = 0; c < rows[r].size(); ++c)
      result[static_cast<std::int64_t>(r)][static_cast<std::int64_t>(c)] = rows[r][c] != 0;
  }
  return result;
}

}  // namespace layersweep::test
