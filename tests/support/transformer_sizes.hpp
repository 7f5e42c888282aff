// The sizes of a BERT as costs see it.
#pragma once

#include "plan/model.hpp"

namespace layersweep::test {

struct Sizes {
  std::int64_t layers, hidden, inner, heads, vocabulary, positions, classes;
};

inline plan::Model bert_costs(const Sizes& s) {
  return plan::transformer_model({.family = "bert",
                                  .layers = s.layers,
                                  .hidden = s.hidden,
                                  .inner = s.inner,
                                  .heads = s.heads,
                                  .key_heads = s.heads,
                                  .vocabulary = s.vocabulary,
                                  .positions = s.positions,
                                  .classes = s.classes});
}

}  // namespace layersweep::test
