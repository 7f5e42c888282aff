#include "jobs/steps/finetune.hpp"

#include <functional>
#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "base/log.hpp"
#include "comm/agreement.hpp"
#include "jobs/tasks/task.hpp"
#include "model/finetune.hpp"
#include "sweep/progress.hpp"
#include "sweep/training_checkpoints.hpp"
#include "sweep/unit_tensors.hpp"

namespace layersweep::jobs {
namespace {

// The team's reducer behind the encoder room's seam, which knows no communicator.
class TeamSum : public model::GradientSum {
 public:
  explicit TeamSum(comm::GradientReducer reducer) : reducer_(std::move(reducer)) {}
  void add(int shard, std::span<const float> gradient) override { reducer_.add(shard, gradient); }
  std::span<const float> sum() override { return reducer_.sum(); }

 private:
  comm::GradientReducer reducer_;
};

// Checkpoints of the fine-tuning, like those of a unit.
class CheckpointWriter : public model::FinetuneKeeper {
 public:
  explicit CheckpointWriter(sweep::TrainingCheckpoints checkpoints) : checkpoints_(std::move(checkpoints)) {}

  void resume(model::FinetuneState& state) override {
    checkpoints_.resume([&](const std::filesystem::path& checkpoint) {
      const sweep::StoredTensors file(checkpoint / tensors_name,
                                      fmt::format("Remove {} to begin the fine-tuning anew", checkpoint.string()));
      for (const auto& [name, tensor] : state.tensors) file.read(name, tensor);
      const auto numbers = nlohmann::json::parse(base::read_text_file(checkpoint / numbers_name));
      numbers.at("step").get_to(state.step);
      numbers.at("epoch").get_to(state.epoch);
      numbers.at("next_batch").get_to(state.next_batch);
      numbers.at("epochs_good_enough").get_to(state.epochs_good_enough);
      numbers.at("best_epoch").get_to(state.best.epoch);
      numbers.at("best_accuracy").get_to(state.best.dev_accuracy);
      return state.step;
    });
  }

  void after_step(const model::FinetuneState& state) override {
    checkpoints_.after_step(state.step, [&](const std::filesystem::path& checkpoint) {
      sweep::TensorList list;
      for (const auto& [name, tensor] : state.tensors) list.add(name, tensor);
      list.write(checkpoint / tensors_name, {});
      const nlohmann::json numbers = {{"step", state.step},
                                      {"epoch", state.epoch},
                                      {"next_batch", state.next_batch},
                                      {"epochs_good_enough", state.epochs_good_enough},
                                      {"best_epoch", state.best.epoch},
                                      {"best_accuracy", state.best.dev_accuracy}};
      base::write_file_atomically(checkpoint / numbers_name, numbers.dump(2) + "\n");
    });
  }

 private:
  static constexpr const char* tensors_name = "state.safetensors";
  static constexpr const char* numbers_name = "state.json";
  sweep::TrainingCheckpoints checkpoints_;
};

model::FinetuneSettings settings_of(const config::Finetune& given, const model::Family& family, int shards) {
  model::FinetuneSettings settings = family.finetune_settings();
  settings.epochs = given.epochs;
  settings.learning_rate = given.learning_rate;
  settings.batch = given.batch;
  settings.warm_up_steps = given.warm_up;
  settings.weight_decay = given.weight_decay;
  settings.seed = static_cast<std::uint64_t>(given.seed);
  settings.shards = shards;
  return settings;
}

}  // namespace

std::filesystem::path finetune(const Context& context, const Texts& texts) {
  const config::Experiment& experiment = context.experiment;
  if (experiment.finetune.epochs == 0) return experiment.encoder.folder;
  const std::filesystem::path folder = context.folder.model();
  const std::filesystem::path checkpoints = folder.string() + ".training";
  // The folder appears under its name only when it is whole. All ranks take what rank 0 sees, also where one still sees an
  // old folder listing.
  const bool here = context.ranks.rank() == 0 && std::filesystem::exists(folder);
  if (context.ranks.communicator().all_reduce_max(std::int64_t{here ? 1 : 0}) == 1) {
    base::world_info("model: done before");
    std::error_code ignored;  // left where the model's end was the job's
    if (context.ranks.rank() == 0) std::filesystem::remove_all(checkpoints, ignored);
    return folder;
  }
  const model::Family& family =
      comm::run_together(context.ranks.communicator(), [&] { return std::ref(family_of(experiment)); });
  const auto model = comm::run_together(context.ranks.communicator(), [&] {
    return family.trainable(experiment.encoder.folder, texts.head, static_cast<std::uint64_t>(experiment.finetune.seed));
  });
  CheckpointWriter writer(sweep::TrainingCheckpoints(
      context.ranks, "model", {checkpoints, context.folder.identity(), experiment.run.checkpoint_seconds}));
  const auto make_sum = [&](std::size_t count) {
    return std::make_unique<TeamSum>(context.ranks.reducer(static_cast<std::int64_t>(count)));
  };
  const model::FinetuneResult result =
      model::finetune(*model, {texts.train, texts.dev}, settings_of(experiment.finetune, family, context.ranks.shards()),
                      context.ranks.my_shards(), {make_sum, sweep::finetune_printer(), &writer});
  comm::run_together(context.ranks.communicator(), [&] {
    if (context.ranks.rank() != 0) return;
    const std::filesystem::path part = folder.string() + ".part";
    std::filesystem::remove_all(part);
    std::filesystem::create_directories(part);
    model->save(part);
    std::filesystem::rename(part, folder);
    base::sync_folder(folder.parent_path());
    std::filesystem::remove_all(checkpoints);
  });
  base::world_info("model: accuracy {:.4f} on dev after pass {}", result.dev_accuracy, result.epoch);
  return folder;
}

}  // namespace layersweep::jobs
