#include "sweep/run_folder.hpp"

#include <algorithm>
#include <initializer_list>
#include <random>

#include "base/error.hpp"
#include "base/files.hpp"
#include "comm/agreement.hpp"
#include "config/load.hpp"
#include "config/print.hpp"

namespace layersweep::sweep {
namespace {

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw base::InputError(fmt::format("cannot make the run folder {}", folder.string()), error.message(),
                           "Choose another one with --set run.folder=FOLDER");
  }
}

std::string told(const std::string& value) { return value.empty() ? "(none)" : value; }

std::filesystem::path identity_note(const std::filesystem::path& run) { return run / "identity"; }

bool holds_any(const std::filesystem::path& run, std::initializer_list<const char*> names) {
  return std::ranges::any_of(names, [&](const char* name) { return std::filesystem::exists(run / name); });
}

// Whether the folder holds results of work on a model. Without a note of which model, nobody can tell whose they are.
bool holds_findings(const std::filesystem::path& run) {
  const std::filesystem::path units = run / "units";
  return holds_any(run, {"statistics", "explain", "results.h5"}) ||
         (std::filesystem::exists(units) && !std::filesystem::is_empty(units));
}

// Whether anything was trained or written here, by a run that got beyond reading its texts.
bool holds_work(const std::filesystem::path& run) {
  return holds_any(run, {"model", "model.training"}) || holds_findings(run);
}

}  // namespace

RunFolder::RunFolder(const comm::Communicator& world, const config::Experiment& experiment) : path_(experiment.run.folder) {
  RunIdentity settings;
  settings.set("settings", config::identity_hash(experiment));
  identity_ = settings.text();
  comm::run_together(world, [&] {
    if (world.rank() == 0) take(experiment);
  });

  // A nonce that rank 0 wrote is read by all: the folder lies on a file system that every rank sees.
  std::string nonce;
  if (world.rank() == 0 && world.size() > 1) {
    nonce = fmt::format("{:016x}", (static_cast<std::uint64_t>(std::random_device{}()) << 32) | std::random_device{}());
    base::write_file_atomically(path_ / "nonce", nonce);
  }
  nonce = world.broadcast_text(nonce, 0);
  comm::run_together(world, [&] {
    if (world.size() > 1 && (!std::filesystem::exists(path_ / "nonce") || base::read_text_file(path_ / "nonce") != nonce)) {
      throw base::InputError(fmt::format("this rank does not see the run folder {}", path_.string()),
                             "what rank 0 wrote there is not what is read here",
                             "Put run.folder on a file system that all hosts share");
    }
  });
  world.barrier();
  if (world.rank() == 0 && world.size() > 1) std::filesystem::remove(path_ / "nonce");
}

void RunFolder::take(const config::Experiment& experiment) {
  make_folder(path_);
  lock_ = std::make_unique<FolderLock>(path_ / "lock");

  const std::filesystem::path description = description_of(path_);
  if (std::filesystem::exists(description)) {
    const auto changes = config::identity_changes(config::load(description), experiment);
    if (!changes.empty() && !holds_work(path_)) {
      std::filesystem::remove_all(tokens());  // made of other texts, maybe
    } else if (!changes.empty()) {
      std::string list;
      for (const auto& change : changes) {
        list += fmt::format("{}{} was {}, now {}", list.empty() ? "" : "; ", change.key, told(change.before),
                            told(change.after));
      }
      throw base::InputError(fmt::format("{} holds a run of another experiment", path_.string()), list,
                             "Choose another folder with --set run.folder=FOLDER, or remove this one");
    }
  }
  base::write_file_atomically(description, config::resolved_text(experiment));
  make_folder(tokens());
  make_folder(path_ / "units");
}

RunIdentity RunFolder::identity_of(const std::filesystem::path& run) {
  const std::filesystem::path note = identity_note(run);
  if (std::filesystem::exists(note)) return RunIdentity::from_text(base::read_text_file(note));
  if (!holds_findings(run)) return {};
  throw base::InputError(fmt::format("{} does not say of which model its work is", run.string()),
                         "it was made by a version of layersweep that did not note it",
                         "Run the experiment again, in another folder (--set run.folder=FOLDER)");
}

void RunFolder::hold_to(const comm::Communicator& world, std::string_view group,
                        const std::function<std::map<std::string, std::string>()>& hashes) {
  std::string text;
  comm::run_together(world, [&] {
    if (world.rank() != 0) return;
    RunIdentity mine = RunIdentity::from_text(identity_);
    mine.set(group, hashes());
    text = mine.text();
    RunIdentity noted = holds_work(path_) ? identity_of(path_) : mine;
    if (noted.empty()) noted = mine;  // a model alone, which was put here
    // A model that the run trained itself is noted when it is done: after the first work.
    const bool is_new = group == model_group && noted.group(group).empty();
    if (const auto what = mine.group(group).difference(noted.group(group)); what && !is_new) {
      throw base::InputError(
          fmt::format("{} holds work on other {}", path_.string(), *what), "it has changed since the run began",
          "Put back what was there, choose another folder with --set run.folder=FOLDER, or remove this one");
    }
    if (is_new) noted = mine;  // by now mine has all groups
    base::write_file_atomically(identity_note(path_), noted.text());
  });
  identity_ = world.broadcast_text(text, 0);
}

}  // namespace layersweep::sweep
