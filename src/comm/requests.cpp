#include "comm/requests.hpp"

#include "comm/check.hpp"

namespace layersweep::comm {

Requests::~Requests() {
  if (!mpi_is_running()) return;
  for (std::size_t i = 0; i < open_.size(); ++i) {
    if (open_[i] == MPI_REQUEST_NULL || !is_receive_[i]) continue;
    MPI_Cancel(&open_[i]);
    MPI_Request_free(&open_[i]);
  }
}

void Requests::send(MPI_Comm handle, const void* data, std::size_t bytes, int to, int tag) {
  for_each_chunk(bytes, largest_chunk_bytes, [&](std::size_t offset, int length) {
    check(MPI_Isend(static_cast<const std::byte*>(data) + offset, length, MPI_BYTE, to, tag, handle, note(false)),
          "MPI_Isend");
  });
}

void Requests::receive(MPI_Comm handle, void* data, std::size_t bytes, int from, int tag) {
  for_each_chunk(bytes, largest_chunk_bytes, [&](std::size_t offset, int length) {
    check(MPI_Irecv(static_cast<std::byte*>(data) + offset, length, MPI_BYTE, from, tag, handle, note(true)), "MPI_Irecv");
  });
}

MPI_Request* Requests::next() { return note(false); }

MPI_Request* Requests::note(bool is_receive) {
  is_receive_.push_back(is_receive);
  completed_.resize(is_receive_.size());
  return &open_.emplace_back(MPI_REQUEST_NULL);
}

bool Requests::done() {
  progressed_ = false;
  if (open_.empty()) return true;
  int count = 0;
  check(MPI_Testsome(static_cast<int>(open_.size()), open_.data(), &count, completed_.data(), MPI_STATUSES_IGNORE),
        "MPI_Testsome");
  if (count == MPI_UNDEFINED) return true;  // none is open any more
  progressed_ = count > 0;
  for (const MPI_Request request : open_) {
    if (request != MPI_REQUEST_NULL) return false;
  }
  return true;
}

void Requests::wait() {
  if (open_.empty()) return;  // also where MPI does not run
  check(MPI_Waitall(static_cast<int>(open_.size()), open_.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
}

}  // namespace layersweep::comm
