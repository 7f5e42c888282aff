#include "sweep/run_folder.hpp"

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

// Whether anything was trained or written here, by a run that got beyond reading its texts.
bool holds_work(const std::filesystem::path& run) {
  for (const char* name : {"model", "model.training", "statistics", "explain", "results.h5"}) {
    if (std::filesystem::exists(run / name)) return true;
  }
  const std::filesystem::path units = run / "units";
  return std::filesystem::exists(units) && !std::filesystem::is_empty(units);
}

}  // namespace

RunFolder::RunFolder(const comm::Communicator& world, const config::Experiment& experiment)
    : path_(experiment.run.folder), identity_(config::identity_hash(experiment)) {
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

void RunFolder::hold_to_texts(const std::string& data_sha256) const {
  const std::filesystem::path note = tokens() / "texts.sha256";
  if (holds_work(path_) && std::filesystem::exists(note) && base::read_text_file(note) != data_sha256) {
    throw base::InputError(fmt::format("{} holds work on other texts", path_.string()),
                           "the files of texts have changed since the run began",
                           "Choose another folder with --set run.folder=FOLDER, or remove this one");
  }
  base::write_file_atomically(note, data_sha256);
}

}  // namespace layersweep::sweep
