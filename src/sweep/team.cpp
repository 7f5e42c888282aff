#include "sweep/team.hpp"

namespace layersweep::sweep {

comm::GradientReducer Team::reducer(std::int64_t count) const {
  const data::ShardRange mine = my_shards();
  return {timed(), reduction, shards, mine.begin, mine.end, static_cast<std::size_t>(count)};
}

}  // namespace layersweep::sweep
