#include "comm/agreement.hpp"

#include <fmt/format.h>

#include <array>
#include <new>
#include <span>

#include "base/environment.hpp"
#include "base/error.hpp"

namespace layersweep::comm {
namespace {

// Marks an error that every rank of the job throws, whatever its type.
struct AgreedByWorld {
  virtual ~AgreedByWorld() = default;
};

template <class Error>
struct Agreed : Error, AgreedByWorld {
  using Error::Error;
};

template <class Error>
[[noreturn]] void throw_as(const std::string& message, const Communicator& communicator) {
  if (communicator.size() == world().size()) throw Agreed<Error>(message);
  throw Error(message);
}

}  // namespace

LocalFailure describe_current_exception() {
  try {
    throw;
  } catch (const base::UsageError& error) {
    return {LocalFailure::Kind::usage, error.what()};
  } catch (const base::InputError& error) {
    return {LocalFailure::Kind::input, error.what()};
  } catch (const std::bad_alloc&) {
    return {LocalFailure::Kind::input, "memory ran out: ask for more, use fewer ranks per node, or lower run.token_budget"};
  } catch (const std::exception& error) {
    return {LocalFailure::Kind::internal, error.what()};
  } catch (...) {
    return {LocalFailure::Kind::internal, "an error of unknown type"};
  }
}

void throw_together(const Communicator& communicator, const std::optional<LocalFailure>& failure) {
  // The lowest failing rank has the largest of these; the second says whether some rank is well.
  std::array<std::int64_t, 2> state{failure ? communicator.size() - communicator.rank() : 0, failure ? 0 : 1};
  communicator.all_reduce_max(std::span<std::int64_t>(state));
  if (state[0] == 0) return;

  const int speaker = communicator.size() - static_cast<int>(state[0]);
  int kind = failure ? static_cast<int>(failure->kind) : 0;
  communicator.broadcast(std::span(&kind, 1), speaker);
  std::string message = failure ? failure->message : std::string();
  if (state[1] == 1) message += fmt::format(" [rank {} on {}]", world().rank(), base::host_name());
  message = communicator.broadcast_text(message, speaker);

  switch (static_cast<LocalFailure::Kind>(kind)) {
    case LocalFailure::Kind::usage:
      throw_as<base::UsageError>(message, communicator);
    case LocalFailure::Kind::input:
      throw_as<base::InputError>(message, communicator);
    case LocalFailure::Kind::internal:
      throw_as<base::InternalError>(message, communicator);
  }
}

void throw_together(const Communicator& communicator, const std::optional<std::string>& input_error) {
  std::optional<LocalFailure> failure;
  if (input_error) failure = LocalFailure{LocalFailure::Kind::input, *input_error};
  throw_together(communicator, failure);
}

bool agreed_by_world(const std::exception& error) { return dynamic_cast<const AgreedByWorld*>(&error) != nullptr; }

}  // namespace layersweep::comm
