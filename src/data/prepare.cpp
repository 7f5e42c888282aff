#include "data/prepare.hpp"

#include "base/error.hpp"
#include "base/hash.hpp"
#include "data/sst.hpp"

namespace layersweep::data {
namespace {

// Counted up whenever the reading of texts or their packing changes what a shard holds.
constexpr int kPreparationVersion = 1;
constexpr std::size_t kHashDigits = 16;

// The sentiment of the word a token was cut from; tokens and words are both in order of their text.
std::vector<std::int32_t> token_sentiment(const TokenizedText& tokens, const std::vector<SstWord>& words) {
  std::vector<std::int32_t> sentiment;
  auto word = words.begin();
  for (std::size_t token = 0; token < tokens.id.size(); ++token) {
    if (tokens.source[token] < 0) {
      sentiment.push_back(-1);
      continue;
    }
    while (word != words.end() && word->char_end <= tokens.char_start[token]) ++word;
    base::ensure(word != words.end(), "a token behind the last word of its sentence");
    sentiment.push_back(word->sentiment);
  }
  return sentiment;
}

Example make_example(const SstSentence& sentence, TokenizedText tokens) {
  Example example;
  example.text = sentence.text;
  example.label = sentence.label;
  example.sentiment = token_sentiment(tokens, sentence.words);
  for (const std::int32_t source : tokens.source) {
    example.part.push_back(static_cast<std::uint8_t>(source < 0 ? TokenPart::special : TokenPart::text));
  }
  example.token_id = std::move(tokens.id);
  example.segment = std::move(tokens.segment);
  example.word_index = std::move(tokens.word_index);
  example.char_start = std::move(tokens.char_start);
  example.char_end = std::move(tokens.char_end);
  return example;
}

}  // namespace

Corpus prepare_sst(const std::filesystem::path& data_folder, Split split, const Tokenizer& tokenizer,
                   std::int64_t max_length) {
  std::vector<Example> examples;
  for (const SstSentence& sentence : read_sst(sst_file(data_folder, split))) {
    const std::string id = fmt::format("sst/{}/{}", split_name(split), examples.size());
    examples.push_back(make_example(sentence, tokenizer.tokenize(sentence.text, max_length)));
    examples.back().id = id;
  }
  return Corpus::pack(examples);
}

std::string token_shard_name(std::string_view task, Split split, std::string_view text_sha256,
                             std::string_view tokenizer_fingerprint, std::int64_t max_length) {
  const std::string content =
      fmt::format("version {}\ntask {}\nsplit {}\ntext {}\ntokenizer {}\nmax_length {}\n", kPreparationVersion, task,
                  split_name(split), text_sha256, tokenizer_fingerprint, max_length);
  return fmt::format("{}-{}-{}.safetensors", task, split_name(split), base::sha256_of_text(content).substr(0, kHashDigits));
}

Corpus open_or_make(const std::filesystem::path& shard, const std::function<Corpus()>& make) {
  std::error_code problem;
  if (!std::filesystem::exists(shard, problem)) {
    const std::filesystem::path folder = std::filesystem::absolute(shard).parent_path();
    std::filesystem::create_directories(folder, problem);
    if (problem) throw base::InputError(fmt::format("cannot make the folder {}", folder.string()), problem.message());
    make().save(shard);
  }
  return Corpus::open(shard);
}

}  // namespace layersweep::data
