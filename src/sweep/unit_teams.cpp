#include "sweep/unit_teams.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <thread>

#include "base/clock.hpp"
#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/printable.hpp"
#include "base/stop_request.hpp"
#include "comm/keep.hpp"
#include "comm/mailbox.hpp"
#include "plan/dispatcher.hpp"
#include "sweep/device_memory.hpp"
#include "sweep/stop_and_checkpoint_clock.hpp"

namespace layersweep::sweep {

NLOHMANN_JSON_SERIALIZE_ENUM(UnitOutcome::State, {{UnitOutcome::State::done, "done"},
                                                  {UnitOutcome::State::failed, "failed"},
                                                  {UnitOutcome::State::stopped, "stopped"}})

namespace {

using Json = nlohmann::json;
using State = UnitOutcome::State;

constexpr comm::MessageTag request_tag = 1;  // a team's first rank to rank 0: how its last unit ended; it is free
constexpr comm::MessageTag reply_tag = 2;    // rank 0 to the team: the number of its next unit; null when there is none
constexpr comm::MessageTag report_tag = 3;   // a team's first rank to rank 0
constexpr comm::MessageTag stop_tag = 4;     // rank 0 to first ranks: another team was asked to stop
constexpr comm::MessageTag failure_tag = 5;  // to the other members of a team: why the unit failed here
constexpr comm::MessageTag end_tag = 6;      // rank 0 to all: the round is over, and what came of it

Json json_of(const std::optional<UnitOutcome>& outcome) {
  if (!outcome) return nullptr;
  return {{"state", outcome->state}, {"reason", outcome->reason}};
}

std::optional<UnitOutcome> outcome_of(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return UnitOutcome{json.at("state").get<State>(), json.at("reason").get<std::string>()};
}

// Another rank of the team has failed, and this is why.
class MateFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// LibTorch appends a stack of addresses. The reason goes to failed.json too.
std::string first_lines(const std::string& message) {
  return base::printable_lines(message.substr(0, std::min(message.find("\nException raised from"), std::size_t{2000})));
}

// One division of the ranks into teams.
class Round {
 public:
  // `units` are the numbers of those to train.
  Round(const comm::Communicator& world, std::vector<std::size_t> units, plan::TeamSizes allowed,
        const plan::UnitSeconds& seconds, const UnitCallbacks& callbacks)
      : world_(world),
        mail_(world),
        remaining_units_(std::move(units)),
        callbacks_(callbacks),
        seconds_([this, seconds](std::size_t u, int ranks) { return seconds(remaining_units_[u], ranks); }) {
    // Rank 0 decides: the last bit of an expected time may differ between processors.
    Json sizes;
    if (is_rank_0()) sizes = plan::choose_teams(remaining_units_.size(), world.size(), allowed, seconds_);
    Json::parse(world.broadcast_text(sizes.dump(), 0)).get_to(sizes_);
    int first = 0;
    for (std::size_t t = 0; t < sizes_.size(); ++t) {
      if (world.rank() >= first && world.rank() < first + sizes_[t]) my_team_ = t;
      first_rank_.push_back(first);
      first += sizes_[t];
    }
    team_ = world.split(static_cast<int>(my_team_.value_or(sizes_.size())), world.rank());
    if (is_rank_0()) {
      dispatcher_.emplace(sizes_, remaining_units_.size(), seconds_);
      finished_.assign(sizes_.size(), false);
      running_.assign(sizes_.size(), std::nullopt);
      outcomes_.assign(remaining_units_.size(), std::nullopt);
    }
  }

  // What became of each of the units; nothing for those that nobody was free for.
  std::vector<std::optional<UnitOutcome>> run() {
    if (my_team_) work();
    return finish();
  }

 private:
  bool is_rank_0() const { return world_.rank() == 0; }
  bool leads_team() const { return team_.rank() == 0; }

  void send(int to, comm::MessageTag tag, const Json& content) {
    mail_.send(to, tag, content.dump(-1, ' ', false, Json::error_handler_t::replace));
  }

  // The team's life: one unit after the other.
  void work() {
    std::optional<UnitOutcome> last;
    while (const std::optional<std::size_t> unit = next_unit(last)) {
      last = train(*unit);
      const bool broken = is_broken(*last, team_.size());
      if (!broken && last->state != State::stopped) continue;
      // No collective call any more: every member knows by itself that this was the last unit.
      if (is_rank_0()) {
        reply_to(*my_team_, last);
      } else if (leads_team()) {
        send(0, request_tag, json_of(last));
      }
      if (broken) comm::keep_for_late_ranks(team_);  // members may still be bound to it
      return;
    }
  }

  static bool is_broken(const UnitOutcome& last, int ranks) { return last.state == State::failed && ranks > 1; }

  std::optional<std::size_t> next_unit(const std::optional<UnitOutcome>& last) {
    if (is_rank_0()) return reply_to(*my_team_, last);
    if (leads_team()) send(0, request_tag, json_of(last));
    const Json unit = Json::parse(mail_.receive(reply_tag, 0, "a unit").text);
    if (unit.is_null()) return std::nullopt;
    return unit.get<std::size_t>();
  }

  UnitOutcome train(std::size_t unit) {
    const TeamHooks hooks{.report =
                              [&](const Json& report) {
                                if (is_rank_0()) {
                                  callbacks_.on_report(remaining_units_[unit], report);
                                } else if (leads_team()) {
                                  send(0, report_tag, {{"unit", unit}, {"report", report}});
                                }
                              },
                          .poll_messages =
                              [&] {
                                if (const auto failure = mail_.poll(failure_tag)) throw MateFailed(failure->text);
                                sign_regularly();
                                if (is_rank_0()) {
                                  serve();
                                } else if (leads_team() && mail_.poll(stop_tag, 0)) {
                                  // As if this rank had been asked itself: its team then stops together, after a checkpoint.
                                  base::request_stop();
                                }
                              },
                          .announce_silence = [&](double seconds) { give_sign_of_life(seconds); }};
    const auto fail = [&](const std::string& why) {
      const std::string reason = fmt::format("{} [rank {} on {}]", first_lines(why), world_.rank(), base::host_name());
      for (int member = 0; member < team_.size(); ++member) {
        const int rank = first_rank_[*my_team_] + member;
        if (rank != world_.rank()) mail_.send(rank, failure_tag, reason);
      }
      return UnitOutcome{State::failed, reason};
    };
    try {
      callbacks_.train(team_, remaining_units_[unit], hooks);
      return {State::done, {}};
    } catch (const MateFailed& failure) {
      return {State::failed, failure.what()};
    } catch (const Stopped& stopped) {
      return {State::stopped, stopped.what()};
    } catch (const OutOfDeviceMemory& error) {
      return fail(error.what());
    } catch (const base::InputError&) {
      // Where a rank waits without polling, it finds out when the one that failed stays away.
      if (const auto failure = mail_.poll(failure_tag)) return {State::failed, failure->text};
      throw;
    } catch (const std::bad_alloc&) {
      return fail("memory ran out: ask for more, use fewer ranks per node, or lower run.token_budget");
    } catch (const std::exception& error) {
      return fail(error.what());
    }
  }

  // Rank 0 to all others, who wait for it between their units; first ranks of teams to rank 0.
  void give_sign_of_life(double silence_s) {
    sign_given_ = base::Clock::now();
    silence_s_ = silence_s;
    if (is_rank_0()) {
      for (int rank = 1; rank < world_.size(); ++rank) mail_.give_sign_of_life(rank, silence_s);
    } else if (leads_team()) {
      mail_.give_sign_of_life(0, silence_s);
    }
  }
  // A long silence that was announced is over when this is called, so that the others expect signs again.
  void sign_regularly() {
    const double limit_s = world_.limit_s();
    if (silence_s_ > limit_s || base::seconds_since(sign_given_) > limit_s / 4) give_sign_of_life(limit_s);
  }

  // --- rank 0
  std::size_t team_of(int rank) const {
    return static_cast<std::size_t>(std::ranges::upper_bound(first_rank_, rank) - first_rank_.begin()) - 1;
  }

  void take_reports() {
    while (const auto message = mail_.poll(report_tag)) {
      const Json content = Json::parse(message->text);
      callbacks_.on_report(remaining_units_[content.at("unit").get<std::size_t>()], content.at("report"));
    }
  }

  void serve() {
    take_reports();
    while (const auto message = mail_.poll(request_tag)) {
      take_reports();  // what the team sent before its request
      reply_to(team_of(message->from), outcome_of(Json::parse(message->text)));
    }
    for (std::size_t team = 1; team < sizes_.size(); ++team) {
      if (!finished_[team]) mail_.check_life(first_rank_[team], "a sign of life");
    }
  }

  void note_outcome(std::size_t team, const UnitOutcome& outcome) {
    const std::optional<std::size_t> unit = std::exchange(running_[team], std::nullopt);
    if (!unit) return;
    if (outcome.state != State::stopped) outcomes_[*unit] = outcome;
    if (outcome.state == State::failed) callbacks_.on_failure(remaining_units_[*unit], outcome.reason);
    if (outcome.state == State::stopped && stop_reason_.empty()) {
      stop_reason_ = outcome.reason;
      for (std::size_t other = 1; other < sizes_.size(); ++other) {
        if (other != team && !finished_[other]) send(first_rank_[other], stop_tag, nullptr);
      }
      if (team != 0 && !finished_[0]) base::request_stop();
    }
  }

  // Notes how the team's last unit ended and tells it the next one.
  std::optional<std::size_t> reply_to(std::size_t team, const std::optional<UnitOutcome>& last) {
    if (last) note_outcome(team, *last);
    const bool broken = last && is_broken(*last, sizes_[team]);
    std::optional<std::size_t> unit;
    if (!broken && stop_reason_.empty()) unit = dispatcher_->next(team, base::seconds_since(start_));
    for (int rank = first_rank_[team]; rank < first_rank_[team] + sizes_[team]; ++rank) {
      if (rank != 0) send(rank, reply_tag, unit ? Json(*unit) : Json());
    }
    if (unit) {
      running_[team] = unit;
      callbacks_.on_start(remaining_units_[*unit], first_rank_[team], sizes_[team]);
    } else {
      finished_[team] = true;
      dispatcher_->leave(team);
    }
    return unit;
  }

  // --- all ranks: until every team has finished
  std::vector<std::optional<UnitOutcome>> finish() {
    Json end;
    if (is_rank_0()) {
      for (;;) {
        serve();
        if (std::ranges::find(finished_, false) == finished_.end()) break;
        sign_regularly();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      end = {{"stopped", stop_reason_}, {"outcomes", Json::array()}};
      for (const auto& outcome : outcomes_) end["outcomes"].push_back(json_of(outcome));
      for (int rank = 1; rank < world_.size(); ++rank) send(rank, end_tag, end);
    } else {
      end = Json::parse(mail_.receive(end_tag, 0, "the end of the units").text);
    }
    if (const auto reason = end.at("stopped").get<std::string>(); !reason.empty()) throw Stopped(reason);
    std::vector<std::optional<UnitOutcome>> outcomes;
    for (const Json& outcome : end.at("outcomes")) outcomes.push_back(outcome_of(outcome));
    return outcomes;
  }

  comm::Communicator world_;
  comm::Mailbox mail_;
  std::vector<std::size_t> remaining_units_;
  const UnitCallbacks& callbacks_;
  plan::UnitSeconds seconds_;
  std::vector<int> sizes_, first_rank_;
  std::optional<std::size_t> my_team_;  // none: a rank that would not help
  comm::Communicator team_;
  base::Clock::time_point sign_given_ = base::Clock::now();
  double silence_s_ = 0;  // announced by the last sign

  // On rank 0.
  base::Clock::time_point start_ = base::Clock::now();
  std::optional<plan::Dispatcher> dispatcher_;
  std::vector<bool> finished_;
  std::vector<std::optional<std::size_t>> running_;
  std::vector<std::optional<UnitOutcome>> outcomes_;
  std::string stop_reason_;
};

}  // namespace

std::vector<UnitOutcome> train_on_teams(const comm::Communicator& world, std::size_t units, plan::TeamSizes sizes,
                                        const plan::UnitSeconds& seconds, const UnitCallbacks& callbacks) {
  std::vector<std::optional<UnitOutcome>> all(units);
  for (;;) {
    std::vector<std::size_t> remaining;
    for (std::size_t unit = 0; unit < units; ++unit) {
      if (!all[unit]) remaining.push_back(unit);
    }
    if (remaining.empty()) break;
    const auto outcomes = Round(world, remaining, sizes, seconds, callbacks).run();
    for (std::size_t i = 0; i < remaining.size(); ++i) all[remaining[i]] = outcomes[i];
  }
  std::vector<UnitOutcome> result;
  for (auto& outcome : all) result.push_back(std::move(*outcome));
  return result;
}

}  // namespace layersweep::sweep
