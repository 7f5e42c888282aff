#include "jobs/finetune.hpp"

#include <limits>
#include <set>

#include "base/files.hpp"
#include "base/log.hpp"
#include "comm/agreement.hpp"
#include "encoder/finetune.hpp"
#include "sweep/pace.hpp"
#include "sweep/progress.hpp"

namespace layersweep::jobs {
namespace {

// The team's reducer behind the encoder room's seam, which knows no communicator; ends the training when it is asked to.
class TeamSum : public encoder::GradientSum {
 public:
  TeamSum(const sweep::Team& team, std::size_t count)
      : reducer_(team.reducer(static_cast<std::int64_t>(count))), pace_(team, std::numeric_limits<double>::infinity()) {}
  void add(int shard, std::span<const float> gradient) override { reducer_.add(shard, gradient); }
  std::span<const float> sum() override {
    if (pace_.next() == sweep::Pace::Next::keep_and_stop) throw sweep::Stopped(pace_.reason());
    return reducer_.sum();
  }

 private:
  comm::GradientReducer reducer_;
  sweep::Pace pace_;
};

encoder::FinetuneSettings settings_of(const config::Experiment& experiment, int shards) {
  encoder::FinetuneSettings settings;
  if (experiment.task.name == config::TaskName::counting) {
    settings = encoder::counting_settings(static_cast<std::uint64_t>(experiment.finetune.seed));
  } else {
    settings.warm_up_steps = experiment.finetune.warm_up;
    settings.weight_decay = experiment.finetune.weight_decay;
    settings.seed = static_cast<std::uint64_t>(experiment.finetune.seed);
  }
  settings.epochs = experiment.finetune.epochs;
  settings.learning_rate = experiment.finetune.learning_rate;
  settings.batch = experiment.finetune.batch;
  settings.shards = shards;
  return settings;
}

std::int64_t class_count(const data::Corpus& corpus) {
  const std::set<std::int32_t> labels(corpus.label().begin(), corpus.label().end());
  return *labels.rbegin() + 1;
}

std::unique_ptr<encoder::Trainable> open_model(const config::Experiment& experiment, const Texts& texts) {
  const auto seed = static_cast<std::uint64_t>(experiment.finetune.seed);
  if (experiment.task.name == config::TaskName::counting) return encoder::make_trainable_counting(seed);
  return encoder::open_trainable(experiment.encoder.folder, class_count(texts.train), seed);
}

}  // namespace

std::filesystem::path finetune(const Context& context, const Texts& texts) {
  const config::Experiment& experiment = context.experiment;
  if (experiment.finetune.epochs == 0) return experiment.encoder.folder;
  const std::filesystem::path folder = context.folder.model();
  // The folder appears under its name only when it is whole.
  const bool done = context.team.ranks.all_reduce_min(std::int64_t{std::filesystem::exists(folder) ? 1 : 0}) == 1;
  if (done) {
    base::world_info("model: done before");
    return folder;
  }
  const auto model = comm::run_together(context.team.ranks, [&] { return open_model(experiment, texts); });
  const auto on_progress = sweep::finetune_printer();
  const encoder::FinetuneResult result = encoder::finetune(
      *model, texts.train, texts.dev, settings_of(experiment, context.team.shards), context.team.my_shards(),
      [&](std::size_t count) { return std::make_unique<TeamSum>(context.team, count); }, on_progress);
  comm::run_together(context.team.ranks, [&] {
    if (context.team.ranks.rank() != 0) return;
    const std::filesystem::path part = folder.string() + ".part";
    std::filesystem::remove_all(part);
    std::filesystem::create_directories(part);
    model->save(part);
    std::filesystem::rename(part, folder);
    base::sync_folder(folder.parent_path());
  });
  base::world_info("model: accuracy {:.4f} on dev after pass {}", result.dev_accuracy, result.epoch);
  return folder;
}

}  // namespace layersweep::jobs
