// How ranks wait for each other's data, behind a communicator's gate; for this room's sources only.
#pragma once

#include <functional>
#include <string_view>

#include "comm/communicator.hpp"

namespace layersweep::comm {

class Requests;  // MPI requests in flight, comm/requests.hpp

/// How a rank waits: it always begins by yielding its processor between two looks.
enum class Polling {
  steady,       ///< for data that move only while we look
  with_sleeps,  ///< leaves the processor to ranks that compute
};

/// Waits until done() holds; false when the communicator's limit passes first. Polls its messages. Independent.
bool poll_until(const Communicator& ranks, const std::function<bool()>& done, Polling polling);

/// Waits for requests started after a gate; throws RankMissing when the limit passes. Independent.
void wait_for(const Communicator& ranks, Requests& requests, std::string_view purpose);

/// For a rank that leaves the others by a failure which the communicator has not thrown: they may still write to it.
/// Independent.
void abandon(const Communicator& ranks);

/// After a gate that all passed, when their data do not come: throws RankMissing that names the ranks that have come to a
/// stop since, or else blames the network. Every rank whose data do not come gets here by itself.
[[noreturn]] void give_up_on_data(const Communicator& ranks, std::string_view purpose);

}  // namespace layersweep::comm
