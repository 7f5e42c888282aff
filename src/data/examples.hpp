// Texts and questions as examples: tokens with what they are in their texts.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/corpus.hpp"
#include "data/squad.hpp"
#include "terms/terms.hpp"
#include "text/tokenizer.hpp"

namespace layersweep::data {

/// What a model is asked about: a text, or a pair of texts (question answering: question and passage).
struct TextInput {
  std::string text;
  std::optional<std::string> second;
};

/// Tokens as an example; each is a part by the text that it was cut from, or special.
Example example_of(text::TokenizedText tokens, terms::TokenPart first, terms::TokenPart second);

/// The tokens of a text or a pair, at most `max_length`, special ones counted (of a pair the longer text is cut). Without
/// label and id.
Example text_example(const text::Tokenizer& tokenizer, const TextInput& input,
                     std::int64_t max_length = text::Tokenizer::unlimited);

/// How passages are cut into windows.
struct WindowSettings {
  std::int64_t max_length = 384;       ///< tokens of question, window and special tokens
  std::int64_t overlap = 128;          ///< tokens that a window has in common with the one before
  std::int64_t longest_question = 64;  ///< tokens; what is beyond is cut off, as in run_squad.py, unless all fits
};

/// Whether a question may have no answer in its passage (SQuAD 2.0): then the first token stands for "no answer".
enum class Unanswerable { never, possible };

/// A question on windows of its passage; it was cut where fewer of its tokens were kept than it has.
struct WindowedQuestion {
  std::vector<Example> windows;
  std::int64_t question_tokens = 0;
  std::int64_t question_kept = 0;
};

/// A question on each window of its passage, in order: the first given answer's tokens as `answer` where the window holds
/// all of it, and as parts; all given answers as `gold`. The first window has the question's id, the next ones have "#2",
/// "#3", … behind it. A question without given answers that is not impossible has
/// no gold.
WindowedQuestion window_examples(const text::Tokenizer& tokenizer, const SquadQuestion& question, std::int32_t number,
                                 const WindowSettings& settings, Unanswerable unanswerable);

/// The text of the passage from the first to the last token of an example.
std::string answer_text(const Example& example, std::int64_t first, std::int64_t last);

/// The same of offsets in code points.
std::string cut_code_points(std::string_view text, std::int64_t begin, std::int64_t end);

}  // namespace layersweep::data
