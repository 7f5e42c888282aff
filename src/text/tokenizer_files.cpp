#include "text/tokenizer_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/log.hpp"
#include "base/utf8.hpp"

namespace layersweep::text {
namespace {

using nlohmann::json;
using Path = std::filesystem::path;

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
  const std::string text = base::read_text_file(file);
  if (nests_too_deep(text)) refuse(file, "it nests lists and objects deeper than any tokenizer does");
  json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) refuse(file, "it is not a JSON object in UTF-8");
  return value;
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
void add(const Path& file, AddedToken token, Pipeline& pipeline) {
  const Vocabulary& vocabulary = pipeline.model->vocabulary();
  const auto known = vocabulary.find(token.content);
  if (known != vocabulary.end() && known->second != token.id) {
    refuse(file,
           fmt::format("its added token {} has id {}, but {} in the vocabulary", token.content, token.id, known->second));
  }
  if (token.content.empty() || !pipeline.added_id.emplace(token.content, token.id).second) return;
  pipeline.added.push_back(std::move(token));
}

/// One past the largest id.
std::int32_t next_id(const Pipeline& pipeline) {
  std::int32_t next = 0;
  for (const auto& [token, id] : pipeline.model->vocabulary()) next = std::max(next, id + 1);
  for (const auto& [token, id] : pipeline.added_id) next = std::max(next, id + 1);
  return next;
}

[[noreturn]] void refuse_lack_of(const std::string& token, const Path& file) {
  refuse(file, fmt::format("its vocabulary lacks the special token {}", token));
}

/// The text of a token that is given as such or as an object with `content`.
std::string content_of(const json& token) {
  return token.is_object() ? token.at("content").get<std::string>() : token.get<std::string>();
}

/// The name of a special token by tokenizer_config.json.
std::string special_name(const json& config, const char* key, const char* usual) {
  const json value = config.value(key, json());
  return value.is_null() ? usual : content_of(value);
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
      const std::int32_t number = id_from({file, json::parse(id)});
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
    const std::int32_t number = id_from({file, id});
    numbered.emplace(number, AddedToken{.id = number, .content = content, .normalized = !is_special, .special = is_special});
  }
  return numbered;
}

/// The tokens that tokenizer_config.json (`config`) and added_tokens.json add to those that `pipeline` has. As in
/// transformers a token that the vocabulary does not have gets the next id.
void read_added_tokens(const Path& folder, const json& config, Pipeline& pipeline) {
  const Path config_file = folder / "tokenizer_config.json";
  const Path file = config.contains("added_tokens_decoder") ? config_file : folder / "added_tokens.json";
  std::int32_t next = next_id(pipeline);
  for (const auto& [id, token] : numbered_tokens(file, config)) {
    if (!pipeline.token_id(token.content)) {
      if (id != next) {
        refuse(file, fmt::format("its added token {} has id {}, and the next free one is {}", token.content, id, next));
      }
      ++next;
    }
    add(file, token, pipeline);
  }
  const char* extra = config.contains("extra_special_tokens") ? "extra_special_tokens" : "additional_special_tokens";
  for (const json& token : tokens_listed(config, extra)) {
    AddedToken added = token.is_object() ? added_from(0, token) : AddedToken{.content = content_of(token)};
    const auto known = pipeline.token_id(added.content);
    added.id = known.value_or(next);
    added.special = true;
    if (!known) ++next;
    add(config_file, std::move(added), pipeline);
  }
}

/// transformers rebuilds a tokenizer with BertNormalizer from tokenizer_config.json and its own defaults, unless the class
/// is one that takes tokenizer.json as it is; where the two differ it would give other tokens.
void warn_of_contradictions(const Path& folder, const json& config, const json& normalizer) {
  const std::string name = config.value("tokenizer_class", json()).is_string()
                               ? config.at("tokenizer_class").get<std::string>()
                               : "BertTokenizer";
  if (name.starts_with("PreTrainedTokenizer") || name == "TokenizersBackend") return;
  if (!normalizer.is_null() && normalizer.value("type", "") != "BertNormalizer") return;
  const auto check = [&](const char* key, bool otherwise, bool used) {
    const json value = config.value(key, json());
    const bool says = value.is_boolean();
    if ((says ? value.get<bool>() : otherwise) == used) return;
    base::world_warning("{}: tokenizer.json has {} = {}, which is used; transformers would use {} ({})", folder.string(),
                        key, used, !used,
                        says ? "tokenizer_config.json says so" : "its default, as tokenizer_config.json does not say");
  };
  const auto setting = [&](const char* key, bool otherwise) {
    const json value = normalizer.is_null() ? json(false) : normalizer.value(key, json());
    return value.is_null() ? otherwise : value.get<bool>();
  };
  const bool lowercase = setting("lowercase", false);
  check("do_lower_case", true, lowercase);
  check("strip_accents", lowercase, setting("strip_accents", lowercase));
  check("tokenize_chinese_chars", true, setting("handle_chinese_chars", false));
}

/// Every id below the largest is a token's: a file with holes is not whole.
void check_ids(const Path& file, const Pipeline& pipeline) {
  std::set<std::int32_t> ids;
  for (const Vocabulary* tokens : {&pipeline.model->vocabulary(), &pipeline.added_id}) {
    for (const auto& [token, id] : *tokens) ids.insert(id);
  }
  std::int32_t expected = 0;
  for (const std::int32_t id : ids) {
    if (id != expected) refuse(file, fmt::format("no token has id {}, and one has {}", expected, id));
    ++expected;
  }
}

/// The tokenizer of tokenizer.json (`root`) and tokenizer_config.json (`config`); `file` is the former, for messages.
Pipeline pipeline_from(const Path& file, const json& root, const json& config) {
  Pipeline pipeline;
  pipeline.normalizer = read_normalizer({file, root.at("normalizer")});
  pipeline.pre_tokenizer = read_pre_tokenizer({file, root.at("pre_tokenizer")});
  pipeline.model = read_subword_model({file, root.at("model")});
  for (const json& token : root.value("added_tokens", json::array())) {
    add(file, added_from(id_from({file, token.at("id")}), token), pipeline);
  }
  read_added_tokens(file.parent_path(), config, pipeline);
  const bool has_word_pieces = root.at("model").value("type", "WordPiece") == "WordPiece";
  const auto special = [&](const char* key, const char* usual) {
    const std::string name = special_name(config, key, usual);
    const auto id = pipeline.token_id(name);
    if (!id) refuse_lack_of(name, file);
    return *id;
  };
  // A tokenizer of word pieces has them all; another has what tokenizer_config.json names, or what is usually called so.
  const auto special_if_any = [&](const char* key, std::initializer_list<const char*> usual) {
    if (has_word_pieces || !config.value(key, json()).is_null()) return special(key, *usual.begin());
    for (const char* name : usual) {
      if (const auto known = pipeline.added_id.find(name); known != pipeline.added_id.end()) return known->second;
    }
    return -1;
  };
  if (!has_word_pieces) check_ids(file, pipeline);
  pipeline.special = {.mask = special_if_any("mask_token", {"[MASK]", "<mask>"}),
                      .pad = special_if_any("pad_token", {"[PAD]", "<pad>"}),
                      .unknown = pipeline.model->unknown()};
  const json post_processor = root.value("post_processor", json());
  if (!post_processor.is_null()) {
    pipeline.post_processor = read_post_processor({file, post_processor});
  } else if (has_word_pieces) {
    pipeline.post_processor.around = Template::around(special("cls_token", "[CLS]"), special("sep_token", "[SEP]"));
  } else {
    pipeline.post_processor.around = Template::plain();
  }
  std::ranges::stable_partition(pipeline.added, &AddedToken::special);
  return pipeline;
}

// --------------------------------------------------------------------------------------------------------- vocab.txt

void check_tokenizer_class(const Path& file, const json& config) {
  constexpr std::array known{"BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MobileBertTokenizer"};
  std::string name = config.value("tokenizer_class", "BertTokenizer");
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  if (std::ranges::find(known, name) == known.end()) refuse(file, fmt::format("its tokenizer_class is {}", name));
}

Vocabulary vocabulary_from(const Path& file) {
  Vocabulary vocabulary;
  const std::string text = base::read_text_file(file);
  if (text.starts_with("\xEF\xBB\xBF")) {
    throw base::InputError(fmt::format("{} begins with a byte order mark", file.string()),
                           "it would be a part of the first token", "Save the file as UTF-8 without that mark");
  }
  if (const auto byte = base::first_ill_formed(text)) refuse(file, fmt::format("byte {} is not UTF-8", *byte));
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

/// The tokenizer.json that transformers makes of vocab.txt and tokenizer_config.json.
json from_vocabulary(const Path& file, const json& config) {
  check_tokenizer_class(file.parent_path() / "tokenizer_config.json", config);
  const Vocabulary vocabulary = vocabulary_from(file);
  json added = json::array();
  for (const auto& [key, usual] : {std::pair{"unk_token", "[UNK]"},
                                   {"sep_token", "[SEP]"},
                                   {"cls_token", "[CLS]"},
                                   {"pad_token", "[PAD]"},
                                   {"mask_token", "[MASK]"}}) {
    const std::string name = special_name(config, key, usual);
    const auto id = vocabulary.find(name);
    if (id == vocabulary.end()) refuse_lack_of(name, file);
    json token = config.value(key, json());
    if (!token.is_object()) token = {{"content", name}};
    token["id"] = id->second;
    token["special"] = true;
    added.push_back(std::move(token));
  }
  return {{"normalizer",
           {{"type", "BertNormalizer"},
            {"clean_text", true},
            {"handle_chinese_chars", config.value("tokenize_chinese_chars", true)},
            {"strip_accents", config.value("strip_accents", json())},
            {"lowercase", config.value("do_lower_case", true)}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"model",
           {{"type", "WordPiece"},
            {"unk_token", special_name(config, "unk_token", "[UNK]")},
            {"continuing_subword_prefix", "##"},
            {"max_input_chars_per_word", 100},
            {"vocab", vocabulary}}},
          {"added_tokens", added}};
}

// -------------------------------------------------------------------------------------------- vocab.json and merges.txt

/// The tokenizer.json that transformers makes of vocab.json, merges.txt and tokenizer_config.json; these are the same files
/// for unlike tokenizers, so that the last has to say which.
json from_byte_pairs(const Path& folder, const json& config) {
  std::string name = config.value("tokenizer_class", "");
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  const bool is_gpt2 = name == "GPT2Tokenizer";
  if (!is_gpt2 && name != "RobertaTokenizer" && name != "BartTokenizer" && name != "LongformerTokenizer") {
    throw base::InputError(fmt::format("{} has vocab.json and merges.txt only", folder.string()),
                           name.empty() ? "tokenizer_config.json names no tokenizer_class, which says how texts are cut"
                                        : fmt::format("layersweep does not know how tokenizer_class {} cuts texts", name),
                           "Save tokenizer.json: AutoTokenizer.from_pretrained(folder).save_pretrained(folder)");
  }
  if (config.value("add_bos_token", false)) refuse(folder / "tokenizer_config.json", "its add_bos_token is true");
  const Path vocabulary_file = folder / "vocab.json", merges_file = folder / "merges.txt";
  const auto vocabulary = read_json(vocabulary_file);
  if (!std::filesystem::exists(merges_file)) refuse(folder, "vocab.json is there, but merges.txt is not");
  const std::string text = base::read_text_file(merges_file);
  if (const auto byte = base::first_ill_formed(text)) refuse(merges_file, fmt::format("byte {} is not UTF-8", *byte));
  json merges = json::array();
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) merges.push_back(std::move(line));
    begin = end + 1;
  }
  json added = json::array();
  const auto special = [&](const char* key, const char* usual) {
    const std::string content = special_name(config, key, usual);
    const auto id = vocabulary->find(content);
    if (id == vocabulary->end()) refuse_lack_of(content, vocabulary_file);
    json token = config.value(key, json());
    if (!token.is_object()) token = {{"content", content}};
    token["id"] = *id;
    token["special"] = true;
    added.push_back(token);
    return json::array({content, *id});
  };
  const bool adds_blank = config.value("add_prefix_space", false);
  json post_processor{{"type", "ByteLevel"}, {"add_prefix_space", adds_blank}, {"trim_offsets", false}};
  if (is_gpt2) {
    for (const char* key : {"unk_token", "bos_token", "eos_token"}) special(key, "<|endoftext|>");
  } else {
    for (const auto& [key, usual] : {std::pair{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}}) {
      special(key, usual);
    }
    const json cls = special("cls_token", "<s>"), sep = special("sep_token", "</s>");
    special("pad_token", "<pad>");
    special("mask_token", "<mask>");
    post_processor.update(
        {{"type", "RobertaProcessing"}, {"cls", cls}, {"sep", sep}, {"trim_offsets", config.value("trim_offsets", true)}});
  }
  return {{"normalizer", nullptr},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", adds_blank}}},
          {"model", {{"type", "BPE"}, {"vocab", *vocabulary}, {"merges", merges}}},
          {"post_processor", post_processor},
          {"added_tokens", added}};
}

}  // namespace

std::optional<std::int32_t> Pipeline::token_id(std::string_view token) const {
  for (const Vocabulary* tokens : {&model->vocabulary(), &added_id}) {
    if (const auto known = tokens->find(token); known != tokens->end()) return known->second;
  }
  return std::nullopt;
}

Pipeline read_tokenizer_files(const Path& folder) {
  const Path tokenizer_file = folder / "tokenizer.json";
  const Path vocabulary_file = folder / "vocab.txt";
  const json config = with_special_tokens_map(folder, read_json(folder / "tokenizer_config.json").value_or(json::object()));
  const auto root = read_json(tokenizer_file);
  const bool has_byte_pairs = std::filesystem::exists(folder / "vocab.json");
  if (!root && !std::filesystem::exists(vocabulary_file) && !has_byte_pairs) {
    for (const char* name : {"tokenizer.model", "spiece.model", "spm.model", "sentencepiece.bpe.model"}) {
      if (!std::filesystem::exists(folder / name)) continue;
      throw base::InputError(fmt::format("{} holds a tokenizer that layersweep does not read", (folder / name).string()),
                             "it is a model of SentencePiece, without tokenizer.json beside it",
                             "Open the folder with transformers' AutoTokenizer and save it with save_pretrained");
    }
    refuse(folder, "none of tokenizer.json, vocab.txt and vocab.json is there");
  }
  try {
    if (!root && has_byte_pairs) return pipeline_from(folder / "vocab.json", from_byte_pairs(folder, config), config);
    if (!root) return pipeline_from(vocabulary_file, from_vocabulary(vocabulary_file, config), config);
    Pipeline pipeline = pipeline_from(tokenizer_file, *root, config);
    if (root->at("pre_tokenizer").is_object() && root->at("pre_tokenizer").value("type", "") == "BertPreTokenizer") {
      warn_of_contradictions(folder, config, root->at("normalizer"));
    }
    return pipeline;
  } catch (const json::exception& error) {  // a missing key or a wrong type
    refuse(folder, fmt::format("its tokenizer files are damaged: {}", error.what()));
  }
}

}  // namespace layersweep::text
