// The errors layersweep throws. Two roots: what the user can mend (InputError and below) and what we must mend
// (InternalError). Every message has one grammar: the problem, why it is a problem, what to do; in that order.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace layersweep::base {

/// Exit codes of the `layersweep` command; part of its documented interface.
enum class ExitCode : int {
  done = 0,
  failed = 1,
  wrong_use = 2,
  some_units_failed = 3,
  stopped_after_checkpoint = 75,
};

/// A file, a value or a machine state that the user can change. Exit code 1. The message is printable (base/printable.hpp):
/// it quotes names and texts as they are found.
class InputError : public std::runtime_error {
 public:
  explicit InputError(const std::string& message);
  /// "problem: why. hint", leaving out what is empty.
  InputError(std::string_view problem, std::string_view why, std::string_view hint = {});
};

/// The command line or an experiment file asks for something that does not exist. Exit code 2.
class UsageError : public InputError {
 public:
  using InputError::InputError;
};

/// A promise of our own code that does not hold. Exit code 1; the message asks for a report.
class InternalError : public std::logic_error {
 public:
  explicit InternalError(const std::string& message) : std::logic_error(message) {}
};

/// Throws InternalError when `holds` is false: for contracts between our own functions, never for user input.
void ensure(bool holds, std::string_view what);

/// strerror for the current or a given errno, as text.
std::string errno_text(int error_number);

}  // namespace layersweep::base
