#include "jobs/prepare.hpp"

#include <algorithm>
#include <array>

#include "base/hash.hpp"
#include "base/log.hpp"
#include "comm/agreement.hpp"
#include "data/counting.hpp"
#include "data/prepare.hpp"
#include "data/sst.hpp"

namespace layersweep::jobs {
namespace {

constexpr std::array splits{data::Split::train, data::Split::dev, data::Split::test};

data::Corpus first_examples(const data::Corpus& corpus, std::int64_t limit) {
  return limit > 0 && limit < corpus.size() ? corpus.first(limit) : corpus;
}

Texts counting_texts(const config::Task& task) {
  const auto seed = static_cast<std::uint64_t>(task.seed);
  const auto split = [&](data::Split which) { return first_examples(data::counting_corpus(seed, which), task.limit); };
  return {split(splits[0]), split(splits[1]), split(splits[2]), std::nullopt,
          base::sha256_of_text(fmt::format("counting task, seed {}", seed))};
}

// Opens one split's token shard, made by `make` where it is missing.
data::Corpus sst_split(const Context& context, const data::Tokenizer& tokenizer, data::Split split) {
  const config::Task& task = context.experiment.task;
  const std::string text_hash = base::sha256_of_file(data::sst_file(task.data, split));
  const auto shard =
      context.folder.tokens() / data::token_shard_name("sst", split, text_hash, tokenizer.fingerprint(), task.max_length);
  return data::open_or_make(shard, [&] { return data::prepare_sst(task.data, split, tokenizer, task.max_length); });
}

Texts sst_texts(const Context& context) {
  const config::Task& task = context.experiment.task;
  const auto tokenizer = data::Tokenizer::open(context.experiment.encoder.folder);
  const auto split = [&](data::Split which) { return first_examples(sst_split(context, tokenizer, which), task.limit); };
  std::string hashes;
  for (const data::Split which : splits) hashes += base::sha256_of_file(data::sst_file(task.data, which));
  return {split(splits[0]), split(splits[1]), split(splits[2]), tokenizer, base::sha256_of_text(hashes)};
}

}  // namespace

const data::Corpus& Texts::of(config::Split split) const {
  return split == config::Split::train ? train : split == config::Split::dev ? dev : test;
}

std::string Texts::token_text(std::int32_t id) const { return tokenizer ? tokenizer->token_text(id) : std::to_string(id); }

Texts prepare(const Context& context) {
  if (context.experiment.task.name == config::TaskName::counting) return counting_texts(context.experiment.task);
  std::optional<Texts> texts;
  // Rank 0 first, so that the others find whole shards.
  const bool first = context.team.ranks.rank() == 0;
  comm::run_together(context.team.ranks, [&] {
    if (first) texts = sst_texts(context);
  });
  comm::run_together(context.team.ranks, [&] {
    if (!first) texts = sst_texts(context);
  });
  base::world_info("texts: {} train, {} dev, {} test; {} training tokens", texts->train.size(), texts->dev.size(),
                   texts->test.size(), texts->train.token_total());
  return std::move(*texts);
}

}  // namespace layersweep::jobs
