#include "store/hdf5.hpp"

#include <H5PLpublic.h>
#include <fmt/format.h>

#include "base/error.hpp"

namespace layersweep::store {
namespace {

// Of "file write failed: time = …, error message = 'No space left on device', buf = …" what a person needs.
std::string shortened(const std::string& reason) {
  constexpr std::string_view mark = "error message = '";
  const std::size_t begin = reason.find(mark);
  if (begin == std::string::npos) return reason;
  const std::size_t end = reason.find('\'', begin + mark.size());
  return fmt::format("{}: {}", reason.substr(0, reason.find(':')),
                     reason.substr(begin + mark.size(), end - begin - mark.size()));
}

// The reasons from the failed call inwards end with the one that matters; outer ones mostly repeat the call.
herr_t collect_reason(unsigned, const H5E_error2_t* entry, void* reasons) noexcept {
  static_cast<std::vector<std::string>*>(reasons)->push_back(shortened(entry->desc == nullptr ? "" : entry->desc));
  return 0;
}

}  // namespace

void use_hdf5() {
  static const bool ready = [] {
    // Every file is closed by its owner. One whose writing failed is left open on purpose, and closing it at exit would
    // crash.
    check(H5dont_atexit(), "take over the end of the HDF5 library");
    check(H5open(), "start the HDF5 library");
    check(H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr), "silence the HDF5 library");
    check(H5PLset_loading_state(0), "switch HDF5 plugins off");
    return true;
  }();
  (void)ready;
}

void throw_hdf5_error(std::string_view action) {
  std::vector<std::string> reasons;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, collect_reason, &reasons);
  H5Eclear2(H5E_DEFAULT);
  constexpr std::size_t enough = 3;
  if (reasons.size() > enough) reasons.resize(enough);
  throw Hdf5Error(reasons.empty() ? fmt::format("cannot {}", action)
                                  : fmt::format("cannot {} ({})", action, fmt::join(reasons, "; ")));
}

void Handle::close(std::string_view action) {
  if (!is_open()) return;
  check(close_(std::exchange(id_, H5I_INVALID_HID)), action);
}

void Handle::release() noexcept {
  if (is_open() && close_(std::exchange(id_, H5I_INVALID_HID)) < 0) H5Eclear2(H5E_DEFAULT);
}

std::vector<std::int64_t> shape_of(hid_t dataset) {
  const Handle space(H5Dget_space(dataset), H5Sclose, "read the space of a variable");
  const int rank = check(H5Sget_simple_extent_ndims(space.id()), "read the number of dimensions");
  std::vector<hsize_t> sizes(static_cast<std::size_t>(rank));
  check(H5Sget_simple_extent_dims(space.id(), sizes.data(), nullptr), "read the sizes of dimensions");
  return {sizes.begin(), sizes.end()};
}

Handle text_type(std::size_t bytes) {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "make a text type");
  check(H5Tset_size(type.id(), bytes), "size a text type");
  return type;
}

Handle file_type(Type type) {
  const auto copy = [](hid_t id) { return Handle(H5Tcopy(id), H5Tclose, "copy a type"); };
  switch (type) {
    case Type::float32:
      return copy(H5T_IEEE_F32LE);
    case Type::float64:
      return copy(H5T_IEEE_F64LE);
    case Type::int32:
      return copy(H5T_STD_I32LE);
    case Type::uint8:
      return copy(H5T_STD_U8LE);
    case Type::character:
      return text_type(1);
  }
  throw base::InternalError("a type without a form in files");
}

Handle memory_type(Type type) {
  const auto copy = [](hid_t id) { return Handle(H5Tcopy(id), H5Tclose, "copy a type"); };
  switch (type) {
    case Type::float32:
      return copy(H5T_NATIVE_FLOAT);
    case Type::float64:
      return copy(H5T_NATIVE_DOUBLE);
    case Type::int32:
      return copy(H5T_NATIVE_INT32);
    case Type::uint8:
      return copy(H5T_NATIVE_UINT8);
    case Type::character:
      return text_type(1);
  }
  throw base::InternalError("a type without a form in memory");
}

}  // namespace layersweep::store
