// layersweep doctor: what this build and machine offer, and how fast they are.
#include <fmt/format.h>

#include <cstdlib>

#include "app/commands.hpp"
#include "app/doctor.hpp"
#include "app/help.hpp"
#include "app/standard_streams.hpp"
#include "base/printable.hpp"
#include "comm/agreement.hpp"
#include "comm/mpi_session.hpp"
#include "config/load.hpp"
#include "device/processor.hpp"
#include "device/threads.hpp"
#include "jobs/calibration_file.hpp"
#include "jobs/measure.hpp"
#include "jobs/planned_model.hpp"
#include "jobs/provenance.hpp"
#include "jobs/tasks/task.hpp"

namespace layersweep::app {

namespace {

base::ExitCode examine() {
  const Diagnosis diagnosis = diagnose(look_at_machine());
  std::string text = version_text();
  for (const std::string& fact : diagnosis.facts) text += base::printable(fact) + "\n";
  for (const std::string& remark : diagnosis.remarks) text += "note: " + base::printable(remark) + "\n";
  for (const std::string& problem : diagnosis.problems) text += "problem: " + base::printable(problem) + "\n";
  if (diagnosis.problems.empty()) text += "no problem found\n";
  print(text);
  return diagnosis.problems.empty() ? base::ExitCode::done : base::ExitCode::failed;
}

std::string pass_text(const plan::PassSpeed& speed) {
  return fmt::format("{:.1f} GFLOP/s, {:.2f} ms a pass", speed.flops_per_s / 1e9, 1e3 * speed.s_per_pass);
}

void measure_speed(const std::string& file, const config::Arguments& arguments) {
  const comm::Communicator world = comm::world();
  std::vector<std::string> overrides = arguments.all("--set");
  ::setenv("LAYERSWEEP_DATA", ".", 0);  // no data sets are read, so their folder need not be known here
  device::flush_denormals();
  const auto experiment = comm::run_together(world, [&] { return config::load(file, overrides); });
  const int threads = jobs::thread_count(world, experiment.run);
  device::use_threads(threads);
  const auto model = comm::run_together(world, [&] { return jobs::planned_model(experiment); });
  const plan::Calibration measured =
      jobs::measure(world, experiment, model, jobs::task_of(experiment.task.name).lengths(experiment), threads);
  comm::run_together(world, [&] {
    if (world.rank() != 0) return;
    const std::filesystem::path place = arguments.find("--calibration").value_or(jobs::default_calibration_file().string());
    jobs::store_calibration(place, {measured, world.size()});
    std::string text = fmt::format("model: {}\n{}\n", base::printable(measured.model), base::printable(measured.source));
    for (const terms::Mode mode : experiment.probe.modes) {
      text += fmt::format("{} mode: training {}; evaluation {}\n", terms::name_of(mode), pass_text(measured.of(mode).train),
                          pass_text(measured.of(mode).evaluate));
    }
    text += fmt::format("optimiser: {:.2f} ns a parameter\n", 1e9 * measured.s_per_parameter);
    text += fmt::format("messages{}: latency {:.1f} us, {:.1f} us of a rank's time each, {:.2f} GB/s\n",
                        world.size() > 1 ? "" : " (assumed: measure with two ranks)", 1e6 * measured.messages.latency_s,
                        1e6 * measured.messages.overhead_s, measured.messages.bytes_per_s / 1e9);
    text += fmt::format("stored in {}\n", base::printable(place.string()));
    print(text);
  });
}

base::ExitCode run(const config::Arguments& arguments) {
  const auto experiment = arguments.find("--measure");
  if (!experiment) {
    for (const char* option : {"--set", "--calibration"}) {
      if (arguments.has(option)) throw base::UsageError(fmt::format("{} belongs to --measure EXPERIMENT", option));
    }
    return examine();
  }
  // Not before: doctor must also tell why MPI does not start.
  const comm::MpiSession session;
  measure_speed(*experiment, arguments);
  return base::ExitCode::done;
}

std::string details() {
  return R"(--measure times the passes of an experiment on random weights of its encoder's size, some seconds for each mode, and
keeps the figures for `layersweep plan`. Under mpirun all ranks measure side by side, as they would train, and
messages between them are timed too.
)";
}

}  // namespace

Command doctor_command() {
  using enum config::Argument::Count;
  return {
      .name = "doctor",
      .summary = "Tells what this build and machine offer and what is set up wrongly (then exit code 1)",
      .arguments =
          {{.name = "--measure", .value = "EXPERIMENT", .help = "Instead: measure how fast this machine trains its probes"},
           {.name = "--set", .value = "section.key=value", .help = "Overrides a setting of the file", .count = repeated},
           {.name = "--calibration", .value = "FILE", .help = "Keeps the figures there; else in the user's cache folder"}},
      .details = details,
      .run = run};
}

}  // namespace layersweep::app
