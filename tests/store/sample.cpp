#include "sample.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace layersweep::test {
namespace {

using store::Slab;
using store::Type;

constexpr std::int64_t points = 3;
constexpr std::int64_t seeds = 2;
constexpr std::int64_t classes = 5;
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

// Writes one rank's part of variables over examples or tokens.
class Part {
 public:
  Part(store::ResultsWriter& writer, const SampleSize& size, std::pair<std::int64_t, std::int64_t> examples)
      : writer_(writer), begin_(examples.first), end_(examples.second) {
    for (std::int64_t e = 0; e < end_; ++e) {
      token_start_.push_back(first_token_ + tokens_);
      (e < begin_ ? first_token_ : tokens_) += sample_token_count(size, e);
    }
  }

  // value(i): of the i-th example or token of the file.
  template <store::Cell T, class Value>
  void examples(const char* variable, Value value) {
    column<T>(variable, begin_, end_ - begin_, value);
  }
  template <store::Cell T, class Value>
  void tokens(const char* variable, Value value) {
    column<T>(variable, first_token_, tokens_, value);
  }

  void texts(const char* variable, bool per_token) {
    const std::int64_t first = per_token ? first_token_ : begin_;
    std::vector<std::string> rows;
    for (std::int64_t i = 0; i < (per_token ? tokens_ : end_ - begin_); ++i) {
      rows.push_back(per_token ? fmt::format("{}{}", (first + i) % 2 == 0 ? "Ġ" : "##", (first + i) % 1000)
                               : fmt::format("task/dev/{}", first + i));
    }
    writer_.write_text(variable, first, rows);
  }

  void logits() {
    std::vector<float> values;
    for (std::int64_t cell = begin_ * classes; cell < end_ * classes; ++cell) values.push_back(sample_float(cell));
    writer_.write<float>("logits", {{begin_, 0}, {end_ - begin_, classes}}, values);
  }

  // (seed, point, last) of a mode, seed by seed; `hole` leaves out seed 1, point 0.
  template <store::Cell T, class Value>
  void cube(const std::string& variable, bool per_token, bool hole, Value value) {
    const std::int64_t first = per_token ? first_token_ : begin_;
    const std::int64_t count = per_token ? tokens_ : end_ - begin_;
    for (std::int64_t seed = 0; seed < seeds; ++seed) {
      const std::int64_t from = hole && seed == 1 ? 1 : 0;
      std::vector<T> values;
      for (std::int64_t point = from; point < points; ++point) {
        for (std::int64_t i = 0; i < count; ++i) values.push_back(value(seed * 1000 + point * 100 + first + i));
      }
      writer_.write<T>(variable, {{seed, from, first}, {1, points - from, count}}, values);
    }
  }

  // (point, token) and (method, point, share, example) of explanations; equal values.
  void attributions(const std::string& variable, float value) {
    writer_.write<float>(variable, {{0, first_token_}, {points, tokens_}},
                         std::vector<float>(static_cast<std::size_t>(points * tokens_), value));
  }
  void probabilities(const std::string& variable, std::int64_t methods, std::int64_t shares, float value) {
    const std::int64_t count = end_ - begin_;
    writer_.write<float>(variable, {{0, 0, 0, begin_}, {methods, points, shares, count}},
                         std::vector<float>(static_cast<std::size_t>(methods * points * shares * count), value));
  }

  bool is_first() const { return begin_ == 0; }
  std::int64_t token_start(std::int64_t example) const { return token_start_[static_cast<std::size_t>(example)]; }

 private:
  template <store::Cell T, class Value>
  void column(const char* variable, std::int64_t first, std::int64_t count, Value value) {
    std::vector<T> values;
    for (std::int64_t i = first; i < first + count; ++i) values.push_back(static_cast<T>(value(i)));
    writer_.write<T>(variable, {{first}, {count}}, values);
  }

  store::ResultsWriter& writer_;
  std::int64_t begin_;
  std::int64_t end_;
  std::int64_t first_token_ = 0;
  std::int64_t tokens_ = 0;
  std::vector<std::int64_t> token_start_;  // of the examples before end_
};

void fill_mode(store::ResultsWriter& writer, Part& part, const std::string& mode) {
  const bool hole = mode == "hidden";
  part.cube<float>(mode + "/keep_probability", true, hole, sample_float);
  part.cube<float>(mode + "/kl", false, hole, sample_float);
  part.cube<float>(mode + "/keep_share", false, hole, sample_float);
  part.cube<std::uint8_t>(mode + "/flipped", false, hole,
                          [](std::int64_t cell) { return static_cast<std::uint8_t>(cell % 2); });
  const auto all = [&]<class T>(const char* name, const std::vector<T>& values) {
    writer.write_from_first_rank<T>(mode + "/" + name, values);
  };
  // Seed by point; in the hidden mode seed 1 failed at point 0.
  const float missing = hole ? nan : 0.5F;
  all("kl_mean", std::vector<float>{0.05F, 0.2F, 0.09F, missing, 0.08F, 0.01F});
  all("flipped_share", std::vector<float>{0.1F, 0.1F, 0.2F, missing, 0.2F, 0.9F});
  all("keep_share_mean", std::vector<float>{0.5F, 0.25F, 0.5F, missing, 0.75F, 0.125F});
  all("kl_p95", std::vector<float>{0.1F, 0.3F, 0.2F, missing, 0.2F, 0.1F});
  all("kl_max", std::vector<float>{0.2F, 0.6F, 0.5F, missing, 0.4F, 0.1F});
  all("alpha", std::vector<float>{1, 200, 3, missing, 5, 6});
  all("f1_truth", std::vector<float>(6, nan));
  all("random_keep_share", std::vector<float>(6, nan));
  all("accepted", std::vector<std::uint8_t>{1, 0, 1, 0, 1, 0});
  all("status", std::vector<std::uint8_t>{1, 3, 1, static_cast<std::uint8_t>(hole ? 4 : 1), 1, 1});
  all("steps", std::vector<std::int32_t>{10, 20, 20, hole ? -1 : 20, 20, 20});
  all("chosen_seed", std::vector<std::int32_t>{0, mode == "hidden" ? 1 : -1, 0});
  all("agreement_iou", std::vector<float>{nan, nan, 0.75F});
  all("agreement_spearman", std::vector<float>{nan, nan, -0.5F});
  all("agreement_kappa", std::vector<float>{nan, nan, 0.5F});
  if (mode == "input") {
    for (const char* curve : {"training_kl", "training_keep_share", "training_flipped", "training_alpha"}) {
      all(curve, std::vector<float>(2 * seeds * points, 0.25F));
    }
  }
}

store::ExplanationsEntry sample_explanations() { return {{"probe_hidden", "random"}, {0.1, 0.5}}; }

void fill_explanations(store::ResultsWriter& writer, Part& part, bool truth) {
  const std::vector<std::string> methods = sample_explanations().methods;
  const auto shares = std::ssize(sample_explanations().shares);
  const auto rows = static_cast<std::size_t>(std::ssize(methods) * points);
  const auto all = [&](const std::string& name, std::size_t cells, float value) {
    writer.write_from_first_rank<float>("evaluation/" + name, std::vector<float>(cells, value));
  };
  writer.write_text("evaluation/method_name", 0,
                    part.is_first() ? std::span<const std::string>(methods) : std::span<const std::string>());
  for (const std::string& method : methods) {
    part.attributions("explain/" + method + "/attribution", 0.5F);
    writer.write_from_first_rank<float>("explain/" + method + "/seconds", std::vector<float>(points, 0.25F));
  }
  part.examples<float>("evaluation/clean_probability", [](auto) { return 0.75; });
  part.probabilities("evaluation/kept_probability", std::ssize(methods), shares, 0.5F);
  part.probabilities("evaluation/dropped_probability", std::ssize(methods), shares, 0.25F);
  all("comprehensiveness", rows * static_cast<std::size_t>(shares), 0.5F);
  all("sufficiency", rows * static_cast<std::size_t>(shares), 0.25F);
  all("aopc_comprehensiveness", rows, 0.5F);
  all("aopc_sufficiency", rows, 0.25F);
  all("aopc_comprehensiveness_shuffled_head", rows, 0.125F);
  all("aopc_sufficiency_shuffled_head", rows, 0.5F);
  all("seconds", rows, 0.25F);
  if (!truth) return;
  for (const char* name : {"truth_kl", "truth_js", "truth_f1"}) all(name, rows, 0.5F);
}

void fill_statistics(store::ResultsWriter& writer) {
  constexpr std::int64_t parts = 5, hidden = 64;
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::int64_t> widths{64, 64, 2};
  std::vector<double> count, mean, variance, norms;
  for (std::int64_t row = 0; row < points * parts; ++row) {
    const bool empty = row % parts > 1;  // special tokens and text only
    count.push_back(empty ? 0 : 14);
    for (std::int64_t feature = 0; feature < hidden; ++feature) {
      const bool there = !empty && feature < widths[static_cast<std::size_t>(row / parts)];
      mean.push_back(there ? static_cast<double>(feature - row) : none);
      variance.push_back(there ? 0.5 * static_cast<double>(feature) : none);
    }
    for (const double norm : {0.25, 1.0, 4.0}) norms.push_back(empty ? none : norm);
  }
  const auto all = [&](const char* name, const std::vector<double>& values) {
    writer.write_from_first_rank<double>(std::string("statistics/") + name, values);
  };
  all("count", count);
  all("mean", mean);
  all("variance", variance);
  all("norm_quantile", norms);
  all("cosine_to_next", {0.75, none, none});
  all("anisotropy", {0.125, 0.5, -0.25});
  all("cka", {1, 0.5, 0.25, 0.5, 1, 0.75, 0.25, 0.75, 1});
}

}  // namespace

std::int64_t sample_token_count(const SampleSize& size, std::int64_t example) {
  return size.tokens_per_example + example % 6;
}

float sample_float(std::int64_t cell) { return static_cast<float>(cell * 7919 % 1024) / 1024.0F; }

store::Contents sample_contents(const SampleSize& size, SampleTask task) {
  store::Contents contents;
  contents.examples = size.examples;
  for (std::int64_t e = 0; e < size.examples; ++e) contents.tokens += sample_token_count(size, e);
  contents.output = task == SampleTask::squad ? terms::OutputKind::span : terms::OutputKind::classes;
  contents.classes = classes;
  contents.example_id_bytes = 24;
  contents.token_text_bytes = 8;
  contents.points = {{"embeddings", 64}, {"layer 1 input", 64}, {"façade", 2}};
  contents.seeds = {11, 42};
  contents.modes = {{"input", {100, 250}}, {"hidden", {}}};
  contents.statistics = {"train", {0, 0.5, 1}};
  contents.explanations = sample_explanations();
  contents.task = {task == SampleTask::sst, task == SampleTask::counting};
  return contents;
}

store::Contents sample_contents(const SampleSize& size) { return sample_contents(size, SampleTask::sst); }

store::Provenance sample_provenance() {
  store::Provenance from;
  from.title = "A sample";
  from.task = "sst";
  from.created = "2026-01-31T12:00:00Z";
  from.experiment = "[task]\nname = sst\n# naïve café\n";
  from.command = "layersweep run sample.ini";
  from.layersweep_version = "0.1.0";
  from.commit = "0123456";
  from.libraries = "HDF5";
  from.hosts = "node1, node2";
  from.processor = "a processor";
  from.weights_sha256 = from.data_sha256 = std::string(64, 'a');
  from.epsilon = 0.1;
  from.flip_limit = 0.25;
  from.more = {{"threads", "2"}};
  return from;  // vocabulary_sha256 stays empty, as in the counting task
}

std::vector<std::pair<std::int64_t, std::int64_t>> divide(std::int64_t examples, int ranks) {
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
  std::int64_t begin = 0;
  for (int rank = 0; rank < ranks; ++rank) {
    const std::int64_t left = examples - begin;
    const bool nothing = rank == 1 && ranks >= 3;
    const std::int64_t count = rank == ranks - 1 ? left : nothing ? 0 : (left + 1) / 2;
    ranges.emplace_back(begin, begin + count);
    begin += count;
  }
  return ranges;
}

void fill_sample(store::ResultsWriter& writer, const comm::Communicator& communicator, const SampleSize& size,
                 SampleTask task) {
  Part part(writer, size, divide(size.examples, communicator.size())[static_cast<std::size_t>(communicator.rank())]);
  part.texts("example_id", false);
  part.examples<std::uint8_t>("split", [](auto e) { return 1 + e % 2; });
  part.examples<std::int32_t>("token_count", [&](auto e) { return sample_token_count(size, e); });
  part.examples<std::int32_t>("token_start", [&](auto e) { return part.token_start(e); });
  const bool answers = task == SampleTask::squad;
  part.examples<std::int32_t>("label", [&](auto e) { return answers ? -1 : e % classes; });
  part.examples<std::int32_t>("prediction", [&](auto e) { return answers ? -1 : e % 2; });
  part.examples<float>("score", [](auto e) { return e % 2; });
  part.texts("token_text", true);
  part.tokens<std::int32_t>("token_id", [](auto t) { return t * 3; });
  part.tokens<std::uint8_t>("token_part", [](auto t) { return t % 5; });
  part.tokens<std::int32_t>("word_index", [](auto t) { return t % 4 - 1; });
  part.tokens<std::int32_t>("char_start", [](auto t) { return t; });
  part.tokens<std::int32_t>("char_end", [](auto t) { return t + 1; });
  if (task == SampleTask::sst) part.tokens<std::int32_t>("token_sentiment", [](auto t) { return t % 6 - 1; });
  if (task == SampleTask::counting) part.tokens<std::uint8_t>("token_truth", [](auto t) { return t % 2; });
  if (answers) {
    part.examples<std::uint8_t>("exact_match", [](auto e) { return e % 2; });
    for (const char* name : {"question", "gold_start", "gold_end", "predicted_start", "predicted_end"}) {
      part.examples<std::int32_t>(name, [](auto e) { return e % 3; });
    }
    part.tokens<float>("start_logits", sample_float);
    part.tokens<float>("end_logits", sample_float);
  } else {
    part.logits();
  }
  fill_mode(writer, part, "input");
  fill_mode(writer, part, "hidden");
  fill_statistics(writer);
  fill_explanations(writer, part, task == SampleTask::counting);
}

void write_sample(const comm::Communicator& communicator, const std::filesystem::path& path, const SampleSize& size,
                  SampleTask task) {
  store::ResultsWriter writer(communicator, path, sample_contents(size, task), sample_provenance());
  fill_sample(writer, communicator, size, task);
  writer.finish();
}

}  // namespace layersweep::test
