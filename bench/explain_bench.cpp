// What amortised probes save: masks of all points from probes, against integrated gradients with 50 steps, point by point.
//   bench_explain [ENCODER FOLDER] [TEXTS=32] [POINT: all of them]
// One thread, processor time. Without a folder: a 6-layer BERT of width 384 with random weights. The texts have 5 to 50
// random tokens, 20 in the mean, in batches of 16 of equal length. Weights of probes do not change their cost.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <time.h>

#include <cstdlib>
#include <numeric>
#include <string>

#include "encoder/bert.hpp"
#include "encoder/open.hpp"
#include "explain/gradients.hpp"
#include "probe/gates.hpp"
#include "probe/masks.hpp"

namespace {

using namespace layersweep;

constexpr std::int64_t texts_at_once = 16;
constexpr std::int64_t steps = 50;
constexpr std::int64_t vocabulary = 1000;

double now() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

std::unique_ptr<encoder::Encoder> mini() {
  encoder::BertConfig config;
  config.layers = 6;
  config.hidden = 384;
  config.heads = 12;
  config.inner = 1536;
  config.vocabulary = vocabulary;
  config.positions = 512;
  config.classes = 5;
  return encoder::make_bert(config, encoder::random_bert_weights(config, 1), -1);
}

// Batch `number` of `count`: equal lengths, which over all batches go from 5 to 50 as the square, 20 in the mean.
encoder::Batch batch_of(std::int64_t number, std::int64_t count) {
  const double place = count == 1 ? 0.67 : static_cast<double>(number) / static_cast<double>(count - 1);
  const auto length = static_cast<std::int64_t>(5 + 45 * place * place);
  encoder::Batch batch;
  batch.token_ids = at::randint(1, vocabulary, {texts_at_once, length}, at::kLong);
  batch.segments = at::zeros_like(batch.token_ids);
  batch.lengths = at::full({texts_at_once}, length, at::kLong);
  batch.mask = at::ones({texts_at_once, length}, at::kBool);
  return batch;
}

}  // namespace

int main(int argc, char** argv) {
  at::set_num_threads(1);
  const std::string folder = argc > 1 ? argv[1] : "";
  const std::int64_t texts = argc > 2 ? std::atoi(argv[2]) : 32;
  const auto model = folder.empty() ? mini() : encoder::open_encoder(folder);
  const std::vector<encoder::Point>& points = model->points();
  std::vector<std::size_t> measured(points.size());
  std::iota(measured.begin(), measured.end(), std::size_t{0});
  if (argc > 3) measured = {static_cast<std::size_t>(std::atoi(argv[3]))};
  std::vector<std::int64_t> widths;
  std::vector<at::Tensor> replacements;
  for (const encoder::Point& place : points) {
    widths.push_back(place.width);
    replacements.push_back(at::zeros({place.width}));
  }
  const probe::ProbeLayout layout(probe::Mode::hidden, widths, 1);
  const std::vector<std::uint64_t> seeds{0};
  const at::Tensor parameters = probe::initial_parameters(layout, seeds, replacements);
  std::vector<std::int64_t> number(texts_at_once);
  std::iota(number.begin(), number.end(), 0);

  double by_clean_pass = 0;
  double by_probes = 0;
  std::vector<double> by_gradients(points.size());
  const std::int64_t batches = std::max<std::int64_t>(1, texts / texts_at_once);
  for (std::int64_t b = -1; b < batches; ++b) {  // the first one warms up
    const encoder::Batch batch = batch_of(std::max<std::int64_t>(b, 0), batches);
    const double start = now();
    const encoder::Clean clean = model->clean(batch);
    const double passed = now();
    {
      const at::NoGradGuard no_grad;
      probe::log_keep_probabilities(layout.mode(), probe::gate_logits(layout, layout.views(parameters), clean.states));
    }
    const double masked = now();
    if (b >= 0) {
      by_clean_pass += passed - start;
      by_probes += masked - start;
    }
    for (const std::size_t point : measured) {
      const explain::Subject subject{.encoder = *model,
                                     .batch = batch,
                                     .clean = clean,
                                     .number = number,
                                     .point = static_cast<int>(point),
                                     .replacement = replacements[point],
                                     .mean = {},
                                     .deviation = {},
                                     .epsilon = 0,
                                     .token_budget = 16384};
      const double begin = now();
      explain::IntegratedGradients(steps).attribute(subject);
      if (b >= 0) by_gradients[point] += now() - begin;
    }
  }
  const auto total = static_cast<double>(batches * texts_at_once);
  fmt::print("probes, masks of all {} points: {:.1f} texts/s, {:.0f} % of the time in the clean pass\n", points.size(),
             total / by_probes, 100 * by_clean_pass / by_probes);
  fmt::print("integrated gradients, {} steps:\n", steps);
  for (const std::size_t point : measured) {
    fmt::print("  point {} {:16} {:8.2f} texts/s, probes are {:.1f} times as fast\n", point, points[point].name,
               total / by_gradients[point], by_gradients[point] / by_probes);
  }
  if (measured.size() > 1) {
    fmt::print("  all points {:22.2f} texts/s, probes are {:.1f} times as fast\n",
               total / std::reduce(by_gradients.begin(), by_gradients.end()),
               std::reduce(by_gradients.begin(), by_gradients.end()) / by_probes);
  }
}
