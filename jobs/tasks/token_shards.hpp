// Texts of files as tokens, made once and kept in the run folder.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "config/experiment.hpp"
#include "data/prepare.hpp"
#include "text/tokenizer.hpp"

namespace layersweep::jobs {

/// The first task.limit texts of a corpus; all where that is 0.
inline data::Corpus first_texts(const data::Corpus& corpus, const config::Task& task) {
  return task.limit > 0 && task.limit < corpus.size() ? corpus.first(task.limit) : corpus;
}

class TokenShards {
 public:
  TokenShards(const config::Experiment& experiment, const std::filesystem::path& folder)
      : tokenizer_(text::Tokenizer::open(experiment.encoder.folder)), task_(experiment.task), folder_(folder) {}

  const text::Tokenizer& tokenizer() const { return tokenizer_; }

  /// Opens the shard of a split, made where it is missing. `text_hash` stands for all that decides the split beside the
  /// tokenizer and task.max_length.
  data::Corpus open(terms::Split split, const std::string& text_hash, const std::function<data::Corpus()>& make) const {
    const auto name =
        data::token_shard_name(terms::name_of(task_.name), split, text_hash, tokenizer_.fingerprint(), task_.max_length);
    return first_texts(data::open_or_make(folder_ / name, make), task_);
  }

 private:
  text::Tokenizer tokenizer_;
  const config::Task& task_;
  std::filesystem::path folder_;
};

}  // namespace layersweep::jobs
