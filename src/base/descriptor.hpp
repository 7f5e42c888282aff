// An open file of the operating system, closed at the end of its life; for the functions that make such calls.
#pragma once

#include <fcntl.h>

#include <filesystem>
#include <utility>

namespace layersweep::base {

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    close();
    number_ = std::exchange(other.number_, -1);
    return *this;
  }

  int number() const { return number_; }
  /// Closes now; false, with errno set, when the system reports a late write error.
  bool close();

 private:
  int number_;
};

/// Opens for reading; throws InputError when the file is missing, unreadable or not a regular file.
Descriptor open_for_reading(const std::filesystem::path& file);

}  // namespace layersweep::base
