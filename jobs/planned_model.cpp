#include "jobs/planned_model.hpp"

#include "jobs/tasks/task.hpp"

namespace layersweep::jobs {

std::optional<model::Head> planned_head(const config::Experiment& experiment) {
  const Task& task = task_of(experiment.task.name);
  if (experiment.finetune.epochs == 0 || task.own_family() != nullptr) return std::nullopt;
  model::Head head = family_of(experiment).describe(experiment.encoder.folder, model::OwnHead::replaceable).head;
  head.output = task.output();
  return head;
}

plan::Model planned_model(const config::Experiment& experiment) {
  return family_of(experiment).costs(experiment.encoder.folder, planned_head(experiment));
}

}  // namespace layersweep::jobs
