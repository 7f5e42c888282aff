// MPI requests in flight, tested without blocking. Buffers must live until done() or, after a limit has passed, until the
// job ends: a peer that wakes up late may still write to them.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <vector>

namespace layersweep::comm {

class Requests {
 public:
  Requests() = default;
  /// Receives still open are cancelled, the rest is left to MPI.
  ~Requests();
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;

  /// Blocks of any size, in pieces.
  void send(MPI_Comm handle, const void* data, std::size_t bytes, int to, int tag);
  void receive(MPI_Comm handle, void* data, std::size_t bytes, int from, int tag);
  /// For a non-blocking collective to fill in at once.
  MPI_Request* next();

  /// Whether all have completed; lets MPI make progress.
  bool done();
  /// Whether any of the last done() completed.
  bool progressed() const { return progressed_; }
  /// Whether the `index`-th started (in order of pieces) has not completed.
  bool is_open(std::size_t index) const { return open_[index] != MPI_REQUEST_NULL; }
  /// Blocks until all have completed.
  void wait();

 private:
  MPI_Request* note(bool is_receive);

  std::vector<MPI_Request> open_;
  std::vector<bool> is_receive_;
  std::vector<int> completed_;  // scratch of done()
  bool progressed_ = false;
};

}  // namespace layersweep::comm
