// What every step of a run works with.
#pragma once

#include <optional>
#include <string>

#include "config/experiment.hpp"
#include "data/corpus.hpp"
#include "data/tokenizer.hpp"
#include "model/output_kind.hpp"
#include "sweep/run_folder.hpp"
#include "sweep/team.hpp"

namespace layersweep::jobs {

struct Context {
  const config::Experiment& experiment;
  const sweep::RunFolder& folder;
  sweep::Team team;  ///< all ranks of the job
};

/// The tokenised texts of a run.
struct Texts {
  data::Corpus train;
  data::Corpus dev;
  data::Corpus test;
  std::optional<data::Tokenizer> tokenizer;  ///< none for the counting task, whose tokens are digits
  std::string data_sha256;                   ///< of the files (counting: of the seed)
  model::Head head;                          ///< what a model fine-tuned on them decides
  data::Notes notes = {};                    ///< on reading the files; those on making tokens are the corpora's

  const data::Corpus& of(terms::Split split) const;
  std::string token_text(std::int32_t id) const;
};

}  // namespace layersweep::jobs
