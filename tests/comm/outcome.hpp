// How a call ended, and when.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/error.hpp"

namespace layersweep::comm {

inline double seconds_of(const std::function<void()>& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace layersweep::comm
