// Reads a finished results.h5. Independent: each rank that reads opens the file for itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/schema.hpp"
#include "store/slab.hpp"

namespace layersweep::store {

class ResultsFile {
 public:
  /// Throws InputError when the file is missing, not HDF5, damaged, of another layout version, unfinished or a *.part.
  /// Opening checks no more than that: validate() (store/validate.hpp) checks every rule.
  static ResultsFile open(const std::filesystem::path& path);

  ~ResultsFile();
  ResultsFile(ResultsFile&&) noexcept;
  ResultsFile& operator=(ResultsFile&&) noexcept;

  /// "label", "input/kl": whether this file has the variable.
  bool has(std::string_view variable) const;
  /// Slowest dimension first. Throws InputError when the file has no such variable, or it has other dimensions than the
  /// layout says, or of another size than their scales have.
  std::vector<std::int64_t> shape(std::string_view variable) const;
  /// All groups directly below the root, also those the layout does not describe.
  std::vector<std::string> groups() const;
  /// The groups of modes that are there, in the order input, hidden.
  std::vector<std::string> modes() const;
  /// "example", "token", "point", "seed", "class", "input/step"; 0 where the file has none.
  std::int64_t size(std::string_view dimension) const;

  /// All cells, row-major. T is the variable's type in the schema. Throws InputError when the variable is missing or
  /// damaged.
  template <Cell T>
  std::vector<T> read(std::string_view variable) const {
    return read<T>(variable, whole(shape(variable)));
  }
  template <Cell T>
  std::vector<T> read(std::string_view variable, const Slab& slab) const {
    std::vector<T> values(static_cast<std::size_t>(slab.cells()));
    read_cells(variable, slab, type_of<T>(), std::as_writable_bytes(std::span<T>(values)));
    return values;
  }

  /// Of each point an index into `seed`, or −1. Throws InputError when the file has anything else there.
  std::vector<std::int32_t> chosen_seeds(std::string_view mode) const;

  /// Rows of a character matrix, without the padding; all of them, or `count` from `first_row` on.
  std::vector<std::string> read_text(std::string_view variable) const;
  std::vector<std::string> read_text(std::string_view variable, std::int64_t first_row, std::int64_t count) const;

  /// A root text (experiment, command, …), whether stored as an attribute or, when long, as a variable.
  std::optional<std::string> text(std::string_view attribute) const;
  /// A root number (epsilon, flip_limit, layersweep_layout, complete).
  std::optional<double> number(std::string_view attribute) const;

  const std::filesystem::path& path() const;

 private:
  struct State;
  explicit ResultsFile(std::unique_ptr<State> state);
  void read_cells(std::string_view variable, const Slab& slab, Type type, std::span<std::byte> bytes) const;

  std::unique_ptr<State> state_;
};

}  // namespace layersweep::store
