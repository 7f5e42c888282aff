#include "jobs/steps/explain.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <sstream>

#include "base/hash.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "comm/agreement.hpp"
#include "explain/explainer.hpp"
#include "explain/faithfulness.hpp"
#include "jobs/compute_device.hpp"
#include "jobs/steps/mode_probes.hpp"
#include "jobs/steps/replacements.hpp"
#include "model/open.hpp"
#include "probe/gates.hpp"
#include "probe/masks.hpp"
#include "sweep/stop_and_checkpoint_clock.hpp"
#include "tensors/safetensors.hpp"

namespace layersweep::jobs {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t texts_per_part = 16;
constexpr std::string_view probe_prefix = "probe_";
constexpr double seconds_between_reports = 10;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

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

std::vector<float> floats(const at::Tensor& values) {
  const at::Tensor whole = values.to(at::kFloat).contiguous();
  return {whole.const_data_ptr<float>(), whole.const_data_ptr<float>() + whole.numel()};
}

/// What one method says of one part, point after point.
struct Findings {
  std::vector<float> attribution;
  std::vector<double> seconds;
  std::vector<float> clean, kept, dropped, truth_kl, truth_js, truth_f1;
  std::vector<float> shuffled_kept, shuffled_dropped;
};

void append(std::vector<float>& to, const std::vector<float>& values) { to.insert(to.end(), values.begin(), values.end()); }

class Part {
 public:
  Part(const Context& context, const model::Model& encoder, const Texts& texts, const ExplainedPart& part,
       const StandIns& stand_ins, const model::Model* shuffled)
      : settings_(context.experiment.explain),
        epsilon_(context.experiment.probe.epsilon),
        token_budget_(context.experiment.run.token_budget),
        encoder_(encoder),
        shuffled_(shuffled),
        corpus_(texts.of(part.split)),
        examples_(part.examples),
        stand_ins_(stand_ins),
        batch_(model::collate(corpus_, part.examples)) {
    const auto start = Clock::now();
    clean_ = encoder.clean(batch_);
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
  using ExplainPoint = std::function<void(int point, Findings& findings)>;

  ExplainPoint explained_by(std::shared_ptr<const explain::Explainer> explainer) const {
    std::optional<model::Clean> shuffled_clean;
    if (shuffled_ != nullptr) shuffled_clean = shuffled_->clean(batch_);
    return
        [this, explainer = std::move(explainer), shuffled_clean = std::move(shuffled_clean)](int point, Findings& findings) {
          const explain::Subject subject = subject_at(point, encoder_, clean_);
          const auto start = Clock::now();
          const at::Tensor attribution = explainer->attribute(subject);
          findings.seconds.push_back(seconds_since(start));
          add(findings, subject, attribution);
          if (!shuffled_clean) return;
          // What is said of the other model is held against this one.
          const explain::Faithfulness control = explain::measure_faithfulness(
              subject, explainer->attribute(subject_at(point, *shuffled_, *shuffled_clean)), ranked_, settings_.shares);
          append(findings.shuffled_kept, floats(control.kept));
          append(findings.shuffled_dropped, floats(control.dropped));
        };
  }

  /// One clean pass and all gates serve all points: its time is shared out over them.
  ExplainPoint explained_by(const ModeProbes& probes, const std::vector<std::int32_t>& chosen) const {
    const at::NoGradGuard no_grad;
    const auto start = Clock::now();
    std::vector<at::Tensor> log_keep = probe::log_keep_probabilities(
        probes.mode, probe::gate_logits(probes.layout, probes.layout.views(probes.parameters), clean_.states));
    const double seconds = clean_seconds_ + seconds_since(start) / static_cast<double>(probes.layout.seeds());
    return [this, chosen, seconds, log_keep = std::move(log_keep)](int point, Findings& findings) {
      const auto p = static_cast<std::size_t>(point);
      findings.seconds.push_back(seconds / points());
      add(findings, subject_at(point, encoder_, clean_), log_keep[p].select(0, std::max(chosen[p], 0)).exp());
    };
  }

  void save(const std::filesystem::path& file, const Findings& findings, const std::string& key) const {
    const std::int64_t p = points();
    const std::int64_t s = std::ssize(settings_.shares);
    const std::int64_t b = std::ssize(examples_);
    std::vector<tensors::TensorToWrite> all;
    const auto add = [&]<class T>(std::string name, std::vector<std::int64_t> shape, const std::vector<T>& values) {
      if (!values.empty()) all.push_back(tensors::tensor_to_write<T>(std::move(name), std::move(shape), values));
    };
    add("attribution", {p, std::ssize(findings.attribution) / p}, findings.attribution);
    add("seconds", {p}, findings.seconds);
    add("clean", {b}, findings.clean);
    add("kept", {p, s, b}, findings.kept);
    add("dropped", {p, s, b}, findings.dropped);
    add("shuffled_kept", {p, s, b}, findings.shuffled_kept);
    add("shuffled_dropped", {p, s, b}, findings.shuffled_dropped);
    add("truth_kl", {p, b}, findings.truth_kl);
    add("truth_js", {p, b}, findings.truth_js);
    add("truth_f1", {p, b}, findings.truth_f1);
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
            .replacement = stand_ins_.replacement[p],
            .mean = stand_ins_.mean[p],
            .deviation = stand_ins_.deviation[p],
            .epsilon = epsilon_,
            .token_budget = token_budget_};
  }

  void add(Findings& findings, const explain::Subject& subject, const at::Tensor& attribution) const {
    const explain::Faithfulness faithful = explain::measure_faithfulness(subject, attribution, ranked_, settings_.shares);
    // Of all points, of which one may have nothing to explain.
    if (subject.point == 0) {
      const at::Tensor text = explain::repeated_texts(subject, 1);
      findings.clean = floats(explain::prediction_score(subject, clean_.logits, text).exp());
    }
    append(findings.kept, floats(faithful.kept));
    append(findings.dropped, floats(faithful.dropped));
    for (std::size_t b = 0; b < examples_.size(); ++b) {
      const std::vector<float> values =
          floats(attribution.select(0, static_cast<std::int64_t>(b)).narrow(0, 0, corpus_.length(examples_[b])));
      append(findings.attribution, values);
      if (corpus_.truth().empty()) continue;
      const explain::TruthMatch match = explain::match_truth(values, tokens_of(corpus_.truth(), b));
      findings.truth_kl.push_back(static_cast<float>(match.kl));
      findings.truth_js.push_back(static_cast<float>(match.js));
      findings.truth_f1.push_back(static_cast<float>(match.f1));
    }
  }

  const config::Explain& settings_;
  double epsilon_;
  std::int64_t token_budget_;
  const model::Model& encoder_;
  const model::Model* shuffled_;
  const data::Corpus& corpus_;
  std::vector<std::int64_t> examples_;
  const StandIns& stand_ins_;
  model::Batch batch_;
  model::Clean clean_;
  double clean_seconds_ = 0;
  std::vector<std::int64_t> numbers_;
  at::Tensor ranked_;  // B x T bool: all but special tokens
};

// Everything that explanations by a method depend on beside their texts; another key is another explanation.
std::string key_of(const Context& context, const StandIns& stand_ins, const std::string& method,
                   const std::vector<ModeProbes>& modes) {
  std::string text =
      fmt::format("{} {} {} {} {} {} {} {}", context.folder.identity(), method, context.experiment.explain.seed,
                  context.experiment.explain.integration_steps, context.experiment.explain.search_steps,
                  context.experiment.explain.samples, context.experiment.explain.shuffled_head,
                  fmt::join(context.experiment.explain.shares, ","));
  const auto add = [&](const at::Tensor& values) {
    const at::Tensor whole = values.contiguous();
    text.append(static_cast<const char*>(whole.const_data_ptr()), static_cast<std::size_t>(whole.nbytes()));
  };
  for (const auto* list : {&stand_ins.replacement, &stand_ins.mean, &stand_ins.deviation}) {
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

// Stand-ins of other processors may differ in the last bit, and so may keys; and folders of other hosts may be seen late.
std::vector<Item> as_first_rank_sees_them(const std::vector<Item>& items, const comm::Communicator& ranks) {
  std::string text;
  for (const Item& item : items) text += fmt::format("{} {} {}\n", item.method, item.key, item.part);
  std::istringstream lines(ranks.broadcast_text(text, 0));
  std::vector<Item> first;
  for (Item item; lines >> item.method >> item.key >> item.part;) first.push_back(item);
  return first;
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
  const StandIns stand_ins = stand_ins_of(context, encoder, texts, modes, judgements);

  std::vector<Item> open;
  comm::run_together(ranks, [&] {
    for (const std::string& method : methods) {
      const std::string method_key = key_of(context, stand_ins, method, modes);
      for (std::size_t part = 0; part < parts.size(); ++part) {
        const std::string key = key_of(method_key, parts[part]);
        if (!is_done(explanation_file(context, method, part), key)) open.push_back({method, key, part});
      }
    }
  });
  open = as_first_rank_sees_them(open, ranks);  // after all have looked, and before any writes
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
  const explain::ExplainerSettings told{.seed = static_cast<std::uint64_t>(settings.seed),
                                        .integration_steps = settings.integration_steps,
                                        .search_steps = settings.search_steps,
                                        .samples = settings.samples};
  const auto size = static_cast<std::size_t>(ranks.size());
  const int points = static_cast<int>(encoder.points().size());
  auto reported = Clock::now();
  for (std::size_t first = 0; first < open.size(); first += size) {
    // Every rank makes as many pieces, also one for which no item is left.
    const std::size_t mine = first + static_cast<std::size_t>(ranks.rank());
    const Item* const item = mine < open.size() ? &open[mine] : nullptr;
    std::optional<Part> part;
    Part::ExplainPoint explain_point;
    Findings findings;
    clock.run_piece([&] {
      if (item == nullptr) return;
      part.emplace(context, encoder, texts, parts[item->part], stand_ins, shuffled.get());
      for (std::size_t m = 0; m < modes.size(); ++m) {
        if (mode_of_probes(item->method) == terms::name_of(modes[m].mode)) {
          explain_point = part->explained_by(modes[m], judgements[m].chosen);
        }
      }
      if (!explain_point) explain_point = part->explained_by(explain::make_explainer(item->method, told));
    });
    for (int point = 0; point < points; ++point) {
      clock.run_piece([&] {
        if (part) explain_point(point, findings);
      });
    }
    clock.run_piece([&] {
      if (part) part->save(explanation_file(context, item->method, item->part), findings, item->key);
    });
    if (seconds_since(reported) < seconds_between_reports) continue;
    reported = Clock::now();
    base::world_info("explanations: {} of {} parts, {}", std::min(first + size, open.size()), open.size(),
                     open[first].method);
  }
}

}  // namespace layersweep::jobs
