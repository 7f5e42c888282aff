#include "jobs/steps/explain.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "base/clock.hpp"
#include "base/hash.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "comm/agreement.hpp"
#include "explain/explainer.hpp"
#include "explain/faithfulness.hpp"
#include "jobs/compute_device.hpp"
#include "jobs/floats.hpp"
#include "jobs/steps/mode_probes.hpp"
#include "jobs/steps/replacements.hpp"
#include "model/open.hpp"
#include "probe/gates.hpp"
#include "probe/masks.hpp"
#include "sweep/stop_and_checkpoint_clock.hpp"
#include "tensors/safetensors.hpp"

namespace layersweep::jobs {
namespace {

using base::Clock;
using base::seconds_since;

constexpr std::int64_t texts_per_part = 16;
constexpr std::string_view probe_prefix = "probe_";
constexpr double seconds_between_reports = 10;

// The texts with the smallest draws, so that a larger limit only adds to them.
std::vector<std::int64_t> drawn(std::int64_t total, std::int64_t limit, std::int64_t seed, terms::Split split) {
  std::vector<std::int64_t> examples(static_cast<std::size_t>(total));
  std::iota(examples.begin(), examples.end(), 0);
  if (limit == 0 || limit >= total) return examples;
  base::RandomStream random(
      base::philox_key(static_cast<std::uint64_t>(seed), base::Purpose::explainers, {0, static_cast<std::uint64_t>(split)}));
  base::shuffle(std::span(examples), random);
  examples.resize(static_cast<std::size_t>(limit));
  std::ranges::sort(examples);
  return examples;
}

/// Explanations of one part by one method, point after point.
struct PartResults {
  std::vector<float> attribution;
  std::vector<double> seconds;
  std::vector<float> clean, kept, dropped, truth_kl, truth_js, truth_f1;
  std::vector<float> shuffled_kept, shuffled_dropped;
};

void append(std::vector<float>& to, const std::vector<float>& values) { to.insert(to.end(), values.begin(), values.end()); }

/// What all methods explain, and what they put in the place of tokens.
struct Compared {
  const config::Experiment& experiment;
  const model::Model& encoder;
  const model::Model* shuffled;  // with a shuffled head, where that is asked for
  const Texts& texts;
  const Replacements& replacements;
};

class Part {
 public:
  Part(const Compared& compared, const ExplainedPart& part)
      : compared_(compared),
        shares_(compared.experiment.explain.shares),
        corpus_(compared.texts.of(part.split)),
        examples_(part.examples),
        batch_(model::collate(corpus_, part.examples)) {
    const auto start = Clock::now();
    clean_ = compared.encoder.clean(batch_);
    clean_seconds_ = seconds_since(start);
    // Texts of different splits draw different noise.
    for (const std::int64_t example : examples_) {
      numbers_.push_back(static_cast<std::int64_t>(part.split) << 40 | example);
    }
    ranked_ = at::zeros({batch_.size(), batch_.width()}, at::kBool);
    for (std::size_t b = 0; b < examples_.size(); ++b) {
      const auto parts = tokens_of(corpus_.part(), b);
      for (std::size_t t = 0; t < parts.size(); ++t) {
        ranked_[static_cast<std::int64_t>(b)][static_cast<std::int64_t>(t)] =
            parts[t] != static_cast<std::uint8_t>(terms::TokenPart::special);
      }
    }
  }

  int points() const { return static_cast<int>(clean_.states.size()); }

  /// Called for one point after the other, from 0.
  using ExplainPoint = std::function<void(int point, PartResults& results)>;

  ExplainPoint explained_by(const explain::Explainer& explainer, const explain::ExplainerSettings& settings) const {
    std::optional<model::Clean> shuffled_clean;
    if (compared_.shuffled != nullptr) shuffled_clean = compared_.shuffled->clean(batch_);
    return [this, &explainer, settings, shuffled_clean = std::move(shuffled_clean)](int point, PartResults& results) {
      const explain::Subject subject = subject_at(point, compared_.encoder, clean_);
      const auto start = Clock::now();
      const at::Tensor attribution = explainer.attribute(subject, settings);
      results.seconds.push_back(seconds_since(start));
      add(results, subject, attribution);
      if (!shuffled_clean) return;
      // The other model's attributions, measured on this model.
      const explain::Faithfulness control = explain::measure_faithfulness(
          subject, explainer.attribute(subject_at(point, *compared_.shuffled, *shuffled_clean), settings), ranked_, shares_);
      append(results.shuffled_kept, floats_of(control.kept));
      append(results.shuffled_dropped, floats_of(control.dropped));
    };
  }

  /// One clean pass and all gates serve all points, which share the time equally.
  ExplainPoint explained_by(const ModeProbes& probes, const std::vector<std::int32_t>& chosen) const {
    const at::NoGradGuard no_grad;
    const auto start = Clock::now();
    std::vector<at::Tensor> log_keep = probe::log_keep_probabilities(
        probes.mode, probe::gate_logits(probes.layout, probes.layout.views(probes.parameters), clean_.states));
    const double seconds = clean_seconds_ + seconds_since(start) / static_cast<double>(probes.layout.seeds());
    return [this, chosen, seconds, log_keep = std::move(log_keep)](int point, PartResults& results) {
      const auto p = static_cast<std::size_t>(point);
      results.seconds.push_back(seconds / points());
      add(results, subject_at(point, compared_.encoder, clean_), log_keep[p].select(0, std::max(chosen[p], 0)).exp());
    };
  }

  void save(const std::filesystem::path& file, const PartResults& results, const std::string& key) const {
    const std::int64_t p = points();
    const std::int64_t s = std::ssize(shares_);
    const std::int64_t b = std::ssize(examples_);
    std::vector<tensors::TensorToWrite> all;
    const auto add = [&]<class T>(std::string name, std::vector<std::int64_t> shape, const std::vector<T>& values) {
      if (!values.empty()) all.push_back(tensors::tensor_to_write<T>(std::move(name), std::move(shape), values));
    };
    add("attribution", {p, std::ssize(results.attribution) / p}, results.attribution);
    add("seconds", {p}, results.seconds);
    add("clean", {b}, results.clean);
    add("kept", {p, s, b}, results.kept);
    add("dropped", {p, s, b}, results.dropped);
    add("shuffled_kept", {p, s, b}, results.shuffled_kept);
    add("shuffled_dropped", {p, s, b}, results.shuffled_dropped);
    add("truth_kl", {p, b}, results.truth_kl);
    add("truth_js", {p, b}, results.truth_js);
    add("truth_f1", {p, b}, results.truth_f1);
    std::filesystem::create_directories(file.parent_path());
    tensors::write_safetensors(file, std::move(all), {{"key", key}});
  }

 private:
  template <class T>
  std::span<const T> tokens_of(std::span<const T> column, std::size_t b) const {
    if (column.empty()) return {};
    const auto example = static_cast<std::size_t>(examples_[b]);
    return column.subspan(static_cast<std::size_t>(corpus_.token_start()[example]),
                          static_cast<std::size_t>(corpus_.length(examples_[b])));
  }

  // Of a model with its clean pass.
  explain::Subject subject_at(int point, const model::Model& model, const model::Clean& clean) const {
    const auto p = static_cast<std::size_t>(point);
    return {.model = model,
            .batch = batch_,
            .clean = clean,
            .number = numbers_,
            .point = point,
            .replacement = compared_.replacements.replacement[p],
            .mean = compared_.replacements.mean[p],
            .deviation = compared_.replacements.deviation[p],
            .epsilon = compared_.experiment.probe.epsilon,
            .token_budget = compared_.experiment.run.token_budget};
  }

  void add(PartResults& results, const explain::Subject& subject, const at::Tensor& attribution) const {
    const explain::Faithfulness faithful = explain::measure_faithfulness(subject, attribution, ranked_, shares_);
    // Once for all points: also where a point has nothing to explain.
    if (subject.point == 0) {
      const at::Tensor text = explain::repeated_texts(subject, 1);
      results.clean = floats_of(explain::prediction_score(subject, clean_.logits, text).exp());
    }
    append(results.kept, floats_of(faithful.kept));
    append(results.dropped, floats_of(faithful.dropped));
    for (std::size_t b = 0; b < examples_.size(); ++b) {
      const std::vector<float> values =
          floats_of(attribution.select(0, static_cast<std::int64_t>(b)).narrow(0, 0, corpus_.length(examples_[b])));
      append(results.attribution, values);
      if (corpus_.truth().empty()) continue;
      const explain::TruthMatch match = explain::match_truth(values, tokens_of(corpus_.truth(), b));
      results.truth_kl.push_back(static_cast<float>(match.kl));
      results.truth_js.push_back(static_cast<float>(match.js));
      results.truth_f1.push_back(static_cast<float>(match.f1));
    }
  }

  const Compared& compared_;
  const std::vector<double>& shares_;
  const data::Corpus& corpus_;
  std::vector<std::int64_t> examples_;
  model::Batch batch_;
  model::Clean clean_;
  double clean_seconds_ = 0;
  std::vector<std::int64_t> numbers_;
  at::Tensor ranked_;  // B x T bool: all but special tokens
};

// Everything that explanations by a method depend on beside their texts; another key is another explanation.
std::string key_of(const Context& context, const Replacements& replacements, const std::string& method,
                   const std::vector<ModeProbes>& modes) {
  const config::Explain& settings = context.experiment.explain;
  std::string text =
      fmt::format("{} {} {} {} {} {} {} {}", context.folder.identity(), method, settings.seed, settings.integration_steps,
                  settings.search_steps, settings.samples, settings.shuffled_head, fmt::join(settings.shares, ","));
  const auto add = [&](const at::Tensor& values) {
    const at::Tensor whole = values.contiguous();
    text.append(static_cast<const char*>(whole.const_data_ptr()), static_cast<std::size_t>(whole.nbytes()));
  };
  for (const auto* list : {&replacements.replacement, &replacements.mean, &replacements.deviation}) {
    for (const at::Tensor& vector : *list) add(vector);
  }
  if (mode_of_probes(method)) {
    for (const ModeProbes& mode : modes) add(mode.parameters);
  }
  return base::sha256_of_text(text);
}

std::string key_of(const std::string& method_key, const ExplainedPart& part) {
  return base::sha256_of_text(
      fmt::format("{} {} {}", method_key, terms::name_of(part.split), fmt::join(part.examples, ",")));
}

bool is_done(const std::filesystem::path& file, const std::string& key) {
  if (!std::filesystem::exists(file)) return false;
  const tensors::SafetensorsFile kept = tensors::SafetensorsFile::open(file);
  const auto found = kept.metadata().find("key");
  return found != kept.metadata().end() && found->second == key;
}

struct Item {
  std::string method;
  std::string key;
  std::size_t part;
};

// What is not on disk yet, as the first rank sees it: replacements of other processors may differ in the last bit, and so
// may keys; and folders of other hosts may be seen late. Collective; nothing is written before all have looked.
std::vector<Item> open_items(const Context& context, const Replacements& replacements, const std::vector<ModeProbes>& modes,
                             const std::vector<ExplainedPart>& parts) {
  nlohmann::json open = nlohmann::json::array();
  comm::run_together(context.ranks.communicator(), [&] {
    for (const std::string& method : compared_methods(context.experiment)) {
      const std::string method_key = key_of(context, replacements, method, modes);
      for (std::size_t part = 0; part < parts.size(); ++part) {
        const std::string key = key_of(method_key, parts[part]);
        if (!is_done(explanation_file(context, method, part), key)) open.push_back({method, key, part});
      }
    }
  });
  std::vector<Item> items;
  for (const auto& item : nlohmann::json::parse(context.ranks.communicator().broadcast_text(open.dump(), 0))) {
    items.push_back({item[0], item[1], item[2]});
  }
  return items;
}

}  // namespace

std::vector<ExplainedPart> explained_parts(const Texts& texts, const config::Explain& settings) {
  std::vector<ExplainedPart> parts;
  for (const terms::Split split : settings.splits) {
    const data::Corpus& corpus = texts.of(split);
    std::vector<std::int64_t> examples = drawn(corpus.size(), settings.limit, settings.seed, split);
    std::ranges::stable_sort(examples, {}, [&](std::int64_t example) { return corpus.length(example); });
    for (auto first = examples.begin(); first < examples.end();) {
      const auto count = std::min<std::ptrdiff_t>(texts_per_part, examples.end() - first);
      parts.push_back({split, {first, first + count}});
      first += count;
    }
  }
  return parts;
}

std::vector<std::string> compared_methods(const config::Experiment& experiment) {
  std::vector<std::string> methods;
  if (experiment.explain.methods.front() == config::ExplainMethod::none) return methods;
  for (const terms::Mode mode : {terms::Mode::input, terms::Mode::hidden}) {
    if (std::ranges::find(experiment.probe.modes, mode) == experiment.probe.modes.end()) continue;
    methods.push_back(fmt::format("{}{}", probe_prefix, terms::name_of(mode)));
  }
  for (const config::ExplainMethod method : experiment.explain.methods) {
    if (method != config::ExplainMethod::random) methods.emplace_back(terms::name_of(method));
  }
  methods.emplace_back(terms::name_of(config::ExplainMethod::random));
  return methods;
}

std::optional<std::string_view> mode_of_probes(std::string_view method) {
  if (!method.starts_with(probe_prefix)) return std::nullopt;
  return method.substr(probe_prefix.size());
}

std::filesystem::path explanation_file(const Context& context, const std::string& method, std::size_t part) {
  return context.folder.path() / "explain" / method / fmt::format("{}.safetensors", part);
}

void run_explainers(const Context& context, const model::Model& encoder, const std::filesystem::path& model,
                    const Texts& texts, const std::vector<UnitResult>& units) {
  const std::vector<std::string> methods = compared_methods(context.experiment);
  if (methods.empty()) return;
  const comm::Communicator& ranks = context.ranks.communicator();
  sweep::StopAndCheckpointClock clock(context.ranks, context.experiment.run.checkpoint_seconds);
  const Context stoppable{context.experiment, context.folder, sweep::stopping_between_pieces(context.ranks, clock)};
  const config::Explain& settings = context.experiment.explain;
  const std::vector<ExplainedPart> parts = explained_parts(texts, settings);
  const std::vector<ModeProbes> modes = probes_by_mode(units);
  std::vector<Judgement> judgements;
  for (const ModeProbes& mode : modes) judgements.push_back(judge(stoppable, encoder, texts, mode));
  const Replacements replacements = replacements_of(context, encoder, texts, modes, judgements);

  const std::vector<Item> open = open_items(context, replacements, modes, parts);
  if (open.empty()) return;
  base::world_info("explanations: {} methods, {} parts of at most {} texts, {} to do", methods.size(), parts.size(),
                   texts_per_part, open.size());
  std::unique_ptr<model::Model> shuffled;
  if (settings.shuffled_head) {
    shuffled = comm::run_together(ranks, [&] {
      return model::open_model(model, {.arithmetic = arithmetic_on_cpu(context.experiment.run),
                                       .shuffled_head = static_cast<std::uint64_t>(settings.seed)});
    });
  }
  const Compared compared{context.experiment, encoder, shuffled.get(), texts, replacements};
  const auto explain_point_by = [&](const Part& part, const std::string& method) {
    for (std::size_t m = 0; m < modes.size(); ++m) {
      if (mode_of_probes(method) == terms::name_of(modes[m].mode)) return part.explained_by(modes[m], judgements[m].chosen);
    }
    return part.explained_by(explain::explainer_named(method), {.seed = static_cast<std::uint64_t>(settings.seed),
                                                                .integration_steps = settings.integration_steps,
                                                                .search_steps = settings.search_steps,
                                                                .samples = settings.samples});
  };
  const auto size = static_cast<std::size_t>(ranks.size());
  const int points = static_cast<int>(encoder.points().size());
  auto reported = Clock::now();
  for (std::size_t first = 0; first < open.size(); first += size) {
    // Every rank runs the same number of pieces, also when no item is left for it.
    const std::size_t mine = first + static_cast<std::size_t>(ranks.rank());
    const Item* const item = mine < open.size() ? &open[mine] : nullptr;
    std::optional<Part> part;
    Part::ExplainPoint explain_point;
    PartResults results;
    clock.run_piece([&] {
      if (item == nullptr) return;
      part.emplace(compared, parts[item->part]);
      explain_point = explain_point_by(*part, item->method);
    });
    for (int point = 0; point < points; ++point) {
      clock.run_piece([&] {
        if (part) explain_point(point, results);
      });
    }
    clock.run_piece([&] {
      if (part) part->save(explanation_file(context, item->method, item->part), results, item->key);
    });
    if (seconds_since(reported) < seconds_between_reports) continue;
    reported = Clock::now();
    base::world_info("explanations: {} of {} parts, {}", std::min(first + size, open.size()), open.size(),
                     open[first].method);
  }
}

}  // namespace layersweep::jobs
