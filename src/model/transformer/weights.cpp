#include "model/transformer/weights.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "model/flat_gradient.hpp"

namespace layersweep::model {
namespace {

using Shape = std::vector<std::int64_t>;

// One map or norm with the parts that are stacked in it, each of so many rows.
struct Place {
  Affine* affine;
  Shape shape;
  bool bias;
  std::vector<std::pair<Part, std::int64_t>> parts;
  std::int64_t layer = 0;
};

std::vector<Place> places(const TransformerSpec& s, TransformerWeights& w) {
  const std::int64_t h = s.hidden, q = s.query_width(), k = s.key_width();
  const bool norm_bias = s.norm == NormKind::layer;
  std::vector<Place> all;
  if (s.position == Positions::learned)
    all.push_back({&w.position, {s.positions, h}, false, {{Part::position, s.positions}}});
  if (s.segments > 0) all.push_back({&w.segment, {s.segments, h}, false, {{Part::segment, s.segments}}});
  if (s.embedding_norm) all.push_back({&w.embedding_norm, {h}, norm_bias, {{Part::embedding_norm, h}}});
  for (std::size_t index = 0; index < w.layers.size(); ++index) {
    LayerWeights& l = w.layers[index];
    const auto number = static_cast<std::int64_t>(index);
    const auto add = [&](Affine& affine, Shape shape, bool bias, std::vector<std::pair<Part, std::int64_t>> parts) {
      all.push_back({&affine, std::move(shape), bias, std::move(parts), number});
    };
    add(l.qkv, {q + 2 * k, h}, s.biases, {{Part::query, q}, {Part::key, k}, {Part::value, k}});
    add(l.attention_out, {h, q}, s.biases, {{Part::attention_out, h}});
    add(l.attention_norm, {h}, norm_bias, {{Part::attention_norm, h}});
    if (s.gated) {
      add(l.up, {2 * s.inner, h}, s.biases, {{Part::gate, s.inner}, {Part::up, s.inner}});
    } else {
      add(l.up, {s.inner, h}, s.biases, {{Part::up, s.inner}});
    }
    add(l.down, {h, s.inner}, s.biases, {{Part::down, h}});
    add(l.output_norm, {h}, norm_bias, {{Part::output_norm, h}});
  }
  if (s.norm_place == NormPlace::before) all.push_back({&w.final_norm, {h}, norm_bias, {{Part::final_norm, h}}});
  if (!s.spans() && s.head_activation != Activation::none) all.push_back({&w.dense, {h, h}, true, {{Part::dense, h}}});
  const std::int64_t rows = s.head.rows();
  all.push_back({&w.classifier, {rows, h}, s.head_bias, {{s.spans() ? Part::span : Part::classes, rows}}});
  return all;
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
  weights.layers.resize(static_cast<std::size_t>(spec.layers));
  std::vector<Shape> shapes;
  for (const Place& place : places(spec, weights)) {
    shapes.push_back(place.shape);
    if (place.bias) shapes.push_back({place.shape.front()});
  }
  allocate_flat(dense_tensors(spec, weights), shapes);
  weights.word = at::empty({spec.vocabulary, spec.hidden});
  if (spec.segments == 0) weights.segment.weight = at::zeros({1, spec.hidden});
  return weights;
}

std::vector<NamedWeight> named_weights(const TransformerSpec& spec, const TransformerWeights& weights,
                                       const PartNames& names) {
  const auto name_of = [&](Part part, std::int64_t layer) {
    const auto found = std::ranges::find(names, part, &PartNames::value_type::first);
    base::ensure(found != names.end(), "a family names every part that its specification has");
    return fmt::format(fmt::runtime(found->second), layer);
  };
  std::vector<NamedWeight> all = {{name_of(Part::word, 0) + ".weight", weights.word}};
  TransformerWeights views = weights;
  for (const Place& place : places(spec, views)) {
    std::int64_t first = 0;
    for (const auto& [part, rows] : place.parts) {
      const std::string name = name_of(part, place.layer);
      all.push_back({name + ".weight", place.affine->weight.narrow(0, first, rows)});
      if (place.bias) all.push_back({name + ".bias", place.affine->bias.narrow(0, first, rows)});
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
