// A group of ranks and what they do together. The default-made communicator is rank 0 of 1: every collective is then the
// identity, so that no caller asks whether MPI runs.
//
// Collective calls are made by all ranks of the communicator, in the same order; independent ones by any rank at any time.
// A failing MPI call throws comm::MpiError. Only the main thread calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace layersweep::comm {

template <class T>
concept Reducible = std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, std::int64_t>;

template <class T>
concept Transferable = std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>;

/// A cheap handle: copies speak for the same group; the last one gone releases it.
class Communicator {
 public:
  Communicator() = default;

  int rank() const;  ///< Independent.
  int size() const;  ///< Independent.

  /// The same ranks with a message space of their own. Collective.
  Communicator duplicate() const;
  /// The ranks that give the same `color` (≥ 0), ordered by `key`, then by rank here. Collective.
  Communicator split(int color, int key) const;

  /// The ranks that share this host's memory, ordered by rank here. Collective.
  Communicator split_by_host() const;

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
    broadcast_bytes(std::as_writable_bytes(values), root);
  }
  /// Everyone gets the root's text; that of other ranks is ignored. Collective.
  std::string broadcast_text(std::string_view text, int root) const;

  /// One value of each rank, in the order of ranks. Collective.
  template <Transferable T>
  std::vector<T> all_gather(const T& value) const {
    std::vector<T> all(static_cast<std::size_t>(size()), value);
    all_gather_bytes(std::as_bytes(std::span<const T>(&value, 1)), std::as_writable_bytes(std::span<T>(all)));
    return all;
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

  /// The sum of the values of the ranks before this one; 0 on rank 0. Collective.
  std::int64_t exclusive_scan_sum(std::int64_t value) const;

  /// Collective.
  void barrier() const;

 private:
  struct Group;
  friend struct NativeAccess;
  explicit Communicator(std::shared_ptr<const Group> group) : group_(std::move(group)) {}

  void broadcast_bytes(std::span<std::byte> bytes, int root) const;
  void all_gather_bytes(std::span<const std::byte> mine, std::span<std::byte> all) const;

  std::shared_ptr<const Group> group_;  // none: rank 0 of 1, without MPI
};

/// All ranks of the job when MPI runs, else rank 0 of 1. Independent.
Communicator world();

}  // namespace layersweep::comm
