// From the schema and the contents of a run to the variables of its file: pure planning, no HDF5.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/contents.hpp"
#include "store/schema.hpp"

namespace layersweep::store {

/// A dimension, and what its size is: in words, and in a file to be. `mode` is that of the variable's group, if it has one.
struct DimensionSpec {
  std::string_view name;
  std::string_view meaning;
  std::int64_t (*size)(const Contents& contents, const ModeEntry& mode);
};
std::span<const DimensionSpec> dimensions();

/// A variable of a file to be.
struct PlannedVariable {
  const VariableSpec* spec = nullptr;
  std::string path;                 ///< "label", "input/kl"
  std::vector<std::int64_t> shape;  ///< slowest first
};

struct PlannedGroup {
  std::string name;  ///< "", "input", "explain/random"
  std::string title;
  std::vector<PlannedVariable> variables;
};

/// Throws InputError when a size does not fit the layout (more than 2^31 − 1 tokens, a seed beyond int32).
void check_contents(const Contents& contents);

/// Throws InternalError when the layout has no such variable.
PlannedVariable plan_variable(std::string_view path, const Contents& contents);

/// In the order of creation: /, each mode, /statistics, /explain, /explain/<method> and /evaluation.
std::vector<PlannedGroup> plan_groups(const Contents& contents);
/// Those of all groups.
std::vector<PlannedVariable> plan_variables(const Contents& contents);

/// The path of the scale of dimension `name`, as seen from the group of `variable`: "point", "input/step",
/// "statistics/hidden".
std::string scale_path(std::string_view variable, std::string_view dimension);

/// Chunks of 512 KiB where the variable is large enough; one row of one point for masks and the like.
std::vector<std::int64_t> chunk_shape(const VariableSpec& spec, const std::vector<std::int64_t>& shape);

/// Values of a coordinate variable of whole numbers.
std::vector<std::int32_t> coordinate_values(std::string_view path, const Contents& contents);
/// Those of one of real numbers.
const std::vector<double>& real_coordinate_values(std::string_view path, const Contents& contents);

/// The root texts and numbers of root_attributes(), in its order, without layersweep_layout and complete.
struct RootText {
  std::string name;
  std::string text;
};
std::vector<RootText> root_texts(const Provenance& provenance);

}  // namespace layersweep::store
