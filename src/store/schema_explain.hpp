// The groups /explain/<method> and /evaluation of a results file: their variables and the sizes of their own dimensions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/contents.hpp"
#include "store/schema.hpp"

namespace layersweep::store {

inline constexpr std::string_view explain_group = "explain";
inline constexpr std::string_view evaluation_group = "evaluation";

/// Every method that may have a group: probes first, then other explainers.
std::span<const std::string_view> explained_methods();

/// "explain/<method>" of each.
std::vector<std::string> explain_groups();

std::vector<VariableSpec> explain_variables();

/// Nothing for a dimension that is not of these groups.
std::optional<std::int64_t> explain_dimension_size(std::string_view name, const Contents& contents);

}  // namespace layersweep::store
