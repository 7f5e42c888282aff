// Writes results.h5 from all ranks at once. Every call is collective: all ranks of the communicator make the same calls
// in the same order, with an empty slab where they have nothing. A wrong call on one rank, or another one than the others
// make, throws InternalError on all of them. When the
// disk fails under HDF5 (full, gone), the ranks that notice throw InputError on their own: HDF5 cannot bring the others
// back, so the job must end at once (comm::abort_job), not in order.
//
// The file grows as <path>.part. Cells that nobody writes stay NaN (−1, 255). Only finish() makes it <path>; whatever
// happens before that leaves an older <path> as it was, and at most a *.part, which no reader accepts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "comm/communicator.hpp"
#include "store/contents.hpp"
#include "store/schema.hpp"
#include "store/slab.hpp"

namespace layersweep::store {

/// What a file goes through before it gets its name: reading back what was written, or every rule of validate() as well.
enum class Finish { read_back, validated };

class ResultsWriter {
 public:
  /// Creates <path>.part with all variables and writes those that follow from `contents`, which is the same on all ranks:
  /// the coordinates (example, token, point, seed, class, step, those of /statistics), point_name and width. The texts of
  /// the provenance are those of rank 0. Throws InputError when the folder is missing or not writable, the disk is full, or
  /// a size does not fit the layout. Collective.
  ResultsWriter(const comm::Communicator& communicator, const std::filesystem::path& path, const Contents& contents,
                const Provenance& provenance);

  /// Without finish() the *.part is removed. Collective, unless an exception unwinds: then the other ranks may be
  /// elsewhere, and the file is left to the end of the process.
  ~ResultsWriter();

  ResultsWriter(const ResultsWriter&) = delete;
  ResultsWriter& operator=(const ResultsWriter&) = delete;

  /// This rank's cells, row-major, as many as the slab has. `variable` is "label" or "input/kl"; T is its type in the
  /// schema. A cell is written by one rank; the same slab may be written again, overlapping ones may not. Collective.
  template <Cell T>
  void write(std::string_view variable, const Slab& slab, std::span<const T> values) {
    write_cells(variable, slab, type_of<T>(), std::as_bytes(values));
  }

  /// The whole variable from rank 0; what the other ranks pass is ignored. Collective.
  template <Cell T>
  void write_from_first_rank(std::string_view variable, std::span<const T> values) {
    write_whole(variable, type_of<T>(), std::as_bytes(values));
  }

  /// Rows first_row … of a character matrix (example_id, token_text), UTF-8, padded with NUL. Collective.
  void write_text(std::string_view variable, std::int64_t first_row, std::span<const std::string> rows);

  /// Closes, syncs, reads every written slab back and compares it, sets complete = 1, checks every rule if asked to, syncs,
  /// renames to <path>, syncs the folder, and writes the sum over its bytes beside it (store/checksum_file.hpp). Nothing may
  /// be called after it. Throws InputError; the *.part is then gone. Collective.
  void finish(Finish how = Finish::read_back);

 private:
  struct State;

  void write_cells(std::string_view variable, const Slab& slab, Type type, std::span<const std::byte> bytes);
  void write_whole(std::string_view variable, Type type, std::span<const std::byte> bytes);

  std::unique_ptr<State> state_;
};

}  // namespace layersweep::store
