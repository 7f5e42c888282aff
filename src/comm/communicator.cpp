#include "comm/communicator.hpp"

#include <exception>

#include "base/error.hpp"
#include "comm/check.hpp"
#include "comm/group.hpp"
#include "comm/native.hpp"
#include "comm/requests.hpp"

namespace layersweep::comm {
namespace {

constexpr int gather_tag = 1;

template <class T>
void all_reduce(MPI_Comm handle, std::span<T> values, MPI_Op operation) {
  for_each_chunk(values.size(), largest_chunk_bytes / sizeof(T), [&](std::size_t offset, int length) {
    check(MPI_Allreduce(MPI_IN_PLACE, values.data() + offset, length, mpi_type<T>(), operation, handle), "MPI_Allreduce");
  });
}

}  // namespace

Communicator::Group::Group(MPI_Comm mpi_handle, Ownership mpi_ownership) : handle(mpi_handle), ownership(mpi_ownership) {
  check(MPI_Comm_set_errhandler(handle, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check(MPI_Comm_rank(handle, &rank), "MPI_Comm_rank");
  check(MPI_Comm_size(handle, &size), "MPI_Comm_size");
}

Communicator::Group::~Group() {
  // To release is collective: not from one rank's unwinding, nor after the end of MPI.
  if (ownership == Ownership::owned && mpi_is_running() && std::uncaught_exceptions() == 0) MPI_Comm_free(&handle);
}

int Communicator::rank() const { return group_ ? group_->rank : 0; }

int Communicator::size() const { return group_ ? group_->size : 1; }

Communicator Communicator::duplicate() const {
  if (!group_) return {};
  MPI_Comm copy = MPI_COMM_NULL;
  check(MPI_Comm_dup(group_->handle, &copy), "MPI_Comm_dup");
  return NativeAccess::make(copy, Group::Ownership::owned);
}

Communicator Communicator::split(int color, int key) const {
  base::ensure(color >= 0, "the color of a split is negative");
  if (!group_) return {};
  MPI_Comm part = MPI_COMM_NULL;
  check(MPI_Comm_split(group_->handle, color, key, &part), "MPI_Comm_split");
  return NativeAccess::make(part, Group::Ownership::owned);
}

Communicator Communicator::split_by_host() const {
  if (!group_) return {};
  MPI_Comm part = MPI_COMM_NULL;
  check(MPI_Comm_split_type(group_->handle, MPI_COMM_TYPE_SHARED, rank(), MPI_INFO_NULL, &part), "MPI_Comm_split_type");
  return NativeAccess::make(part, Group::Ownership::owned);
}

template <Reducible T>
void Communicator::all_reduce_sum(std::span<T> values) const {
  if (size() > 1) all_reduce(group_->handle, values, MPI_SUM);
}

template <Reducible T>
void Communicator::all_reduce_max(std::span<T> values) const {
  if (size() > 1) all_reduce(group_->handle, values, MPI_MAX);
}

template <Reducible T>
void Communicator::all_reduce_min(std::span<T> values) const {
  if (size() > 1) all_reduce(group_->handle, values, MPI_MIN);
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
  if (size() == 1) return;
  for_each_chunk(bytes.size(), largest_chunk_bytes, [&](std::size_t offset, int length) {
    check(MPI_Bcast(bytes.data() + offset, length, MPI_BYTE, root, group_->handle), "MPI_Bcast");
  });
}

std::string Communicator::broadcast_text(std::string_view text, int root) const {
  auto length = static_cast<std::int64_t>(text.size());
  broadcast(std::span(&length, 1), root);
  std::string everywhere(text);
  everywhere.resize(static_cast<std::size_t>(length));
  broadcast(std::span<char>(everywhere), root);
  return everywhere;
}

void Communicator::all_gather_bytes(std::span<const std::byte> mine, std::span<std::byte> all) const {
  if (size() == 1) return;
  const auto length = static_cast<int>(mine.size());
  check(MPI_Allgather(mine.data(), length, MPI_BYTE, all.data(), length, MPI_BYTE, group_->handle), "MPI_Allgather");
}

std::vector<std::string> Communicator::all_gather_text(std::string_view text) const {
  // By way of rank 0: lengths are 64-bit there, and texts are short or rare.
  const auto blocks = gather_blocks(std::as_bytes(std::span(text)), 0);
  std::vector<std::int64_t> lengths = all_gather(static_cast<std::int64_t>(text.size()));
  std::string joined;
  for (const auto& block : blocks) joined.append(reinterpret_cast<const char*>(block.data()), block.size());
  joined = broadcast_text(joined, 0);

  std::vector<std::string> texts;
  std::size_t start = 0;
  for (const std::int64_t length : lengths) {
    texts.push_back(joined.substr(start, static_cast<std::size_t>(length)));
    start += static_cast<std::size_t>(length);
  }
  return texts;
}

std::vector<std::vector<std::byte>> Communicator::gather_blocks(std::span<const std::byte> block, int root) const {
  const std::vector<std::int64_t> lengths = all_gather(static_cast<std::int64_t>(block.size()));
  std::vector<std::vector<std::byte>> blocks;
  Requests requests;
  if (rank() == root) {
    blocks.resize(lengths.size());
    for (int from = 0; from < size(); ++from) {
      auto& target = blocks[static_cast<std::size_t>(from)];
      if (from == root) {
        target.assign(block.begin(), block.end());
        continue;
      }
      target.resize(static_cast<std::size_t>(lengths[static_cast<std::size_t>(from)]));
      requests.receive(group_->handle, target.data(), target.size(), from, gather_tag);
    }
  } else {
    requests.send(group_->handle, block.data(), block.size(), root, gather_tag);
  }
  requests.wait();
  return blocks;
}

std::int64_t Communicator::exclusive_scan_sum(std::int64_t value) const {
  std::int64_t before = 0;
  if (size() > 1) check(MPI_Exscan(&value, &before, 1, MPI_INT64_T, MPI_SUM, group_->handle), "MPI_Exscan");
  return rank() == 0 ? 0 : before;  // MPI leaves rank 0's undefined
}

void Communicator::barrier() const {
  if (size() > 1) check(MPI_Barrier(group_->handle), "MPI_Barrier");
}

Communicator world() {
  if (!mpi_is_running()) return {};
  return NativeAccess::make(MPI_COMM_WORLD, NativeAccess::Ownership::borrowed);
}

std::optional<MPI_Comm> native_handle(const Communicator& communicator) {
  if (NativeAccess::has_handle(communicator)) return NativeAccess::handle(communicator);
  if (mpi_is_running()) return MPI_COMM_SELF;
  return std::nullopt;
}

}  // namespace layersweep::comm
