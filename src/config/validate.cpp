#include "config/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "base/error.hpp"
#include "config/options.hpp"

namespace layersweep::config {

using base::UsageError;

namespace {

using Data = TaskSettings::Data;

// Of a task that trains a model of its own.
void check_own_model(const Experiment& e, std::string_view task) {
  const bool has_folder = !e.encoder.folder.empty(), trains = e.finetune.epochs > 0;
  if (has_folder && trains) {
    throw UsageError(fmt::format("encoder.folder is set, but the {} task trains its own model", task), {},
                     "Leave encoder.folder empty, or set finetune.epochs = 0 to use the model in that folder");
  }
  if (!has_folder && !trains) {
    throw UsageError(fmt::format("finetune.epochs = 0 leaves the {} task without a model", task), {},
                     fmt::format("Set encoder.folder to a trained {} model, or finetune.epochs to 1 or more", task));
  }
  // Its model is trained at one rate, without decay, as published.
  const auto without_effect = [&](const char* key) {
    throw UsageError(key, fmt::format("it has no effect on the {} task's model", task), "Leave it out");
  };
  if (e.finetune.warm_up != 0) without_effect("finetune.warm_up");
  if (e.finetune.weight_decay != 0) without_effect("finetune.weight_decay");
  if (e.probe.replacement == Replacement::mask) {
    throw UsageError("probe.replacement = mask", fmt::format("the {} model has no [MASK] embedding", task),
                     "Use mean or xavier");
  }
}

void check_task(const Experiment& e) {
  const TaskSettings& task = settings_of(e.task.name);
  const auto name = terms::name_of(e.task.name);
  if (task.data == Data::generated) return check_own_model(e, name);
  if (e.task.data.empty()) {
    throw UsageError(
        fmt::format("task.data is not set, and task.name = {} reads its texts from there", name), {},
        task.data == Data::own
            ? "Set task.data to a file (.jsonl, .tsv, .csv, .txt), or to a folder with train.*, dev.* and test.*"
            : "Set task.data, or LAYERSWEEP_DATA in the environment, to the folder that datasets/fetch.sh "
              "filled");
  }
  if (e.encoder.folder.empty()) {
    throw UsageError(fmt::format("encoder.folder is not set, and task.name = {} needs an encoder", name), {},
                     "Set encoder.folder to a folder with config.json, model.safetensors and a tokenizer");
  }
  if (e.task.max_length < task.least_length) {
    throw UsageError(fmt::format("task.max_length = {}", e.task.max_length), task.why_least,
                     fmt::format("Use at least {}", task.least_length));
  }
}

// What is trained on the words of an encoder.
void check_trained_model(const Experiment& e) {
  if (e.finetune.model == FinetunedModel::encoder) return;
  const TaskSettings& task = settings_of(e.task.name);
  const std::string problem = fmt::format("finetune.model = {}", terms::name_of(e.finetune.model));
  constexpr const char* remedy = "Leave finetune.model out";
  if (task.data == Data::generated) {
    throw UsageError(problem, fmt::format("the {} task has a model of its own", terms::name_of(e.task.name)), remedy);
  }
  if (!task.tells_classes) throw UsageError(problem, "it tells classes, not answers in a text", remedy);
  if (e.finetune.epochs == 0) {
    throw UsageError(problem, "finetune.epochs = 0 trains nothing",
                     "Set finetune.epochs to 1 or more; or leave finetune.model out, where encoder.folder holds a trained "
                     "one");
  }
  if (e.run.precision == Precision::bf16) {
    throw UsageError("run.precision = bf16", fmt::format("{} is computed in fp32", problem), "Use run.precision = fp32");
  }
}

void check_probe(const Experiment& e) {
  const auto seeds = static_cast<std::int64_t>(e.probe.seeds.size());
  if (e.probe.seeds_per_unit > seeds) {
    throw UsageError(fmt::format("probe.seeds_per_unit = {}, but probe.seeds has only {}", e.probe.seeds_per_unit, seeds),
                     {}, "Use 0 to train all seeds together");
  }
  // The seeds of a unit are the name of its folder, and file systems take 255 bytes.
  constexpr std::int64_t longest_name = 200;
  const auto names = e.probe.seeds | std::views::transform([](auto seed) { return std::ssize(fmt::format("-{}", seed)); });
  const std::int64_t longest_seed = std::ranges::max(names);
  const std::int64_t together = e.probe.seeds_per_unit == 0 ? seeds : e.probe.seeds_per_unit;
  if (together * longest_seed > longest_name) {
    throw UsageError(fmt::format("{} probe seeds in one unit", together),
                     "the unit's folder, named by them, would have too long a name",
                     fmt::format("Set probe.seeds_per_unit to {} or less", longest_name / longest_seed));
  }
  if (e.probe.alpha_start > e.probe.alpha_max) {
    throw UsageError(
        fmt::format("probe.alpha_start = {} is above probe.alpha_max = {}", e.probe.alpha_start, e.probe.alpha_max),
        "multipliers are kept in 0..probe.alpha_max");
  }
}

void check_explain(const Experiment& e) {
  const auto& methods = e.explain.methods;
  if (methods.front() == ExplainMethod::none && methods.size() == 1) return;
  if (std::ranges::find(methods, ExplainMethod::none) != methods.end()) {
    throw UsageError("explain.methods names none beside others");
  }
  for (const terms::Split split : e.explain.splits) {
    if (std::ranges::find(e.extract.splits, split) != e.extract.splits.end()) continue;
    throw UsageError(fmt::format("explain.splits has {}, but extract.splits has not", terms::name_of(split)),
                     "explanations join to the texts of the results file", "Add it to extract.splits");
  }
}

void check_run(const Experiment& e) {
  const bool on_gpu = e.run.device == Device::cuda;
  const bool own_model = settings_of(e.task.name).data == Data::generated;
  if (on_gpu && (own_model || e.finetune.model != FinetunedModel::encoder)) {
    throw UsageError("run.device = cuda", "recurrent models are computed on CPUs only", "Use run.device = cpu");
  }
  if (!on_gpu && e.run.precision == Precision::tf32) {
    throw UsageError("run.precision = tf32", "it is an arithmetic of GPUs", "Use run.precision = fp32 or bf16");
  }
  if (e.run.precision == Precision::bf16 && own_model) {
    throw UsageError("run.precision = bf16",
                     fmt::format("the {} task's model is computed in fp32", terms::name_of(e.task.name)),
                     "Use run.precision = fp32");
  }
  if (e.run.token_budget < e.task.max_length) {
    throw UsageError(
        fmt::format("run.token_budget = {} is below task.max_length = {}", e.run.token_budget, e.task.max_length),
        "a masked pass must hold at least one row of the longest text", "Raise run.token_budget or lower task.max_length");
  }
  if (e.run.folder.empty())
    throw UsageError("run.folder is empty", {}, "Leave it out to get runs/<name of the experiment file>");
}

}  // namespace

void validate(const Experiment& experiment) {
  check_task(experiment);
  check_trained_model(experiment);
  check_probe(experiment);
  check_explain(experiment);
  check_run(experiment);
}

}  // namespace layersweep::config
