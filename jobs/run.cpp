#include "jobs/run.hpp"

#include <algorithm>
#include <cstdio>

#include "base/build_info.hpp"
#include "base/environment.hpp"
#include "base/hash.hpp"
#include "base/log.hpp"
#include "comm/agreement.hpp"
#include "config/nearest.hpp"
#include "config/print.hpp"
#include "device/memory.hpp"
#include "device/processor.hpp"
#include "device/threads.hpp"
#include "encoder/open.hpp"
#include "jobs/extract.hpp"
#include "jobs/finetune.hpp"
#include "jobs/prepare.hpp"
#include "jobs/probe.hpp"
#include "store/inspect.hpp"
#include "sweep/pace.hpp"

namespace layersweep::jobs {
namespace {

bool wants(const RunOptions& options, std::string_view step) {
  return options.steps.empty() || std::find(options.steps.begin(), options.steps.end(), step) != options.steps.end();
}

void check_steps(const RunOptions& options) {
  std::vector<std::string> names(step_names().begin(), step_names().end());
  for (const std::string& step : options.steps) {
    if (std::find(names.begin(), names.end(), step) == names.end()) {
      throw base::UsageError(fmt::format("there is no step \"{}\"", step), {}, config::did_you_mean(step, names));
    }
  }
}

// The same number on every rank, since bits depend on it.
int thread_count(const comm::Communicator& world, const config::Run& settings) {
  if (settings.threads > 0) return settings.threads;
  const comm::Communicator host = world.split_by_host();
  std::vector<std::vector<int>> masks;
  const std::vector<int> mine = device::allowed_processors();
  masks = host.all_gather_uneven<int>(mine);
  const int threads = device::threads_for_rank(masks, host.rank(), device::processor_quota());
  return static_cast<int>(world.all_reduce_min(static_cast<std::int64_t>(threads)));
}

store::Provenance provenance_of(const Context& context, const Texts& texts, const std::filesystem::path& model,
                                const RunOptions& options, int threads) {
  const config::Experiment& experiment = context.experiment;
  const base::BuildInfo& build = base::build_info();
  store::Provenance provenance;
  provenance.title = results_title(experiment);
  provenance.task = config::name_of(experiment.task.name);
  provenance.created = base::utc_now();
  provenance.experiment = config::resolved_text(experiment);
  provenance.command = options.command;
  provenance.layersweep_version = build.version;
  provenance.commit = build.commit;
  provenance.libraries = base::libraries_text(build);
  const device::Processor processor = device::processor();
  provenance.processor = processor.name;
  for (const std::string& feature : processor.features) provenance.processor += " " + feature;
  const std::vector<std::string> hosts = context.team.ranks.all_gather_text(base::host_name());
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
    provenance.hosts += fmt::format("{}{} (rank {}, {} threads)", rank == 0 ? "" : ", ", hosts[rank], rank, threads);
  }
  provenance.weights_sha256 = base::sha256_of_file(model / "model.safetensors");
  if (texts.tokenizer) provenance.vocabulary_sha256 = texts.tokenizer->fingerprint();
  provenance.data_sha256 = texts.data_sha256;
  provenance.epsilon = experiment.probe.epsilon;
  provenance.flip_limit = experiment.probe.flip_limit;
  return provenance;
}

base::ExitCode exit_code_of(const std::vector<UnitResult>& units) {
  for (const UnitResult& unit : units) {
    for (const auto& seeds : unit.trained.status) {
      if (std::any_of(seeds.begin(), seeds.end(), [](auto status) {
            return status == sweep::CellStatus::not_finite || status == sweep::CellStatus::failed;
          })) {
        return base::ExitCode::some_units_failed;
      }
    }
  }
  return base::ExitCode::done;
}

base::ExitCode run_steps(const config::Experiment& experiment, const RunOptions& options) {
  check_steps(options);
  device::flush_denormals();
  const comm::Communicator world = comm::world();
  const int threads = thread_count(world, experiment.run);
  device::use_threads(threads);

  const sweep::RunFolder folder(world, experiment);
  const Context context{experiment, folder,
                        sweep::Team{world, experiment.run.shards,
                                    experiment.run.deterministic ? comm::GradientReducer::Mode::deterministic
                                                                 : comm::GradientReducer::Mode::plain,
                                    experiment.run.deadline_seconds}};
  base::world_info("run folder {}; {} rank{}, {} thread{} each", folder.path().string(), world.size(),
                   world.size() == 1 ? "" : "s", threads, threads == 1 ? "" : "s");
  base::world_info("{}", config::resolved_text(experiment));

  const Texts texts = prepare(context);
  if (!wants(options, "finetune") && !wants(options, "probe") && !wants(options, "extract")) return base::ExitCode::done;
  sweep::stop_here_if_asked(world);
  const std::filesystem::path model = finetune(context, texts);
  if (!wants(options, "probe") && !wants(options, "extract")) return base::ExitCode::done;
  const auto encoder = comm::run_together(world, [&] { return encoder::open_encoder(model, arithmetic_of(experiment)); });
  const std::vector<UnitResult> units = probe(context, *encoder, texts, options.retry ? Failures::retried : Failures::left);
  if (wants(options, "extract")) {
    sweep::stop_here_if_asked(world);
    extract(context, *encoder, texts, units, provenance_of(context, texts, model, options, threads));
    if (world.rank() == 0) {
      std::fprintf(stderr, "%s", store::inspect(folder.results()).c_str());
      base::world_info("results: {}", folder.results().string());
    }
  }
  const auto peak = world.all_reduce_max(device::peak_resident_bytes());
  base::world_info("peak memory of a rank: {:.2f} GiB", static_cast<double>(peak) / (1U << 30U));
  return exit_code_of(units);
}

}  // namespace

const std::vector<std::string_view>& step_names() {
  static const std::vector<std::string_view> names{"prepare", "finetune", "probe", "extract"};
  return names;
}

base::ExitCode run(const config::Experiment& experiment, const RunOptions& options) {
  try {
    return run_steps(experiment, options);
  } catch (const sweep::Stopped& stopped) {
    base::world_info("stopped ({}): run the same command again, it goes on from here", stopped.what());
    return base::ExitCode::stopped_after_checkpoint;
  }
}

}  // namespace layersweep::jobs
