#include "base/watchdog.hpp"

#include <chrono>
#include <cstdlib>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/log.hpp"

namespace layersweep::base {

Watchdog::Watchdog(std::string what, double limit_s)
    : thread_([this, what = std::move(what), limit_s] {
        std::unique_lock lock(mutex_);
        if (wake_.wait_for(lock, std::chrono::duration<double>(limit_s), [this] { return ends_; })) return;
        local_error(
            fmt::format("{} did not end within {:.0f} s: a rank failed or stands still in it, or the file system does "
                        "({}). Run the same command again: what is done stays done",
                        what, limit_s, host_name()));
        std::_Exit(static_cast<int>(ExitCode::failed));
      }) {}

Watchdog::~Watchdog() {
  {
    const std::scoped_lock lock(mutex_);
    ends_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

}  // namespace layersweep::base
