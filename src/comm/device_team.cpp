#include "comm/device_team.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <optional>
#include <utility>

#include "base/environment.hpp"
#include "base/log.hpp"
#include "base/watchdog.hpp"
#include "comm/agreement.hpp"
#include "comm/gate.hpp"
#include "comm/nccl_communicator.hpp"

namespace layersweep::comm {

struct DeviceTeam::State {
  Communicator team;
  std::unique_ptr<NcclCommunicator> nccl;  // none: one rank, or a failure

  explicit State(Communicator ranks) : team(std::move(ranks)) {}

  ~State() {
    if (!nccl) return;
    if (std::uncaught_exceptions() > 0) {
      abort("an error");
      return;
    }
    try {
      nccl->start_finalize();
      if (!poll_until(
              team, [&] { return nccl->is_ready(); }, Polling::with_sleeps)) {
        throw DeviceError(fmt::format("it did not end within {:.1f} s", team.limit_s()));
      }
      nccl->destroy();
    } catch (const std::exception& error) {
      base::local_warning(fmt::format("NCCL did not end in order: {}", error.what()));
      abort(error.what());
    }
  }

  // Runs `action`, which talks to NCCL; whatever it throws ends NCCL first.
  void guarded(const std::function<void()>& action) {
    try {
      action();
    } catch (const std::exception& error) {
      leave(error.what());
      throw;
    } catch (...) {
      leave("an error");
      throw;
    }
  }

  void leave(const std::string& reason) {
    abandon(team);
    abort(reason);
  }

  void abort(const std::string& reason) {
    if (!nccl) return;
    const base::Watchdog watchdog(fmt::format("aborting NCCL (after: {})", reason), std::clamp(team.limit_s(), 1.0, 30.0));
    nccl->abort();
    nccl.reset();
  }

  // All ranks have passed the gate of this operation: waits for it here.
  void await(std::string_view purpose, const std::function<bool()>& done) {
    if (!poll_until(team, done, Polling::with_sleeps)) give_up_on_data(team, purpose);
  }

  void connect(int device);
  void collective(std::string_view purpose, DeviceStream stream, const std::function<void()>& start);
};

void DeviceTeam::State::connect(int device) {
  constexpr const char* purpose = "the connection by NCCL";
  // What fails on one rank must not leave the others waiting.
  std::optional<LocalFailure> failure;
  std::string id;
  try {
    use_device(device);
    if (team.size() > 1) NcclCommunicator::require_library();
    if (team.size() > 1 && team.rank() == 0) id = NcclCommunicator::make_id();
  } catch (...) {
    failure = describe_current_exception();
  }
  team.gate(purpose);
  throw_together(team, failure);
  if (team.size() == 1) return;
  id = team.broadcast_text(id, 0);
  guarded([&] {
    nccl = std::make_unique<NcclCommunicator>(id, team.rank(), team.size(), device);
    await(purpose, [&] { return nccl->is_ready(); });
  });
}

void DeviceTeam::State::collective(std::string_view purpose, DeviceStream stream, const std::function<void()>& start) {
  if (team.size() == 1) return;
  base::ensure(nccl != nullptr, "a team of GPUs was asked for more after it had failed");
  guarded([&] {
    if (!poll_until(
            team, [&] { return is_idle(stream); }, Polling::with_sleeps)) {
      throw DeviceError(
          fmt::format("the GPU of rank {} ({}) did not finish its work before {} within {:.1f} s", world().rank(),
                      base::host_name(), purpose, team.limit_s()),
          "it hangs, or it computes far longer than the steps before",
          "Look at that node (nvidia-smi), then run the same command again: it goes on from the last checkpoint");
    }
    team.gate(purpose);
    start();
    await(purpose, [&] { return nccl->is_ready() && is_idle(stream); });
  });
}

DeviceTeam::DeviceTeam(const Communicator& ranks, int device) : state_(std::make_shared<State>(ranks)) {
  state_->connect(device);
}

int DeviceTeam::rank() const { return state_->team.rank(); }

int DeviceTeam::size() const { return state_->team.size(); }

const Communicator& DeviceTeam::ranks() const { return state_->team; }

void DeviceTeam::all_reduce_sum(DeviceSpan<float> values, DeviceStream stream, std::string_view purpose) const {
  state_->collective(purpose, stream, [&] { state_->nccl->start_sum(values, stream); });
}

void DeviceTeam::all_reduce_sum(DeviceSpan<double> values, DeviceStream stream, std::string_view purpose) const {
  state_->collective(purpose, stream, [&] { state_->nccl->start_sum(values, stream); });
}

void DeviceTeam::broadcast(DeviceSpan<std::byte> bytes, int root, DeviceStream stream) const {
  base::ensure(root >= 0 && root < size(), "the root of a broadcast is no rank of the team");
  state_->collective("a broadcast to GPUs", stream, [&] { state_->nccl->start_broadcast(bytes, root, stream); });
}

}  // namespace layersweep::comm
