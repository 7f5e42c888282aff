#include "base/error.hpp"

#include <cstring>

#include "base/printable.hpp"

namespace layersweep::base {
namespace {

std::string join_message(std::string_view problem, std::string_view why, std::string_view hint) {
  std::string text(problem);
  if (!why.empty()) text += fmt::format(": {}", why);
  if (!hint.empty()) text += fmt::format(". {}", hint);
  return text;
}

}  // namespace

InputError::InputError(const std::string& message) : std::runtime_error(printable(message)) {}

InputError::InputError(std::string_view problem, std::string_view why, std::string_view hint)
    : InputError(join_message(problem, why, hint)) {}

void ensure(bool holds, std::string_view what) {
  if (!holds)
    throw InternalError(fmt::format("internal error: {}. Please report this with the command that led to it", what));
}

std::string errno_text(int error_number) { return std::strerror(error_number); }

}  // namespace layersweep::base
