#include "text/components.hpp"

#include <fmt/ranges.h>

#include <limits>
#include <ranges>

#include "base/error.hpp"

namespace layersweep::text {
namespace {

template <class Component>
using Kinds = std::map<std::string_view, Component (*)(const JsonPart&)>;

const Kinds<std::unique_ptr<const Normalizer>> normalizers{{"BertNormalizer", read_bert_normalizer},
                                                           {"Lowercase", read_lowercase},
                                                           {"NFC", read_nfc},
                                                           {"NFD", read_nfd},
                                                           {"NFKC", read_nfkc},
                                                           {"NFKD", read_nfkd},
                                                           {"Nmt", read_nmt},
                                                           {"Precompiled", read_precompiled},
                                                           {"Prepend", read_prepend},
                                                           {"Replace", read_replace},
                                                           {"Sequence", read_normalizer_sequence},
                                                           {"Strip", read_strip},
                                                           {"StripAccents", read_strip_accents}};
const Kinds<std::unique_ptr<const PreTokenizer>> pre_tokenizers{{"BertPreTokenizer", read_bert_pre_tokenizer},
                                                                {"ByteLevel", read_byte_level},
                                                                {"CharDelimiterSplit", read_char_delimiter_split},
                                                                {"Digits", read_digits},
                                                                {"Metaspace", read_metaspace},
                                                                {"Punctuation", read_punctuation},
                                                                {"Sequence", read_pre_tokenizer_sequence},
                                                                {"Split", read_split},
                                                                {"Whitespace", read_whitespace},
                                                                {"WhitespaceSplit", read_whitespace_split}};
const Kinds<std::unique_ptr<const SubwordModel>> subword_models{
    {"BPE", read_bpe}, {"Unigram", read_unigram}, {"WordPiece", read_word_piece}};
const Kinds<PostProcessor> post_processors{{"BertProcessing", read_bert_processing},
                                           {"ByteLevel", read_byte_level_processing},
                                           {"RobertaProcessing", read_roberta_processing},
                                           {"Sequence", read_post_processor_sequence},
                                           {"TemplateProcessing", read_template_processing}};

/// The text as one word.
class NoPreTokenizer final : public PreTokenizer {
 public:
  std::vector<Range> split(AlignedText& text) const override {
    return text.size() > 0 ? std::vector{Range{0, text.size()}} : std::vector<Range>{};
  }
  void add_to(Fingerprint& fingerprint) const override { fingerprint.add_text("no pre-tokenizer"); }
};

template <class Component>
Component read(std::string_view component, const Kinds<Component>& kinds, const JsonPart& part) {
  const bool typed = part.value.is_object() && part.value.contains("type");
  const std::string type = typed ? part.value.at("type").get<std::string>() : "none";
  const auto kind = kinds.find(type);
  if (kind != kinds.end()) return kind->second(part);
  refuse(part.file, fmt::format("its {} is {}, not {}", component, type, fmt::join(std::views::keys(kinds), " or ")));
}

}  // namespace

void refuse(const std::filesystem::path& file, std::string_view why) {
  throw base::InputError(fmt::format("{} holds no tokenizer that layersweep knows", file.string()), why,
                         "Use a model with a tokenizer that it knows, in a folder as transformers saves it: with "
                         "tokenizer.json, or with tokenizer_config.json and vocab.txt, or vocab.json and merges.txt");
}

std::int32_t id_from(const JsonPart& part) {
  const auto& [file, value] = part;
  const auto id = value.is_number_integer() ? value.get<std::int64_t>() : -1;
  if (id < 0 || id >= std::numeric_limits<std::int32_t>::max()) {
    refuse(file, fmt::format("{} is not a token id", value.dump()));
  }
  return static_cast<std::int32_t>(id);
}

std::unique_ptr<const Normalizer> read_normalizer(const JsonPart& part) {
  return part.value.is_null() ? read_bert_normalizer(part) : read("normalizer", normalizers, part);
}

std::unique_ptr<const PreTokenizer> read_pre_tokenizer(const JsonPart& part) {
  if (part.value.is_null()) return std::make_unique<NoPreTokenizer>();
  return read("pre-tokenizer", pre_tokenizers, part);
}

std::unique_ptr<const SubwordModel> read_subword_model(const JsonPart& part) {
  // Files of old versions leave the type out; only WordPiece has a limit on the length of words, and only BPE has merges.
  const bool untyped = !part.value.contains("type");
  if (untyped && part.value.contains("max_input_chars_per_word")) return read_word_piece(part);
  if (untyped && part.value.contains("merges")) return read_bpe(part);
  return read("model", subword_models, part);
}

PostProcessor read_post_processor(const JsonPart& part) { return read("post-processor", post_processors, part); }

Template Template::plain() { return {{{.source = 0}}, {{.source = 0}, {.source = 1, .segment = 1}}}; }

Template Template::around(std::int32_t cls, std::int32_t sep) {
  Template around{{{.id = cls}, {.source = 0}, {.id = sep}}, {}};
  around.pair = around.single;
  around.pair.insert(around.pair.end(), {{.source = 1, .segment = 1}, {.id = sep, .segment = 1}});
  return around;
}

void Template::add_to(Fingerprint& fingerprint) const {
  const std::int32_t first = single.front().id, last = single.back().id;  // the usual form is told by them alone
  if (*this == around(first, last)) return fingerprint.add_numbers(first, last);
  for (const std::vector<Place>* places : {&single, &pair}) {
    fingerprint.add_numbers(places->size());
    for (const Place& place : *places) fingerprint.add_numbers(place.source, place.id, place.segment);
  }
}

void PostProcessor::add_to(Fingerprint& fingerprint) const {
  around.add_to(fingerprint);
  for (const auto& [blank_was_added] : trimming) {
    fingerprint.add_text("trimmed offsets");
    fingerprint.add_numbers(blank_was_added);
  }
}

}  // namespace layersweep::text
