// Units over teams: the ranks are divided, teams take units one after the other, and what happens to one unit does not keep
// the others from being trained.
#pragma once

#include <cstddef>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "plan/schedule.hpp"

namespace layersweep::sweep {

/// What became of a unit.
struct UnitOutcome {
  enum class State { done, failed, stopped };
  State state = State::done;
  std::string reason;  ///< why it failed or was stopped
};

/// How the training of a unit stays in touch with the other ranks.
struct TeamHooks {
  /// Every few steps, on any rank: the first one's goes to UnitCallbacks::on_report.
  std::function<void(const nlohmann::json& report)> report;
  /// As often as can be, between pieces of work and while waiting, on every rank: rank 0 answers the other teams, orders to
  /// stop arrive, and a rank learns of the failure of another of its team: then it throws.
  std::function<void()> poll_messages;
  /// Before a piece of work after which it may poll later than within the limit.
  std::function<void(double seconds)> announce_silence;
};

/// What the training of units consists of.
struct UnitCallbacks {
  /// Trains and saves unit `unit`. Collective over `team`. Stopped ends the job in order on all ranks. base::InputError is a
  /// matter of the whole job and ends it; any other exception, such as memory that ran out (OutOfDeviceMemory too), fails
  /// this unit only, on whatever rank it is thrown.
  std::function<void(const comm::Communicator& team, std::size_t unit, const TeamHooks& hooks)> train;
  /// On rank 0, when a team takes the unit: world ranks first … first + ranks − 1.
  std::function<void(std::size_t unit, int first, int ranks)> on_start;
  /// On rank 0, for a report of whichever team.
  std::function<void(std::size_t unit, const nlohmann::json& report)> on_report;
  /// On rank 0, at once when a unit has failed.
  std::function<void(std::size_t unit, const std::string& reason)> on_failure;
};

/// Trains units 0 … `units` − 1, each once; gives what became of them, done or failed, on every rank. `seconds` are expected
/// times in whatever unit, `sizes` those of teams of use. Teams take the longest unit first, whenever they are free, by
/// messages to rank 0, which answers whenever the training of its own unit polls. A team of several ranks in which a unit
/// failed is of no further use, since its members may hang in different places; when the others are done, the ranks are
/// divided anew for what is left. Others may train for days: rank 0 waits for the first rank of a team, and all others for
/// rank 0, as long as it gives signs of life within the limit of `world`. Collective over `world`; throws Stopped on all
/// ranks when any team stopped, InputError naming a rank that gives no sign of life.
std::vector<UnitOutcome> train_on_teams(const comm::Communicator& world, std::size_t units, plan::TeamSizes sizes,
                                        const plan::UnitSeconds& seconds, const UnitCallbacks& callbacks);

}  // namespace layersweep::sweep
