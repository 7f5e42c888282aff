#include "submit/quote.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"

namespace layersweep::submit {

namespace {

// Means nothing to a shell, nor to sbatch, wherever it stands in a word.
bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-+=.,:/@%").find(c) != std::string_view::npos;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

}  // namespace

std::string shell_quoted(std::string_view text) {
  if (!text.empty() && std::ranges::all_of(text, is_plain)) return std::string(text);
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string sbatch_quoted(std::string_view text, std::string_view what) {
  if (std::ranges::any_of(text, is_control)) {
    throw base::UsageError(fmt::format("{} holds a line break or another control character", what),
                           "an option of a batch script is one line", "Use a name without");
  }
  if (!text.empty() && std::ranges::all_of(text, is_plain)) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string sbatch_file_quoted(std::string_view text, std::string_view what) {
  if (text.find('\\') != std::string_view::npos) {
    throw base::UsageError(fmt::format("{} holds a backslash", what),
                           "Slurm gives it a meaning of its own in names of log files", "Use a name without");
  }
  std::string escaped;
  for (const char c : text) escaped += c == '%' ? "%%" : std::string(1, c);
  return sbatch_quoted(escaped, what);
}

}  // namespace layersweep::submit
