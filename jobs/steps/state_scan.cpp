#include "jobs/steps/state_scan.hpp"

#include <algorithm>
#include <charconv>

#include "base/error.hpp"
#include "sweep/identity.hpp"
#include "tensors/safetensors.hpp"

namespace layersweep::jobs {
namespace {

// Enough for products at full speed, few enough that a stop signal is noticed soon.
constexpr std::int64_t texts_per_shard = 16;
constexpr std::int64_t batches_per_stretch = 16;  // so that neighbours in length are found

stats::Tokens tokens_of(const data::Corpus& corpus, const std::vector<std::int64_t>& examples, std::int64_t width) {
  stats::Tokens tokens;
  for (std::int64_t b = 0; b < std::ssize(examples); ++b) {
    const std::int64_t example = examples[static_cast<std::size_t>(b)];
    const auto start = static_cast<std::size_t>(corpus.token_start()[static_cast<std::size_t>(example)]);
    const auto parts = corpus.part().subspan(start, static_cast<std::size_t>(corpus.length(example)));
    tokens.text.push_back(std::ssize(tokens.row));
    for (std::int64_t token = 0; token < std::ssize(parts); ++token) tokens.row.push_back(b * width + token);
    tokens.part.insert(tokens.part.end(), parts.begin(), parts.end());
  }
  tokens.text.push_back(std::ssize(tokens.row));
  return tokens;
}

std::string prefix_of(int shard) { return fmt::format("shard-{}-", shard); }
constexpr std::string_view suffix = ".safetensors";

struct KeptShard {
  std::int64_t batches;
  std::filesystem::path file;
};

// What is kept of a shard; the number of batches is part of the name, so that a listing of the folder tells of progress.
std::vector<KeptShard> kept_of(int shard, const std::filesystem::path& folder) {
  std::vector<KeptShard> kept;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    const std::string name = entry.path().filename().string();
    const std::string prefix = prefix_of(shard);
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) continue;
    std::int64_t batches = 0;
    const char* end = name.data() + name.size() - suffix.size();
    if (std::from_chars(name.data() + prefix.size(), end, batches).ptr == end) kept.push_back({batches, entry.path()});
  }
  return kept;
}

}  // namespace

ScanOrder::ScanOrder(const data::Corpus& corpus, int shards)
    : corpus_(corpus), shards_(shards), batch_texts_(texts_per_shard * shards) {}

std::int64_t ScanOrder::batches() const { return (corpus_.size() + batch_texts_ - 1) / batch_texts_; }

const data::GlobalBatch& ScanOrder::batch(std::int64_t number) {
  if (const std::int64_t stretch = number / batches_per_stretch; stretch != stretch_) {
    const std::int64_t first = stretch * batches_per_stretch * batch_texts_;
    const std::int64_t last = std::min(corpus_.size(), first + batches_per_stretch * batch_texts_);
    batches_ = data::ordered_batches(corpus_.lengths(first, last - first), {batch_texts_, shards_, 0});
    for (data::GlobalBatch& batch : batches_) {
      for (data::Shard& shard : batch.shards) {
        for (std::int64_t& example : shard) example += first;
      }
    }
    stretch_ = stretch;
  }
  return batches_[static_cast<std::size_t>(number % batches_per_stretch)];
}

stats::TokenSample sample_tokens(const data::Corpus& corpus, std::uint64_t seed, std::int64_t size) {
  stats::TokenSample sample(seed, size);
  for (std::int64_t example = 0; example < corpus.size(); ++example) {
    const auto start = static_cast<std::size_t>(corpus.token_start()[static_cast<std::size_t>(example)]);
    for (std::int64_t token = 0; token < corpus.length(example); ++token) {
      if (corpus.part()[start + static_cast<std::size_t>(token)] != stats::special_part) sample.offer(example, token);
    }
  }
  return sample;
}

ShardStates::ShardStates(int number, const std::vector<std::int64_t>& widths)
    : shard(number), figures(widths), sampled(widths) {}

void ShardStates::add(const data::Corpus& corpus, const std::vector<std::int64_t>& examples, const model::Clean& clean,
                      const stats::TokenSample& sample) {
  std::vector<at::Tensor> states;
  for (const at::Tensor& point : clean.states) states.push_back(point.contiguous());
  const std::int64_t width = states.front().size(1);
  const stats::Tokens tokens = tokens_of(corpus, examples, width);
  figures.add(tokens, states);
  std::vector<const float*> rows(states.size());
  for (std::size_t token = 0; token < tokens.row.size(); ++token) {
    const std::int64_t row = tokens.row[token];
    if (tokens.part[token] == stats::special_part) continue;
    if (!sample.has(examples[static_cast<std::size_t>(row / width)], row % width)) continue;
    for (std::size_t p = 0; p < states.size(); ++p) rows[p] = states[p].const_data_ptr<float>() + row * states[p].size(2);
    sampled.add(rows);
  }
}

void ShardStates::save(const std::filesystem::path& folder, const std::string& identity) const {
  const std::vector<KeptShard> older = kept_of(shard, folder);
  const stats::Packed packed = figures.packed();
  const auto file = folder / fmt::format("{}{}{}", prefix_of(shard), batches, suffix);
  tensors::write_safetensors(file,
                             {tensors::tensor_to_write<double>("figures", {std::ssize(packed)}, packed),
                              tensors::tensor_to_write<float>("sampled", {std::ssize(sampled.values())}, sampled.values())},
                             {{"identity", identity}});
  for (const KeptShard& one : older) {
    if (one.file != file) std::filesystem::remove(one.file);
  }
}

void ShardStates::resume(const std::filesystem::path& folder, const std::string& identity,
                         const std::vector<std::int64_t>& widths) {
  const std::vector<KeptShard> kept = kept_of(shard, folder);
  if (kept.empty()) return;
  const KeptShard& newest = *std::ranges::max_element(kept, {}, &KeptShard::batches);
  const auto file = tensors::SafetensorsFile::open(newest.file);
  const auto found = file.metadata().find("identity");
  if (found == file.metadata().end() || found->second != identity) {
    throw base::InputError(fmt::format("{} belongs to another run", newest.file.string()),
                           found == file.metadata().end() ? "" : sweep::identity_difference(identity, found->second),
                           fmt::format("Remove {}: the step is then done anew", folder.string()));
  }
  figures = stats::HiddenStatistics::unpack(widths, file.values<double>("figures"));
  sampled.set_values(file.values<float>("sampled"));
  batches = newest.batches;
}

}  // namespace layersweep::jobs
