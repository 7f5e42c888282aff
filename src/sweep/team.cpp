#include "sweep/team.hpp"

namespace layersweep::sweep {

comm::GradientReducer Team::reducer(std::int64_t count) const {
  const data::ShardRange mine = my_shards();
  return {comm::TimedTeam(ranks, limit_s), reduction, shards, mine.begin, mine.end, static_cast<std::size_t>(count)};
}

}  // namespace layersweep::sweep
