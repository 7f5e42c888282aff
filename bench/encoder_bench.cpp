// How fast the frozen pass is, against the speed of its matrix products alone.
//   bench_encoder [THREADS=1] [TOKENS=27] [SENTENCES=8] [keep|return: what happens to freed memory]
// Its last line is one JSON object: the shares of the products' speed in fp32.
// A 6-layer BERT of width 384 with random weights; input mode: 8 masked copies of the batch at all layers; hidden mode: a
// copy joins at each point. A pair is one (sentence, point) forward and backward.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>

#include "device/memory.hpp"
#include "model/families/counting.hpp"
#include "model/families/families.hpp"
#include "model/kernels.hpp"
#include "model/transformer/family.hpp"
#include "model/transformer/transformer.hpp"

namespace {

using namespace layersweep;
using model::Need;
using model::Rows;

// One thread is timed by the processor's time, which other programs on the machine disturb less.
double now() {
  if (at::get_num_threads() == 1) {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double best_seconds(const std::function<void()>& work, int repeats) {
  work();
  double best = 1e30;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const double start = now();
    work();
    best = std::min(best, now() - start);
  }
  return best;
}

model::TransformerSpec mini() {
  model::TransformerSpec config;
  config.layers = 6;
  config.hidden = 384;
  config.heads = 12;
  config.inner = 1536;
  config.vocabulary = 1000;
  config.positions = 512;
  config.head.classes = 5;
  return config;
}

struct Work {
  model::TransformerSpec config = mini();
  std::int64_t sentences, tokens;
  model::Batch batch;
  model::Clean clean;

  Work(std::int64_t sentence_count, std::int64_t token_count) : sentences(sentence_count), tokens(token_count) {
    batch.token_ids = at::randint(1, config.vocabulary, {sentences, tokens}, at::kLong);
    batch.segments = at::zeros_like(batch.token_ids);
    batch.lengths = at::full({sentences}, tokens, at::kLong);
    batch.mask = at::ones({sentences, tokens}, at::kBool);
  }
  std::int64_t copies() const { return config.layers + 2; }
  at::Tensor examples(std::int64_t count) const { return at::arange(sentences).repeat({count}); }

  void input_mode(const model::Model& model) const {
    const at::Tensor states = clean.states[0].repeat({copies(), 1, 1}).requires_grad_();
    Rows rows{states, examples(copies())};
    for (int point = 0; point <= config.layers; ++point) rows = model.advance(point, rows, batch, Need::read_out);
    model.read_out(rows, batch).square().sum().backward();
  }
  void hidden_mode(const model::Model& model) const {
    Rows rows;
    for (int point = 0; point <= config.layers + 1; ++point) {
      Rows joining{clean.states[point].detach().clone().requires_grad_(), examples(1)};
      if (point == config.layers + 1) joining = model.narrow_to_read_out(joining, batch);
      rows = point == 0 ? joining : Rows{at::cat({rows.states, joining.states}), at::cat({rows.example, joining.example})};
      if (point <= config.layers) rows = model.advance(point, rows, batch, Need::read_out);
    }
    model.read_out(rows, batch).square().sum().backward();
  }
};

// The products of one layer, forward and backward, over `rows` rows, alone: seconds at LibTorch's best.
struct Products {
  double seconds = 0, flops = 0;

  void add(std::int64_t m, std::int64_t n, std::int64_t k) {
    const at::Tensor a = at::randn({m, k}), weight = at::randn({n, k}), c = at::empty({m, n});
    at::Tensor out = c, back = at::empty({m, k});
    seconds += best_seconds([&] { at::mm_out(out, a, weight.t()); }, 15);
    seconds += best_seconds([&] { at::mm_out(back, out, weight); }, 15);
    flops += 4.0 * double(m) * double(n) * double(k);
  }
};

Products layer_products(const Work& work, std::int64_t rows, bool last) {
  const std::int64_t h = work.config.hidden, inner = work.config.inner, all = rows * work.tokens;
  const std::int64_t computed = last ? rows : all;
  Products products;
  if (last) {
    products.add(all, 2 * h, h);
    products.add(rows, h, h);
  } else {
    products.add(all, 3 * h, h);
  }
  products.add(computed, h, h);
  products.add(computed, inner, h);
  products.add(computed, h, inner);
  return products;
}

Products mode_products(const Work& work, bool grows) {
  Products total;
  for (std::int64_t layer = 1; layer <= work.config.layers; ++layer) {
    const std::int64_t copies = grows ? layer + 1 : work.copies();
    const Products one = layer_products(work, copies * work.sentences, layer == work.config.layers);
    total.seconds += one.seconds;
    total.flops += one.flops;
  }
  return total;
}

// Gives the share of the products' own speed.
double report(const std::string& name, const Work& work, double seconds, const Products& products) {
  const double pairs = double(work.sentences * work.copies());
  fmt::print("{:<22} {:8.2f} ms  {:7.1f} pairs/s  {:6.1f} GFLOP/s  {:5.1f} % of the products' own speed ({:.1f} GFLOP/s)\n",
             name, 1e3 * seconds, pairs / seconds, products.flops / seconds / 1e9, 100 * products.seconds / seconds,
             products.flops / products.seconds / 1e9);
  return products.seconds / seconds;
}

// The counting model from its second point, forward and backward: rows are copies x seeds x examples.
void report_counting() {
  const model::CountingModel model{{}, model::random_counting_weights({}, 0)};
  const std::int64_t rows = 2048;
  model::Batch batch;
  batch.lengths = at::randint(1, 11, {128}, at::kLong);
  batch.token_ids = at::zeros({128, 10}, at::kLong);
  const at::Tensor start = at::randn({rows, 10, 2}), example = at::arange(rows).remainder(128);
  for (const auto& [name, arithmetic] : {std::pair{"fast", model::Arithmetic::fast}, {"plain", model::Arithmetic::plain}}) {
    const auto counting = model::make_counting(model, arithmetic);
    const double seconds = best_seconds(
        [&] {
          counting->read_out({start.clone().requires_grad_(), example}, batch).square().sum().backward();
        },
        20);
    fmt::print("counting, {} rows of up to 10 tokens, {}: {:.2f} ms\n", rows, name, 1e3 * seconds);
  }
}

// Each kernel on one thread, on one row's worth of memory over and over, per token of a layer.
void report_kernels(const Work& work, const model::Kernels& k) {
  const std::int64_t t = work.tokens, h = work.config.hidden, inner = work.config.inner, rows = 8, n = rows * t;
  at::Tensor buffers = at::randn({12, n * inner});
  std::vector<float*> b;
  for (int i = 0; i < 12; ++i) b.push_back(buffers[i].mutable_data_ptr<float>());
  const std::int64_t width = (t + k.lanes - 1) / k.lanes * k.lanes;
  const model::AttentionShape shape{t, t, work.config.heads, h / work.config.heads, 3 * h, 3 * h, h, width};
  const auto each_row = [&](auto&& run) {
    for (std::int64_t row = 0; row < rows; ++row) run(row * t * 3 * h, row * t * h);
  };
  const std::vector<std::pair<const char*, std::function<void()>>> list = {
      {"add_bias (qkv)", [&] { k.add_bias(b[0], b[1], n, 3 * h); }},
      {"attention",
       [&] {
         each_row(
             [&](auto p, auto o) { k.attention(shape, b[0] + p, b[0] + p + h, b[0] + p + 2 * h, b[2], b[3] + o, b[4]); });
       }},
      {"add_norm", [&] { k.add_norm(b[0], b[1], b[2], h, b[3], b[4], 1e-12f, n, h, b[5], b[6], b[7]); }},
      {"bias_gelu",
       [&] {
         k.bias_gelu(b[8], b[1], n, inner, b[9]);
         b[8][0] = 0;
       }},
      {"multiply", [&] { k.multiply(b[8], b[9], n * inner); }},
      {"norm_backward", [&] { k.norm_backward(b[0], h, b[3], b[6], b[7], n, h, b[5]); }},
      {"attention_backward", [&] {
         each_row([&](auto p, auto o) {
           k.attention_backward(shape, b[0] + p, b[0] + p + h, b[0] + p + 2 * h, b[2], b[3] + o, t, b[10] + p, b[10] + p + h,
                                b[10] + p + 2 * h, b[4]);
         });
       }}};
  fmt::print("kernels ({}), microseconds per token and layer on one thread:", k.name);
  for (const auto& [name, run] : list) {
    buffers.normal_();
    fmt::print("  {} {:.3f}", name, 1e6 * best_seconds(run, 5) / double(n));
  }
  fmt::print("\n");
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int index, int otherwise) { return argc > index ? std::atoi(argv[index]) : otherwise; };
  if (argc <= 4 || std::string(argv[4]) == "keep") device::keep_freed_memory();
  at::set_num_threads(argument(1, 1));
  Work work(argument(3, 8), argument(2, 27));
  const auto& bert = dynamic_cast<const model::TransformerFamily&>(model::bert_family());
  const auto weights = model::random_weights(work.config, bert.files().names, 0);
  const auto fast = model::make_transformer(work.config, weights, -1, model::Arithmetic::fast);
  const auto bf16 = model::make_transformer(work.config, weights, -1, model::Arithmetic::fast_bf16);
  const auto plain = model::make_transformer(work.config, weights, -1, model::Arithmetic::plain);
  work.clean = fast->clean(work.batch);
  fmt::print("{} threads, {} sentences of {} tokens\n", at::get_num_threads(), work.sentences, work.tokens);

  const Products input = mode_products(work, false), hidden = mode_products(work, true);
  const double input_share = report("input mode", work, best_seconds([&] { work.input_mode(*fast); }, 12), input);
  const double hidden_share = report("hidden mode", work, best_seconds([&] { work.hidden_mode(*fast); }, 12), hidden);
  report("input mode, bf16", work, best_seconds([&] { work.input_mode(*bf16); }, 12), input);
  report("hidden mode, bf16", work, best_seconds([&] { work.hidden_mode(*bf16); }, 12), hidden);
  report("input mode, plain", work, best_seconds([&] { work.input_mode(*plain); }, 4), input);
  report("hidden mode, plain", work, best_seconds([&] { work.hidden_mode(*plain); }, 4), hidden);
  fmt::print("clean pass {:.2f} ms, plain {:.2f} ms\n", 1e3 * best_seconds([&] { fast->clean(work.batch); }, 12),
             1e3 * best_seconds([&] { plain->clean(work.batch); }, 6));
  report_counting();
  at::set_num_threads(1);
  for (const model::Kernels* table : model::runnable_kernels()) report_kernels(work, *table);
  fmt::print(
      "{{\"input mode, share of the products' speed\": {:.3f}, \"hidden mode, share of the products' speed\": {:.3f}}}\n",
      input_share, hidden_share);
}
