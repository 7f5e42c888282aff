// What MPI, or a rank that is late, may still use after its owner is gone.
#pragma once

#include <list>
#include <utility>

namespace layersweep::comm {

/// Keeps it to the end of the process; it is never destroyed, since MPI ends before statics do.
template <class T>
void keep_for_late_ranks(T value) {
  static auto& kept = *new std::list<T>;
  kept.push_back(std::move(value));
}

}  // namespace layersweep::comm
