#include "jobs/results_bytes.hpp"

#include <cmath>
#include <functional>
#include <numeric>
#include <string>

#include "jobs/steps/explanations.hpp"
#include "jobs/tasks/task.hpp"
#include "stats/hidden_statistics.hpp"
#include "store/layout.hpp"

namespace layersweep::jobs {

double results_bytes(const plan::PlanInput& input, const plan::PlannedRun& run) {
  const config::Experiment& experiment = input.experiment;
  store::Contents contents;
  for (const terms::Split split : experiment.extract.splits) {
    contents.examples += std::llround(input.texts.of(split).texts());
    contents.tokens += std::llround(input.texts.of(split).tokens());
  }
  contents.output = input.model.output;
  contents.classes = input.model.classes;
  contents.example_id_bytes = 16;
  contents.token_text_bytes = 20;
  for (const plan::Rung& rung : input.model.rungs) contents.points.push_back({"layer 12 output", rung.width});
  contents.seeds = experiment.probe.seeds;
  for (const terms::Mode mode : experiment.probe.modes) {
    const auto validations = static_cast<std::size_t>(run.work.front().validations);
    contents.modes.push_back({std::string(terms::name_of(mode)), std::vector<std::int64_t>(validations)});
  }
  contents.explanations = explanations_entry(experiment);
  contents.statistics = {"", {stats::quantiles.begin(), stats::quantiles.end()}};
  contents.task = task_of(experiment.task.name).columns();
  double bytes = 0;
  for (const store::PlannedVariable& variable : store::plan_variables(contents)) {
    const double cells = std::accumulate(variable.shape.begin(), variable.shape.end(), 1.0, std::multiplies<>());
    bytes += cells * static_cast<double>(store::type_bytes(variable.spec->type));
  }
  return bytes;
}

}  // namespace layersweep::jobs
