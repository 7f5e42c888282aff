#include "jobs/steps/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "base/log.hpp"
#include "comm/agreement.hpp"
#include "jobs/steps/state_scan.hpp"
#include "sweep/evaluator.hpp"
#include "sweep/identity.hpp"
#include "sweep/stop_and_checkpoint_clock.hpp"
#include "tensors/safetensors.hpp"

namespace layersweep::jobs {
namespace {

std::filesystem::path figures_file(const Context& context) { return context.folder.statistics() / "figures.safetensors"; }

// By their names in the file and in results.h5.
template <class Figures, class Visit>
void for_each_figure(Figures& figures, Visit visit) {
  visit("count", figures.count);
  visit("mean", figures.mean);
  visit("variance", figures.variance);
  visit("norm_quantile", figures.norm_quantile);
  visit("cosine_to_next", figures.cosine_to_next);
  visit("anisotropy", figures.anisotropy);
  visit("cka", figures.cka);
}

class Scan {
 public:
  Scan(const Context& context, const model::Model& encoder, const data::Corpus& corpus)
      : context_(context),
        encoder_(encoder),
        corpus_(corpus),
        order_(corpus, context.ranks.shards()),
        widths_(probe::widths_of(encoder)) {
    const data::ShardRange mine = context.ranks.my_shards();
    for (int shard = mine.begin; shard < mine.end; ++shard) shards_.emplace_back(shard, widths_);
  }

  // Collective.
  void resume() {
    comm::run_together(communicator(), [&] {
      std::filesystem::create_directories(context_.folder.statistics());
      for (ShardStates& shard : shards_) shard.resume(context_.folder.statistics(), context_.folder.identity(), widths_);
    });
  }

  // Collective; throws Stopped.
  void run() {
    std::int64_t first = order_.batches();
    for (const ShardStates& shard : shards_) first = std::min(first, shard.batches);
    first = communicator().all_reduce_min(first);
    if (first > 0) base::world_info("statistics: goes on after batch {} of {}", first, order_.batches());
    const config::Statistics& settings = context_.experiment.statistics;
    const stats::TokenSample sample = sample_tokens(corpus_, static_cast<std::uint64_t>(settings.seed), settings.cka_tokens);
    sweep::StopAndCheckpointClock clock(context_.ranks, context_.experiment.run.checkpoint_seconds);
    auto reported = base::Clock::now();
    for (std::int64_t number = first; number < order_.batches(); ++number) {
      const data::GlobalBatch& batch = order_.batch(number);
      for (ShardStates& shard : shards_) {
        if (shard.batches <= number) add(shard, batch.shards[static_cast<std::size_t>(shard.shard)], sample);
      }
      if (base::seconds_since(reported) > 10) {
        base::world_info("statistics: batch {} of {}", number + 1, order_.batches());
        reported = base::Clock::now();
      }
      const sweep::StopAndCheckpointClock::Next next = clock.next();
      if (next == sweep::StopAndCheckpointClock::Next::go_on) continue;
      clock.keep([&] { save(); }, sweep::StopAndCheckpointClock::Writers::all_ranks);
      if (next == sweep::StopAndCheckpointClock::Next::keep_and_stop) throw sweep::Stopped(clock.reason());
    }
  }

  // On rank 0, in the order of shards. Collective.
  stats::Figures merged() {
    stats::HiddenStatistics all(widths_);
    for (int shard = 0; shard < context_.ranks.shards(); ++shard) {
      stats::Packed mine;
      for (const ShardStates& one : shards_) {
        if (one.shard == shard) mine = one.figures.packed();
      }
      const auto blocks = communicator().gather_blocks(std::as_bytes(std::span(mine)), 0);
      for (const std::vector<std::byte>& block : blocks) {
        if (block.empty()) continue;
        stats::Packed packed(block.size() / sizeof(double));
        std::memcpy(packed.data(), block.data(), block.size());
        all.merge(stats::HiddenStatistics::unpack(widths_, packed));
      }
    }
    return all.figures();
  }

  // P x P on every rank. Takes the mean off the sampled states. Collective.
  std::vector<double> cka() {
    const std::size_t points = widths_.size();
    std::vector<double> similarity(points * points, std::numeric_limits<double>::quiet_NaN());
    if (!centre()) return similarity;
    const std::int64_t widest = *std::ranges::max_element(widths_);
    std::vector<float> product(static_cast<std::size_t>(widest * widest), 0.0F);
    comm::GradientReducer reducer = context_.ranks.reducer(std::ssize(product));
    std::vector<double> squared(points * points);
    for (std::size_t p = 0; p < points; ++p) {
      for (std::size_t q = p; q < points; ++q) {
        const auto cells = static_cast<std::size_t>(widths_[p] * widths_[q]);
        for (const ShardStates& shard : shards_) {
          if (shard.sampled.count() == 0) continue;
          shard.sampled.cross_product(p, q, std::span(product).first(cells));
          reducer.add(shard.shard, product);
        }
        squared[p * points + q] = stats::squared_norm(reducer.sum().first(cells));
      }
    }
    for (std::size_t p = 0; p < points; ++p) {
      for (std::size_t q = p; q < points; ++q) {
        similarity[p * points + q] = similarity[q * points + p] =
            stats::linear_cka(squared[p * points + q], squared[p * points + p], squared[q * points + q]);
      }
    }
    return similarity;
  }

 private:
  const comm::Communicator& communicator() const { return context_.ranks.communicator(); }

  void add(ShardStates& shard, const data::Shard& examples, const stats::TokenSample& sample) {
    for (const auto& piece : sweep::micro_batches(corpus_, examples, 1, context_.experiment.run.token_budget)) {
      shard.add(corpus_, piece, encoder_.clean(model::collate(corpus_, piece)), sample);
    }
    ++shard.batches;
  }

  void save() const {
    for (const ShardStates& shard : shards_) shard.save(context_.folder.statistics(), context_.folder.identity());
  }

  // By the mean over all ranks' tokens, summed in the order of shards. False where there is no token. Collective.
  bool centre() {
    std::vector<double> mine;
    for (const ShardStates& shard : shards_) {
      mine.push_back(static_cast<double>(shard.sampled.count()));
      const std::vector<double> sums = shard.sampled.sums();
      mine.insert(mine.end(), sums.begin(), sums.end());
    }
    double tokens = 0;
    std::vector<double> mean;
    for (const std::vector<double>& of_rank : communicator().all_gather_uneven<double>(mine)) {
      std::size_t features = 0;
      for (const std::int64_t width : widths_) features += static_cast<std::size_t>(width);
      mean.resize(features, 0.0);
      for (std::size_t at = 0; at < of_rank.size(); at += features + 1) {
        tokens += of_rank[at];
        for (std::size_t i = 0; i < features; ++i) mean[i] += of_rank[at + 1 + i];
      }
    }
    if (tokens == 0) return false;
    for (double& value : mean) value /= tokens;
    for (ShardStates& shard : shards_) shard.sampled.centre(mean);
    return true;
  }

  const Context& context_;
  const model::Model& encoder_;
  const data::Corpus& corpus_;
  ScanOrder order_;
  std::vector<std::int64_t> widths_;
  std::vector<ShardStates> shards_;  // of this rank
};

void save_figures(const Context& context, const stats::Figures& figures) {
  std::vector<tensors::TensorToWrite> list;
  for_each_figure(figures, [&](const char* name, const std::vector<double>& values) {
    list.push_back(tensors::tensor_to_write<double>(name, {std::ssize(values)}, values));
  });
  tensors::write_safetensors(figures_file(context), std::move(list), {{"identity", context.folder.identity()}});
  // What shards kept on the way is of no more use.
  for (const auto& entry : std::filesystem::directory_iterator(context.folder.statistics())) {
    std::error_code ignored;
    if (entry.path() != figures_file(context)) std::filesystem::remove(entry.path(), ignored);
  }
  base::sync_folder(context.folder.statistics());
}

}  // namespace

void statistics(const Context& context, const model::Model& encoder, const Texts& texts) {
  const comm::Communicator& ranks = context.ranks.communicator();
  // All ranks take what rank 0 sees, also where one still sees an old folder listing.
  const bool here = ranks.rank() == 0 && std::filesystem::exists(figures_file(context));
  if (ranks.all_reduce_max(std::int64_t{here ? 1 : 0}) == 1) {
    base::world_info("statistics: done before");
    return;
  }
  const terms::Split split = context.experiment.statistics.split;
  base::world_info("statistics of the hidden states on {}", terms::name_of(split));
  Scan scan(context, encoder, texts.of(split));
  scan.resume();
  scan.run();
  stats::Figures figures = scan.merged();
  figures.cka = scan.cka();
  comm::run_together(ranks, [&] {
    if (ranks.rank() == 0) save_figures(context, figures);
  });
}

std::optional<stats::Figures> finished_statistics(const Context& context) {
  const comm::Communicator& ranks = context.ranks.communicator();
  stats::Figures figures;
  std::int64_t found = 0;
  comm::run_together(ranks, [&] {
    if (ranks.rank() != 0 || !std::filesystem::exists(figures_file(context))) return;
    const auto file = tensors::SafetensorsFile::open(figures_file(context));
    const auto identity = file.metadata().find("identity");
    if (identity == file.metadata().end() || identity->second != context.folder.identity()) {
      throw base::InputError(
          fmt::format("{} belongs to another run", file.path().string()),
          identity == file.metadata().end() ? "" : sweep::identity_difference(context.folder.identity(), identity->second),
          fmt::format("Remove {}: the step is then done anew", context.folder.statistics().string()));
    }
    for_each_figure(figures, [&](const char* name, std::vector<double>& values) {
      const auto stored = file.values<double>(name);
      values.assign(stored.begin(), stored.end());
    });
    found = 1;
  });
  if (ranks.all_reduce_max(found) == 0) return std::nullopt;
  return figures;  // whole on rank 0, which alone writes them
}

void write_statistics(store::ResultsWriter& writer, const stats::Figures& figures) {
  for_each_figure(figures, [&](const char* name, const std::vector<double>& values) {
    writer.write_from_first_rank<double>(fmt::format("{}/{}", store::statistics_group, name), values);
  });
}

}  // namespace layersweep::jobs
