#include "sweep/team.hpp"

#include "base/error.hpp"

namespace layersweep::sweep {

comm::GradientReducer Team::reducer(std::int64_t count) const {
  base::ensure(groups() == 1, "a sum over shards that knows nothing of point groups");
  const data::ShardRange mine = my_shards();
  return {timed, reduction, shards, mine.begin, mine.end, static_cast<std::size_t>(count)};
}

}  // namespace layersweep::sweep
