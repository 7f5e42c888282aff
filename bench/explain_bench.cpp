// What amortised probes save: masks of all points from probes, against integrated gradients with 50 steps, point by point.
//   bench_explain ENCODER DATA [EVERY=1] [POINT: all of them]
// On SST's test sentences in batches of 16 by length, of which every EVERY-th is taken. One thread, processor time. Weights
// of probes do not change their cost.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <time.h>

#include <algorithm>
#include <numeric>
#include <string>

#include "data/prepare.hpp"
#include "device/memory.hpp"
#include "explain/methods.hpp"
#include "model/open.hpp"
#include "probe/gates.hpp"
#include "probe/masks.hpp"

namespace {

using namespace layersweep;

constexpr std::size_t texts_at_once = 16;
constexpr std::int64_t steps = 50;

double now() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

// Every `every`-th of the batches that the texts make when they are sorted by length.
std::vector<std::vector<std::int64_t>> batches_by_length(const data::Corpus& corpus, std::size_t every) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(corpus.size()));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return corpus.length(a) < corpus.length(b); });
  std::vector<std::vector<std::int64_t>> batches;
  for (std::size_t at = 0; at < order.size(); at += every * texts_at_once) {
    const auto first = order.begin() + static_cast<std::ptrdiff_t>(at);
    batches.emplace_back(first, first + static_cast<std::ptrdiff_t>(std::min(texts_at_once, order.size() - at)));
  }
  return batches;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: bench_explain ENCODER DATA [EVERY] [POINT]\n");
    return 2;
  }
  device::keep_freed_memory();
  at::set_num_threads(1);
  const auto model = model::open_model(argv[1]);
  const auto corpus = data::prepare_sst(argv[2], terms::Split::test, text::Tokenizer::open(argv[1]), 512);
  const auto batches = batches_by_length(corpus, argc > 3 ? std::stoul(argv[3]) : 1);
  const std::vector<model::Point>& points = model->points();
  std::vector<std::size_t> measured(points.size());
  std::iota(measured.begin(), measured.end(), std::size_t{0});
  if (argc > 4) measured = {std::stoul(argv[4])};
  std::vector<at::Tensor> replacements;
  for (const model::Point& place : points) replacements.push_back(at::zeros({place.width}));
  const probe::ProbeLayout layout(terms::Mode::hidden, probe::widths_of(*model), 1);
  const std::vector<std::uint64_t> seeds{0};
  const at::Tensor parameters = probe::initial_parameters(layout, seeds, replacements);
  double by_clean_pass = 0;
  double by_probes = 0;
  std::vector<double> by_gradients(points.size());
  double texts = 0;
  for (std::size_t b = 0; b <= batches.size(); ++b) {
    const bool counts = b > 0;  // the first one is done twice, to warm up
    const std::vector<std::int64_t>& examples = batches[counts ? b - 1 : 0];
    const model::Batch batch = model::collate(corpus, examples);
    const double start = now();
    const model::Clean clean = model->clean(batch);
    const double passed = now();
    {
      const at::NoGradGuard no_grad;
      probe::log_keep_probabilities(layout.mode(), probe::gate_logits(layout, layout.views(parameters), clean.states));
    }
    const double masked = now();
    if (counts) {
      texts += static_cast<double>(examples.size());
      by_clean_pass += passed - start;
      by_probes += masked - start;
    }
    for (const std::size_t point : measured) {
      const explain::Subject subject{.encoder = *model,
                                     .batch = batch,
                                     .clean = clean,
                                     .number = examples,
                                     .point = static_cast<int>(point),
                                     .replacement = replacements[point],
                                     .mean = {},
                                     .deviation = {},
                                     .epsilon = 0,
                                     .token_budget = 16384};
      const double begin = now();
      explain::integrated_gradients(subject, {.integration_steps = steps});
      if (counts) by_gradients[point] += now() - begin;
    }
  }
  fmt::print("{:.0f} texts; probes, masks of all {} points: {:.1f} texts/s, {:.0f} % of the time in the clean pass\n", texts,
             points.size(), texts / by_probes, 100 * by_clean_pass / by_probes);
  fmt::print("integrated gradients, {} steps:\n", steps);
  for (const std::size_t point : measured) {
    fmt::print("  point {} {:16} {:8.2f} texts/s, probes are {:.1f} times as fast\n", point, points[point].name,
               texts / by_gradients[point], by_gradients[point] / by_probes);
  }
  if (measured.size() > 1) {
    fmt::print("  all points {:22.2f} texts/s, probes are {:.1f} times as fast\n",
               texts / std::reduce(by_gradients.begin(), by_gradients.end()),
               std::reduce(by_gradients.begin(), by_gradients.end()) / by_probes);
  }
}
