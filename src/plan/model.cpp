#include "plan/model.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace layersweep::plan {
namespace {

std::int64_t gate_inputs(const Model& model, terms::Mode mode, std::int64_t point) {
  const std::int64_t width = model.rungs[static_cast<std::size_t>(point)].width;
  return mode == terms::Mode::input ? model.rungs[0].width + width : width;
}

std::int64_t gate_inner(const Model& model, std::int64_t point) {
  return std::max<std::int64_t>(32, model.rungs[static_cast<std::size_t>(point)].width / 4);
}

// Gates from features and state. The features and five values a state are kept for the backward pass.
Rung recurrence(std::int64_t features, std::int64_t state) {
  const auto w = static_cast<double>(state), f = static_cast<double>(features);
  const Flops step{2 * 3 * w * (w + f), 0, 0};
  return {features, step, step, 5 * w + f, 0};
}

std::int64_t recurrence_weights(std::int64_t features, std::int64_t state) { return 3 * state * (features + state + 2); }

std::int64_t first_rung(terms::Mode mode, std::int64_t point) { return mode == terms::Mode::input ? 0 : point; }

}  // namespace

Flops& Flops::operator+=(const Flops& other) {
  per_token += other.per_token;
  per_pair += other.per_pair;
  per_text += other.per_text;
  return *this;
}

Model transformer_model(const TransformerSizes& s) {
  const auto h = static_cast<double>(s.hidden), inner = static_cast<double>(s.inner), heads = static_cast<double>(s.heads);
  const std::int64_t query_width = s.query_width > 0 ? s.query_width : s.hidden;
  const std::int64_t word_width = s.word_width > 0 ? s.word_width : s.hidden;
  const auto q = static_cast<double>(query_width);
  const double keys = h * q * static_cast<double>(s.key_heads) / heads;  // of keys, and of values
  const double maps = s.gated ? 3 : 2;
  // Queries, keys, values, output, and the maps of the feed-forward block; scores and their mix of values.
  const Flops layer{2 * (2 * h * q + 2 * keys + maps * h * inner), 4 * q, 0};
  const Flops layer_backward{layer.per_token, 2 * layer.per_pair, 0};
  // A last layer that computes one token only: keys and values of all tokens, everything else once.
  const Flops last{2 * 2 * keys + 4 * q, 0, 2 * (2 * h * q + maps * h * inner)};
  const Flops last_backward{2 * 2 * keys + 8 * q, 0, last.per_text};
  const bool spans = s.output == terms::OutputKind::span;
  const double head_map = s.head_map ? h * h : 0;
  const Flops read_out = spans ? Flops{2 * h * 2, 0, 0} : Flops{0, 0, 2 * (head_map + h * static_cast<double>(s.classes))};
  // Kept for the backward pass, of a layer: its parts by hand, or what ordinary differentiation keeps.
  const double kept = s.fast_layer ? 6 * h + inner + 2 : 14 * h + (maps + 1) * inner;
  const double kept_per_pair = s.fast_layer ? heads : 3 * heads;

  Model model;
  model.name = fmt::format("{}, {} layers of {} ({}), {} heads{}", s.family, s.layers, s.hidden, s.inner, s.heads,
                           spans ? ", spans" : "");
  model.output = s.output;
  model.classes = s.classes;
  if (s.embeds) {
    const auto w = static_cast<double>(word_width);
    const Flops map{word_width == s.hidden ? 0 : 2 * w * h, 0, 0};
    model.rungs.push_back({word_width, map, map, 2 * w + 1, 0});
  }
  for (std::int64_t index = 1; index <= s.layers; ++index) {
    if (index == s.layers && s.narrow && !spans) {
      model.rungs.push_back({s.hidden, last, last_backward, 2 * h + heads, 0});
    } else {
      model.rungs.push_back({s.hidden, layer, layer_backward, kept, kept_per_pair});
    }
  }
  model.rungs.push_back({s.hidden, read_out, read_out, 0, 0});
  model.clean = static_cast<double>(s.layers) * layer;
  model.clean += read_out;
  const std::int64_t of_maps = query_width * s.hidden * 2 + 2 * s.hidden * query_width * s.key_heads / s.heads;
  const std::int64_t per_layer = of_maps + (s.gated ? 3 : 2) * s.hidden * s.inner + 9 * s.hidden + s.inner;
  model.table = s.vocabulary * word_width;
  model.weights = model.table + (s.positions + 4) * word_width + (s.layer_sets > 0 ? s.layer_sets : s.layers) * per_layer;
  if (word_width != s.hidden) model.weights += (word_width + 1) * s.hidden;
  model.weights += spans ? 2 * (s.hidden + 1) : s.classes * (s.hidden + 1);
  if (!spans && s.head_map) model.weights += s.hidden * s.hidden + s.hidden;
  return model;
}

Model counting_model(std::int64_t symbols, std::int64_t width, std::int64_t features) {
  const auto w = static_cast<double>(width);
  const auto f = static_cast<double>(features);
  const Flops mix{2 * (w * w + f * w), 0, 0};
  const Flops read_out{0, 0, 2 * w};
  Model model;
  model.name = fmt::format("counting, width {}, {} features", width, features);
  model.classes = 2;
  model.rungs = {{width, mix, mix, 2 * w + f, 0}, recurrence(features, width)};
  model.rungs.back().forward += read_out;
  model.rungs.back().backward += read_out;
  model.clean = mix;
  model.clean += model.rungs.back().forward;
  model.weights = symbols * 2 * width + 3 * width * width + width + features * (width + 1) +
                  recurrence_weights(features, width) + width + 1;
  return model;
}

Model recurrent_model(std::string_view family, std::int64_t vocabulary, std::int64_t width, std::int64_t state,
                      std::int64_t classes) {
  const Flops read_out{0, 0, 2 * static_cast<double>(state * classes)};
  Model model;
  model.name = fmt::format("{}, embeddings of {}, state of {}", family, width, state);
  model.classes = classes;
  model.rungs = {recurrence(width, state), {state, read_out, read_out, 0, 0}};
  model.clean = model.rungs.front().forward;
  model.clean += read_out;
  model.table = vocabulary * width;
  model.weights = model.table + recurrence_weights(width, state) + classes * (state + 1);
  return model;
}

Flops copy_forward(const Model& model, terms::Mode mode, std::int64_t point) {
  Flops sum;
  for (std::int64_t rung = first_rung(mode, point); rung < model.points(); ++rung) {
    sum += model.rungs[static_cast<std::size_t>(rung)].forward;
  }
  return sum;
}

Flops copy_backward(const Model& model, terms::Mode mode, std::int64_t point) {
  Flops sum;
  for (std::int64_t rung = first_rung(mode, point); rung < model.points(); ++rung) {
    sum += model.rungs[static_cast<std::size_t>(rung)].backward;
  }
  return sum;
}

Flops gate_forward(const Model& model, terms::Mode mode, std::int64_t point) {
  const auto inputs = static_cast<double>(gate_inputs(model, mode, point));
  const auto inner = static_cast<double>(gate_inner(model, point));
  return {2 * (inputs + 1) * inner, 0, 0};
}

std::int64_t probe_parameters(const Model& model, terms::Mode mode, std::int64_t seeds) {
  std::int64_t sum = mode == terms::Mode::input ? model.rungs[0].width : 0;  // one replacement vector serves all points
  for (std::int64_t point = 0; point < model.points(); ++point) {
    const std::int64_t inner = gate_inner(model, point);
    sum += inner * gate_inputs(model, mode, point) + 2 * inner + inner + 1 + 1 + 1;  // first map, second map, gate bias
    if (mode == terms::Mode::hidden) sum += model.rungs[static_cast<std::size_t>(point)].width;
  }
  return seeds * sum;
}

}  // namespace layersweep::plan
