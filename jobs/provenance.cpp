#include "jobs/provenance.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/build_info.hpp"
#include "base/environment.hpp"
#include "base/hash.hpp"
#include "config/print.hpp"
#include "device/gpus.hpp"
#include "device/processor.hpp"
#include "device/threads.hpp"

namespace layersweep::jobs {

int thread_count(const comm::Communicator& world, const config::Run& settings) {
  if (settings.threads > 0) return settings.threads;
  const comm::Communicator host = world.split_by_host();
  const auto masks = host.all_gather_uneven<int>(device::allowed_processors());
  const int threads = device::threads_for_rank(masks, host.rank(), device::processor_quota());
  return static_cast<int>(world.all_reduce_min(static_cast<std::int64_t>(threads)));
}

std::string results_title(const config::Experiment& experiment) {
  std::string modes;
  for (const terms::Mode mode : experiment.probe.modes) {
    modes += fmt::format("{}{}", modes.empty() ? "" : " and ", terms::name_of(mode));
  }
  return fmt::format("DiffMask probes of every layer: task {}, {} mode", terms::name_of(experiment.task.name), modes);
}

store::Provenance provenance_of(const config::Experiment& experiment, const comm::Communicator& world, const Texts& texts,
                                const ModelRecord& model, const Invocation& invocation) {
  const base::BuildInfo& build = base::build_info();
  store::Provenance provenance;
  provenance.title = results_title(experiment);
  provenance.task = terms::name_of(experiment.task.name);
  provenance.created = base::utc_now();
  provenance.experiment = config::resolved_text(experiment);
  provenance.command = invocation.command;
  provenance.layersweep_version = build.version;
  provenance.commit = build.commit;
  provenance.libraries = base::libraries_text(build);
  const device::Processor processor = device::processor();
  provenance.processor = processor.name;
  for (const std::string& feature : processor.features) provenance.processor += " " + feature;
  const std::vector<std::string> hosts = world.all_gather_text(base::host_name());
  const std::vector<std::string> gpus = world.all_gather_text(
      invocation.gpu ? device::visible_gpus().visible.at(static_cast<std::size_t>(*invocation.gpu)).name : "");
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
    provenance.hosts += fmt::format("{}{} (rank {}, {} threads{}{})", rank == 0 ? "" : ", ", hosts[rank], rank,
                                    invocation.threads, gpus[rank].empty() ? "" : ", ", gpus[rank]);
  }
  std::string shards;
  for (const auto& [name, hash] : model.file_sha256) {
    if (name.ends_with(".safetensors")) shards += hash;
  }
  const auto single = model.file_sha256.find("model.safetensors");
  provenance.weights_sha256 = single != model.file_sha256.end() ? single->second : base::sha256_of_text(shards);
  if (texts.tokenizer) provenance.vocabulary_sha256 = texts.tokenizer->fingerprint();
  provenance.data_sha256 = texts.data_sha256;
  provenance.epsilon = experiment.probe.epsilon;
  provenance.flip_limit = experiment.probe.flip_limit;
  std::string files;
  for (const auto& [name, hash] : model.file_sha256) files += fmt::format("{}{} {}", files.empty() ? "" : "\n", hash, name);
  provenance.more.emplace_back(model_files_attribute, files);
  if (!model.unread_keys.empty()) {
    provenance.more.emplace_back("model_config_unread", fmt::format("{}", fmt::join(model.unread_keys, " ")));
  }
  return provenance;
}

}  // namespace layersweep::jobs
