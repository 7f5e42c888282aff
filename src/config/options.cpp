#include "config/options.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/values.hpp"

namespace layersweep::config {

namespace {

// What a row of the table says beside its key and member.
struct About {
  Limits limits = {};
  std::string unit = {};
  std::string help;
  std::string default_text = {};  // where the in-class default does not tell
  Identity identity = Identity::counts;
};

// "3; counting: 50; text: 0" where the task matters.
std::string default_of(const Option& option) {
  std::string text = option.write(Experiment{});
  for (const TaskSettings& task : task_settings()) {
    for (const auto& [key, value] : task.defaults) {
      if (key == option.key) text += fmt::format("; {}: {}", terms::name_of(task.name), value);
    }
  }
  return text.empty() ? "none" : text;
}

template <class Section, class T>
Option row(std::string key, Section Experiment::*section, T Section::*member, About about) {
  Option option{
      .key = std::move(key),
      .type = Value<T>::type(),
      .range = about.limits.text(),
      .unit = about.unit,
      .default_text = about.default_text,
      .help = about.help,
      .identity = about.identity,
      .read = [=](Experiment& e, std::string_view text) { e.*section.*member = Value<T>::read(text, about.limits); },
      .write = [=](const Experiment& e) { return Value<T>::write(e.*section.*member); }};
  if (option.default_text.empty()) option.default_text = default_of(option);
  return option;
}

constexpr Limits positive{.least = 0, .above = true};
constexpr Limits not_negative{.least = 0};
constexpr Limits at_least_one{.least = 1};
constexpr Limits share{.least = 0, .most = 1};
constexpr Limits seed{.least = 0, .most = 2147483647};  // the results file stores seeds as int32

std::vector<Option> table() {
  using E = Experiment;
  return {
      row("task.name", &E::task, &Task::name,
          {.help = "What the model does: counting (two digits, ground truth known), sst (sentiment of a sentence), squad "
                   "(answers to "
                   "questions on passages) or text (classes of your own texts)",
           .default_text = "none: must be given"}),
      row("task.seed", &E::task, &Task::seed, {.limits = seed, .help = "Seed of the generated examples (counting)"}),
      row("task.data", &E::task, &Task::data,
          {.help = "Folder of the data sets (sst/ and squad/ lie in it); text: your file (.jsonl, .tsv, .csv, .txt), or a "
                   "folder "
                   "with train.*, dev.* and test.*",
           .default_text = "$LAYERSWEEP_DATA; text: none"}),
      row("task.limit", &E::task, &Task::limit,
          {.limits = not_negative, .unit = "examples", .help = "Use only the first examples of each split; 0 uses all"}),
      row("task.max_length", &E::task, &Task::max_length,
          {.limits = {.least = 4},
           .unit = "tokens",
           .help = "Longer texts are cut to this, special tokens included; squad: passages are cut into windows of it"}),
      row("task.overlap", &E::task, &Task::overlap,
          {.limits = not_negative,
           .unit = "tokens",
           .help =
               "Tokens that a window of a passage has in common with the one before (squad); at least half of it is new"}),

      row("encoder.folder", &E::encoder, &EncoderSettings::folder,
          {.help = "Folder of the pre-trained encoder or trained model (config.json, model.safetensors, tokenizer), or its "
                   "name on the Hugging Face hub, owner/model or owner/model@revision, where its cache here holds it",
           .identity = Identity::by_files}),

      row("finetune.model", &E::finetune, &Finetune::model,
          {.help =
               "What is trained: the encoder with a head, or a GRU from nothing on the encoder's frozen word embeddings"}),
      row("finetune.epochs", &E::finetune, &Finetune::epochs,
          {.limits = not_negative,
           .unit = "passes",
           .help = "Passes over train before probing; 0 uses the encoder as it is"}),
      row("finetune.learning_rate", &E::finetune, &Finetune::learning_rate,
          {.limits = positive, .help = "Highest learning rate of the model's weights"}),
      row("finetune.batch", &E::finetune, &Finetune::batch,
          {.limits = at_least_one, .unit = "examples", .help = "Examples per step, over all ranks"}),
      row("finetune.warm_up", &E::finetune, &Finetune::warm_up,
          {.limits = not_negative, .unit = "steps", .help = "Steps over which the learning rate rises from 0"}),
      row("finetune.weight_decay", &E::finetune, &Finetune::weight_decay,
          {.limits = not_negative, .help = "Decoupled weight decay"}),
      row("finetune.seed", &E::finetune, &Finetune::seed,
          {.limits = seed, .help = "Seed of new weights and of the order of examples"}),

      row("probe.modes", &E::probe, &Probe::modes,
          {.help = "Where masks go in: input masks the embeddings, hidden the states of each point"}),
      row("probe.seeds", &E::probe, &Probe::seeds,
          {.limits = seed, .help = "Probe seeds; every result has them as an axis, since learned masks depend on the seed"}),
      row("probe.seeds_per_unit", &E::probe, &Probe::seeds_per_unit,
          {.limits = not_negative, .unit = "seeds", .help = "Seeds that train side by side on one clean pass; 0 takes all"}),
      row("probe.epsilon", &E::probe, &Probe::epsilon,
          {.limits = positive,
           .unit = "nat",
           .help = "Divergence (KL) of the masked from the clean output that is allowed"}),
      row("probe.flip_limit", &E::probe, &Probe::flip_limit,
          {.limits = share, .help = "Share of changed predictions up to which a probe is accepted"}),
      row("probe.batch", &E::probe, &Probe::batch,
          {.limits = at_least_one, .unit = "examples", .help = "Examples per step, over all ranks"}),
      row("probe.epochs", &E::probe, &Probe::epochs,
          {.limits = at_least_one, .unit = "passes", .help = "Passes over train, at most"}),
      row("probe.max_steps", &E::probe, &Probe::max_steps,
          {.limits = not_negative, .unit = "steps", .help = "Steps, at most; 0 leaves it to probe.epochs"}),
      row("probe.sparsity", &E::probe, &Probe::sparsity,
          {.help = "What is minimised: the mean log keep probability (as published) or the plain keep probability (l0)"}),
      row("probe.training_target", &E::probe, &Probe::training_target,
          {.limits = positive,
           .help = "Training aims at this times epsilon; below 1 where hard masks diverge more than the sampled gates of "
                   "training"}),
      row("probe.learning_rate", &E::probe, &Probe::learning_rate,
          {.limits = positive, .help = "Learning rate of the probes' weights"}),
      row("probe.replacement_learning_rate", &E::probe, &Probe::replacement_learning_rate,
          {.limits = positive, .help = "Learning rate of the vectors that replace dropped tokens"}),
      row("probe.alpha_learning_rate", &E::probe, &Probe::alpha_learning_rate,
          {.limits = positive, .help = "Learning rate of the multipliers of the constraint"}),
      row("probe.alpha_start", &E::probe, &Probe::alpha_start,
          {.limits = not_negative, .help = "Multiplier at the first step"}),
      row("probe.alpha_max", &E::probe, &Probe::alpha_max, {.limits = positive, .help = "Multipliers are kept in 0..this"}),
      row("probe.warm_up", &E::probe, &Probe::warm_up,
          {.limits = not_negative,
           .unit = "steps",
           .help = "Steps over which the learning rates of probes and replacement vectors rise from 0"}),
      row("probe.cool_down", &E::probe, &Probe::cool_down,
          {.limits = not_negative,
           .unit = "steps",
           .help = "Last steps, over which these learning rates fall to 0; 0 keeps them (as published)"}),
      row("probe.replacement", &E::probe, &Probe::replacement,
          {.help = "How replacement vectors start: [MASK] embedding (points above: xavier), mean state of the point, or "
                   "random"}),
      row("probe.validate_every", &E::probe, &Probe::validate_every,
          {.limits = at_least_one, .unit = "steps", .help = "Steps between validations with hard masks on dev"}),
      row("probe.validation_examples", &E::probe, &Probe::validation_examples,
          {.limits = not_negative, .unit = "examples", .help = "Examples of dev a validation uses; 0 uses all"}),
      row("probe.patience", &E::probe, &Probe::patience,
          {.limits = not_negative,
           .unit = "validations",
           .help = "Validations without progress after which a point stops; 0 never stops early"}),
      row("probe.calibrate", &E::probe, &Probe::calibrate,
          {.help =
               "After training, move each gate's bias until its masks just keep within epsilon and the flip limit on dev"}),

      row("extract.splits", &E::extract, &Extract::splits, {.help = "Splits whose masks go to the results file"}),
      row("extract.random_control", &E::extract, &Extract::random_control,
          {.help = "Also find the share of tokens that random masks must keep to do as little harm as the probes' (dev)"}),

      row("statistics.split", &E::statistics, &Statistics::split,
          {.help = "Split over whose texts the hidden states are summed up (means, norms, similarities)"}),
      row("statistics.cka_tokens", &E::statistics, &Statistics::cka_tokens,
          {.limits = not_negative,
           .unit = "tokens",
           .help = "Sample over which points are compared by linear CKA; its states are kept in memory; 0 leaves CKA out"}),
      row("statistics.seed", &E::statistics, &Statistics::seed, {.limits = seed, .help = "Seed of that sample"}),

      row("explain.methods", &E::explain, &Explain::methods,
          {.help = "Other explainers to compare the probes with (docs/explainers.md); none leaves the step out",
           .identity = Identity::free}),
      row("explain.splits", &E::explain, &Explain::splits,
          {.help = "Splits whose texts they explain; each must be among extract.splits", .identity = Identity::free}),
      row("explain.limit", &E::explain, &Explain::limit,
          {.limits = not_negative,
           .unit = "examples",
           .help = "Texts of each split that they explain, drawn by explain.seed; 0 takes all",
           .identity = Identity::free}),
      row("explain.seed", &E::explain, &Explain::seed,
          {.limits = seed, .help = "Seed of that choice and of all noise", .identity = Identity::free}),
      row("explain.replacement", &E::explain, &Explain::replacement,
          {.help =
               "What stands for a dropped token: the probes' learned vectors, [MASK] (point 0; mean state above), the mean "
               "state, or zero",
           .identity = Identity::free}),
      row("explain.shares", &E::explain, &Explain::shares,
          {.limits = {.least = 0, .most = 1, .above = true},
           .help = "Shares of tokens at which comprehensiveness and sufficiency are measured",
           .identity = Identity::free}),
      row("explain.integration_steps", &E::explain, &Explain::integration_steps,
          {.limits = {.least = 1, .most = 10000},
           .unit = "steps",
           .help = "Steps of integrated gradients",
           .identity = Identity::free}),
      row("explain.search_steps", &E::explain, &Explain::search_steps,
          {.limits = at_least_one,
           .unit = "steps",
           .help = "Steps of diffmask, reinforce, schulz and guan for each text",
           .identity = Identity::free}),
      row("explain.samples", &E::explain, &Explain::samples,
          {.limits = at_least_one,
           .unit = "draws",
           .help = "Draws of noise in each of those steps",
           .identity = Identity::free}),
      row("explain.shuffled_head", &E::explain, &Explain::shuffled_head,
          {.help = "Also explain the model with a shuffled head, a control; doubles the time", .identity = Identity::free}),

      row("run.folder", &E::run, &Run::folder,
          {.help = "Folder of the run: state, weights, results",
           .default_text = "runs/<name of the experiment file>",
           .identity = Identity::free}),
      row("run.threads", &E::run, &Run::threads,
          {.limits = {.least = 0, .most = 4096},
           .unit = "threads",
           .help = "Threads per rank; 0 takes the cores this rank may use",
           .identity = Identity::free}),
      row("run.device", &E::run, &Run::device,
          {.help = "Processor that computes probes and masks; cuda takes a GPU for each rank (docs/gpu.md)"}),
      row("run.precision", &E::run, &Run::precision,
          {.help = "Operands of the frozen model's matrix products; tf32 on GPUs only, bf16 is quick where the processor "
                   "has it"}),
      row("run.token_budget", &E::run, &Run::token_budget,
          {.limits = at_least_one,
           .unit = "rows x tokens",
           .help = "Largest masked pass at once; bounds memory, a shard is cut to fit"}),
      row("run.shards", &E::run, &Run::shards,
          {.limits = {.least = 1, .most = 4096},
           .help = "Virtual shards of a global batch; teams of more ranks share out the points too (run.point_groups)"}),
      row("run.point_groups", &E::run, &Run::point_groups,
          {.limits = {.least = 0, .most = 4096},
           .help = "Groups of a team's ranks, each with a part of the points; 0: one while each rank has a shard, or "
                   "run.deterministic is on, and run.memory_gb suffices, "
                   "else what is fastest",
           .identity = Identity::free}),
      row("run.memory_gb", &E::run, &Run::memory_gb,
          {.limits = not_negative,
           .unit = "GB",
           .help = "Memory of a rank; where a unit is expected to need more, its team shares out the points. 0: no limit",
           .identity = Identity::free}),
      row("run.deterministic", &E::run, &Run::deterministic,
          {.help = "Same bits for 1, 2, 4 and 8 ranks (with 8 shards); costs some speed"}),
      row("run.checkpoint_seconds", &E::run, &Run::checkpoint_seconds,
          {.limits = not_negative,
           .unit = "s",
           .help = "Time between two checkpoints of a training; 0 writes one after every step",
           .identity = Identity::free}),
      row("run.deadline_seconds", &E::run, &Run::deadline_seconds,
          {.limits = positive,
           .unit = "s",
           .help = "How long a rank waits for the others, wherever they meet, before it names them and ends the run",
           .identity = Identity::free}),
      row("run.json_log", &E::run, &Run::json_log,
          {.help = "Progress as one JSON object per line on standard output", .identity = Identity::free}),
  };
}

}  // namespace

const std::vector<Option>& options() {
  static const std::vector<Option> rows = table();
  return rows;
}

const Option* find_option(std::string_view key) {
  for (const Option& option : options()) {
    if (option.key == key) return &option;
  }
  return nullptr;
}

std::vector<std::string> option_keys() {
  std::vector<std::string> keys;
  for (const Option& option : options()) keys.push_back(option.key);
  return keys;
}

const std::vector<TaskSettings>& task_settings() {
  using Data = TaskSettings::Data;
  static const std::vector<TaskSettings> rows{
      // Its model is small and trained from nothing; the defaults of the structs are those of a pre-trained encoder.
      {.name = TaskName::counting,
       .data = Data::generated,
       .defaults = {{"finetune.epochs", "50"},
                    {"finetune.learning_rate", "0.001"},
                    {"finetune.batch", "128"},
                    {"finetune.warm_up", "0"},
                    {"finetune.weight_decay", "0"},
                    // Exactly as many tokens as epsilon asks for is a few less than the true ones.
                    {"probe.calibrate", "false"}}},
      {.name = TaskName::sst, .data = Data::fetched},
      // As its models were fine-tuned and DiffMask published: De Cao et al. 2020, appendix.
      {.name = TaskName::squad,
       .data = Data::fetched,
       .tells_classes = false,
       .least_length = 16,  // question, passage and three special tokens
       .why_least = "a question and a part of its passage must have room in it",
       .defaults = {{"task.max_length", "384"}, {"probe.epsilon", "1"}}},
      // Any classifier as it is.
      {.name = TaskName::text, .data = Data::own, .defaults = {{"finetune.epochs", "0"}}}};
  return rows;
}

const TaskSettings& settings_of(TaskName task) { return *std::ranges::find(task_settings(), task, &TaskSettings::name); }

}  // namespace layersweep::config
