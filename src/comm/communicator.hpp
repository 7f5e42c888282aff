// A group of ranks and what they do together. The default-made communicator is rank 0 of 1: every collective is then the
// identity, so that no caller asks whether MPI runs.
//
// Collective calls are made by all ranks of the communicator, in the same order; independent ones by any rank at any time.
// Every collective begins with a gate: each rank reports its arrival to rank 0, and when all are there, rank 0 opens the
// gate and the data move. When the limit passes, rank 0 tells the others who is missing; when rank 0 itself stays silent,
// the others name it. So a rank that hangs ends the job with its name instead of stopping it for days: RankMissing. The
// gate also tells ranks that call different collectives, or the same one with other sizes: InternalError. All waiting is
// polling, with short sleeps. After a limit has passed the communicator is of no further use. A failing MPI call
// throws comm::MpiError. Only the main thread calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.hpp"

namespace layersweep::comm {

template <class T>
concept Reducible = std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, std::int64_t>;

template <class T>
concept Transferable = std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>;

/// Ranks did not come to a gate, or their data did not, within the limit.
class RankMissing : public base::InputError {
 public:
  using InputError::InputError;
};

/// A cheap handle: copies speak for the same group; the last one gone releases it.
class Communicator {
 public:
  /// Called now and then while a rank waits; what it throws ends the waiting, and the communicator is of no further use.
  using PollMessages = std::function<void()>;

  Communicator() = default;

  int rank() const;  ///< Independent.
  int size() const;  ///< Independent.
  /// "rank 3 (node07)", as ranks of the job. Independent.
  std::string name_of(int rank) const;

  /// The same ranks with a message space of their own; the limit and what is polled are those of this one. Collective.
  Communicator duplicate() const;
  /// The same with a limit of its own: how long a rank waits at a gate, and then for the data. Ranks may differ, the
  /// shortest limit counts. Collective.
  Communicator with_limit(
      double limit_s, PollMessages poll_messages = [] {}) const;
  /// The ranks that give the same `color` (≥ 0), ordered by `key`, then by rank here. Collective.
  Communicator split(int color, int key) const;

  /// The ranks that share this host's memory, ordered by rank here. Collective.
  Communicator split_by_host() const;

  double limit_s() const;  ///< Independent.
  /// What a rank does between two pieces of work of its own, as while it waits. Independent.
  void poll_messages() const;

  /// Waits until all ranks have come here; `purpose` completes "did not arrive at …". Collective.
  void gate(std::string_view purpose) const;
  /// The same with a limit for this once.
  void gate(std::string_view purpose, double limit_s) const;
  /// Of rank 0, for which the others wait at a gate while it works for long: they begin their limit anew. Costs nothing when
  /// called often. Independent.
  void give_sign_of_life() const;

  /// In place, element by element over the ranks; spans have the same length on all ranks. Collective. The order of a sum
  /// is the MPI library's: for bits that do not depend on the number of ranks see comm/gradient_reducer.hpp.
  template <Reducible T>
  void all_reduce_sum(std::span<T> values) const;
  template <Reducible T>
  void all_reduce_max(std::span<T> values) const;
  template <Reducible T>
  void all_reduce_min(std::span<T> values) const;

  /// One value of each rank. Collective.
  template <Reducible T>
  T all_reduce_sum(T value) const {
    all_reduce_sum(std::span<T>(&value, 1));
    return value;
  }
  template <Reducible T>
  T all_reduce_max(T value) const {
    all_reduce_max(std::span<T>(&value, 1));
    return value;
  }
  template <Reducible T>
  T all_reduce_min(T value) const {
    all_reduce_min(std::span<T>(&value, 1));
    return value;
  }

  /// Everyone gets what `root` holds; spans have the same length on all ranks. Collective.
  template <Transferable T>
  void broadcast(std::span<T> values, int root) const {
    enter("a broadcast", values.size_bytes());
    broadcast_bytes(std::as_writable_bytes(values), root);
  }
  /// Everyone gets the root's text; that of other ranks is ignored. Collective.
  std::string broadcast_text(std::string_view text, int root) const;

  /// One value of each rank, in the order of ranks. Collective.
  template <Transferable T>
  std::vector<T> all_gather(const T& value) const {
    enter("a gathering", sizeof(T));
    return gathered(value);
  }
  /// One text of each rank, of any lengths, in the order of ranks. Collective.
  std::vector<std::string> all_gather_text(std::string_view text) const;

  /// The values of each rank, of any number, in the order of ranks. Collective.
  template <Transferable T>
  std::vector<std::vector<T>> all_gather_uneven(std::span<const T> values) const {
    const auto bytes = std::as_bytes(values);
    std::vector<std::vector<T>> all;
    for (const std::string& text : all_gather_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()})) {
      all.emplace_back(text.size() / sizeof(T));
      if (!text.empty()) std::memcpy(all.back().data(), text.data(), text.size());
    }
    return all;
  }

  /// The blocks of all ranks, of any lengths, in the order of ranks; empty on ranks other than `root`. Collective.
  std::vector<std::vector<std::byte>> gather_blocks(std::span<const std::byte> block, int root) const;

  /// Collective.
  void barrier() const { gate("a barrier"); }

 private:
  struct Group;
  friend struct NativeAccess;
  explicit Communicator(std::shared_ptr<Group> group) : group_(std::move(group)) {}

  // A gate that only opens for ranks with the same purpose and bytes.
  void enter(std::string_view purpose, std::size_t bytes) const;

  // Behind a gate.
  template <Transferable T>
  std::vector<T> gathered(const T& value) const {
    std::vector<T> all(static_cast<std::size_t>(size()), value);
    all_gather_bytes(std::as_writable_bytes(std::span<T>(all)));
    return all;
  }
  void broadcast_bytes(std::span<std::byte> bytes, int root) const;
  std::string broadcasted(std::string_view text, int root) const;
  void all_gather_bytes(std::span<std::byte> all) const;  // in place
  std::vector<std::vector<std::byte>> gathered_blocks(std::span<const std::byte> block, int root) const;

  std::shared_ptr<Group> group_;  // none: rank 0 of 1, without MPI
};

/// All ranks of the job when MPI runs, else rank 0 of 1; with a limit of 600 s. Independent.
Communicator world();

}  // namespace layersweep::comm
