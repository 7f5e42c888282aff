#include "config/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "base/error.hpp"

namespace layersweep::config {

using base::UsageError;

namespace {

void check_task(const Experiment& e) {
  const auto name = terms::name_of(e.task.name);
  if (e.task.name == TaskName::counting) {
    const bool has_folder = !e.encoder.folder.empty(), trains = e.finetune.epochs > 0;
    if (has_folder && trains) {
      throw UsageError("encoder.folder is set, but the counting task trains its own model", {},
                       "Leave encoder.folder empty, or set finetune.epochs = 0 to use the model in that folder");
    }
    if (!has_folder && !trains) {
      throw UsageError("finetune.epochs = 0 leaves the counting task without a model", {},
                       "Set encoder.folder to a trained counting model, or finetune.epochs to 1 or more");
    }
    // Its model is trained at one rate, without decay, as published.
    if (e.finetune.warm_up != 0)
      throw UsageError("finetune.warm_up", "it has no effect on the counting task's model", "Leave it out");
    if (e.finetune.weight_decay != 0) {
      throw UsageError("finetune.weight_decay", "it has no effect on the counting task's model", "Leave it out");
    }
    if (e.probe.replacement == Replacement::mask) {
      throw UsageError("probe.replacement = mask", "the counting model has no [MASK] embedding", "Use mean or xavier");
    }
    return;
  }
  if (e.task.data.empty() && e.task.name == TaskName::text) {
    throw UsageError("task.data is not set, and task.name = text reads its texts from there", {},
                     "Set task.data to a file (.jsonl, .tsv, .csv, .txt), or to a folder with train.*, dev.* and test.*");
  }
  if (e.task.data.empty()) {
    throw UsageError(fmt::format("task.data is not set, and task.name = {} reads its texts from there", name), {},
                     "Set task.data, or LAYERSWEEP_DATA in the environment, to the folder that datasets/fetch.sh filled");
  }
  if (e.encoder.folder.empty()) {
    throw UsageError(fmt::format("encoder.folder is not set, and task.name = {} needs an encoder", name), {},
                     "Set encoder.folder to a folder with config.json, model.safetensors and a tokenizer");
  }
  constexpr std::int64_t least = 16;  // question, passage and three special tokens
  if (e.task.name == TaskName::squad && e.task.max_length < least) {
    throw UsageError(fmt::format("task.max_length = {}", e.task.max_length),
                     "a question and a part of its passage must have room in it",
                     fmt::format("Use at least {}; the paper has 384", least));
  }
}

void check_gru(const Experiment& e) {
  if (e.finetune.model != FinetunedModel::gru) return;
  constexpr const char* problem = "finetune.model = gru";
  constexpr const char* remedy = "Leave finetune.model out";
  if (e.task.name == TaskName::counting) throw UsageError(problem, "the counting task has a model of its own", remedy);
  if (e.task.name == TaskName::squad) throw UsageError(problem, "the GRU tells classes, not answers in a text", remedy);
  if (e.finetune.epochs == 0) {
    throw UsageError(problem, "finetune.epochs = 0 trains nothing",
                     "Set finetune.epochs to 1 or more; or leave finetune.model out, where encoder.folder is a trained GRU");
  }
  if (e.run.precision == Precision::bf16) {
    throw UsageError("run.precision = bf16", "the GRU is computed in fp32", "Use run.precision = fp32");
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
  if (on_gpu && (e.task.name == TaskName::counting || e.finetune.model == FinetunedModel::gru)) {
    throw UsageError("run.device = cuda", "recurrent models, the counting task's and the GRU, are computed on CPUs only",
                     "Use run.device = cpu");
  }
  if (!on_gpu && e.run.precision == Precision::tf32) {
    throw UsageError("run.precision = tf32", "it is an arithmetic of GPUs", "Use run.precision = fp32 or bf16");
  }
  if (e.run.precision == Precision::bf16 && e.task.name == TaskName::counting) {
    throw UsageError("run.precision = bf16", "the counting task's model is computed in fp32", "Use run.precision = fp32");
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
  check_gru(experiment);
  check_probe(experiment);
  check_explain(experiment);
  check_run(experiment);
}

}  // namespace layersweep::config
