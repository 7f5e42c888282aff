#include "jobs/measure.hpp"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/random.hpp"
#include "data/corpus.hpp"
#include "device/processor.hpp"
#include "jobs/compute_device.hpp"
#include "jobs/planned_model.hpp"
#include "jobs/tasks/task.hpp"
#include "plan/unit.hpp"
#include "plan/work.hpp"
#include "probe/evaluate.hpp"
#include "probe/noise.hpp"
#include "probe/objective.hpp"
#include "probe/optimiser.hpp"

namespace layersweep::jobs {
namespace {

using Clock = std::chrono::steady_clock;

// A single thread is timed by the processor's time: what other programs take of the machine does not count.
double now_s() {
  if (at::get_num_threads() == 1) {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

// The median of at least three runs and `enough_s` of them.
double median_seconds(const std::function<void()>& work, double enough_s = 1.0) {
  work();
  std::vector<double> times;
  double spent = 0;
  while (times.size() < 3 || (spent < enough_s && times.size() < 2000)) {
    const double start = now_s();
    work();
    times.push_back(now_s() - start);
    spent += times.back();
  }
  std::ranges::nth_element(times, times.begin() + std::ssize(times) / 2);
  return times[times.size() / 2];
}

// `count` texts of `length` random tokens.
data::Corpus random_texts(const Task& task, std::int64_t count, std::int64_t length) {
  base::RandomStream random(base::philox_key(1, base::Purpose::explainers));
  std::vector<data::Example> examples;
  for (std::int64_t e = 0; e < count; ++e) {
    examples.push_back(task.random_text(random, length));
    examples.back().id = std::to_string(e);
  }
  return data::Corpus::pack(examples);
}

// One mode's passes on texts of one size.
class Passes {
 public:
  Passes(const model::Model& encoder, terms::Mode mode, std::int64_t seeds)
      : encoder_(encoder), mode_(mode), layout_(mode_, probe::widths_of(encoder), seeds) {
    for (std::int64_t s = 0; s < seeds; ++s) seeds_.push_back(static_cast<std::uint64_t>(s));
    std::vector<at::Tensor> replacements;
    for (const model::Point& point : encoder.points()) replacements.push_back(at::zeros({point.width}));
    parameters_ = probe::initial_parameters(layout_, seeds_, replacements);
    active_ = at::ones({layout_.points(), seeds}, at::kBool);
    inputs_.alpha = at::ones({layout_.points(), seeds});
    inputs_.active = active_;
  }

  double train_seconds(const data::Corpus& texts) {
    const std::vector<std::int64_t> all = numbers(texts);
    inputs_.batch_size = texts.size();
    return median_seconds([&] {
      probe::StepSums part(layout_);
      const model::Batch batch = model::collate(texts, all);
      inputs_.noise = probe::gate_noise({mode_, seeds_, layout_.clip({})}, 1, all, batch.width());
      probe::accumulate_step(encoder_, batch, {layout_, parameters_}, inputs_, part);
    });
  }

  double evaluate_seconds(const data::Corpus& texts) const {
    const std::vector<std::int64_t> all = numbers(texts);
    return median_seconds([&] {
      const model::Batch batch = model::collate(texts, all);
      probe::evaluate_hard_masks({encoder_, batch, encoder_.clean(batch)}, {layout_, parameters_}, active_);
    });
  }

  // What every rank does with the sum of the gradients.
  double optimiser_seconds() const {
    probe::LookaheadRmsprop optimiser(parameters_.clone(), probe::LookaheadRmsprop::Variance::centred);
    const at::Tensor rates = at::full({layout_.size()}, 1e-6, at::kFloat);
    const at::Tensor gradient = at::full({layout_.size()}, 1e-3, at::kFloat);
    return median_seconds(
        [&] {
          probe::StepSums sums(layout_);
          sums.gradient().copy_(gradient);
          optimiser.step(at::where(at::isfinite(sums.gradient()), sums.gradient(), 0.0F), rates * 1.0);
        },
        0.2);
  }

  std::int64_t parameters() const { return layout_.size(); }

 private:
  static std::vector<std::int64_t> numbers(const data::Corpus& texts) {
    std::vector<std::int64_t> all;
    for (std::int64_t e = 0; e < texts.size(); ++e) all.push_back(e);
    return all;
  }

  const model::Model& encoder_;
  terms::Mode mode_;
  probe::ProbeLayout layout_;
  std::vector<std::uint64_t> seeds_;
  at::Tensor parameters_, active_;
  probe::StepInputs inputs_;
};

plan::PassSpeed speed_of(double small_flops, double small_s, double large_flops, double large_s) {
  plan::PassSpeed speed;
  // Where the fixed part is all there is, the rate is what the large pass shows.
  const double slope = (large_s - small_s) / (large_flops - small_flops);
  speed.flops_per_s = slope > 0 ? 1 / slope : large_flops / large_s;
  speed.s_per_pass = std::max(0.0, large_s - large_flops / speed.flops_per_s);
  return speed;
}

plan::MessageSpeed message_speed(const comm::Communicator& ranks) {
  if (ranks.size() == 1) return plan::assumed_messages();
  std::vector<double> one(1, 0.0);
  std::vector<float> many(1 << 20, 0.0F);
  // The best of several batches, since a message waits whenever one of the ranks has lost its processor to another program.
  // Fixed repetitions: all ranks must come equally often.
  const auto seconds = [&](int times, const std::function<void()>& work) {
    double best = 1e30;
    for (int batch = 0; batch < 20; ++batch) {
      ranks.barrier();
      const Clock::time_point start = Clock::now();
      for (int i = 0; i < times; ++i) work();
      best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count() / times);
    }
    return ranks.all_reduce_max(best);
  };
  const double gate_s = seconds(30, [&] { ranks.gate("a measurement"); });
  const double small_s = seconds(30, [&] { ranks.all_reduce_sum(std::span(one)); });  // behind a gate
  const double large_s = seconds(2, [&] { ranks.all_reduce_sum(std::span(many)); });
  const double n = ranks.size();
  plan::MessageSpeed speed;
  speed.latency_s = std::max(1e-7, small_s - gate_s) / (2 * std::ceil(std::log2(n)));
  speed.overhead_s = std::max(0.0, (gate_s - 2 * speed.latency_s) / (2 * (n - 1)));
  speed.bytes_per_s = 2 * (n - 1) / n * static_cast<double>(many.size() * sizeof(float)) / std::max(1e-9, large_s - small_s);
  return speed;
}

}  // namespace

plan::Calibration measure(const comm::Communicator& ranks, const config::Experiment& experiment, const plan::Model& model,
                          const plan::TextLengths& texts, int threads) {
  const auto encoder =
      family_of(experiment).random(experiment.encoder.folder, planned_head(experiment), arithmetic_on_cpu(experiment.run));
  const Task& task = task_of(experiment.task.name);
  plan::Calibration result = plan::assumed_calibration(threads);
  result.processor = device::processor().name;
  result.model = model.name;
  const double mean = texts.train.mean();
  const auto length = std::max<std::int64_t>(1, std::llround(mean));
  const std::int64_t short_length = std::min<std::int64_t>(2, length);
  const data::Corpus tiny = random_texts(task, 1, short_length);
  const auto slowest = [&](double seconds) { return ranks.all_reduce_max(seconds); };

  std::vector<terms::Mode> modes;
  for (const plan::Unit& unit : plan::units_of(experiment.probe)) {
    if (std::ranges::find(modes, unit.mode) != modes.end()) continue;
    modes.push_back(unit.mode);
    const auto seeds = static_cast<std::int64_t>(unit.seeds.size());
    Passes passes(*encoder, unit.mode, seeds);
    // A micro-batch as a run makes them.
    const std::int64_t fit = experiment.run.token_budget / (model.points() * seeds * length);
    const auto piece = [&](std::int64_t batch) {
      return std::clamp<std::int64_t>((batch + experiment.run.shards - 1) / experiment.run.shards, 1,
                                      std::max<std::int64_t>(1, fit));
    };
    config::Run whole = experiment.run;
    whole.shards = 1;
    const auto flops = [&](plan::Purpose purpose, std::int64_t count, std::int64_t tokens) {
      const plan::Lengths lengths({{static_cast<double>(tokens), static_cast<double>(count)}});
      return plan::pass_of(purpose, {model, unit.mode, seeds}, {lengths, static_cast<double>(count)}, whole).flops;
    };
    plan::ModeSpeed& speed = unit.mode == terms::Mode::input ? result.input : result.hidden;
    const std::int64_t train_texts = piece(experiment.probe.batch);
    const std::int64_t dev_texts = piece(plan::evaluation_batch);
    speed.train = speed_of(flops(plan::Purpose::training, 1, short_length), slowest(passes.train_seconds(tiny)),
                           flops(plan::Purpose::training, train_texts, length),
                           slowest(passes.train_seconds(random_texts(task, train_texts, length))));
    speed.evaluate = speed_of(flops(plan::Purpose::evaluation, 1, short_length), slowest(passes.evaluate_seconds(tiny)),
                              flops(plan::Purpose::evaluation, dev_texts, length),
                              slowest(passes.evaluate_seconds(random_texts(task, dev_texts, length))));
    result.s_per_parameter = slowest(passes.optimiser_seconds()) / static_cast<double>(passes.parameters());
  }
  if (modes.size() == 1) (modes.front() == terms::Mode::input ? result.hidden : result.input) = result.of(modes.front());
  result.messages = message_speed(ranks);
  result.source = fmt::format("measured on {} at {} by {} rank{} of {} thread{}", base::host_name(), base::utc_now(),
                              ranks.size(), ranks.size() == 1 ? "" : "s", threads, threads == 1 ? "" : "s");
  return result;
}

}  // namespace layersweep::jobs
