// The ranks that work together, and how they share a global batch.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "comm/communicator.hpp"
#include "comm/gradient_reducer.hpp"
#include "config/experiment.hpp"
#include "data/batches.hpp"
#include "probe/parameters.hpp"

namespace layersweep::sweep {

struct WorkSharing {
  int shards = 8;
  comm::GradientReducer::Mode reduction = comm::GradientReducer::Mode::plain;

  /// This rank's GPU, where gradients are summed in the memory of GPUs, over NCCL; none: they come to the host first, as a
  /// deterministic reduction always has it.
  std::optional<int> gpu = {};

  /// The points that each group of ranks carries through its passes, contiguous, in order; none: every rank carries all.
  /// Within a group, of as many ranks as every other, ranks share the batch.
  std::vector<probe::PointRange> point_groups = {};
};

/// As run.shards and run.deterministic have it.
WorkSharing sharing_of(const config::Run& settings, std::optional<int> gpu = {});

struct RankHooks {
  /// A line for people about the team's work, given by all its ranks and shown once.
  std::function<void(const std::string& line)> log_line = [](const std::string& line) { base::world_info(line); };
  /// Called by all ranks together between two pieces of an evaluation; may throw the same on all of them.
  std::function<void()> between_pieces = [] {};
  /// Before a piece of work after which this rank may be heard of later than within the limit.
  std::function<void(double seconds)> announce_silence = [](double) {};
};

class Ranks {
 public:
  /// With point groups group after group. Independent.
  explicit Ranks(comm::Communicator communicator, WorkSharing sharing = {}, RankHooks hooks = {});

  /// The same ranks with something else between pieces, or without point groups.
  Ranks pausing_by(std::function<void()> between_pieces) const;
  Ranks without_point_groups() const;

  const comm::Communicator& communicator() const { return communicator_; }
  int rank() const { return communicator_.rank(); }
  int size() const { return communicator_.size(); }
  const WorkSharing& sharing() const { return sharing_; }
  int shards() const { return sharing_.shards; }

  /// Waits for all ranks. Collective.
  void gate(std::string_view purpose) const { communicator_.gate(purpose); }
  void log_line(const std::string& line) const { hooks_.log_line(line); }
  void between_pieces() const { hooks_.between_pieces(); }
  void announce_silence(double seconds) const { hooks_.announce_silence(seconds); }

  int groups() const { return sharing_.point_groups.empty() ? 1 : static_cast<int>(sharing_.point_groups.size()); }
  int my_group() const { return rank() / ranks_per_group(); }
  bool leads_group() const { return rank() % ranks_per_group() == 0; }
  probe::PointRange my_points() const;

  /// The shards of every global batch that this rank computes, of its points.
  data::ShardRange my_shards() const;

  /// A reducer for buffers of `count` floats, summed over shards and ranks; without point groups. Collective.
  comm::GradientReducer reducer(std::int64_t count) const;

 private:
  int ranks_per_group() const { return size() / groups(); }

  comm::Communicator communicator_;
  WorkSharing sharing_;
  RankHooks hooks_;
};

}  // namespace layersweep::sweep
