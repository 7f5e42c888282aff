#include "jobs/steps/extract/text_columns.hpp"

#include <string>

namespace layersweep::jobs {

void write_texts(store::ResultsWriter& writer, const Texts& texts, std::span<const Chunk> chunks) {
  const auto [first_example, first_token] = start_of(chunks);
  std::vector<std::string> ids, token_texts;
  std::vector<std::uint8_t> split;
  std::vector<std::int32_t> count, start;
  for (const Chunk& chunk : chunks) {
    for (std::int64_t e = chunk.first; e < chunk.first + chunk.count; ++e) {
      ids.emplace_back(chunk.corpus->id(e));
      split.push_back(static_cast<std::uint8_t>(chunk.split));
      count.push_back(static_cast<std::int32_t>(chunk.corpus->length(e)));
      start.push_back(static_cast<std::int32_t>(chunk.token_of(e)));
    }
    for (const std::int32_t id : chunk.tokens_of(chunk.corpus->token_id())) token_texts.push_back(texts.token_text(id));
  }
  const store::Slab by_example{{first_example}, {std::ssize(ids)}};
  const auto write_by_token = [&]<class T>(const char* name, std::span<const T> (data::Corpus::*column)() const) {
    std::vector<T> values;
    for (const Chunk& chunk : chunks) {
      const std::span<const T> cells = chunk.tokens_of((chunk.corpus->*column)());
      values.insert(values.end(), cells.begin(), cells.end());
    }
    writer.write<T>(name, {{first_token}, {std::ssize(token_texts)}}, values);
  };
  writer.write_text("example_id", first_example, ids);
  writer.write<std::uint8_t>("split", by_example, split);
  writer.write<std::int32_t>("token_count", by_example, count);
  writer.write<std::int32_t>("token_start", by_example, start);
  write_by_token("token_id", &data::Corpus::token_id);
  writer.write_text("token_text", first_token, token_texts);
  write_by_token("token_part", &data::Corpus::part);
  write_by_token("word_index", &data::Corpus::word_index);
  write_by_token("char_start", &data::Corpus::char_start);
  write_by_token("char_end", &data::Corpus::char_end);
  if (!texts.test.sentiment().empty()) write_by_token("token_sentiment", &data::Corpus::sentiment);
  if (!texts.test.truth().empty()) write_by_token("token_truth", &data::Corpus::truth);
}

}  // namespace layersweep::jobs
