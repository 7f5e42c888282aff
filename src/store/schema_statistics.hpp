// The group /statistics of a results file: its variables, and the sizes of its own dimensions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "store/contents.hpp"
#include "store/schema.hpp"

namespace layersweep::store {

std::vector<VariableSpec> statistics_variables();

/// Nothing for a dimension that is not this group's own.
std::optional<std::int64_t> statistics_dimension_size(std::string_view name, const Contents& contents);

}  // namespace layersweep::store
