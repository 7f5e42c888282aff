#include "sweep/run_status.hpp"

#include <fmt/format.h>
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
#include "config/ini.hpp"
#include "config/load.hpp"
#include "config/options.hpp"
#include "data/corpus.hpp"
#include "data/counting.hpp"
#include "plan/unit.hpp"
#include "plan/work.hpp"
#include "sweep/checkpoint_folder.hpp"
#include "sweep/run_folder.hpp"
#include "sweep/unit_log.hpp"

namespace layersweep::sweep {

namespace fs = std::filesystem;
using std::chrono::seconds;

namespace {

void refuse_other_folders(const fs::path& folder) {
  if (fs::exists(RunFolder::description_of(folder))) return;
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

nlohmann::json object_in(const fs::path& file) {
  std::ifstream stream(file);
  nlohmann::json object = nlohmann::json::parse(stream, nullptr, false);
  if (!object.is_object()) object = nlohmann::json::object();
  return object;  // by move: a copy recurses as deep as the file nests
}

struct Checkpoint {
  std::int64_t step = 0;
  seconds age{0};
};

std::optional<Checkpoint> newest_checkpoint(const fs::path& folder) {
  std::optional<Checkpoint> newest;
  std::error_code unreadable;
  for (const auto& entry : fs::directory_iterator(folder, unreadable)) {
    const auto step = checkpoint_step(entry.path());
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
  if (const fs::path log = UnitLog::file_in(folder); fs::exists(log)) status.log = log;
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

}  // namespace

RunStatus read_run_status(const fs::path& folder) {
  refuse_other_folders(folder);
  RunStatus status{.folder = folder,
                   .experiment = config::load(RunFolder::description_of(folder)),
                   .units = {},
                   .has_model = fs::exists(RunFolder::model_of(folder) / "model.safetensors"),
                   .model_step = {},
                   .has_results = fs::exists(RunFolder::results_of(folder)),
                   .holder = holder_of(folder / "lock"),
                   .requeues = requeues_of(folder / "requeues.ini")};
  if (const auto checkpoint = newest_checkpoint(folder / "model.training")) status.model_step = checkpoint->step;
  const auto at_most = steps_at_most(folder, status.experiment);
  for (const plan::Unit& unit : plan::units_of(status.experiment.probe)) {
    status.units.push_back(unit_status(RunFolder::unit_of(folder, unit), unit.name()));
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
      if (!entry->is_regular_file(vanished) || entry->path().filename() == UnitLog::file_in("")) continue;
      if (!marked(".part") && !marked(".tmp") && !marked(".damaged")) names.push_back(name);
    }
  }
  if (fs::exists(RunFolder::results_of(folder))) names.emplace_back("results.h5");
  std::ranges::sort(names);
  std::string list;
  for (const std::string& name : names) list += name + '\n';
  return base::sha256_of_text(list).substr(0, 16);
}

}  // namespace layersweep::sweep
