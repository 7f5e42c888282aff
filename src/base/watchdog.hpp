// For calls that wait for other processes and offer no limit of their own: parallel HDF5, which waits for ever when a write
// fails on one rank only.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace layersweep::base {

/// While it lives, time runs: when `limit_s` have passed, the process ends with exit code 1 and a message that begins with
/// `what`; its launcher then ends the other ranks.
class Watchdog {
 public:
  Watchdog(std::string what, double limit_s);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace layersweep::base
