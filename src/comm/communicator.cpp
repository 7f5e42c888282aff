#include "comm/communicator.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/watchdog.hpp"
#include "comm/check.hpp"
#include "comm/gate.hpp"
#include "comm/group.hpp"
#include "comm/keep.hpp"
#include "comm/native.hpp"
#include "comm/requests.hpp"

namespace layersweep::comm {
namespace {

constexpr int gather_tag = 1;  // comm/gate.cpp has the others

// Starts requests on `buffer`, behind a gate, and gives it back with the data in it. It outlives a limit that passes: a late
// peer may still write to it.
template <class Buffer, class Start>
Buffer moved(const Communicator& ranks, std::string_view purpose, Buffer buffer, const Start& start) {
  auto kept = std::make_unique<Buffer>(std::move(buffer));
  Requests requests;
  try {
    start(*kept, requests);
    wait_for(ranks, requests, purpose);
  } catch (...) {
    keep_for_late_ranks(std::move(kept));
    throw;
  }
  return std::move(*kept);
}

template <class T>
void all_reduce(const Communicator& ranks, std::span<T> values, MPI_Op operation) {
  NativeAccess::enter(ranks, "a sum over ranks", values.size_bytes());
  const auto result =
      moved(ranks, "a sum over ranks", std::vector<T>(values.begin(), values.end()),
            [&](std::vector<T>& buffer, Requests& requests) {
              for_each_chunk(buffer.size(), largest_chunk_bytes / sizeof(T), [&](std::size_t offset, int length) {
                check(MPI_Iallreduce(MPI_IN_PLACE, buffer.data() + offset, length, mpi_type<T>(), operation,
                                     NativeAccess::handle(ranks), requests.next()),
                      "MPI_Iallreduce");
              });
            });
  std::ranges::copy(result, values.begin());
}

// Splits know no limit of their own; behind a gate they take no time.
template <class Split>
Communicator split_behind_gate(const Communicator& ranks, const Split& split) {
  ranks.gate("a division of the ranks");
  const base::Watchdog limit("a division of the ranks", ranks.limit_s());
  MPI_Comm part = MPI_COMM_NULL;
  split(NativeAccess::handle(ranks), part);
  return NativeAccess::make(part, NativeAccess::Ownership::owned, ranks.limit_s(), [ranks] { ranks.poll_messages(); });
}

}  // namespace

int Communicator::rank() const { return group_ ? group_->rank : 0; }

int Communicator::size() const { return group_ ? group_->size : 1; }

Communicator Communicator::duplicate() const {
  return with_limit(limit_s(), [parent = *this] { parent.poll_messages(); });
}

Communicator Communicator::with_limit(double limit_s, PollMessages poll_messages) const {
  if (!group_) return {};
  gate("a division of the ranks");
  const MPI_Comm copy = moved(*this, "a division of the ranks", MPI_COMM_NULL, [&](MPI_Comm& made, Requests& requests) {
    check(MPI_Comm_idup(group_->handle, &made, requests.next()), "MPI_Comm_idup");
  });
  return NativeAccess::make(copy, Group::Ownership::owned, limit_s, std::move(poll_messages));
}

Communicator Communicator::split(int color, int key) const {
  base::ensure(color >= 0, "the color of a split is negative");
  if (!group_) return {};
  return split_behind_gate(
      *this, [&](MPI_Comm whole, MPI_Comm& part) { check(MPI_Comm_split(whole, color, key, &part), "MPI_Comm_split"); });
}

Communicator Communicator::split_by_host() const {
  if (!group_) return {};
  return split_behind_gate(*this, [&](MPI_Comm whole, MPI_Comm& part) {
    check(MPI_Comm_split_type(whole, MPI_COMM_TYPE_SHARED, rank(), MPI_INFO_NULL, &part), "MPI_Comm_split_type");
  });
}

template <Reducible T>
void Communicator::all_reduce_sum(std::span<T> values) const {
  if (size() > 1) all_reduce(*this, values, MPI_SUM);
}

template <Reducible T>
void Communicator::all_reduce_max(std::span<T> values) const {
  if (size() > 1) all_reduce(*this, values, MPI_MAX);
}

template <Reducible T>
void Communicator::all_reduce_min(std::span<T> values) const {
  if (size() > 1) all_reduce(*this, values, MPI_MIN);
}

template void Communicator::all_reduce_sum(std::span<float>) const;
template void Communicator::all_reduce_sum(std::span<double>) const;
template void Communicator::all_reduce_sum(std::span<std::int64_t>) const;
template void Communicator::all_reduce_max(std::span<float>) const;
template void Communicator::all_reduce_max(std::span<double>) const;
template void Communicator::all_reduce_max(std::span<std::int64_t>) const;
template void Communicator::all_reduce_min(std::span<float>) const;
template void Communicator::all_reduce_min(std::span<double>) const;
template void Communicator::all_reduce_min(std::span<std::int64_t>) const;

void Communicator::broadcast_bytes(std::span<std::byte> bytes, int root) const {
  base::ensure(root >= 0 && root < size(), "the root of a broadcast is no rank of the group");
  if (size() == 1) return;
  const auto everywhere = moved(
      *this, "a broadcast", std::vector<std::byte>(bytes.begin(), bytes.end()),
      [&](std::vector<std::byte>& buffer, Requests& requests) {
        for_each_chunk(buffer.size(), largest_chunk_bytes, [&](std::size_t offset, int length) {
          check(MPI_Ibcast(buffer.data() + offset, length, MPI_BYTE, root, group_->handle, requests.next()), "MPI_Ibcast");
        });
      });
  std::ranges::copy(everywhere, bytes.begin());
}

std::string Communicator::broadcast_text(std::string_view text, int root) const {
  gate("a broadcast");
  return broadcasted(text, root);
}

std::string Communicator::broadcasted(std::string_view text, int root) const {
  auto length = static_cast<std::int64_t>(text.size());
  broadcast_bytes(std::as_writable_bytes(std::span(&length, 1)), root);
  std::string everywhere(text);
  everywhere.resize(static_cast<std::size_t>(length));
  broadcast_bytes(std::as_writable_bytes(std::span<char>(everywhere)), root);
  return everywhere;
}

void Communicator::all_gather_bytes(std::span<std::byte> all) const {
  if (size() == 1) return;
  const auto length = static_cast<int>(all.size()) / size();
  const auto gathered = moved(*this, "a gathering", std::vector<std::byte>(all.begin(), all.end()),
                              [&](std::vector<std::byte>& buffer, Requests& requests) {
                                check(MPI_Iallgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, buffer.data(), length, MPI_BYTE,
                                                     group_->handle, requests.next()),
                                      "MPI_Iallgather");
                              });
  std::ranges::copy(gathered, all.begin());
}

std::vector<std::string> Communicator::all_gather_text(std::string_view text) const {
  // By way of rank 0: lengths are 64-bit there, and texts are short or rare.
  gate("a gathering");
  const auto blocks = gathered_blocks(std::as_bytes(std::span(text)), 0);
  std::vector<std::int64_t> lengths = gathered(static_cast<std::int64_t>(text.size()));
  std::string joined;
  for (const auto& block : blocks) joined.append(reinterpret_cast<const char*>(block.data()), block.size());
  joined = broadcasted(joined, 0);

  std::vector<std::string> texts;
  std::size_t start = 0;
  for (const std::int64_t length : lengths) {
    texts.push_back(joined.substr(start, static_cast<std::size_t>(length)));
    start += static_cast<std::size_t>(length);
  }
  return texts;
}

std::vector<std::vector<std::byte>> Communicator::gather_blocks(std::span<const std::byte> block, int root) const {
  base::ensure(root >= 0 && root < size(), "the root of a gathering is no rank of the group");
  gate("a gathering");
  return gathered_blocks(block, root);
}

std::vector<std::vector<std::byte>> Communicator::gathered_blocks(std::span<const std::byte> block, int root) const {
  const std::vector<std::int64_t> lengths = gathered(static_cast<std::int64_t>(block.size()));
  std::vector<std::vector<std::byte>> blocks(lengths.size());
  blocks[static_cast<std::size_t>(rank())].assign(block.begin(), block.end());
  if (size() == 1) return blocks;
  blocks = moved(*this, "a gathering", std::move(blocks), [&](auto& buffers, Requests& requests) {
    if (rank() != root) {
      const auto& mine = buffers[static_cast<std::size_t>(rank())];
      requests.send(group_->handle, mine.data(), mine.size(), root, gather_tag);
      return;
    }
    for (int from = 0; from < size(); ++from) {
      if (from == root) continue;
      auto& target = buffers[static_cast<std::size_t>(from)];
      target.resize(static_cast<std::size_t>(lengths[static_cast<std::size_t>(from)]));
      requests.receive(group_->handle, target.data(), target.size(), from, gather_tag);
    }
  });
  if (rank() != root) blocks.clear();
  return blocks;
}

Communicator world() {
  if (!mpi_is_running()) return {};
  static const auto& all = *new Communicator(
      NativeAccess::make(MPI_COMM_WORLD, NativeAccess::Ownership::borrowed, Communicator().limit_s(), [] {}));
  return all;
}

std::optional<MPI_Comm> native_handle(const Communicator& communicator) {
  if (NativeAccess::has_handle(communicator)) return NativeAccess::handle(communicator);
  if (mpi_is_running()) return MPI_COMM_SELF;
  return std::nullopt;
}

}  // namespace layersweep::comm
