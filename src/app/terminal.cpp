#include "app/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/environment.hpp"
#include "base/error.hpp"

namespace layersweep::app {

namespace {

constexpr int columns_without_terminal = 100;

}  // namespace

Colour colour_of_output(const std::optional<std::string>& choice) {
  if (choice == "always") return Colour::always;
  if (choice == "never") return Colour::never;
  if (choice && choice != "auto") {
    throw base::UsageError(fmt::format("--colour {}", *choice), "it must be auto, always or never");
  }
  const bool refused = base::environment_variable("NO_COLOR").has_value() || base::environment_variable("TERM") == "dumb";
  return isatty(STDOUT_FILENO) == 1 && !refused ? Colour::always : Colour::never;
}

int columns_of_output() {
  winsize size{};
  // A terminal that does not know its size says 0.
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return columns_without_terminal;
}

}  // namespace layersweep::app
