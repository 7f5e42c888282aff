// The option table: every setting of an experiment, once. The parser, the resolved listing, `--help`, docs/settings.md and
// the identity of a run are all read from it; the defaults are those of the structs in experiment.hpp.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/experiment.hpp"

namespace layersweep::config {

/// Whether a run may be resumed when the setting changed: only what says where it lies, how it logs and on how many
/// threads it computes is free. A path to a model counts by the files it leads to, wherever they lie (sweep/identity.hpp).
enum class Identity { counts, by_files, free };

struct Option {
  std::string key;           ///< "probe.epsilon"
  std::string type;          ///< "number", "list of input or hidden", …
  std::string range;         ///< "above 0"; empty where the type says it all
  std::string unit;          ///< "steps"; empty where there is none
  std::string default_text;  ///< what holds when nothing is set, for people
  std::string help;          ///< one line
  Identity identity = Identity::counts;
  std::function<void(Experiment&, std::string_view)> read;  ///< throws BadValue (values.hpp)
  std::function<std::string(const Experiment&)> write;

  std::string_view section() const { return std::string_view(key).substr(0, key.find('.')); }
  std::string_view name() const { return std::string_view(key).substr(key.find('.') + 1); }
};

/// In the order of listings; the keys of one section stand together.
const std::vector<Option>& options();

/// The option of that key, or nullptr.
const Option* find_option(std::string_view key);

std::vector<std::string> option_keys();

/// What a task asks of the settings.
struct TaskSettings {
  TaskName name;
  enum class Data : std::uint8_t {
    generated,  ///< by the program, with a model of the task's own: neither task.data nor encoder.folder is needed
    fetched,    ///< task.data is the folder that datasets/fetch.sh filled, or LAYERSWEEP_DATA
    own,        ///< task.data is the user's file or folder
  } data;
  bool tells_classes = true;      ///< else it asks for an encoder's own outputs at every token
  std::int64_t least_length = 1;  ///< of task.max_length
  std::string_view why_least = {};
  std::vector<std::pair<std::string, std::string>> defaults = {};  ///< where they differ: key and value
};

/// One row for each task.
const std::vector<TaskSettings>& task_settings();
const TaskSettings& settings_of(TaskName task);

}  // namespace layersweep::config
