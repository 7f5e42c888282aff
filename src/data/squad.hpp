// SQuAD v1.1 and 2.0 (Rajpurkar et al. 2016, 2018): questions on passages, answered by spans of the passage.
#pragma once

#include <cstdint>
#include <filesystem>
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
  std::string passage;
  std::vector<SquadAnswer> answers;  ///< not empty unless is_impossible
  bool is_impossible = false;        ///< version 2.0: the passage does not answer the question
};

/// All questions of a file, in order. Throws InputError naming the file and the place in it when it is not JSON, lacks a
/// field, repeats an id, or an answer does not stand at its offset.
std::vector<SquadQuestion> read_squad(const std::filesystem::path& file);

}  // namespace layersweep::data
