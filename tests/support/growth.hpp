// Whether the work of a reader grows with its input as it should.
#pragma once

#include <algorithm>
#include <cstddef>
#include <ctime>

namespace layersweep::test {

/// Of this thread alone, so that a busy machine counts little.
inline double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Between 10, where work is linear (and a little for a logarithm and for leaving the caches), and 100, where it is
/// quadratic.
constexpr double linear_at_most = 40;

/// read(make(10 * size)) takes this many times as long as read(make(size)). The best of three counts, and the first that is
/// good enough.
template <class Make, class Read>
double growth_of_ten_times(std::size_t size, Make&& make, Read&& read) {
  const auto least = [&](std::size_t of_size, double good_enough) {
    const auto input = make(of_size);
    double best = 1e9;
    for (int i = 0; i < 3 && best > good_enough; ++i) {
      const double start = processor_seconds();
      read(input);
      best = std::min(best, processor_seconds() - start);
    }
    return best;
  };
  const double small = std::max(least(size, 0), 1e-6);
  return least(10 * size, linear_at_most * small) / small;
}

}  // namespace layersweep::test
