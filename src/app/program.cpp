#include "app/program.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <optional>

#include "app/commands.hpp"
#include "app/help.hpp"
#include "app/standard_streams.hpp"
#include "base/log.hpp"
#include "base/printable.hpp"
#include "base/stop_request.hpp"
#include "comm/agreement.hpp"
#include "comm/mpi_session.hpp"

namespace layersweep::app {

using base::ExitCode;

namespace {

void print_error(const std::string& message) { std::fprintf(stderr, "error: %s\n", base::printable_lines(message).c_str()); }

std::string message_of(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return "out of memory";
  const std::string text = error.what();
  // LibTorch appends a stack of addresses.
  return text.substr(0, text.find("\nException raised from"));
}

ExitCode exit_code_of(const std::exception& error) {
  return dynamic_cast<const base::UsageError*>(&error) != nullptr ? ExitCode::wrong_use : ExitCode::failed;
}

bool asks_for_help(const std::vector<std::string>& given) {
  for (const std::string& argument : given) {
    if (argument == "--") return false;
    if (argument == "--help" || argument == "-h") return true;
  }
  return false;
}

// An error before any rank could differ from the others: every rank has it, one prints it.
ExitCode report(const std::exception& error) {
  if (base::speaks_for_world()) print_error(message_of(error));
  return exit_code_of(error);
}

ExitCode run_under_session(const Command& command, const std::vector<std::string>& given, const comm::MpiSession* session) {
  std::optional<config::Arguments> arguments;
  try {
    arguments.emplace(command.name, command.arguments, given);
  } catch (const base::UsageError& error) {
    return report(error);
  }
  try {
    return command.run(*arguments);
  } catch (const OutputClosed& closed) {
    if (session == nullptr || session->origin() == comm::MpiSession::Origin::alone) return ExitCode::failed;
    comm::abort_job(closed.what(), static_cast<int>(ExitCode::failed));
  } catch (const std::exception& error) {
    const bool alone = session == nullptr || session->origin() == comm::MpiSession::Origin::alone;
    // The others may be waiting for this rank in a collective call: only the end of the whole job frees them.
    if (!alone && !comm::agreed_by_world(error)) {
      comm::abort_job(message_of(error), static_cast<int>(exit_code_of(error)));
    }
    return report(error);
  }
}

bool works_over_mpi(const Command& command, const std::vector<std::string>& given) {
  if (command.mpi != Mpi::with_output) return command.mpi == Mpi::needed;
  return std::ranges::any_of(
      given, [](const std::string& argument) { return argument == "--output" || argument.starts_with("--output="); });
}

ExitCode dispatch(const std::vector<std::string>& given) {
  if (given.empty()) {
    std::fputs(program_help().c_str(), stderr);
    return ExitCode::wrong_use;
  }
  const std::string& first = given.front();
  if (first == "--help" || first == "-h") {
    print(program_help());
    return ExitCode::done;
  }
  if (first == "--version") {
    print(version_text());
    return ExitCode::done;
  }
  const Command& command = find_command(first);
  const std::vector<std::string> rest(given.begin() + 1, given.end());
  if (asks_for_help(rest)) {
    print(command_help(command));
    return ExitCode::done;
  }
  if (!works_over_mpi(command, rest)) return run_under_session(command, rest, nullptr);
  base::note_stop_signals();  // before MPI starts, which takes a while
  const comm::MpiSession session;
  return run_under_session(command, rest, &session);
}

}  // namespace

ExitCode run_program(const std::vector<std::string>& given) {
  try {
    return dispatch(given);
  } catch (const OutputClosed&) {
    return ExitCode::failed;
  } catch (const std::exception& error) {
    return report(error);
  }
}

}  // namespace layersweep::app
