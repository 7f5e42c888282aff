// What the two kinds of reducer have in common; for this room's sources only.
#pragma once

#include <vector>

#include "comm/gradient_reducer.hpp"

namespace layersweep::comm {

inline constexpr const char* sum_of_gradients = "the sum of gradients";

struct GradientReducer::State {
  virtual ~State() = default;
  virtual void add(int shard, std::span<const float> gradient) = 0;
  virtual std::span<const float> sum() = 0;

  /// Those of all ranks, checked against GradientReducer's rules. Collective.
  static std::vector<Share> shares_of_ranks(const Communicator& team, Share mine);
};

}  // namespace layersweep::comm
