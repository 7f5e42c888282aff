#include "jobs/run.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>

#include "base/log.hpp"
#include "comm/agreement.hpp"
#include "config/nearest.hpp"
#include "config/print.hpp"
#include "device/memory.hpp"
#include "device/processor.hpp"
#include "device/threads.hpp"
#include "jobs/compute_device.hpp"
#include "jobs/provenance.hpp"
#include "jobs/steps/explain.hpp"
#include "jobs/steps/extract/extract.hpp"
#include "jobs/steps/finetune.hpp"
#include "jobs/steps/prepare.hpp"
#include "jobs/steps/probe.hpp"
#include "jobs/steps/statistics.hpp"
#include "model/model_files.hpp"
#include "model/open.hpp"
#include "store/inspect.hpp"
#include "sweep/stop_and_checkpoint_clock.hpp"

namespace layersweep::jobs {
namespace {

using sweep::RunFolder;

bool wants(const RunOptions& options, std::string_view step) {
  return options.steps.empty() || std::find(options.steps.begin(), options.steps.end(), step) != options.steps.end();
}

// Whether `step` or one after it is to be done.
bool goes_to(const RunOptions& options, std::string_view step) {
  const auto& names = step_names();
  return std::any_of(std::find(names.begin(), names.end(), step), names.end(),
                     [&](std::string_view name) { return wants(options, name); });
}

void check_steps(const RunOptions& options) {
  std::vector<std::string> names(step_names().begin(), step_names().end());
  for (const std::string& step : options.steps) {
    if (std::find(names.begin(), names.end(), step) == names.end()) {
      throw base::UsageError(fmt::format("there is no step \"{}\"", step), {}, config::did_you_mean(step, names));
    }
  }
}

base::ExitCode exit_code_of(const std::vector<UnitResult>& units) {
  for (const UnitResult& unit : units) {
    for (const auto& seeds : unit.trained.status) {
      if (std::any_of(seeds.begin(), seeds.end(),
                      [](auto status) { return status == terms::Status::not_finite || status == terms::Status::failed; })) {
        return base::ExitCode::some_units_failed;
      }
    }
  }
  return base::ExitCode::done;
}

// None where the run computes on CPUs alone.
std::unique_ptr<model::Model> open_on_gpu(const std::filesystem::path& model, const config::Run& run,
                                          const std::optional<int>& gpu) {
  if (!gpu) return nullptr;
  return model::open_model(model, {.arithmetic = arithmetic_on_gpu(run),
                                   .device = at::Device(at::DeviceType::CUDA, static_cast<at::DeviceIndex>(*gpu))});
}

base::ExitCode run_steps(const config::Experiment& experiment, const RunOptions& options) {
  check_steps(options);
  const comm::Communicator world = comm::world().with_limit(experiment.run.deadline_seconds);
  // Before LibTorch computes, and before a folder is made that names the device.
  const std::optional<int> gpu = gpu_of_rank(world, experiment.run);
  device::flush_denormals();
  const int threads = thread_count(world, experiment.run);
  device::use_threads(threads);

  RunFolder folder(world, experiment);
  const Context context{experiment, folder, sweep::Ranks(world, sweep::sharing_of(experiment.run, gpu))};
  base::world_info("run folder {}; {} rank{}, {} thread{} each", folder.path().string(), world.size(),
                   world.size() == 1 ? "" : "s", threads, threads == 1 ? "" : "s");
  base::world_info("{}", config::resolved_text(experiment));

  const Texts texts = prepare(context);
  folder.hold_to(world, "texts", [&] { return std::map<std::string, std::string>{{"", texts.data_sha256}}; });
  std::string_view probed = RunFolder::encoder_group;
  if (!experiment.encoder.folder.empty()) {
    folder.hold_to(world, probed, [&] { return model::hashes_of_model(experiment.encoder.folder); });
  }
  if (!goes_to(options, "finetune")) return base::ExitCode::done;
  sweep::stop_here_if_asked(world);
  const std::filesystem::path model = finetune(context, texts);
  if (experiment.finetune.epochs > 0) {
    probed = RunFolder::model_group;
    folder.hold_to(world, probed, [&] { return model::hashes_of_model(model); });
  }
  if (!goes_to(options, "statistics")) return base::ExitCode::done;
  const auto encoder =
      comm::run_together(world, [&] { return model::open_model(model, {.arithmetic = arithmetic_on_cpu(experiment.run)}); });
  const auto on_gpu = comm::run_together(world, [&] { return open_on_gpu(model, experiment.run, gpu); });
  const model::Model& probed_model = on_gpu ? *on_gpu : *encoder;
  if (wants(options, "statistics")) {
    sweep::stop_here_if_asked(world);
    statistics(context, *encoder, texts);
  }
  if (!goes_to(options, "probe")) return base::ExitCode::done;
  const std::vector<UnitResult> units =
      probe(context, probed_model, texts, options.retry ? Failures::retried : Failures::left);
  if (goes_to(options, "explain")) {  // extraction needs all of them
    sweep::stop_here_if_asked(world);
    run_explainers(context, *encoder, model, texts, units);
  }
  if (wants(options, "extract")) {
    sweep::stop_here_if_asked(world);
    ModelRecord record{sweep::RunIdentity::from_text(folder.identity()).hashes(probed), {}};
    if (texts.tokenizer) record.unread_keys = model::describe_model(model).unread_keys;
    extract({.ranks = context.ranks,
             .experiment = experiment,
             .model = probed_model,
             .texts = texts,
             .units = units,
             .splits = experiment.extract.splits,
             .provenance = provenance_of(experiment, world, texts, record, {options.command, threads, gpu}),
             .file = folder.results(),
             .run = &context});
    if (world.rank() == 0) {
      std::fprintf(stderr, "%s", store::inspect(folder.results()).c_str());
      base::world_info("results: {}", folder.results().string());
    }
  }
  return exit_code_of(units);
}

}  // namespace

const std::vector<std::string_view>& step_names() {
  static const std::vector<std::string_view> names{"prepare", "finetune", "statistics", "probe", "explain", "extract"};
  return names;
}

base::ExitCode run(const config::Experiment& experiment, const RunOptions& options) {
  try {
    const base::ExitCode code = run_steps(experiment, options);
    const auto peak =
        comm::world().with_limit(experiment.run.deadline_seconds).all_reduce_max(device::peak_resident_bytes());
    base::world_info("peak memory of a rank: {:.2f} GiB", static_cast<double>(peak) / (1U << 30U));
    return code;
  } catch (const sweep::Stopped& stopped) {
    base::world_info("stopped ({}): run the same command again, it goes on from here", stopped.what());
    return base::ExitCode::stopped_after_checkpoint;
  }
}

}  // namespace layersweep::jobs
