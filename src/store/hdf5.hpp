// The HDF5 C library as values that close themselves and calls that throw. Private to this room; the only file, besides the
// sources that include it, that knows hdf5.h.
#pragma once

#include <hdf5.h>

#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/schema.hpp"

namespace layersweep::store {

/// A failed HDF5 call: what was tried, and the reasons on HDF5's error stack. The public calls of this room turn it into
/// a base::InputError that names the file and says what to do.
class Hdf5Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Silences HDF5's own printing and switches its plugins off; every entry into the room calls it first.
void use_hdf5();

/// Takes the error stack of the last failed call: "cannot <action> (reason; reason)".
[[noreturn]] void throw_hdf5_error(std::string_view action);

/// The result of an HDF5 call, where negative means failed.
template <std::signed_integral R>
R check(R result, std::string_view action) {
  if (result < 0) throw_hdf5_error(action);
  return result;
}

/// Owns an HDF5 id. close() reports errors, the destructor cannot.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);

  Handle() = default;
  /// Takes over the result of a call that makes an id; throws Hdf5Error when it failed.
  Handle(hid_t id, Close closer, std::string_view action) : id_(check(id, action)), close_(closer) {}
  ~Handle() { release(); }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      release();
      id_ = std::exchange(other.id_, H5I_INVALID_HID);
      close_ = other.close_;
    }
    return *this;
  }

  hid_t id() const { return id_; }
  bool is_open() const { return id_ >= 0; }
  void close(std::string_view action);
  /// Gives the id up without closing it: where closing would wait for ranks that do not come.
  void abandon() { id_ = H5I_INVALID_HID; }

 private:
  void release() noexcept;

  hid_t id_ = H5I_INVALID_HID;
  Close close_ = nullptr;
};

/// The sizes of a data set's dimensions, slowest first.
std::vector<std::int64_t> shape_of(hid_t dataset);

/// Text of `bytes` bytes, NUL-padded at the end where it is shorter.
Handle text_type(std::size_t bytes);

/// The type as it lies in the file (little-endian; characters are strings of one byte), and as it lies in memory.
Handle file_type(Type type);
Handle memory_type(Type type);

}  // namespace layersweep::store
