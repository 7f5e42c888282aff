// The results file as data: one table of variables that drives the writer, `validate`, `inspect` and the table in
// docs/results-file.md. What a variable is called, its type and dimensions are said here and nowhere else.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

struct VariableSpec {
  Place place;
  std::string_view name;
  Type type;
  std::vector<std::string_view> dimensions;  ///< slowest first; a character matrix ends in "<name>_length"
  Presence presence;
  std::string_view long_name;
  std::string_view units;   ///< "1" for numbers without a unit
  std::vector<Flag> flags;  ///< written as flag_values and flag_meanings; empty for quantities

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

/// The groups that a place may be: the root as "".
std::vector<std::string> groups_of(Place place);
/// "label", "input/kl": a variable in one of these.
std::string path_in(std::string_view group, std::string_view name);

/// Root attributes that every file has, each with what it says.
struct AttributeSpec {
  std::string_view name;
  enum class Kind : std::uint8_t { text, int32, float64 } kind;
  std::string_view meaning;
};
std::span<const AttributeSpec> root_attributes();

/// "label", "/label", "input/kl": the entry for a path inside the file; nullptr where the layout has none.
const VariableSpec* find_variable(std::string_view path);

/// The layout in Markdown: the tables of docs/results-file.md (a test compares them).
std::string schema_markdown();

}  // namespace layersweep::store
