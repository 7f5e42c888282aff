#include "sweep/unit_teams.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <thread>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/printable.hpp"
#include "comm/mailbox.hpp"
#include "plan/dispatcher.hpp"
#include "sweep/device_memory.hpp"
#include "sweep/stop_and_checkpoint_clock.hpp"

namespace layersweep::sweep {
namespace {

// Subjects of messages.
constexpr comm::Subject asking = 1;    // a team's first rank to rank 0: how the last unit ended; give me another
constexpr comm::Subject given = 2;     // the answer: its number, or nothing
constexpr comm::Subject reported = 3;  // to rank 0: unit, space, text
constexpr comm::Subject stop = 4;      // from rank 0: another team was asked to stop
constexpr comm::Subject notice = 5;    // to the other members of a team: the unit failed here, and why
constexpr comm::Subject over = 6;      // from rank 0 to all: the round has ended, and how

// Others may take days. Ranks that hang are named by their own team's deadline, which ends the job.
constexpr double without_end_s = 60 * 24 * 3600.0;

constexpr std::string_view nothing = "-";

// How a unit ended for a team, as a message: a letter and a reason.
struct Ending {
  enum class Kind : char { none = 'n', done = 'd', failed = 'f', stopped = 's' };
  Kind kind = Kind::none;
  std::string reason;

  std::string text() const { return static_cast<char>(kind) + reason; }
  static Ending of(std::string_view text) { return {static_cast<Kind>(text.at(0)), std::string(text.substr(1))}; }
};

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
  // `left` are the numbers of the units to train.
  Round(const comm::Communicator& world, std::vector<std::size_t> left, plan::TeamSizes allowed,
        const plan::UnitSeconds& seconds, const UnitWork& work)
      : world_(world),
        mail_(world),
        left_(std::move(left)),
        work_(work),
        seconds_([this, seconds](std::size_t u, int ranks) { return seconds(left_[u], ranks); }) {
    // Rank 0 decides: the last bit of an expected time may differ between processors.
    std::string text;
    if (world.rank() == 0) {
      for (const int ranks : plan::choose_teams(left_.size(), world.size(), allowed, seconds_)) {
        text += fmt::format("{} ", ranks);
      }
    }
    text = world.broadcast_text(text, 0);
    for (std::size_t at = 0; at < text.size(); at = text.find(' ', at) + 1) sizes_.push_back(std::stoi(text.substr(at)));
    int first = 0;
    for (const int ranks : sizes_) {
      first_rank_.push_back(first);
      first += ranks;
    }
    for (std::size_t t = 0; t < sizes_.size(); ++t) {
      if (world.rank() >= first_rank_[t] && world.rank() < first_rank_[t] + sizes_[t]) my_team_ = t;
    }
    team_ = world.split(static_cast<int>(my_team_.value_or(sizes_.size())), world.rank());
    if (world.rank() == 0) {
      dispatcher_.emplace(sizes_, left_.size(), seconds_);
      home_.assign(sizes_.size(), false);
      running_.assign(sizes_.size(), std::nullopt);
      ends_.assign(left_.size(), std::nullopt);
    }
  }

  // What became of each of `left`; nothing for those that nobody was free for.
  std::vector<std::optional<UnitEnd>> run() {
    if (my_team_) work();
    return finish();
  }

 private:
  bool leads() const { return team_.rank() == 0; }

  // The team's life: one unit after the other.
  void work() {
    Ending last;
    for (;;) {
      const std::optional<std::size_t> unit = next_unit(last);
      if (!unit) return;
      last = train(*unit);
      const bool broken = last.kind == Ending::Kind::failed && team_.size() > 1;
      if (!broken && last.kind != Ending::Kind::stopped) continue;
      // No collective call any more: every member knows by itself that this was the last unit.
      if (leads()) tell_end(last);
      if (broken) static_cast<void>(new comm::Communicator(team_));  // members may still be bound to it
      return;
    }
  }

  std::optional<std::size_t> next_unit(const Ending& last) {
    std::string answer;
    if (leads()) {
      if (world_.rank() == 0) {
        answer = answer_to(*my_team_, last);
      } else {
        mail_.send(0, asking, last.text());
        answer = mail_.receive(given, without_end_s, "a unit", 0).text;
      }
    }
    answer = team_.broadcast_text(answer, 0);
    if (answer == nothing) return std::nullopt;
    return std::stoull(answer);
  }

  // The team will not ask again.
  void tell_end(const Ending& last) {
    if (world_.rank() == 0) {
      note_end(*my_team_, last);
      send_home(*my_team_);
    } else {
      mail_.send(0, asking, last.text());
      mail_.receive(given, without_end_s, "an answer", 0);
    }
  }

  Ending train(std::size_t unit) {
    const auto report = [&](std::string_view text) {
      if (!leads()) return;
      if (world_.rank() == 0) {
        work_.on_report(left_[unit], text);
      } else {
        mail_.send(0, reported, fmt::format("{} {}", unit, text));
      }
    };
    const auto attend = [&] {
      if (const auto told = mail_.poll(notice)) throw MateFailed(told->text);
      if (world_.rank() == 0) {
        serve();
      } else if (leads() && mail_.poll(stop, 0)) {
        // As if this rank had been asked itself: its team then stops together, after a checkpoint.
        std::raise(SIGTERM);
      }
    };
    const auto fail = [&](const std::string& why) {
      const std::string reason = fmt::format("{} [rank {} on {}]", first_lines(why), world_.rank(), base::host_name());
      for (int member = 0; member < team_.size(); ++member) {
        const int rank = first_rank_[*my_team_] + member;
        if (rank != world_.rank()) mail_.send(rank, notice, reason);
      }
      return Ending{Ending::Kind::failed, reason};
    };
    try {
      work_.train(team_, left_[unit], {report, attend});
      return {Ending::Kind::done, {}};
    } catch (const MateFailed& failure) {
      return {Ending::Kind::failed, failure.what()};
    } catch (const Stopped& stopped) {
      return {Ending::Kind::stopped, stopped.what()};
    } catch (const OutOfDeviceMemory& error) {
      return fail(error.what());
    } catch (const base::InputError&) {
      // Where a rank waits without attending, it finds out when the one that failed stays away.
      if (const auto told = mail_.poll(notice)) return {Ending::Kind::failed, told->text};
      throw;
    } catch (const std::bad_alloc&) {
      return fail("memory ran out: ask for more, use fewer ranks per node, or lower run.token_budget");
    } catch (const std::exception& error) {
      return fail(error.what());
    }
  }

  // --- rank 0
  double now_s() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

  std::size_t team_of(int rank) const {
    const auto after = std::ranges::upper_bound(first_rank_, rank);
    return static_cast<std::size_t>(after - first_rank_.begin()) - 1;
  }

  void serve() {
    while (const auto report = mail_.poll(reported)) {
      const std::size_t space = report->text.find(' ');
      work_.on_report(left_[std::stoull(report->text.substr(0, space))], std::string_view(report->text).substr(space + 1));
    }
    while (const auto question = mail_.poll(asking)) {
      mail_.send(question->from, given, answer_to(team_of(question->from), Ending::of(question->text)));
    }
  }

  void note_end(std::size_t team, const Ending& last) {
    const std::optional<std::size_t> unit = running_[team];
    if (!unit) return;
    running_[team].reset();
    if (last.kind == Ending::Kind::done) ends_[*unit] = UnitEnd{UnitEnd::State::done, {}};
    if (last.kind == Ending::Kind::failed) {
      ends_[*unit] = UnitEnd{UnitEnd::State::failed, last.reason};
      work_.on_failure(left_[*unit], last.reason);
    }
    if (last.kind == Ending::Kind::stopped && stop_reason_.empty()) {
      stop_reason_ = last.reason;
      for (std::size_t other = 1; other < sizes_.size(); ++other) {
        if (other != team && !home_[other]) mail_.send(first_rank_[other], stop, "");
      }
      if (team != 0 && !home_[0]) std::raise(SIGTERM);
    }
  }

  void send_home(std::size_t team) {
    if (home_[team]) return;
    home_[team] = true;
    dispatcher_->leave(team);
  }

  std::string answer_to(std::size_t team, const Ending& last) {
    note_end(team, last);
    const bool broken = last.kind == Ending::Kind::failed && sizes_[team] > 1;
    std::optional<std::size_t> unit;
    if (!broken && stop_reason_.empty()) unit = dispatcher_->next(team, now_s());
    if (!unit) {
      send_home(team);
      return std::string(nothing);
    }
    running_[team] = unit;
    work_.on_start(left_[*unit], first_rank_[team], sizes_[team]);
    return std::to_string(*unit);
  }

  // --- all ranks: until every team is at home
  std::vector<std::optional<UnitEnd>> finish() {
    std::string text;
    if (world_.rank() == 0) {
      while (std::ranges::find(home_, false) != home_.end()) {
        serve();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      serve();  // reports that crossed with the last question
      for (const auto& end : ends_) {
        std::string reason = end ? end->reason : "";
        std::ranges::replace(reason, '\n', ' ');
        text += (!end ? 'l' : end->state == UnitEnd::State::done ? 'd' : 'f') + reason + "\n";
      }
      text = stop_reason_ + "\n" + text;
      for (int rank = 1; rank < world_.size(); ++rank) mail_.send(rank, over, text);
    } else {
      text = mail_.receive(over, without_end_s, "the end of the units", 0).text;
    }
    const std::size_t first_line = text.find('\n');
    if (first_line > 0) throw Stopped(text.substr(0, first_line));
    std::vector<std::optional<UnitEnd>> ends;
    for (std::size_t at = first_line + 1; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      if (text[at] == 'l') ends.emplace_back();
      if (text[at] == 'd') ends.push_back(UnitEnd{UnitEnd::State::done, {}});
      if (text[at] == 'f') ends.push_back(UnitEnd{UnitEnd::State::failed, text.substr(at + 1, end - at - 1)});
      at = end + 1;
    }
    return ends;
  }

  comm::Communicator world_;
  comm::Mailbox mail_;
  std::vector<std::size_t> left_;
  const UnitWork& work_;
  plan::UnitSeconds seconds_;
  std::vector<int> sizes_, first_rank_;
  std::optional<std::size_t> my_team_;  // none: a rank that would not help
  comm::Communicator team_;

  // On rank 0.
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::optional<plan::Dispatcher> dispatcher_;
  std::vector<bool> home_;
  std::vector<std::optional<std::size_t>> running_;
  std::vector<std::optional<UnitEnd>> ends_;
  std::string stop_reason_;
};

}  // namespace

std::vector<UnitEnd> train_on_teams(const comm::Communicator& world, std::size_t units, plan::TeamSizes sizes,
                                    const plan::UnitSeconds& seconds, const UnitWork& work) {
  std::vector<std::optional<UnitEnd>> ends(units);
  for (;;) {
    std::vector<std::size_t> left;
    for (std::size_t unit = 0; unit < units; ++unit) {
      if (!ends[unit]) left.push_back(unit);
    }
    if (left.empty()) break;
    const auto now = Round(world, left, sizes, seconds, work).run();
    for (std::size_t i = 0; i < left.size(); ++i) ends[left[i]] = now[i];
  }
  std::vector<UnitEnd> result;
  for (auto& end : ends) result.push_back(std::move(*end));
  return result;
}

}  // namespace layersweep::sweep
