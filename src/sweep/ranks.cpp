#include "sweep/ranks.hpp"

#include "base/error.hpp"

namespace layersweep::sweep {

WorkSharing sharing_of(const config::Run& settings, std::optional<int> gpu) {
  using Mode = comm::GradientReducer::Mode;
  return {settings.shards, settings.deterministic ? Mode::deterministic : Mode::plain, gpu, {}};
}

Ranks::Ranks(comm::Communicator communicator, WorkSharing sharing, RankHooks hooks)
    : communicator_(std::move(communicator)), sharing_(std::move(sharing)), hooks_(std::move(hooks)) {
  base::ensure(sharing_.shards > 0, "a batch is cut into one shard or more");
  base::ensure(size() % groups() == 0, "groups of ranks have unequal sizes");
  int next = 0;
  for (const probe::PointRange group : sharing_.point_groups) {
    base::ensure(group.first == next && group.end > next, "groups of points are not contiguous and in order");
    next = group.end;
  }
}

Ranks Ranks::pausing_by(std::function<void()> between_pieces) const {
  return Ranks(communicator_, sharing_, {hooks_.log_line, std::move(between_pieces), hooks_.announce_silence});
}

Ranks Ranks::without_point_groups() const {
  return Ranks(communicator_, {sharing_.shards, sharing_.reduction, sharing_.gpu, {}}, hooks_);
}

probe::PointRange Ranks::my_points() const {
  return sharing_.point_groups.empty() ? probe::PointRange{} : sharing_.point_groups[static_cast<std::size_t>(my_group())];
}

data::ShardRange Ranks::my_shards() const {
  return data::shards_of_rank(sharing_.shards, rank() % ranks_per_group(), ranks_per_group());
}

comm::GradientReducer Ranks::reducer(std::int64_t count) const {
  base::ensure(groups() == 1, "a sum over shards that knows nothing of point groups");
  const data::ShardRange mine = my_shards();
  return {communicator_, sharing_.reduction, {sharing_.shards, mine.begin, mine.end}, static_cast<std::size_t>(count)};
}

}  // namespace layersweep::sweep
