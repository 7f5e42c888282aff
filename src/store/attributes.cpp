#include "store/attributes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace layersweep::store {
namespace {

Handle create_attribute(hid_t object, std::string_view name, hid_t type, hid_t space) {
  return {H5Acreate2(object, std::string(name).c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
          fmt::format("create the attribute {}", name)};
}

Handle open_attribute(hid_t object, std::string_view name) {
  return {H5Aopen(object, std::string(name).c_str(), H5P_DEFAULT), H5Aclose, fmt::format("open the attribute {}", name)};
}

Handle scalar_space() { return {H5Screate(H5S_SCALAR), H5Sclose, "make a scalar space"}; }

}  // namespace

void write_text_attribute(hid_t object, std::string_view name, std::string_view text) {
  const std::string bytes = text.empty() ? std::string(1, '\0') : std::string(text);
  const Handle type = text_type(bytes.size());
  check(H5Tset_cset(type.id(), H5T_CSET_UTF8), "make a text type UTF-8");
  const Handle attribute = create_attribute(object, name, type.id(), scalar_space().id());
  check(H5Awrite(attribute.id(), type.id(), bytes.data()), fmt::format("write the attribute {}", name));
}

void write_number_attribute(hid_t object, std::string_view name, Type type, double value) {
  const Handle attribute = create_attribute(object, name, file_type(type).id(), scalar_space().id());
  check(H5Awrite(attribute.id(), H5T_NATIVE_DOUBLE, &value), fmt::format("write the attribute {}", name));
}

void write_list_attribute(hid_t object, std::string_view name, Type type, const std::vector<double>& values) {
  const hsize_t size = values.size();
  const Handle space(H5Screate_simple(1, &size, nullptr), H5Sclose, "make a space");
  const Handle attribute = create_attribute(object, name, file_type(type).id(), space.id());
  check(H5Awrite(attribute.id(), H5T_NATIVE_DOUBLE, values.data()), fmt::format("write the attribute {}", name));
}

void update_number_attribute(hid_t object, std::string_view name, double value) {
  const Handle attribute = open_attribute(object, name);
  check(H5Awrite(attribute.id(), H5T_NATIVE_DOUBLE, &value), fmt::format("write the attribute {}", name));
}

bool has_attribute(hid_t object, std::string_view name) {
  return check(H5Aexists(object, std::string(name).c_str()), fmt::format("look for the attribute {}", name)) > 0;
}

std::optional<std::string> read_text_attribute(hid_t object, std::string_view name) {
  if (!has_attribute(object, name)) return std::nullopt;
  const Handle attribute = open_attribute(object, name);
  const Handle type(H5Aget_type(attribute.id()), H5Tclose, "read the type of an attribute");
  const Handle space(H5Aget_space(attribute.id()), H5Sclose, "read the space of an attribute");
  if (H5Tget_class(type.id()) != H5T_STRING || H5Tis_variable_str(type.id()) > 0 ||
      H5Sget_simple_extent_npoints(space.id()) != 1) {
    return std::nullopt;
  }
  std::string text(H5Tget_size(type.id()), '\0');
  check(H5Aread(attribute.id(), type.id(), text.data()), fmt::format("read the attribute {}", name));
  text.resize(std::min(text.size(), text.find('\0')));
  return text;
}

std::optional<std::vector<double>> read_number_attribute(hid_t object, std::string_view name) {
  if (!has_attribute(object, name)) return std::nullopt;
  const Handle attribute = open_attribute(object, name);
  const Handle type(H5Aget_type(attribute.id()), H5Tclose, "read the type of an attribute");
  const Handle space(H5Aget_space(attribute.id()), H5Sclose, "read the space of an attribute");
  const H5T_class_t kind = H5Tget_class(type.id());
  const hssize_t size = check(H5Sget_simple_extent_npoints(space.id()), "read the size of an attribute");
  constexpr hssize_t largest = 4096;  // no list of the layout comes near; a damaged size must not ask for all memory
  if ((kind != H5T_INTEGER && kind != H5T_FLOAT) || size > largest) return std::nullopt;
  std::vector<double> values(static_cast<std::size_t>(size));
  check(H5Aread(attribute.id(), H5T_NATIVE_DOUBLE, values.data()), fmt::format("read the attribute {}", name));
  return values;
}

std::optional<Type> type_of_attribute(hid_t object, std::string_view name) {
  if (!has_attribute(object, name)) return std::nullopt;
  const Handle attribute = open_attribute(object, name);
  const Handle type(H5Aget_type(attribute.id()), H5Tclose, "read the type of an attribute");
  return known_type(type.id());
}

std::optional<Type> known_type(hid_t type) {
  constexpr std::array all{Type::float32, Type::float64, Type::int32, Type::uint8, Type::character};
  for (const Type candidate : all) {
    if (check(H5Tequal(type, file_type(candidate).id()), "compare types") > 0) return candidate;
  }
  return std::nullopt;
}

}  // namespace layersweep::store
