// Lines from standard input and text to standard output, with their errors: a closed or full stream is not silence.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace layersweep::app {

/// The reader of standard output went away (`… | head`): the program ends without a message, with exit code 1.
class OutputClosed : public std::exception {
 public:
  const char* what() const noexcept override { return "the reader of standard output went away"; }
};

/// To be called first in main. Standard streams that the caller closed are occupied, so that no file opened later takes
/// their number and is read as the input or written over by messages; a broken pipe becomes an error of the write.
void protect_standard_streams();

/// Buffers; what is not flushed is lost.
class Output {
 public:
  void write(std::string_view text);
  /// Throws OutputClosed, or InputError when the text cannot be written (no space, closed, …).
  void flush();

 private:
  std::string buffer_;
};

/// Writes and flushes.
void print(std::string_view text);

class LineReader {
 public:
  /// The next line without its end; the last one may lack it. Nothing at the end of input. Throws InputError when standard
  /// input cannot be read.
  std::optional<std::string> next();

  /// Whether a line, or a part of one, can be had without waiting for the sender.
  bool ready();

 private:
  std::string buffer_;
  std::size_t begin_ = 0;  // of what is not handed out yet
  bool ended_ = false;
};

}  // namespace layersweep::app
