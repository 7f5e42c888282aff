// What the explainers by erasure share: many masks of texts tried together.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "explain/subject.hpp"

namespace layersweep::explain {

/// Rows of gates over all texts of a batch, evaluated together. Refers to the subject.
class Trials {
 public:
  explicit Trials(const Subject& subject) : subject_(subject) {}

  /// A new row of `text`, everything kept; its gates (T), which the next call makes invalid.
  float* add(std::int64_t text);

  /// Nats, of each row in the order they were added.
  std::vector<float> divergences();

 private:
  const Subject& subject_;
  std::vector<std::int64_t> text_;
  std::vector<float> gates_;
};

/// B: tokens of each text.
std::vector<std::int64_t> lengths_of(const Subject& subject);

}  // namespace layersweep::explain
