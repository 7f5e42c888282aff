// The tokenised texts of a run.
#pragma once

#include <optional>
#include <string>

#include "data/corpus.hpp"
#include "model/head.hpp"
#include "terms/terms.hpp"
#include "text/tokenizer.hpp"

namespace layersweep::jobs {

struct Texts {
  data::Corpus train;
  data::Corpus dev;
  data::Corpus test;
  std::optional<text::Tokenizer> tokenizer = {};  ///< none for a task whose tokens are digits
  std::string data_sha256 = {};                   ///< of the files; of generated texts of the seed
  model::Head head = {};                          ///< what a model fine-tuned on them decides
  data::Notes notes = {};                         ///< on reading the files; those on making tokens are the corpora's

  const data::Corpus& of(terms::Split split) const {
    return split == terms::Split::train ? train : split == terms::Split::dev ? dev : test;
  }
  std::string token_text(std::int32_t id) const { return tokenizer ? tokenizer->token_text(id) : std::to_string(id); }
};

}  // namespace layersweep::jobs
