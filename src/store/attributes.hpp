// Attributes of files, groups and variables, in the forms that every reader takes: scalars and lists of numbers, and texts
// of fixed length in UTF-8.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/hdf5.hpp"

namespace layersweep::store {

/// HDF5 keeps attributes up to 64 KiB in the object's header; a longer root text becomes a character variable instead.
inline constexpr std::size_t max_attribute_bytes = 60'000;

void write_text_attribute(hid_t object, std::string_view name, std::string_view text);
void write_number_attribute(hid_t object, std::string_view name, Type type, double value);
/// A list even for one value.
void write_list_attribute(hid_t object, std::string_view name, Type type, const std::vector<double>& values);

/// Overwrites a number that is there.
void update_number_attribute(hid_t object, std::string_view name, double value);

bool has_attribute(hid_t object, std::string_view name);
/// Nothing when there is none of that name or it is not a text of fixed length.
std::optional<std::string> read_text_attribute(hid_t object, std::string_view name);
/// Nothing when there is none of that name or it is not numbers.
std::optional<std::vector<double>> read_number_attribute(hid_t object, std::string_view name);

/// Nothing when there is none of that name or its type is none of the layout's.
std::optional<Type> type_of_attribute(hid_t object, std::string_view name);

/// The type of a data set or attribute as the layout knows it; nothing for any other.
std::optional<Type> known_type(hid_t type);

}  // namespace layersweep::store
