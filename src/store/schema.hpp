// The results file as data: one table of variables that drives the writer, `validate`, `merge`, `inspect` and the tables of
// docs/results-file.md. What a variable is called, its type and dimensions, and what holds for its cells is said here and
// nowhere else: a new variable is a row.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "terms/terms.hpp"

namespace layersweep::store {

inline constexpr int layout_version = 1;  ///< root attribute layersweep_layout

enum class Type : std::uint8_t { float32, float64, int32, uint8, character };
std::string_view type_name(Type type);
std::size_t type_bytes(Type type);

template <class T>
concept Cell =
    std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::int32_t> || std::same_as<T, std::uint8_t>;

template <Cell T>
constexpr Type type_of() {
  if constexpr (std::same_as<T, float>) return Type::float32;
  if constexpr (std::same_as<T, double>) return Type::float64;
  if constexpr (std::same_as<T, std::int32_t>) return Type::int32;
  return Type::uint8;
}

/// What a cell holds before it is written: NaN, −1 (int32), 255 (uint8), NUL (characters).
double fill_of(Type type);

template <Cell T>
bool is_missing(T cell) {
  if constexpr (std::floating_point<T>) return std::isnan(cell);
  return cell == static_cast<T>(fill_of(type_of<T>()));
}

/// Calls function(T()) with the type of the cells. Throws InternalError for texts.
template <class Function>
void with_cell_type(Type type, Function&& function) {
  switch (type) {
    case Type::float32:
      return function(float());
    case Type::float64:
      return function(double());
    case Type::int32:
      return function(std::int32_t());
    case Type::uint8:
      return function(std::uint8_t());
    case Type::character:
      throw base::InternalError("characters are read and written as texts");
  }
}

/// Where a variable lies.
enum class Place : std::uint8_t {
  root,        ///< once, in /
  mode,        ///< once in each of the groups of trained modes, /input and /hidden
  statistics,  ///< in /statistics, where the hidden states were looked at
  explain,     ///< in /explain/<method>, where explainers were compared
  evaluation,  ///< in /evaluation, likewise
};

/// Which files have the variable.
enum class Presence : std::uint8_t { always, classification, question_answering, sentiment, truth, curves };

struct Flag {
  int value;
  std::string_view meaning;  ///< one word
};

/// The values of an enumeration of terms.
template <class E>
std::vector<Flag> flags_of() {
  std::vector<Flag> flags;
  for (const auto& [value, name] : terms::Names<E>::table) flags.push_back({static_cast<int>(value), name});
  return flags;
}

/// Where the cells of floating-point variables lie, unless they are missing.
struct Range {
  double lowest = -std::numeric_limits<double>::infinity();
  double highest = std::numeric_limits<double>::infinity();
  double slack = 0;  ///< rounding may carry a cell past them by this

  static const Range share, correlation, cosine, difference, not_negative;

  bool holds(double cell) const { return cell >= lowest - slack && cell <= highest + slack; }
  std::string text() const;  ///< "0 … 1", nothing where there are no bounds
};
inline constexpr Range Range::share{0, 1};
inline constexpr Range Range::correlation{-1, 1};
inline constexpr Range Range::cosine{-1, 1, 1e-6};      ///< in float64
inline constexpr Range Range::difference{-1, 1, 1e-4};  ///< of two probabilities, mean over texts in float32
inline constexpr Range Range::not_negative{0};

/// Where a cell of a merged file comes from, of the files that hold it. What a coordinate holds follows from all files.
enum class Merge : std::uint8_t {
  same,         ///< it must be the same in all files
  output,       ///< it may differ by what other processors round otherwise: the first file counts
  token_index,  ///< it must be the same in all, but for the place where its file's tokens of the split begin
  first,        ///< the first file counts, whatever the others hold
  explanation,  ///< likewise, of those that explain the probes which the merge chooses
  anew,         ///< none: it is found from other variables
};

/// What few variables have.
struct Traits {
  std::string_view units = "1";
  std::vector<Flag> flags = {};  ///< written as flag_values and flag_meanings; empty for quantities
  Range range = {};
  Merge merge = Merge::same;
  bool judged = false;        ///< found on dev texts after training; another file of the same probes takes it over
  bool always_known = false;  ///< never missing, whatever was written
};

struct VariableSpec {
  Place place;
  std::string_view name;
  Type type;
  std::vector<std::string_view> dimensions;  ///< slowest first; a character matrix ends in "<name>_length"
  Presence presence;
  std::string_view long_name;
  Traits traits = {};

  /// A dimension scale that carries the values of its own dimension.
  bool is_coordinate() const { return dimensions.size() == 1 && dimensions.front() == name; }
  bool is_text() const { return type == Type::character; }
};

std::span<const VariableSpec> variables();

/// Whether the last dimension lists what one probe says of every token or example.
inline bool is_row_of_probe(const VariableSpec& spec) {
  return spec.dimensions.size() == 3 && (spec.dimensions[2] == "token" || spec.dimensions[2] == "example");
}

/// The name of the groups of modes, in the order in which they are written.
std::span<const std::string_view> mode_names();
inline constexpr std::string_view statistics_group = "statistics";
inline constexpr std::string_view explain_group = "explain";
inline constexpr std::string_view evaluation_group = "evaluation";

/// Every method that may have a group: probes first, then other explainers.
std::span<const std::string_view> explained_methods();
/// "explain/<method>" of each.
std::vector<std::string> explain_groups();

/// The groups that a place may be: the root as "".
std::vector<std::string> groups_of(Place place);
/// "label", "input/kl": a variable in one of these.
std::string path_in(std::string_view group, std::string_view name);

/// Root attributes that every file has, each with what it says.
struct AttributeSpec {
  std::string_view name;
  Type type;  ///< characters: a text
  std::string_view meaning;
};
std::span<const AttributeSpec> root_attributes();

/// "label", "/label", "input/kl": the entry for a path inside the file; nullptr where the layout has none.
const VariableSpec* find_variable(std::string_view path);

/// The layout in Markdown: the tables of docs/results-file.md, which a test holds against it.
std::string schema_markdown();

}  // namespace layersweep::store
