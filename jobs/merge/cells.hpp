// The cells of the file that a merge writes, as the sources give them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "jobs/merge/sources.hpp"
#include "store/layout.hpp"
#include "store/slab.hpp"

namespace layersweep::jobs {

class MergedCells {
 public:
  MergedCells(const std::vector<MergeSource>& sources, const MergePlan& plan) : sources_(sources), plan_(plan) {}

  /// A part of a variable that some sources hold as a whole: where it begins in each (empty: not there).
  struct Block {
    store::Slab target;
    std::vector<std::vector<std::int64_t>> starts;
  };
  /// They do not overlap; what lies in none is held by no source. Over rows only, for a list of texts.
  std::vector<Block> blocks(const store::PlannedVariable& variable) const;

  /// A piece of a block: each cell from the first source that knows it. Throws InputError when two know different values.
  template <store::Cell T>
  std::vector<T> read(const store::PlannedVariable& variable, const Block& block, const store::Slab& piece) const;
  /// Rows of a block of a list of texts, the first being `first_row` of the block.
  std::vector<std::string> read_texts(const store::PlannedVariable& variable, const Block& block, std::int64_t first_row,
                                      std::int64_t count) const;

  /// All of a variable whose blocks hold whole rows, missing where no source has any. Throws InputError likewise.
  template <store::Cell T>
  std::vector<T> read_all(const std::string& path) const;

  const MergePlan& plan() const { return plan_; }

 private:
  [[noreturn]] void refuse(const store::PlannedVariable& variable, std::size_t a, std::size_t b,
                           const store::Slab& target) const;
  std::int64_t token_shift(const store::PlannedVariable& variable, const Block& block, std::size_t source) const;

  const std::vector<MergeSource>& sources_;
  const MergePlan& plan_;
};

}  // namespace layersweep::jobs
