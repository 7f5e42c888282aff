#include "comm/gradient_reducer.hpp"

#include <algorithm>
#include <vector>

#include "base/error.hpp"
#include "comm/check.hpp"
#include "comm/gate.hpp"
#include "comm/gradient_state.hpp"
#include "comm/group.hpp"
#include "comm/keep.hpp"
#include "comm/requests.hpp"
#include "comm/shard_sum.hpp"

namespace layersweep::comm {
namespace {

constexpr int result_tag = 0;      // slices of the finished sum
constexpr int first_node_tag = 1;  // + the node's place among its rank's nodes

// x + (−0) is x for every x, also for ±0: what a node without shards must hold to leave no trace.
constexpr float nothing = -0.0F;

}  // namespace

// The deterministic exchange: each rank finishes the tree for one slice of the gradient. It gets that slice of every
// rank's nodes, adds in tree order, and sends the sum to all. Each rank sends and receives about twice the gradient, however
// many ranks there are, like the best all-reduces; ranks need not be a power of two, nor shards a multiple of them.
struct GradientReducer::HostState : State {
  Communicator team;
  Mode mode;
  std::size_t count;
  ShardSum local;
  std::vector<std::vector<TreeNode>> nodes_of_rank;
  std::vector<TreeNode> nodes;             // of all ranks, in order of shards
  std::vector<std::vector<float>> slices;  // my slice of each of `nodes`, and first a result where I have no node
  std::vector<float> total;

  HostState(Communicator team_in, Mode mode_in, Share share, std::size_t count_in)
      : team(std::move(team_in)), mode(mode_in), count(count_in), local(share.begin, share.end, count_in) {}

  std::size_t slice_begin(int rank) const {
    return count / static_cast<std::size_t>(team.size()) * static_cast<std::size_t>(rank) +
           std::min(count % static_cast<std::size_t>(team.size()), static_cast<std::size_t>(rank));
  }
  std::size_t slice_size(int rank) const { return slice_begin(rank + 1) - slice_begin(rank); }
  MPI_Comm handle() const { return NativeAccess::handle(team); }

  void add(int shard, std::span<const float> gradient) override { local.add(shard, gradient); }
  std::span<const float> sum() override;
  std::span<const float> sum_alone();
  std::span<const float> sum_plainly();
  std::span<const float> sum_in_tree_order();
  void exchange_nodes(std::span<PartialSum> parts);
  void finish_my_slice();
  void exchange_results();
};

std::vector<GradientReducer::Share> GradientReducer::State::shares_of_ranks(const Communicator& team, Share mine) {
  const std::vector<Share> shares = team.all_gather(mine);
  int covered = 0;
  for (const auto& [shards, begin, end] : shares) {
    base::ensure(shards == mine.shards, "ranks sum over different numbers of shards");
    if (begin >= end) continue;
    base::ensure(begin == covered, "the shards of the ranks are not contiguous and in order");
    covered = end;
  }
  base::ensure(covered == mine.shards, "the shards of the ranks do not cover the batch");
  return shares;
}

GradientReducer::GradientReducer(Communicator team, Mode mode, Share share, std::size_t count) {
  auto state = std::make_unique<HostState>(std::move(team), mode, share, count);
  for (const Share& one : State::shares_of_ranks(state->team, share)) {
    state->nodes_of_rank.push_back(aligned_subtrees(one.begin, one.end));
    state->nodes.insert(state->nodes.end(), state->nodes_of_rank.back().begin(), state->nodes_of_rank.back().end());
  }
  state_ = std::move(state);
}

GradientReducer::~GradientReducer() = default;
GradientReducer::GradientReducer(GradientReducer&&) noexcept = default;
GradientReducer& GradientReducer::operator=(GradientReducer&&) noexcept = default;

void GradientReducer::add(int shard, std::span<const float> gradient) { state_->add(shard, gradient); }

std::span<const float> GradientReducer::sum() {
  base::ensure(state_ != nullptr, "a sum of gradients was asked for after one had failed");
  try {
    return state_->sum();
  } catch (...) {
    keep_for_late_ranks(std::move(state_));  // its buffers may still be written to
    throw;
  }
}

std::span<const float> GradientReducer::HostState::sum() {
  if (team.size() == 1) return sum_alone();
  team.gate(sum_of_gradients);
  return mode == Mode::plain ? sum_plainly() : sum_in_tree_order();
}

std::span<const float> GradientReducer::HostState::sum_alone() {
  const std::span<PartialSum> parts = local.finish();
  std::vector<std::span<float>> columns;
  for (PartialSum& part : parts) {
    if (part.values.empty()) part.values.assign(count, nothing);
    columns.emplace_back(part.values);
  }
  finish_tree(nodes, columns);
  return columns.front();
}

std::span<const float> GradientReducer::HostState::sum_plainly() {
  total.assign(count, nothing);
  for (const PartialSum& part : local.finish()) {
    if (!part.values.empty()) add_into(total, part.values);
  }
  Requests requests;
  for_each_chunk(count, largest_chunk_bytes / sizeof(float), [&](std::size_t offset, int length) {
    check(MPI_Iallreduce(MPI_IN_PLACE, total.data() + offset, length, MPI_FLOAT, MPI_SUM, handle(), requests.next()),
          "MPI_Iallreduce");
  });
  wait_for(team, requests, sum_of_gradients);
  return total;
}

std::span<const float> GradientReducer::HostState::sum_in_tree_order() {
  exchange_nodes(local.finish());
  finish_my_slice();
  exchange_results();
  return total;
}

void GradientReducer::HostState::exchange_nodes(std::span<PartialSum> parts) {
  for (PartialSum& part : parts) {
    if (part.values.empty()) part.values.assign(count, nothing);
  }
  const int me = team.rank();
  slices.resize(nodes.size());
  Requests requests;
  std::size_t next = 0;
  for (int from = 0; from < team.size(); ++from) {
    for (std::size_t node = 0; node < nodes_of_rank[static_cast<std::size_t>(from)].size(); ++node, ++next) {
      std::vector<float>& slice = slices[next];
      slice.resize(slice_size(me));
      if (from == me) {
        const auto mine = std::span(parts[node].values).subspan(slice_begin(me), slice_size(me));
        std::ranges::copy(mine, slice.begin());
      } else {
        requests.receive(handle(), slice.data(), slice.size() * sizeof(float), from,
                         first_node_tag + static_cast<int>(node));
      }
    }
  }
  for (int step = 1; step < team.size(); ++step) {
    const int to = (me + step) % team.size();  // ranks begin with different peers
    for (std::size_t node = 0; node < parts.size(); ++node) {
      requests.send(handle(), parts[node].values.data() + slice_begin(to), slice_size(to) * sizeof(float), to,
                    first_node_tag + static_cast<int>(node));
    }
  }
  wait_for(team, requests, sum_of_gradients);
}

void GradientReducer::HostState::finish_my_slice() {
  const std::vector<std::span<float>> columns(slices.begin(), slices.end());
  finish_tree(nodes, columns);
}

void GradientReducer::HostState::exchange_results() {
  const int me = team.rank();
  total.resize(count);
  const std::vector<float>& mine = slices.front();
  std::ranges::copy(mine, total.begin() + static_cast<std::ptrdiff_t>(slice_begin(me)));
  Requests requests;
  for (int step = 1; step < team.size(); ++step) {
    const int from = (me + team.size() - step) % team.size();
    const int to = (me + step) % team.size();
    requests.receive(handle(), total.data() + slice_begin(from), slice_size(from) * sizeof(float), from, result_tag);
    requests.send(handle(), mine.data(), mine.size() * sizeof(float), to, result_tag);
  }
  wait_for(team, requests, sum_of_gradients);
}

}  // namespace layersweep::comm
