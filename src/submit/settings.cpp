#include "submit/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <sstream>

#include "base/error.hpp"
#include "config/ini.hpp"
#include "config/nearest.hpp"
#include "config/values.hpp"
#include "submit/duration.hpp"

namespace layersweep::submit {

using base::UsageError;

namespace {

enum class Repeat { last_holds, adds_up };

struct Row {
  std::string key;
  std::string value;
  std::string help;
  std::function<void(Settings&, std::string_view)> read;  // throws BadValue
  Repeat repeat = Repeat::last_holds;

  std::string option() const {
    std::string name = "--" + key;
    std::ranges::replace(name, '_', '-');
    return name;
  }
};

int read_number(std::string_view text, int least, int most) {
  return config::Value<int>::read(text, {.least = static_cast<double>(least), .most = static_cast<double>(most)});
}

std::string read_name(std::string_view text) {
  const auto good = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("_-.,").find(c) != std::string_view::npos;
  };
  if (text.empty() || text.front() == '-' || !std::ranges::all_of(text, good)) {
    throw config::BadValue{"a name of letters, digits and _ - . (several: with commas)"};
  }
  return std::string(text);
}

std::vector<std::string> read_words(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  if (words.empty()) throw config::BadValue{"words with blanks between them"};
  return words;
}

// Options that the script sets itself: a second, contradicting one would silently win.
constexpr std::array own_options{"account",         "array",     "chdir",      "cpus-per-task", "error",
                                 "gpus-per-node",   "job-name",  "no-requeue", "nodes",         "ntasks",
                                 "ntasks-per-node", "open-mode", "output",     "partition",     "requeue",
                                 "signal",          "time"};

std::string read_sbatch_option(std::string_view text) {
  if (!text.starts_with("--") || text.size() < 4) throw config::BadValue{"a long option of sbatch, as in --qos=long"};
  const std::string_view name = text.substr(2, text.find_first_of("= \t") - 2);
  for (const char* own : own_options) {
    if (name == own) throw config::BadValue{fmt::format("another option: submit itself writes --{}", name)};
  }
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
    throw config::BadValue{"one line"};
  }
  return std::string(text);
}

std::string read_line(std::string_view text) {
  if (text.empty() || std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; })) {
    throw config::BadValue{"one line of shell"};
  }
  return std::string(text);
}

const std::vector<Row>& table() {
  using std::string_view;
  static const std::vector<Row> rows{
      {"nodes", "N", "Nodes of the job", [](Settings& s, string_view t) { s.nodes = read_number(t, 1, 100'000); }},
      {"ranks_per_node", "M", "MPI ranks on each node",
       [](Settings& s, string_view t) { s.ranks_per_node = read_number(t, 1, 4096); }},
      {"time", "T", "Time limit as Slurm writes it: minutes, hours:minutes:seconds, days-hours, …",
       [](Settings& s, string_view t) { s.time = read_duration(t); }},
      {"threads_per_rank", "K", "Threads, and processors asked for, of each rank (run.threads, else 1)",
       [](Settings& s, string_view t) { s.threads_per_rank = read_number(t, 1, 4096); }},
      {"gpus_per_node", "G", "GPUs asked for on each node (0: none)",
       [](Settings& s, string_view t) { s.gpus_per_node = read_number(t, 0, 4096); }},
      {"partition", "NAME", "Partition, or several with commas (the cluster's default)",
       [](Settings& s, string_view t) { s.partition = read_name(t); }},
      {"account", "NAME", "Account that is charged (yours by default)",
       [](Settings& s, string_view t) { s.account = read_name(t); }},
      {"margin", "T",
       "Time before the limit at which the ranks are told to write a checkpoint and stop (a tenth, 1 to 10 minutes)",
       [](Settings& s, string_view t) { s.margin = read_duration(t); }},
      {"idle_requeues", "N", "Requeues in a row without a new checkpoint after which the job gives up (3)",
       [](Settings& s, string_view t) { s.idle_requeues = read_number(t, 1, 1000); }},
      {"modules", "\"A B\"", "Environment modules to load, in this order",
       [](Settings& s, string_view t) { s.modules = read_words(t); }},
      {"launcher", "\"WORDS\"", "What starts the ranks (srun --mpi=pmix)",
       [](Settings& s, string_view t) { s.launcher = read_words(t); }},
      {"sbatch", "--OPTION", "A further option for sbatch, as in --sbatch=--qos=long; they add up",
       [](Settings& s, string_view t) { s.sbatch.push_back(read_sbatch_option(t)); }, Repeat::adds_up},
      {"line", "\"SHELL\"",
       "A line of shell for the batch script, after the modules are loaded, as in \"source /opt/env.sh\"; they add up",
       [](Settings& s, string_view t) { s.lines.push_back(read_line(t)); }, Repeat::adds_up},
  };
  return rows;
}

void assign(Settings& settings, const Row& row, const std::string& place, const std::string& name,
            const std::string& value) {
  try {
    row.read(settings, value);
  } catch (const config::BadValue& bad) {
    throw UsageError(fmt::format("{}{} {}", place, name, value), "must be " + bad.allowed, row.help);
  }
}

void read_file(Settings& settings, std::string_view text, const std::string& origin) {
  std::vector<std::string> keys;
  for (const Row& row : table()) keys.push_back(row.key);
  std::map<std::string, int> line_of;
  for (const config::IniEntry& entry : config::read_ini(text, origin)) {
    const std::string place = fmt::format("{}, line {}: ", origin, entry.line);
    const auto row = std::ranges::find(table(), entry.key, &Row::key);
    if (row == table().end()) {
      const std::string guess = config::did_you_mean(entry.key, keys);
      throw UsageError(fmt::format("{}there is no setting \"{}\" of clusters", place, entry.key), {},
                       (guess.empty() ? "" : guess + " ") + "docs/slurm.md lists all");
    }
    const auto [earlier, first_time] = line_of.emplace(entry.key, entry.line);
    if (!first_time && row->repeat == Repeat::last_holds) {
      throw UsageError(fmt::format("{}{} is set a second time", place, entry.key),
                       fmt::format("line {} sets it already", earlier->second), "Keep one of them");
    }
    assign(settings, *row, place, entry.key + " =", entry.value);
  }
}

void check(const Settings& settings) {
  for (const auto& [given, name] : {std::pair{settings.nodes > 0, "--nodes N"},
                                    {settings.ranks_per_node > 0, "--ranks-per-node M"},
                                    {settings.time.count() > 0, "--time T"}}) {
    if (!given) {
      throw UsageError(fmt::format("submit needs {}", name), {},
                       "Give it on the command line or in the cluster's file; `layersweep submit --help` tells more");
    }
  }
  if (settings.margin && *settings.margin >= settings.time) {
    throw UsageError(fmt::format("the margin of {} leaves nothing of the time limit of {}", duration_text(*settings.margin),
                                 duration_text(settings.time)),
                     "the ranks would be told to stop before they start", "Ask for more time or a smaller --margin");
  }
}

}  // namespace

std::chrono::seconds margin_of(const Settings& settings) {
  using namespace std::chrono_literals;
  if (settings.margin) return *settings.margin;
  return std::min(std::clamp<std::chrono::seconds>(settings.time / 10, 60s, 600s), settings.time / 4);
}

std::vector<config::Argument> settings_arguments() {
  std::vector<config::Argument> arguments;
  for (const Row& row : table()) {
    arguments.push_back(
        {.name = row.option(),
         .value = row.value,
         .help = row.help,
         .count = row.repeat == Repeat::adds_up ? config::Argument::Count::repeated : config::Argument::Count::optional});
  }
  return arguments;
}

Settings read_settings(std::string_view file_text, const std::string& origin, const config::Arguments& arguments) {
  Settings settings;
  read_file(settings, file_text, origin);
  for (const Row& row : table()) {
    for (const std::string& value : arguments.all(row.option())) assign(settings, row, "", row.option(), value);
  }
  check(settings);
  return settings;
}

}  // namespace layersweep::submit
