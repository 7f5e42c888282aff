// What a communicator handle points to; for this room's sources only.
#pragma once

#include <mpi.h>

#include <memory>
#include <vector>

#include "comm/communicator.hpp"

namespace layersweep::comm {

class Requests;  // comm/requests.hpp

struct Communicator::Group {
  enum class Ownership { borrowed, owned };

  Group(MPI_Comm mpi_handle, Ownership mpi_ownership, double wait_limit_s, PollMessages poll);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  MPI_Comm handle;
  Ownership ownership;
  double limit_s;
  PollMessages poll_messages;
  int rank = 0;
  int size = 1;
  std::vector<int> rank_of_job;

  // Of the gate (comm/gate.cpp).
  std::int64_t gate_number = 0;
  bool is_abandoned = false;
  double sign_given_s = 0;  // by rank 0, on the clock's scale
  struct Buffers;           // what others may still write to, or MPI read from, after a gate was left by an exception
  std::shared_ptr<Buffers> buffers;

  // All ranks come with the same purpose and bytes.
  void gate(std::string_view purpose, std::size_t bytes, double within_s);
  std::string name_of(int rank) const;

 private:
  void lead(std::string_view purpose, std::size_t signature, double within_s);
  void follow(std::string_view purpose, std::size_t signature, double within_s);
  bool somebody_is_overdue() const;
  bool rank_0_lives() const;
  std::vector<int> await_arrivals(Requests& arrivals, double within_s);
  [[noreturn]] void refuse_differing(int other, std::string_view purpose) const;
  [[noreturn]] void give_up(const std::vector<int>& missing, std::string_view purpose, double waited_s) const;
};

/// Opens communicators to the rest of the room.
struct NativeAccess {
  using Ownership = Communicator::Group::Ownership;
  static Communicator make(MPI_Comm handle, Ownership ownership, double limit_s, Communicator::PollMessages poll_messages) {
    return Communicator(std::make_shared<Communicator::Group>(handle, ownership, limit_s, std::move(poll_messages)));
  }
  /// Only for a communicator made under MPI.
  static MPI_Comm handle(const Communicator& communicator) { return communicator.group_->handle; }
  static void enter(const Communicator& communicator, std::string_view purpose, std::size_t bytes) {
    communicator.enter(purpose, bytes);
  }
  static bool has_handle(const Communicator& communicator) { return communicator.group_ != nullptr; }
  static void abandon(const Communicator& communicator) {
    if (communicator.group_) communicator.group_->is_abandoned = true;
  }
};

}  // namespace layersweep::comm
