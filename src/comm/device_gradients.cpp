// The reducer of gradients in the memory of GPUs. Its plain sum of the rank's own shards needs no tree: the order of the
// whole is NCCL's anyway.
#include <utility>

#include "base/error.hpp"
#include "comm/device_team.hpp"
#include "comm/gradient_state.hpp"
#include "comm/nccl_communicator.hpp"

namespace layersweep::comm {

struct GradientReducer::DeviceState : State {
  DeviceTeam team;
  DeviceStream stream;
  DeviceAdd add_on_device;
  Share mine;
  DeviceBuffer total;
  int next;  // the lowest shard that may come
  bool is_empty = true;

  DeviceState(DeviceTeam team_in, DeviceStream stream_in, DeviceAdd add_in, Share share, std::size_t count)
      : team(std::move(team_in)),
        stream(stream_in),
        add_on_device(std::move(add_in)),
        mine(share),
        total(count),
        next(share.begin) {}

  void add(int shard, std::span<const float> gradient) override {
    base::ensure(shard >= next && shard < mine.end, "a shard came out of order, or belongs to another rank");
    base::ensure(gradient.size() == total.span().count, "a gradient has the wrong length");
    next = shard + 1;
    if (std::exchange(is_empty, false)) {
      total.copy_from(gradient.data(), stream);
    } else {
      add_on_device(total.span().data, gradient.data(), gradient.size());
    }
  }

  std::span<const float> sum() override {
    if (is_empty) total.clear(stream);
    is_empty = true;
    next = mine.begin;
    team.all_reduce_sum(total.span(), stream, sum_of_gradients);
    return {total.span().data, total.span().count};
  }
};

GradientReducer::GradientReducer(DeviceTeam team, DeviceStream stream, DeviceAdd add, Share share, std::size_t count) {
  State::shares_of_ranks(team.ranks(), share);
  state_ = std::make_unique<DeviceState>(std::move(team), stream, std::move(add), share, count);
}

}  // namespace layersweep::comm
