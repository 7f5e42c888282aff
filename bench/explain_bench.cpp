// What amortised probes save: masks of all points from probes, against integrated gradients with 50 steps at one point.
//   bench_explain [ENCODER FOLDER] [TEXTS=32] [POINT=0]
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
  const int point = argc > 3 ? std::atoi(argv[3]) : 0;
  const auto model = folder.empty() ? mini() : encoder::open_encoder(folder);
  std::vector<std::int64_t> widths;
  std::vector<at::Tensor> replacements;
  for (const encoder::Point& place : model->points()) {
    widths.push_back(place.width);
    replacements.push_back(at::zeros({place.width}));
  }
  const probe::ProbeLayout layout(probe::Mode::hidden, widths, 1);
  const std::vector<std::uint64_t> seeds{0};
  const at::Tensor parameters = probe::initial_parameters(layout, seeds, replacements);
  std::vector<std::int64_t> number(texts_at_once);
  std::iota(number.begin(), number.end(), 0);

  double by_probes = 0;
  double by_gradients = 0;
  const std::int64_t batches = std::max<std::int64_t>(1, texts / texts_at_once);
  for (std::int64_t b = -1; b < batches; ++b) {  // the first one warms up
    const encoder::Batch batch = batch_of(std::max<std::int64_t>(b, 0), batches);
    const double start = now();
    const encoder::Clean clean = model->clean(batch);
    {
      const at::NoGradGuard no_grad;
      probe::log_keep_probabilities(layout.mode(), probe::gate_logits(layout, layout.views(parameters), clean.states));
    }
    const double masked = now();
    const explain::Subject subject{.encoder = *model,
                                   .batch = batch,
                                   .clean = clean,
                                   .number = number,
                                   .point = point,
                                   .replacement = replacements[static_cast<std::size_t>(point)],
                                   .mean = {},
                                   .deviation = {},
                                   .epsilon = 0,
                                   .token_budget = 16384};
    explain::IntegratedGradients(steps).attribute(subject);
    if (b < 0) continue;
    by_probes += masked - start;
    by_gradients += now() - masked;
  }
  const auto total = static_cast<double>(batches * texts_at_once);
  fmt::print("probes, masks of all {} points: {:.1f} texts/s\n", layout.points(), total / by_probes);
  fmt::print("integrated gradients, {} steps, point {}: {:.2f} texts/s\n", steps, point, total / by_gradients);
  fmt::print("ratio: {:.0f}\n", by_gradients / by_probes);
}
