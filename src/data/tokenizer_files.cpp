#include "data/tokenizer_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/log.hpp"
#include "data/utf8.hpp"

namespace layersweep::data {
namespace {

using nlohmann::json;
using Path = std::filesystem::path;

constexpr std::string_view hint =
    "Use the folder of a BERT model as transformers saves it: with tokenizer.json, or with vocab.txt and "
    "tokenizer_config.json";

std::string read_text(const Path& file) {
  std::error_code size_error;
  std::string text(std::filesystem::is_regular_file(file) ? std::filesystem::file_size(file, size_error) : 0, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (size_error || !in)
    throw base::InputError(fmt::format("{} cannot be read", file.string()), base::errno_text(errno), hint);
  return text;
}

[[noreturn]] void refuse(const Path& file, std::string_view why) {
  throw base::InputError(fmt::format("{} does not describe a tokenizer that layersweep knows", file.string()), why, hint);
}

// The library copies and prints nested values by recursion, which a file made for it would drive off the stack.
bool nests_too_deep(std::string_view text) {
  constexpr int deepest = 100;
  int depth = 0;
  bool in_string = false;
  for (std::size_t place = 0; place < text.size() && depth <= deepest; ++place) {
    const char c = text[place];
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\') ++place;
    if (!in_string && (c == '[' || c == '{')) ++depth;
    if (!in_string && (c == ']' || c == '}')) --depth;
  }
  return depth > deepest;
}

std::optional<json> read_json(const Path& file) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  const std::string text = read_text(file);
  if (nests_too_deep(text)) refuse(file, "it nests lists and objects deeper than any tokenizer does");
  json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) refuse(file, "it is not a JSON object in UTF-8");
  return value;
}

std::string kind_of(const json& part) {
  return part.is_object() && part.contains("type") ? part.at("type").get<std::string>() : "none";
}

std::int32_t id_from(const Path& file, const json& value) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() >= std::numeric_limits<std::int32_t>::max()) {
    refuse(file, fmt::format("{} is not a token id", value.dump()));
  }
  return value.get<std::int32_t>();
}

AddedToken added_from(std::int32_t id, const json& token) {
  return {.id = id,
          .content = token.at("content").get<std::string>(),
          .single_word = token.value("single_word", false),
          .strip_left = token.value("lstrip", false),
          .strip_right = token.value("rstrip", false),
          .normalized = token.value("normalized", false),
          .special = token.value("special", false)};
}

/// Added tokens of the vocabulary keep its id; others bring theirs.
void add(const Path& file, AddedToken token, TokenizerDescription& description) {
  const auto known = description.word_pieces.vocabulary.find(token.content);
  if (known != description.word_pieces.vocabulary.end() && known->second != token.id) {
    refuse(file,
           fmt::format("its added token {} has id {}, but {} in the vocabulary", token.content, token.id, known->second));
  }
  if (token.content.empty() || !description.added_id.emplace(token.content, token.id).second) return;
  description.added.push_back(std::move(token));
}

std::optional<std::int32_t> find_token(const TokenizerDescription& description, const std::string& token) {
  const auto& vocabulary = description.word_pieces.vocabulary;
  if (const auto known = vocabulary.find(token); known != vocabulary.end()) return known->second;
  const auto added = description.added_id.find(token);
  return added != description.added_id.end() ? std::optional(added->second) : std::nullopt;
}

/// One past the largest id.
std::int32_t next_id(const TokenizerDescription& description) {
  std::int32_t next = 0;
  for (const auto& [token, id] : description.word_pieces.vocabulary) next = std::max(next, id + 1);
  for (const AddedToken& token : description.added) next = std::max(next, token.id + 1);
  return next;
}

std::int32_t special_id(const Path& file, const TokenizerDescription& description, const std::string& token) {
  const auto id = find_token(description, token);
  if (!id) refuse(file, fmt::format("its vocabulary lacks the special token {}", token));
  return *id;
}

/// The text of a token that is given as such or as an object with `content`.
std::string content_of(const json& token) {
  return token.is_object() ? token.at("content").get<std::string>() : token.get<std::string>();
}

/// The name of a special token by tokenizer_config.json, which holds a text or an object with `content`.
std::string special_name(const json& config, const char* key, const char* usual) {
  const auto value = config.find(key);
  if (value == config.end() || value->is_null()) return usual;
  return content_of(*value);
}

// ---------------------------------------------------------------------------------------------------- tokenizer.json

NormalizerSettings normalizer_from(const Path& file, const json& normalizer) {
  if (normalizer.is_null()) {
    return {.clean_text = false, .handle_chinese_chars = false, .strip_accents = false, .lowercase = false};
  }
  if (kind_of(normalizer) != "BertNormalizer") refuse(file, fmt::format("its normalizer is {}", kind_of(normalizer)));
  const bool lowercase = normalizer.at("lowercase").get<bool>();
  const json strip = normalizer.value("strip_accents", json());
  return {.clean_text = normalizer.at("clean_text").get<bool>(),
          .handle_chinese_chars = normalizer.at("handle_chinese_chars").get<bool>(),
          .strip_accents = strip.is_null() ? lowercase : strip.get<bool>(),
          .lowercase = lowercase};
}

WordPieceSettings word_pieces_from(const Path& file, const json& model) {
  // Files of old versions leave the type out; only WordPiece has a limit on the length of words.
  const bool untyped_word_piece = !model.contains("type") && model.contains("max_input_chars_per_word");
  if (kind_of(model) != "WordPiece" && !untyped_word_piece) {
    refuse(file, fmt::format("its model is {}, not WordPiece", kind_of(model)));
  }
  WordPieceSettings settings;
  for (const auto& [token, id] : model.at("vocab").items()) settings.vocabulary.emplace(token, id_from(file, id));
  settings.continuing_prefix = model.at("continuing_subword_prefix").get<std::string>();
  settings.max_characters_per_word = id_from(file, model.at("max_input_chars_per_word"));
  return settings;
}

/// Sets `cls` and `sep` from the template for [CLS] A [SEP] and [CLS] A [SEP] B [SEP]; no other form is known.
void read_post_processor(const Path& file, const json& processor, const json& config, TokenizerDescription& description) {
  SpecialTokens& special = description.special;
  const std::string kind = kind_of(processor);
  if (processor.is_null()) {
    special.cls = special_id(file, description, special_name(config, "cls_token", "[CLS]"));
    special.sep = special_id(file, description, special_name(config, "sep_token", "[SEP]"));
  } else if (kind == "BertProcessing") {
    special.cls = id_from(file, processor.at("cls").at(1));
    special.sep = id_from(file, processor.at("sep").at(1));
  } else if (kind == "TemplateProcessing") {
    const auto special_piece = [](const std::string& name, int type) -> json {
      return {{"SpecialToken", {{"id", name}, {"type_id", type}}}};
    };
    const auto text_piece = [](const char* name, int type) -> json {
      return {{"Sequence", {{"id", name}, {"type_id", type}}}};
    };
    const json& single = processor.at("single");
    const auto cls = single.at(0).at("SpecialToken").at("id").get<std::string>();
    const auto sep = single.at(2).at("SpecialToken").at("id").get<std::string>();
    const json one = json::array({special_piece(cls, 0), text_piece("A", 0), special_piece(sep, 0)});
    json two = one;
    two.push_back(text_piece("B", 1));
    two.push_back(special_piece(sep, 1));
    if (single != one || processor.at("pair") != two) {
      refuse(file, "its template for special tokens is not [CLS] A [SEP] B [SEP]");
    }
    const auto id_of = [&](const std::string& name) {
      const json& ids = processor.at("special_tokens").at(name).at("ids");
      if (ids.size() != 1) refuse(file, fmt::format("its template gives {} ids for {}", ids.size(), name));
      return id_from(file, ids.at(0));
    };
    special.cls = id_of(cls);
    special.sep = id_of(sep);
  } else {
    refuse(file, fmt::format("its post-processor is {}", kind));
  }
}

/// transformers rebuilds BERT's tokenizer from tokenizer_config.json and its own defaults, unless the class is one that
/// takes tokenizer.json as it is; where the two differ it would give other tokens.
void warn_of_contradictions(const Path& folder, const json& config, const NormalizerSettings& settings) {
  const std::string name = config.value("tokenizer_class", json()).is_string()
                               ? config.at("tokenizer_class").get<std::string>()
                               : "BertTokenizer";
  if (name.starts_with("PreTrainedTokenizer") || name == "TokenizersBackend") return;
  const auto check = [&](const char* key, bool otherwise, bool used) {
    const json value = config.value(key, json());
    const bool says = value.is_boolean();
    if ((says ? value.get<bool>() : otherwise) == used) return;
    base::world_warning("{}: tokenizer.json has {} = {}, which is used; transformers would use {} ({})", folder.string(),
                        key, used, !used,
                        says ? "tokenizer_config.json says so" : "its default, as tokenizer_config.json does not say");
  };
  check("do_lower_case", true, settings.lowercase);
  check("strip_accents", settings.lowercase, settings.strip_accents);
  check("tokenize_chinese_chars", true, settings.handle_chinese_chars);
}

// ---------------------------------------------------------------------------------------------------- added tokens

constexpr std::array named_tokens{"unk_token",  "sep_token", "pad_token", "cls_token",
                                  "mask_token", "bos_token", "eos_token"};

/// What transformers takes from special_tokens_map.json, where tokenizer_config.json does not list added tokens.
json with_special_tokens_map(const Path& folder, json config) {
  if (config.contains("added_tokens_decoder")) return config;
  if (!config.contains("extra_special_tokens") && config.contains("additional_special_tokens")) {
    config["extra_special_tokens"] = config["additional_special_tokens"];
  }
  config.erase("additional_special_tokens");
  const json map = read_json(folder / "special_tokens_map.json").value_or(json::object());
  for (const auto& [key, value] : map.items()) config[key] = value;
  return config;
}

/// A list, or an object of names and tokens; none where there is neither.
std::vector<json> tokens_listed(const json& config, const char* key) {
  const json listed = config.value(key, json());
  std::vector<json> tokens;
  if (listed.is_array() || listed.is_object()) tokens.assign(listed.begin(), listed.end());
  return tokens;
}

/// The added tokens of tokenizer_config.json, by id; where it lists none those of added_tokens.json.
std::map<std::int32_t, AddedToken> numbered_tokens(const Path& file, const json& config) {
  std::map<std::int32_t, AddedToken> numbered;
  if (const auto listed = config.find("added_tokens_decoder"); listed != config.end()) {
    for (const auto& [id, token] : listed->items()) {
      const std::int32_t number = id_from(file, json::parse(id));
      numbered.emplace(number, added_from(number, token));
    }
    return numbered;
  }
  std::set<std::string> special;
  for (const char* key : named_tokens) {
    if (const json token = config.value(key, json()); !token.is_null()) special.insert(content_of(token));
  }
  for (const json& token : tokens_listed(config, "extra_special_tokens")) special.insert(content_of(token));
  const json added = read_json(file).value_or(json::object());
  for (const auto& [content, id] : added.items()) {
    const bool is_special = special.contains(content);
    const std::int32_t number = id_from(file, id);
    numbered.emplace(number, AddedToken{.id = number, .content = content, .normalized = !is_special, .special = is_special});
  }
  return numbered;
}

/// The tokens that tokenizer_config.json (`config`) and added_tokens.json add to those that `description` has. As in
/// transformers a token that the vocabulary does not have gets the next id.
void read_added_tokens(const Path& folder, const json& config, TokenizerDescription& description) {
  const Path config_file = folder / "tokenizer_config.json";
  const Path file = config.contains("added_tokens_decoder") ? config_file : folder / "added_tokens.json";
  std::int32_t next = next_id(description);
  for (const auto& [id, token] : numbered_tokens(file, config)) {
    if (!find_token(description, token.content)) {
      if (id != next) {
        refuse(file, fmt::format("its added token {} has id {}, and the next free one is {}", token.content, id, next));
      }
      ++next;
    }
    add(file, token, description);
  }
  const char* extra = config.contains("extra_special_tokens") ? "extra_special_tokens" : "additional_special_tokens";
  for (const json& token : tokens_listed(config, extra)) {
    AddedToken added = token.is_object() ? added_from(0, token) : AddedToken{.content = content_of(token)};
    const auto known = find_token(description, added.content);
    added.id = known.value_or(next);
    added.special = true;
    if (!known) ++next;
    add(config_file, std::move(added), description);
  }
}

TokenizerDescription from_tokenizer_json(const Path& file, const json& root, const json& config) {
  TokenizerDescription description;
  const std::string pre_tokenizer = kind_of(root.at("pre_tokenizer"));
  const json& model = root.at("model");
  description.word_pieces = word_pieces_from(file, model);
  if (pre_tokenizer != "BertPreTokenizer") refuse(file, fmt::format("its pre-tokenizer is {}", pre_tokenizer));
  description.normalizer = normalizer_from(file, root.at("normalizer"));
  for (const json& token : root.value("added_tokens", json::array())) {
    add(file, added_from(id_from(file, token.at("id")), token), description);
  }
  read_added_tokens(file.parent_path(), config, description);
  description.special.unknown = special_id(file, description, model.at("unk_token").get<std::string>());
  description.special.pad = special_id(file, description, special_name(config, "pad_token", "[PAD]"));
  description.special.mask = special_id(file, description, special_name(config, "mask_token", "[MASK]"));
  read_post_processor(file, root.value("post_processor", json()), config, description);
  return description;
}

// --------------------------------------------------------------------------------------------------------- vocab.txt

void check_tokenizer_class(const Path& file, const json& config) {
  constexpr std::array known{"Bert", "DistilBert", "Electra", "MobileBert"};
  std::string name = config.value("tokenizer_class", "BertTokenizer");
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  const auto is_named = [&](const char* model) { return name == std::string(model) + "Tokenizer"; };
  if (std::ranges::none_of(known, is_named)) refuse(file, fmt::format("its tokenizer_class is {}", name));
}

std::map<std::string, std::int32_t> vocabulary_from(const Path& file) {
  std::map<std::string, std::int32_t> vocabulary;
  const std::string text = read_text(file);
  if (text.starts_with("\xEF\xBB\xBF")) {
    throw base::InputError(fmt::format("{} begins with a byte order mark", file.string()),
                           "it would be a part of the first token", "Save the file as UTF-8 without that mark");
  }
  if (const auto byte = first_ill_formed(text)) refuse(file, fmt::format("byte {} is not UTF-8", *byte));
  std::int32_t line = 0;
  for (std::size_t begin = 0; begin < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string token = text.substr(begin, end - begin);
    if (token.ends_with('\r')) token.pop_back();
    vocabulary[token] = line;  // of equal lines the last counts, as in the reference
    begin = end + 1;
  }
  return vocabulary;
}

TokenizerDescription from_vocabulary(const Path& file, const Path& config_file, const json& config) {
  check_tokenizer_class(config_file, config);
  TokenizerDescription description;
  description.word_pieces.vocabulary = vocabulary_from(file);
  const bool lowercase = config.value("do_lower_case", true);
  const json strip = config.value("strip_accents", json());
  description.normalizer = {.clean_text = true,
                            .handle_chinese_chars = config.value("tokenize_chinese_chars", true),
                            .strip_accents = strip.is_null() ? lowercase : strip.get<bool>(),
                            .lowercase = lowercase};
  const auto special = [&](const char* key, const char* usual) {
    const std::string name = special_name(config, key, usual);
    const std::int32_t id = special_id(file, description, name);
    const json value = config.value(key, json());
    AddedToken token = value.is_object() ? added_from(id, value) : AddedToken{.id = id, .content = name};
    token.special = true;
    add(config_file, std::move(token), description);
    return id;
  };
  description.special.unknown = special("unk_token", "[UNK]");
  description.special.sep = special("sep_token", "[SEP]");
  description.special.cls = special("cls_token", "[CLS]");
  description.special.pad = special("pad_token", "[PAD]");
  description.special.mask = special("mask_token", "[MASK]");
  read_added_tokens(file.parent_path(), config, description);
  return description;
}

}  // namespace

TokenizerDescription read_tokenizer_files(const Path& folder) {
  const Path tokenizer_file = folder / "tokenizer.json";
  const Path vocabulary_file = folder / "vocab.txt";
  const Path config_file = folder / "tokenizer_config.json";
  const json config = with_special_tokens_map(folder, read_json(config_file).value_or(json::object()));
  const auto root = read_json(tokenizer_file);
  if (!root && !std::filesystem::exists(vocabulary_file)) {
    throw base::InputError(fmt::format("{} holds no tokenizer", folder.string()),
                           "neither tokenizer.json nor vocab.txt is there", hint);
  }
  const Path& file = root ? tokenizer_file : vocabulary_file;
  try {
    TokenizerDescription description =
        root ? from_tokenizer_json(file, *root, config) : from_vocabulary(file, config_file, config);
    if (root) warn_of_contradictions(folder, config, description.normalizer);
    description.word_pieces.unknown = description.special.unknown;
    std::ranges::stable_partition(description.added, &AddedToken::special);
    return description;
  } catch (const json::exception& error) {  // a missing key or a wrong type
    throw base::InputError(fmt::format("the tokenizer files in {} are damaged", folder.string()), error.what(), hint);
  }
}

}  // namespace layersweep::data
