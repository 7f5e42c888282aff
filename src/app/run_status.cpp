#include "app/run_status.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "base/hash.hpp"
#include "base/printable.hpp"
#include "config/ini.hpp"
#include "config/load.hpp"
#include "config/options.hpp"
#include "data/corpus.hpp"
#include "data/counting.hpp"
#include "plan/unit.hpp"
#include "plan/work.hpp"
#include "sweep/run_folder.hpp"
#include "sweep/unit_log.hpp"

namespace layersweep::app {

namespace fs = std::filesystem;
using std::chrono::seconds;

namespace {

void refuse_other_folders(const fs::path& folder) {
  if (fs::exists(sweep::RunFolder::description_of(folder))) return;
  throw base::InputError(fmt::format("{} is no run folder", folder.string()),
                         fs::is_directory(folder) ? "it holds no experiment.ini" : "there is no such folder",
                         "Give the folder that `layersweep run` names in its first line");
}

seconds age_of(const fs::path& path) {
  std::error_code vanished;
  const auto written = fs::last_write_time(path, vanished);
  if (vanished) return seconds(0);
  return std::max(seconds(0), std::chrono::duration_cast<seconds>(fs::file_time_type::clock::now() - written));
}

std::int64_t number_in(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// The step of a folder checkpoint-<step>.
std::optional<std::int64_t> step_of(const std::string& name) {
  constexpr std::string_view prefix = "checkpoint-";
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!name.starts_with(prefix) || name.size() == prefix.size()) return std::nullopt;
  if (!std::all_of(name.begin() + prefix.size(), name.end(), digit)) return std::nullopt;
  return number_in(std::string_view(name).substr(prefix.size()));
}

nlohmann::json object_in(const fs::path& file) {
  std::ifstream stream(file);
  nlohmann::json object = nlohmann::json::parse(stream, nullptr, false);
  if (!object.is_object()) object = nlohmann::json::object();
  return object;  // not a copy, which would be made by recursion
}

struct Checkpoint {
  std::int64_t step = 0;
  seconds age{0};
};

std::optional<Checkpoint> newest_checkpoint(const fs::path& folder) {
  std::optional<Checkpoint> newest;
  std::error_code unreadable;
  for (const auto& entry : fs::directory_iterator(folder, unreadable)) {
    const auto step = step_of(entry.path().filename().string());
    if (step && (!newest || newest->step < *step)) newest = Checkpoint{*step, age_of(entry.path())};
  }
  return newest;
}

// Training texts of a run, where its folder tells.
std::optional<std::int64_t> training_texts(const fs::path& folder, const config::Task& task) {
  std::optional<std::int64_t> texts;
  if (config::settings_of(task.name).data == config::TaskSettings::Data::generated) {
    texts = data::counting_size(terms::Split::train);
  } else {
    std::error_code unreadable;
    for (const auto& entry : fs::directory_iterator(folder / "tokens", unreadable)) {
      if (entry.path().filename().string().find("train") == std::string::npos) continue;
      if (texts) return std::nullopt;  // which of them counts cannot be told without the tokenizer
      texts = data::Corpus::open(entry.path()).size();
    }
  }
  if (texts && task.limit > 0) texts = std::min(*texts, task.limit);
  return texts;
}

std::optional<std::int64_t> steps_at_most(const fs::path& folder, const config::Experiment& experiment) {
  const auto texts = training_texts(folder, experiment.task);
  if (texts) return plan::planned_steps(experiment.probe, *texts);
  return experiment.probe.max_steps > 0 ? std::optional(experiment.probe.max_steps) : std::nullopt;
}

UnitStatus unit_status(const fs::path& folder, const std::string& name) {
  UnitStatus status;
  status.name = name;
  if (const auto checkpoint = newest_checkpoint(folder)) {
    status.phase = UnitStatus::Phase::training;
    status.step = checkpoint->step;
    status.age = checkpoint->age;
  }
  if (fs::exists(folder / "failed.json")) {
    status.phase = UnitStatus::Phase::failed;
    status.reason = object_in(folder / "failed.json").value("reason", "not known");
  }
  if (fs::exists(folder / "done.json")) status.phase = UnitStatus::Phase::done;
  if (const fs::path log = sweep::UnitLog::file_in(folder); fs::exists(log)) status.log = log;
  return status;
}

// Whether the kernel of this host knows a lock of that process on the file. Looking changes nothing, unlike taking it.
bool is_locked(const fs::path& lock, std::int64_t process) {
  struct stat about {};
  if (::stat(lock.c_str(), &about) != 0) return false;
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    std::istringstream words(line);
    std::string number, kind, advice, access, file;
    std::int64_t holder = 0;
    words >> number >> kind >> advice >> access >> holder >> file;
    if (kind == "FLOCK" && holder == process && file.ends_with(fmt::format(":{}", about.st_ino))) return true;
  }
  return false;
}

// The lock holds a line for people, and one that begins with "released" when the holder ended in order. A holder renews its
// record every ten seconds.
constexpr seconds renewed_within{30};

std::optional<Holder> holder_of(const fs::path& lock) {
  if (!fs::exists(lock)) return std::nullopt;
  std::istringstream lines(base::read_text_file(lock));
  std::string who, record;
  std::getline(lines, who);
  lines >> record;
  Holder holder{.text = who, .host = {}, .job = {}, .heard = age_of(lock)};
  std::smatch match;
  if (std::regex_search(who, match, std::regex("process ([0-9]+)"))) holder.process = number_in(match[1].str());
  if (std::regex_search(who, match, std::regex(" on ([^ ,]+)"))) holder.host = match[1];
  if (std::regex_search(who, match, std::regex("job ([0-9_]+)"))) holder.job = match[1];
  if (record == "released") return holder;
  if (holder.host == base::host_name()) {
    if (is_locked(lock, holder.process)) holder.life = Holder::Life::alive;
  } else {
    holder.life = holder.heard <= renewed_within ? Holder::Life::alive : Holder::Life::silent;
  }
  return holder;
}

std::optional<Requeues> requeues_of(const fs::path& counter) {
  if (!fs::exists(counter)) return std::nullopt;
  Requeues requeues;
  for (const config::IniEntry& entry : config::read_ini(base::read_text_file(counter), counter.string())) {
    if (entry.key == "job") requeues.job = entry.value;
    if (entry.key == "requeues") requeues.count = number_in(entry.value);
    if (entry.key == "idle") requeues.idle = number_in(entry.value);
  }
  return requeues;
}

std::string age_text(seconds age) {
  const std::int64_t count = age.count();
  if (count < 120) return fmt::format("{} s", count);
  if (count < 2 * 3600) return fmt::format("{} min", count / 60);
  if (count < 2 * 86400) return fmt::format("{} h", count / 3600);
  return fmt::format("{} days", count / 86400);
}

std::string_view name_of(UnitStatus::Phase phase) {
  switch (phase) {
    case UnitStatus::Phase::not_started:
      return "not started";
    case UnitStatus::Phase::training:
      return "training";
    case UnitStatus::Phase::done:
      return "done";
    case UnitStatus::Phase::failed:
      return "failed";
  }
  return "";
}

std::string_view name_of(Holder::Life life) {
  switch (life) {
    case Holder::Life::alive:
      return "alive";
    case Holder::Life::gone:
      return "gone";
    case Holder::Life::silent:
      return "silent";
  }
  return "";
}

std::vector<std::string> mode_names(const config::Experiment& experiment) {
  std::vector<std::string> names;
  for (const terms::Mode mode : experiment.probe.modes) names.emplace_back(terms::name_of(mode));
  return names;
}

std::string joined(const auto& values) { return fmt::format("{}", fmt::join(values, ", ")); }

std::string unit_line(const UnitStatus& unit, int width) {
  std::string line = fmt::format("  {:<{}}  {}", unit.name, width, name_of(unit.phase));
  if (unit.phase == UnitStatus::Phase::failed) line += ": " + base::printable(unit.reason);
  if (unit.phase == UnitStatus::Phase::training && unit.step) {
    line += fmt::format(": checkpoint of step {}", *unit.step);
    if (unit.steps_at_most) line += fmt::format(" of {}", *unit.steps_at_most);
    if (unit.age) line += fmt::format(", {} old", age_text(*unit.age));
  }
  // Of those that somebody may want to look into.
  if (unit.log && unit.phase != UnitStatus::Phase::done)
    line += fmt::format("; log: {}", base::printable(unit.log->string()));
  return line + "\n";
}

std::string holder_line(const Holder& holder) {
  const std::string who = base::printable(holder.text);
  switch (holder.life) {
    case Holder::Life::alive:
      return fmt::format("held by:  {}, which is alive\n", who);
    case Holder::Life::gone:
      return fmt::format("held by:  nobody; last by {}\n", who);
    case Holder::Life::silent:
      return fmt::format("held by:  {}, silent for {}: on its host it can be told whether it has ended\n", who,
                         age_text(holder.heard));
  }
  return "";
}

}  // namespace

RunStatus read_run_status(const fs::path& folder) {
  refuse_other_folders(folder);
  RunStatus status{.folder = folder,
                   .experiment = config::load(sweep::RunFolder::description_of(folder)),
                   .units = {},
                   .has_model = fs::exists(sweep::RunFolder::model_of(folder) / "model.safetensors"),
                   .model_step = {},
                   .has_results = fs::exists(sweep::RunFolder::results_of(folder)),
                   .holder = holder_of(folder / "lock"),
                   .requeues = requeues_of(folder / "requeues.ini")};
  if (const auto checkpoint = newest_checkpoint(folder / "model.training")) status.model_step = checkpoint->step;
  const auto at_most = steps_at_most(folder, status.experiment);
  for (const plan::Unit& unit : plan::units_of(status.experiment.probe)) {
    status.units.push_back(unit_status(sweep::RunFolder::unit_of(folder, unit), unit.name()));
    status.units.back().steps_at_most = at_most;
  }
  status.last_change = age_of(folder);
  std::error_code vanished;
  for (auto entry = fs::recursive_directory_iterator(folder, vanished); !vanished && entry != fs::end(entry);
       entry.increment(vanished)) {
    status.last_change = std::min(status.last_change, age_of(entry->path()));
  }
  return status;
}

std::string progress_word(const fs::path& folder) {
  refuse_other_folders(folder);
  // Names tell enough: what is durable is written under a marked name and renamed when complete.
  std::vector<std::string> names;
  for (const auto& part : {"tokens", "model.training", "model", "statistics", "units", "explain"}) {
    std::error_code vanished;
    for (auto entry = fs::recursive_directory_iterator(folder / part, vanished); !vanished && entry != fs::end(entry);
         entry.increment(vanished)) {
      const std::string name = entry->path().lexically_relative(folder).string();
      // Half written, or found damaged: the run never reads those.
      const auto marked = [&](const char* mark) { return name.find(mark) != std::string::npos; };
      // A log, and the folder made for it, is there before anything is safe.
      if (!entry->is_regular_file(vanished) || entry->path().filename() == sweep::UnitLog::file_in("")) continue;
      if (!marked(".part") && !marked(".tmp") && !marked(".damaged")) names.push_back(name);
    }
  }
  if (fs::exists(sweep::RunFolder::results_of(folder))) names.emplace_back("results.h5");
  std::ranges::sort(names);
  std::string list;
  for (const std::string& name : names) list += name + '\n';
  return base::sha256_of_text(list).substr(0, 16);
}

std::string status_text(const RunStatus& status) {
  const config::Experiment& experiment = status.experiment;
  std::string text = fmt::format("run:      {}\n", base::printable(status.folder.string()));
  text += fmt::format("task:     {}", terms::name_of(experiment.task.name));
  if (!experiment.encoder.folder.empty())
    text += fmt::format(", encoder {}", base::printable(experiment.encoder.folder.string()));
  text += fmt::format("\nprobes:   modes {}; seeds {}\n", joined(mode_names(experiment)), joined(experiment.probe.seeds));
  if (experiment.finetune.epochs > 0) {
    const std::string model = status.has_model    ? "there"
                              : status.model_step ? fmt::format("training: checkpoint of step {}", *status.model_step)
                                                  : "not yet";
    text += fmt::format("model:    {}\n", model);
  }

  std::size_t width = 0, done = 0;
  for (const UnitStatus& unit : status.units) {
    width = std::max(width, unit.name.size());
    done += unit.phase == UnitStatus::Phase::done ? 1 : 0;
  }
  text += fmt::format("units:    {} of {} done\n", done, status.units.size());
  for (const UnitStatus& unit : status.units) text += unit_line(unit, static_cast<int>(width));
  text += fmt::format("results:  {}\n", status.has_results ? "results.h5" : "not yet");

  if (status.holder) text += holder_line(*status.holder);
  if (status.requeues) {
    text += fmt::format("requeues: {} of job {}", status.requeues->count, base::printable(status.requeues->job));
    if (status.requeues->idle > 0) text += fmt::format(", the last {} without progress", status.requeues->idle);
    text += "\n";
  }
  return text + fmt::format("changed:  {} ago\n", age_text(status.last_change));
}

std::string status_json(const RunStatus& status) {
  nlohmann::ordered_json object{{"run", status.folder.string()},
                                {"task", terms::name_of(status.experiment.task.name)},
                                {"encoder", status.experiment.encoder.folder.string()},
                                {"modes", mode_names(status.experiment)},
                                {"seeds", status.experiment.probe.seeds},
                                {"units", nlohmann::json::array()},
                                {"model", status.has_model},
                                {"results", status.has_results}};
  if (status.model_step) object["model_step"] = *status.model_step;
  for (const UnitStatus& unit : status.units) {
    nlohmann::ordered_json one{{"name", unit.name}, {"state", name_of(unit.phase)}};
    if (unit.step) one["step"] = *unit.step;
    if (unit.steps_at_most) one["steps_at_most"] = *unit.steps_at_most;
    if (unit.age) one["checkpoint_age_s"] = unit.age->count();
    if (!unit.reason.empty()) one["reason"] = unit.reason;
    if (unit.log) one["log"] = unit.log->string();
    object["units"].push_back(one);
  }
  if (status.holder) {
    object["lock"] = {{"holder", status.holder->text},           {"host", status.holder->host},
                      {"process", status.holder->process},       {"job", status.holder->job},
                      {"heard_s", status.holder->heard.count()}, {"state", name_of(status.holder->life)}};
  }
  if (status.requeues) {
    object["requeues"] = {{"job", status.requeues->job}, {"count", status.requeues->count}, {"idle", status.requeues->idle}};
  }
  object["last_change_s"] = status.last_change.count();
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace layersweep::app
