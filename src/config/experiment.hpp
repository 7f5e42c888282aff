// The description of an experiment as plain values: what an .ini file, its overrides and the defaults resolve to.
// The option table (options.hpp) gives every member its key, range and meaning; docs/settings.md is printed from it.
// load() (load.hpp) is the only source of a checked Experiment; everything after it reads it and changes nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "config/names.hpp"

namespace layersweep::config {

struct Task {
  TaskName name{};
  std::int64_t seed = 0;
  std::filesystem::path data;
  std::int64_t limit = 0;
  std::int64_t max_length = 128;
  std::int64_t overlap = 128;
  bool operator==(const Task&) const = default;
};

struct EncoderSettings {
  std::filesystem::path folder;
  bool operator==(const EncoderSettings&) const = default;
};

struct Finetune {
  FinetunedModel model = FinetunedModel::encoder;
  std::int64_t epochs = 3;
  double learning_rate = 6e-5;
  std::int64_t batch = 32;
  std::int64_t warm_up = 80;
  double weight_decay = 0.01;
  std::int64_t seed = 0;
  bool operator==(const Finetune&) const = default;
};

struct Probe {
  std::vector<terms::Mode> modes = {terms::Mode::input, terms::Mode::hidden};
  std::vector<std::int64_t> seeds = {0};
  std::int64_t seeds_per_unit = 1;
  double epsilon = 0.1;
  double flip_limit = 0.25;
  std::int64_t batch = 64;
  std::int64_t epochs = 300;
  std::int64_t max_steps = 0;
  double training_target = 1;
  terms::Sparsity sparsity = terms::Sparsity::log;
  double learning_rate = 3e-4;
  double replacement_learning_rate = 1e-3;
  double alpha_learning_rate = 0.3;
  double alpha_start = 1;
  double alpha_max = 200;
  std::int64_t warm_up = 1200;
  std::int64_t cool_down = 0;
  Replacement replacement = Replacement::mean;
  std::int64_t validate_every = 100;
  std::int64_t validation_examples = 0;
  std::int64_t patience = 0;
  bool calibrate = true;
  bool operator==(const Probe&) const = default;
};

struct Extract {
  std::vector<terms::Split> splits = {terms::Split::dev, terms::Split::test};
  bool random_control = false;
  bool operator==(const Extract&) const = default;
};

struct Statistics {
  terms::Split split = terms::Split::train;
  std::int64_t cka_tokens = 20000;
  std::int64_t seed = 0;
  bool operator==(const Statistics&) const = default;
};

struct Explain {
  std::vector<ExplainMethod> methods = {ExplainMethod::none};
  std::vector<terms::Split> splits = {terms::Split::test};
  std::int64_t limit = 0;
  std::int64_t seed = 0;
  StandIn replacement = StandIn::learned;
  std::vector<double> shares = {0.01, 0.05, 0.1, 0.2, 0.5};
  std::int64_t integration_steps = 50;
  std::int64_t search_steps = 200;
  std::int64_t samples = 4;
  bool shuffled_head = true;
  bool operator==(const Explain&) const = default;
};

struct Run {
  std::filesystem::path folder;
  int threads = 0;
  Device device = Device::cpu;
  Precision precision = Precision::fp32;
  std::int64_t token_budget = 16384;
  int shards = 8;
  int point_groups = 0;
  double memory_gb = 0;
  bool deterministic = false;
  double checkpoint_seconds = 300;
  double deadline_seconds = 600;
  bool json_log = false;
  bool operator==(const Run&) const = default;
};

struct Experiment {
  Task task;
  EncoderSettings encoder;
  Finetune finetune;
  Probe probe;
  Extract extract;
  Statistics statistics;
  Explain explain;
  Run run;
  bool operator==(const Experiment&) const = default;
};

}  // namespace layersweep::config
