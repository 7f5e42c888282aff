// The one way this room calls MPI: through check(), so that no failure goes unseen.
#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>

namespace layersweep::comm {

/// Throws MpiError naming `call` unless `code` is MPI_SUCCESS.
void check(int code, const char* call);

/// Started and not yet finalised, by whomever.
bool mpi_is_running();

/// MPI counts are ints: calls visit(offset, length) for successive pieces of `count` elements, each at most `largest` long.
template <class Visit>
void for_each_chunk(std::size_t count, std::size_t largest, Visit&& visit) {
  for (std::size_t offset = 0; offset < count; offset += largest) {
    visit(offset, static_cast<int>(count - offset < largest ? count - offset : largest));
  }
}

/// The largest piece in bytes: far below INT_MAX, where MPI libraries have had errors of their own.
inline constexpr std::size_t largest_chunk_bytes = std::size_t{1} << 30;

template <class T>
MPI_Datatype mpi_type();
template <>
inline MPI_Datatype mpi_type<float>() {
  return MPI_FLOAT;
}
template <>
inline MPI_Datatype mpi_type<double>() {
  return MPI_DOUBLE;
}
template <>
inline MPI_Datatype mpi_type<std::int64_t>() {
  return MPI_INT64_T;
}

}  // namespace layersweep::comm
