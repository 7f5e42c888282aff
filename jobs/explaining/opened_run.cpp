#include "jobs/explaining/opened_run.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "config/load.hpp"
#include "jobs/compute_device.hpp"
#include "model/model_files.hpp"
#include "model/open.hpp"
#include "sweep/run_folder.hpp"

namespace layersweep::jobs {
namespace {

using Path = std::filesystem::path;
using sweep::RunFolder;

void check_encoder(const Path& run, const Path& folder) {
  if (folder.empty() || std::filesystem::is_directory(folder)) return;
  throw base::InputError(fmt::format("there is no folder {}, the encoder of this run", folder.string()),
                         folder.is_relative() ? "a relative path starts at the current folder" : "",
                         fmt::format("Change to the folder where the run was started, or give --encoder DIR where it has "
                                     "moved ({} names it)",
                                     RunFolder::description_of(run).string()));
}

void check_files(const Path& run, const Path& model, const sweep::RunIdentity& identity, std::string_view group) {
  sweep::RunIdentity found;
  found.set(group, model::hashes_of_model(model));
  const auto what = identity.group(group).difference(found);
  if (!what) return;
  throw base::InputError(fmt::format("{} does not hold the model that {} is of", model.string(), run.string()),
                         fmt::format("the {} differs", *what),
                         "Put the files back, or give the folder that holds them: --encoder DIR");
}

}  // namespace

std::string OpenedRun::how_to_go_on() const {
  return fmt::format("`layersweep run {}` goes on with it", RunFolder::description_of(path).string());
}

config::Experiment read_description(const Path& run) {
  const Path description = RunFolder::description_of(run);
  if (!std::filesystem::exists(description)) {
    throw base::InputError(fmt::format("{} is not a run folder", run.string()),
                           std::filesystem::is_directory(run) ? "it holds no experiment.ini" : "there is no such folder",
                           "Give the run.folder of a `layersweep run` (runs/<name of the experiment file> unless set)");
  }
  return config::load(description);
}

OpenedRun open_run(const Path& run, const std::optional<Path>& encoder, ModelCheck check) {
  OpenedRun opened{run, read_description(run), {}, {}, {}, nullptr};
  const bool own = opened.experiment.finetune.epochs > 0;
  const Path usual = own ? RunFolder::model_of(run) : opened.experiment.encoder.folder;
  if (own && !std::filesystem::exists(usual)) {
    throw base::InputError(fmt::format("the model of {} is not trained yet", run.string()), {}, opened.how_to_go_on());
  }
  opened.model = encoder.value_or(usual);
  if (!own && !encoder) check_encoder(run, usual);
  const sweep::RunIdentity identity = RunFolder::identity_of(run);
  opened.identity = identity.text();
  opened.model_group = own ? RunFolder::model_group : RunFolder::encoder_group;
  if (check == ModelCheck::here && !identity.empty()) {
    check_files(run, opened.model, identity, opened.model_group);
  }
  opened.encoder = model::open_model(opened.model, {.arithmetic = arithmetic_on_cpu(opened.experiment.run)});
  return opened;
}

}  // namespace layersweep::jobs
