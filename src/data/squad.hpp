// SQuAD v1.1 and 2.0 (Rajpurkar et al. 2016, 2018): questions on passages, answered by spans of the passage.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace layersweep::data {

struct SquadAnswer {
  std::string text;
  std::int64_t start = 0;  ///< offset into the passage in code points; the text stands there (checked on reading)
};

struct SquadQuestion {
  std::string id;
  std::string title;  ///< of the article; splits are made by article
  std::string question;
  std::shared_ptr<const std::string> passage;  ///< one for all questions on it
  std::vector<SquadAnswer> answers;            ///< not empty unless is_impossible
  bool is_impossible = false;                  ///< version 2.0: the passage does not answer the question
};

/// All questions of a file, in order. Throws InputError naming the file and the place in it when it is not JSON, lacks a
/// field, repeats an id, holds U+0000, or an answer does not stand at its offset.
std::vector<SquadQuestion> read_squad(const std::filesystem::path& file);

/// Where the questions of an experiment lie.
struct SquadFiles {
  std::filesystem::path train;
  std::filesystem::path test;  ///< the official dev set
};

/// squad/train-v1.1.json and squad/dev-v1.1.json below the data folder, or the parts of them that datasets/squad.json knows,
/// or version 2.0 (train-v2.0.json, dev-v2.0.json). Throws InputError when there are no such two.
SquadFiles find_squad_files(const std::filesystem::path& data_folder);

/// Train and dev: the questions on 5 % of the articles, chosen by the hash of their titles, at least one article, are dev.
struct SquadTraining {
  std::vector<SquadQuestion> train, dev;
};
SquadTraining split_squad(std::vector<SquadQuestion> questions);

}  // namespace layersweep::data
