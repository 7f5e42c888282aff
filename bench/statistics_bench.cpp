// What statistics of the hidden states cost beside the clean pass that they need.
//   bench_statistics ENCODER DATA [TEXTS=512] [CKA_TOKENS=20000]
// On the first training sentences of SST, one thread, by the processor's time, which other programs disturb less.
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <time.h>

#include <cstdlib>

#include "data/prepare.hpp"
#include "device/memory.hpp"
#include "jobs/steps/state_scan.hpp"
#include "model/open.hpp"
#include "probe/parameters.hpp"

namespace {

using namespace layersweep;

double now() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return double(time.tv_sec) + 1e-9 * double(time.tv_nsec);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: bench_statistics ENCODER DATA [TEXTS] [CKA_TOKENS]\n");
    return 2;
  }
  device::keep_freed_memory();
  at::set_num_threads(1);
  const auto model = model::open_model(argv[1]);
  const auto tokenizer = text::Tokenizer::open(argv[1]);
  const auto all = data::prepare_sst(argv[2], terms::Split::train, tokenizer, 84);
  const auto corpus = all.first(argc > 3 ? std::atoll(argv[3]) : 512);
  const std::int64_t cka_tokens = argc > 4 ? std::atoll(argv[4]) : 20000;
  const std::vector<std::int64_t> widths = probe::widths_of(*model);

  // The share of tokens that is kept for CKA is that of the whole split.
  const double share = double(corpus.token_total()) / double(all.token_total());
  const auto sample = jobs::sample_tokens(corpus, 0, std::int64_t(double(cka_tokens) * share));
  const auto nothing = jobs::sample_tokens(corpus, 0, 0);
  constexpr int shards = 8;
  jobs::ScanOrder order(corpus, shards);
  std::vector<jobs::ShardStates> with, without;
  for (int shard = 0; shard < shards; ++shard) {
    with.emplace_back(shard, widths);
    without.emplace_back(shard, widths);
  }
  double clean_s = 0, sums_s = 0, sums_and_sample_s = 0;
  for (std::int64_t number = 0; number < order.batches(); ++number) {
    const data::GlobalBatch& batch = order.batch(number);
    for (int shard = 0; shard < shards; ++shard) {
      const auto& examples = batch.shards[std::size_t(shard)];
      if (examples.empty()) continue;
      const double start = now();
      const auto clean = model->clean(model::collate(corpus, examples));
      const double passed = now();
      without[std::size_t(shard)].add(corpus, examples, clean, nothing);
      const double summed = now();
      with[std::size_t(shard)].add(corpus, examples, clean, sample);
      clean_s += passed - start;
      sums_s += summed - passed;
      sums_and_sample_s += now() - summed;
    }
  }
  const double start = now();
  std::vector<float> product;
  for (const jobs::ShardStates& shard : with) {
    for (std::size_t p = 0; p < widths.size(); ++p) {
      for (std::size_t q = p; q < widths.size(); ++q) {
        product.resize(std::size_t(widths[p] * widths[q]));
        shard.sampled.cross_product(p, q, product);
      }
    }
  }
  const double products_s = now() - start;
  const double tokens = double(corpus.token_total());
  fmt::print("{} texts, {:.0f} tokens; clean pass {:.1f} us a token\n", corpus.size(), tokens, 1e6 * clean_s / tokens);
  fmt::print("statistics without CKA: {:.1f} us a token more, {:.1f} % of the clean pass's rate\n", 1e6 * sums_s / tokens,
             100 * clean_s / (clean_s + sums_s));
  fmt::print("CKA over {:.0f} tokens of {:.0f}: {:.1f} us a token more, with it {:.1f} % of the clean pass's rate\n",
             double(cka_tokens) * share, tokens, 1e6 * (sums_and_sample_s - sums_s + products_s) / tokens,
             100 * clean_s / (clean_s + sums_and_sample_s + products_s));
}
