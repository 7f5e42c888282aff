#include "base/stop_request.hpp"

#include <csignal>

#include <atomic>

namespace layersweep::base {
namespace {

std::atomic<int> noted = 0;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may touch nothing else");

extern "C" void note(int signal) {
  int none = 0;
  noted.compare_exchange_strong(none, signal);
}

}  // namespace

void note_stop_signals() {
  noted = 0;
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = SA_RESTART;  // a write or a wait that is under way goes on
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaction(signal, &action, nullptr);
}

void request_stop() { note(SIGTERM); }

int noted_stop_signal() { return noted.load(); }

}  // namespace layersweep::base
