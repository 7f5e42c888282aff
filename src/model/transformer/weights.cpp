#include "model/transformer/weights.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "model/flat_gradient.hpp"

namespace layersweep::model {
namespace {

using Dimensions = std::vector<std::int64_t>;

// One map or norm with the parts that are stacked in it, each of so many rows; a file may hold them as one, `whole`.
struct Place {
  Affine* affine;
  Dimensions shape;
  bool bias;
  std::vector<std::pair<Part, std::int64_t>> parts;
  std::int64_t layer = 0;
  std::optional<Part> whole = {};
};

void add_layer(std::vector<Place>& all, const TransformerSpec& s, LayerWeights& l, std::int64_t number) {
  const std::int64_t h = s.hidden, q = s.query_width(), k = s.key_width();
  const bool norm_bias = s.norm == NormKind::layer && s.norm_bias;
  const auto add = [&](Affine& affine, Dimensions shape, bool bias, std::vector<std::pair<Part, std::int64_t>> parts,
                       std::optional<Part> whole = {}) {
    all.push_back({&affine, std::move(shape), bias, std::move(parts), number, whole});
  };
  add(l.qkv, {q + 2 * k, h}, s.query_key_value_bias, {{Part::query, q}, {Part::key, k}, {Part::value, k}},
      Part::query_key_value);
  if (s.head_norms) {
    const std::int64_t width = s.width_of_head();
    add(l.query_norm, {width}, norm_bias, {{Part::query_norm, width}});
    add(l.key_norm, {width}, norm_bias, {{Part::key_norm, width}});
  }
  add(l.attention_out, {h, q}, s.attention_out_bias, {{Part::attention_out, h}});
  if (s.first_norm || number > 0) add(l.attention_norm, {h}, norm_bias, {{Part::attention_norm, h}});
  if (s.gated) {
    add(l.up, {2 * s.inner, h}, s.feed_forward_bias, {{Part::gate, s.inner}, {Part::up, s.inner}}, Part::gate_and_up);
  } else {
    add(l.up, {s.inner, h}, s.feed_forward_bias, {{Part::up, s.inner}});
  }
  add(l.down, {h, s.inner}, s.feed_forward_bias, {{Part::down, h}});
  add(l.output_norm, {h}, norm_bias, {{Part::output_norm, h}});
}

std::vector<Place> places(const TransformerSpec& s, TransformerWeights& w) {
  const std::int64_t h = s.hidden, word = s.width_of_word();
  const bool norm_bias = s.norm == NormKind::layer && s.norm_bias;
  std::vector<Place> all;
  const auto add = [&](Affine& affine, Dimensions shape, bool bias, Part part) {
    const std::int64_t rows = shape.front();
    all.push_back({&affine, std::move(shape), bias, {{part, rows}}});
  };
  if (s.position == Positions::learned) add(w.position, {s.first_position + s.positions, word}, false, Part::position);
  if (s.segments > 0) add(w.segment, {s.segments, word}, false, Part::segment);
  if (s.embedding_norm) add(w.embedding_norm, {word}, norm_bias, Part::embedding_norm);
  if (s.embedding_map) add(w.embedding_map, {h, word}, true, Part::embedding_map);
  if (s.position == Positions::relative) {
    add(w.relative, {2 * s.relative.span, h}, false, Part::relative);
    if (s.relative.norm) add(w.relative_norm, {h}, norm_bias, Part::relative_norm);
  }
  for (std::size_t index = 0; index < w.layers.size(); ++index) {
    add_layer(all, s, w.layers[index], static_cast<std::int64_t>(index));
  }
  if (s.norm_place == NormPlace::before) add(w.final_norm, {h}, norm_bias, Part::final_norm);
  if (s.maps_read_out()) {
    add(w.dense, {h, h}, s.head_map_bias, Part::dense);
    if (s.head_map_norm) add(w.dense_norm, {h}, norm_bias, Part::dense_norm);
  }
  add(w.classifier, {s.head.rows(), h}, s.head_bias, s.spans() ? Part::span : Part::classes);
  return all;
}

// `value` (rows x H of a map, or its biases) as the file holds it.
NamedWeight stored_as(std::string name, const at::Tensor& value, Layout layout, std::int64_t heads) {
  if (layout == Layout::transposed && value.dim() == 2) return {std::move(name), value.t()};
  if (layout != Layout::by_head) return {std::move(name), value};
  std::vector<std::int64_t> apart{3, heads, value.size(0) / (3 * heads)};
  if (value.dim() == 2) apart.push_back(value.size(1));
  return {std::move(name), value.view(apart).transpose(0, 1), value.sizes().vec()};
}

}  // namespace

std::vector<at::Tensor*> dense_tensors(const TransformerSpec& spec, TransformerWeights& weights) {
  std::vector<at::Tensor*> all;
  for (const Place& place : places(spec, weights)) {
    all.push_back(&place.affine->weight);
    if (place.bias) all.push_back(&place.affine->bias);
  }
  return all;
}

TransformerWeights allocate_weights(const TransformerSpec& spec) {
  TransformerWeights weights;
  weights.layers.resize(static_cast<std::size_t>(spec.sets()));
  for (std::size_t index = 0; index < weights.layers.size(); ++index) {
    weights.layers[index].local = !spec.local.empty() && spec.local.at(index);
  }
  std::vector<Dimensions> shapes;
  for (const Place& place : places(spec, weights)) {
    shapes.push_back(place.shape);
    if (place.bias) shapes.push_back({place.shape.front()});
  }
  allocate_flat(dense_tensors(spec, weights), shapes);
  weights.word = at::empty({spec.vocabulary, spec.width_of_word()});
  if (spec.segments == 0) weights.segment.weight = at::zeros({1, spec.width_of_word()});
  return weights;
}

const PartName* find_part(const PartNames& names, Part part) {
  const auto found = std::ranges::find(names, part, &PartName::part);
  return found == names.end() ? nullptr : &*found;
}

std::vector<NamedWeight> named_weights(const TransformerSpec& spec, const TransformerWeights& weights,
                                       const PartNames& names) {
  std::vector<NamedWeight> all;
  const auto add = [&](Part part, std::int64_t layer, const Affine& affine) {
    const PartName* found = find_part(names, part);
    base::ensure(found != nullptr, "a family names every part that its specification has");
    const std::string name = fmt::format(fmt::runtime(found->name), layer);
    for (const auto& [end, value] : {std::pair{".weight", affine.weight}, {".bias", affine.bias}}) {
      if (value.defined()) all.push_back(stored_as(name + end, value, found->layout, spec.heads));
    }
  };
  add(Part::word, 0, {weights.word, {}});
  TransformerWeights views = weights;
  for (const Place& place : places(spec, views)) {
    if (place.whole && find_part(names, *place.whole) != nullptr) {
      add(*place.whole, place.layer, *place.affine);
      continue;
    }
    std::int64_t first = 0;
    for (const auto& [part, rows] : place.parts) {
      add(part, place.layer,
          {place.affine->weight.narrow(0, first, rows),
           place.bias ? place.affine->bias.narrow(0, first, rows) : at::Tensor()});
      first += rows;
    }
  }
  return all;
}

void initialise(const NamedWeight& weight, double range, std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  at::Tensor value = weight.value;
  if (weight.name.ends_with(".bias")) {
    value.zero_();
  } else if (value.dim() == 1) {  // of a norm
    value.fill_(1);
  } else {
    // A stream of its own per tensor: a fresh head is the same whatever else was initialised.
    const std::string hash = base::sha256_of_text(fmt::format("{} {}", seed, weight.name));
    auto generator = at::make_generator<at::CPUGeneratorImpl>(std::stoull(hash.substr(0, 15), nullptr, 16));
    value.normal_(0, range, generator);
  }
}

TransformerWeights random_weights(const TransformerSpec& spec, const PartNames& names, std::uint64_t seed) {
  TransformerWeights weights = allocate_weights(spec);
  for (const NamedWeight& weight : named_weights(spec, weights, names)) initialise(weight, spec.initial_range, seed);
  return weights;
}

}  // namespace layersweep::model
