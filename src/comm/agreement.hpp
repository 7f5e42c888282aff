// Errors of one rank become errors of all before the next collective, where the others would wait for ever.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "comm/communicator.hpp"

namespace layersweep::comm {

/// What went wrong on this rank, in a form that travels.
struct LocalFailure {
  enum class Kind : int { input, usage, internal };
  Kind kind = Kind::input;
  std::string message;
};

/// Of the exception being handled; call it in a catch block. Independent.
LocalFailure describe_current_exception();

/// When any rank brings a failure, all throw that of the lowest such rank: base::InputError, UsageError or InternalError
/// by its kind, with rank and host added unless every rank failed. Collective.
void throw_together(const Communicator& communicator, const std::optional<LocalFailure>& failure);
/// The same for a message of an input error.
void throw_together(const Communicator& communicator, const std::optional<std::string>& input_error);

/// Runs `function` on every rank and throws together; gives its result. `function` itself must make no collective call
/// on which a rank that failed earlier would be missed. Collective.
template <class Function>
auto run_together(const Communicator& communicator, Function&& function) {
  using Result = std::invoke_result_t<Function>;
  std::optional<LocalFailure> failure;
  if constexpr (std::is_void_v<Result>) {
    try {
      std::forward<Function>(function)();
    } catch (...) {
      failure = describe_current_exception();
    }
    throw_together(communicator, failure);
  } else {
    std::optional<Result> result;
    try {
      result.emplace(std::forward<Function>(function)());
    } catch (...) {
      failure = describe_current_exception();
    }
    throw_together(communicator, failure);
    return std::move(*result);
  }
}

/// Whether all ranks of the job threw this error together: then rank 0 prints it and every rank may end in order; any
/// other error is for abort_job. Independent.
bool agreed_by_world(const std::exception& error);

}  // namespace layersweep::comm
