// Byte-pair encoding: a word's characters, of which neighbours merge, whichever pair was learned first.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <queue>
#include <unordered_map>

#include "base/error.hpp"
#include "base/utf8.hpp"
#include "text/components.hpp"

namespace layersweep::text {
namespace {

constexpr std::int32_t no_token = -1;

struct Merge {
  std::int32_t rank = 0;
  std::int32_t id = no_token;  // of both together; none: they do not merge
};

/// What pairs of tokens merge to. One array, as this is where the time goes.
class MergeTable {
 public:
  explicit MergeTable(std::size_t merges) {
    std::size_t size = 16;
    while (size < 2 * merges) size *= 2;
    slots_.resize(size);
    while (size > 1) {
      size /= 2;
      --shift_;
    }
  }

  void set(std::int32_t left, std::int32_t right, Merge merge) {
    Slot& slot = slots_[place_of(key_of(left, right))];
    slot = {key_of(left, right), merge};
  }

  Merge at(std::int32_t left, std::int32_t right) const { return slots_[place_of(key_of(left, right))].merge; }

 private:
  static constexpr std::uint64_t no_key = ~std::uint64_t{0};
  struct Slot {
    std::uint64_t key = no_key;
    Merge merge;
  };

  static std::uint64_t key_of(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
  }
  std::size_t place_of(std::uint64_t key) const {
    std::size_t place = key * 0x9E3779B97F4A7C15u >> shift_;
    while (slots_[place].key != key && slots_[place].key != no_key) place = (place + 1) & (slots_.size() - 1);
    return place;
  }

  std::vector<Slot> slots_;  // a power of two, at most half of them taken
  int shift_ = 64;
};

struct Symbol {
  std::int32_t id = 0;
  std::int32_t bytes = 0;  // of the word's UTF-8; 0: merged into the one before
};

/// All merges of a word, lowest rank first, of equals leftmost first.
void merge_short(const MergeTable& merges, std::vector<Symbol>& word) {
  while (word.size() > 1) {
    Merge best;
    std::size_t place = 0;
    for (std::size_t i = 0; i + 1 < word.size(); ++i) {
      const Merge merge = merges.at(word[i].id, word[i + 1].id);
      if (merge.id == no_token || (best.id != no_token && best.rank <= merge.rank)) continue;
      best = merge;
      place = i;
    }
    if (best.id == no_token) return;
    word[place] = {best.id, word[place].bytes + word[place + 1].bytes};
    word.erase(word.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  }
}

/// The same in time that hardly grows faster than the word.
void merge_long(const MergeTable& merges, std::vector<Symbol>& word) {
  struct Candidate {
    std::int32_t rank, place, id;
    bool operator<(const Candidate& other) const {  // the last of these is taken first
      return rank != other.rank ? rank > other.rank : place > other.place;
    }
  };
  std::vector<std::int32_t> before(word.size()), behind(word.size());  // a list of what is left
  const auto size = static_cast<std::int32_t>(word.size());
  const auto at = [](std::int32_t place) { return static_cast<std::size_t>(place); };
  std::priority_queue<Candidate> candidates;
  const auto consider = [&](std::int32_t left, std::int32_t right) {
    const Merge merge = merges.at(word[at(left)].id, word[at(right)].id);
    if (merge.id != no_token) candidates.push({merge.rank, left, merge.id});
  };
  for (std::int32_t i = 0; i < size; ++i) {
    before[at(i)] = i - 1;
    behind[at(i)] = i + 1;
    if (i > 0) consider(i - 1, i);
  }
  while (!candidates.empty()) {
    const auto [rank, left, id] = candidates.top();
    candidates.pop();
    if (word[at(left)].bytes == 0 || behind[at(left)] == size) continue;
    const std::int32_t right = behind[at(left)];
    if (merges.at(word[at(left)].id, word[at(right)].id).id != id) continue;  // one of them is another by now
    word[at(left)] = {id, word[at(left)].bytes + word[at(right)].bytes};
    word[at(right)].bytes = 0;
    behind[at(left)] = behind[at(right)];
    if (behind[at(left)] < size) {
      before[at(behind[at(left)])] = left;
      consider(left, behind[at(left)]);
    }
    if (before[at(left)] >= 0) consider(before[at(left)], left);
  }
  std::erase_if(word, [](const Symbol& symbol) { return symbol.bytes == 0; });
}

std::int32_t bytes_of(char32_t c) { return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4; }

class Bpe final : public SubwordModel {
 public:
  struct Settings {
    Vocabulary vocabulary;
    std::int32_t unknown = no_token;  // none: what cannot be spelled is left out
    bool fuse_unknown = false;        // neighbours that cannot be spelled are one token
    bool byte_fallback = false;       // what cannot be spelled becomes its bytes, where there are tokens for them
    bool whole_words_first = false;   // a word of the vocabulary is not spelled
    std::string continuing_prefix, end_suffix;
  };

  Bpe(Settings settings, const std::vector<std::pair<std::string, std::string>>& merges, const std::filesystem::path& file)
      : settings_(std::move(settings)), merges_(merges.size()) {
    for (const auto& [token, id] : settings_.vocabulary) {
      const std::u32string text = base::decode_utf8(token);
      if (settings_.whole_words_first) whole_words_.emplace(text, id);
      for (const bool first : {true, false}) {
        for (const bool last : {true, false}) add_unit(text, first, last, id);
      }
    }
    for (std::size_t byte = 0; byte < 256 && settings_.byte_fallback; ++byte) {
      byte_token_[byte] = id_of(fmt::format("<0x{:02X}>", byte));
    }
    read_merges(merges, file);
  }

  void append_pieces(std::u32string_view word, std::vector<Piece>& pieces) const override {
    if (settings_.whole_words_first) {
      if (const auto whole = whole_words_.find(word); whole != whole_words_.end()) {
        pieces.push_back({whole->second, {0, word.size()}});
        return;
      }
    }
    static thread_local std::vector<Symbol> symbols;
    spell(word, symbols);
    constexpr std::size_t short_word = 24;
    symbols.size() <= short_word ? merge_short(merges_, symbols) : merge_long(merges_, symbols);
    append_with_ranges(word, symbols, pieces);
  }

  const Vocabulary& vocabulary() const override { return settings_.vocabulary; }
  std::int32_t unknown() const override { return settings_.unknown; }

  void add_to(Fingerprint& fingerprint) const override {
    fingerprint.add_text("BPE");
    fingerprint.add_numbers(settings_.fuse_unknown, settings_.byte_fallback, settings_.whole_words_first);
    for (const std::string& text : {settings_.continuing_prefix, settings_.end_suffix, merges_hash_}) {
      fingerprint.add_text(text);
    }
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::u32string_view text) const { return std::hash<std::u32string_view>()(text); }
  };

  std::int32_t id_of(std::string_view token) const {
    const auto known = settings_.vocabulary.find(token);
    return known == settings_.vocabulary.end() ? no_token : known->second;
  }

  /// A character by where it stands in its word, as far as this changes its token.
  std::uint32_t unit_key(char32_t c, bool first, bool last) const {
    const bool with_prefix = !first && !settings_.continuing_prefix.empty();
    const bool with_suffix = last && !settings_.end_suffix.empty();
    return static_cast<std::uint32_t>(c) << 2 | (with_prefix ? 2u : 0u) | (with_suffix ? 1u : 0u);
  }

  void add_unit(std::u32string_view token, bool first, bool last, std::int32_t id) {
    const std::u32string prefix = first ? U"" : base::decode_utf8(settings_.continuing_prefix);
    const std::u32string suffix = last ? base::decode_utf8(settings_.end_suffix) : U"";
    if (token.size() != prefix.size() + 1 + suffix.size() || !token.starts_with(prefix) || !token.ends_with(suffix)) return;
    const std::uint32_t key = unit_key(token[prefix.size()], first, last);
    if (key < early_units_.size()) {
      early_units_[key] = id;
    } else {
      units_.insert_or_assign(key, id);
    }
  }

  std::int32_t unit(std::uint32_t key) const {
    if (key < early_units_.size()) return early_units_[key];
    const auto known = units_.find(key);
    return known == units_.end() ? no_token : known->second;
  }

  void read_merges(const std::vector<std::pair<std::string, std::string>>& merges, const std::filesystem::path& file) {
    Fingerprint all;
    for (std::int32_t rank = 0; const auto& [left, right] : merges) {
      const bool continues = right.size() >= settings_.continuing_prefix.size();
      const std::string both = left + right.substr(continues ? settings_.continuing_prefix.size() : 0);
      for (const std::string& token : {left, right, both}) {
        if (id_of(token) == no_token) {
          refuse(file, fmt::format("its merge {} of \"{}\" and \"{}\" needs \"{}\", which its vocabulary lacks", rank + 1,
                                   left, right, token));
        }
        all.add_text(token);
      }
      merges_.set(id_of(left), id_of(right), {rank++, id_of(both)});  // of equal ones the last counts, as in the reference
    }
    merges_hash_ = all.hex();
  }

  /// The tokens of the characters. The reference puts an unknown one off until a known one comes, bytes not counting as
  /// such.
  void spell(std::u32string_view word, std::vector<Symbol>& symbols) const {
    symbols.clear();
    std::optional<Symbol> unknown;
    const auto add_unknown = [&] {
      if (unknown) symbols.push_back(*unknown);
      unknown.reset();
    };
    for (std::size_t i = 0; i < word.size(); ++i) {
      const std::int32_t bytes = bytes_of(word[i]);
      const std::int32_t id = unit(unit_key(word[i], i == 0, i + 1 == word.size()));
      if (id != no_token) {
        add_unknown();
        symbols.push_back({id, bytes});
      } else if (settings_.byte_fallback && add_bytes(word[i], symbols)) {
        continue;
      } else if (settings_.unknown != no_token) {
        if (unknown && settings_.fuse_unknown) {
          unknown->bytes += bytes;
        } else {
          add_unknown();
          unknown = Symbol{settings_.unknown, bytes};
        }
      }
    }
    add_unknown();
  }

  bool add_bytes(char32_t c, std::vector<Symbol>& symbols) const {
    std::string utf8;
    base::append_utf8(c, utf8);
    const auto token_of = [&](char byte) { return byte_token_[static_cast<unsigned char>(byte)]; };
    if (std::ranges::any_of(utf8, [&](char byte) { return token_of(byte) == no_token; })) return false;
    for (const char byte : utf8) symbols.push_back({token_of(byte), 1});
    return true;
  }

  /// The reference counts bytes, and goes on where the token before has ended, even if a character was left out between.
  static void append_with_ranges(std::u32string_view word, const std::vector<Symbol>& symbols, std::vector<Piece>& pieces) {
    std::int32_t byte = 0, character_begin = 0;
    std::size_t character = 0;
    const auto go_to = [&](std::int32_t wanted) {
      while (character_begin + bytes_of(word[character]) <= wanted) character_begin += bytes_of(word[character++]);
      return character;
    };
    for (const auto& [id, bytes] : symbols) {
      const std::size_t begin = go_to(byte);
      byte += bytes;
      pieces.push_back({id, {begin, go_to(byte - 1) + 1}});
    }
  }

  Settings settings_;
  std::array<std::int32_t, 2048> early_units_ = filled_with_none<2048>();
  std::unordered_map<std::uint32_t, std::int32_t> units_;
  std::array<std::int32_t, 256> byte_token_ = filled_with_none<256>();
  std::unordered_map<std::u32string, std::int32_t, Hash, std::equal_to<>> whole_words_;
  MergeTable merges_;
  std::string merges_hash_;

  template <std::size_t size>
  static std::array<std::int32_t, size> filled_with_none() {
    std::array<std::int32_t, size> ids;
    ids.fill(no_token);
    return ids;
  }
};

/// Each as a text with a blank between, or as a list of two.
std::vector<std::pair<std::string, std::string>> merges_from(const JsonPart& part) {
  std::vector<std::pair<std::string, std::string>> merges;
  for (const auto& merge : part.value) {
    if (merge.is_array() && merge.size() == 2) {
      merges.emplace_back(merge.at(0).get<std::string>(), merge.at(1).get<std::string>());
      continue;
    }
    const auto line = merge.is_string() ? merge.get<std::string>() : "";
    if (line.starts_with("#version")) continue;
    const std::size_t blank = line.find(' ');
    if (blank == std::string::npos || line.find(' ', blank + 1) != std::string::npos) {
      refuse(part.file, fmt::format("its merge {} is not of two tokens: {}", merges.size() + 1, merge.dump()));
    }
    merges.emplace_back(line.substr(0, blank), line.substr(blank + 1));
  }
  return merges;
}

}  // namespace

std::unique_ptr<const SubwordModel> read_bpe(const JsonPart& part) {
  const auto& [file, json] = part;
  const auto given = [&json = json](const char* key) { return json.contains(key) && !json.at(key).is_null(); };
  const auto text = [&](const char* key) { return given(key) ? json.at(key).get<std::string>() : std::string(); };
  const auto flag = [&](const char* key) { return given(key) && json.at(key).get<bool>(); };
  if (given("dropout") && json.at("dropout").get<double>() != 0) {
    refuse(file, "its model has dropout, which is for training: it leaves merges out at random");
  }
  Bpe::Settings settings{.vocabulary = {},
                         .fuse_unknown = flag("fuse_unk"),
                         .byte_fallback = flag("byte_fallback"),
                         .whole_words_first = flag("ignore_merges"),
                         .continuing_prefix = text("continuing_subword_prefix"),
                         .end_suffix = text("end_of_word_suffix")};
  if (settings.byte_fallback && !(settings.continuing_prefix + settings.end_suffix).empty()) {
    refuse(file, "its model has byte_fallback together with continuing_subword_prefix or end_of_word_suffix");
  }
  for (const auto& [token, id] : json.at("vocab").items()) settings.vocabulary.emplace(token, id_from({file, id}));
  if (given("unk_token")) {
    const auto unknown = settings.vocabulary.find(text("unk_token"));
    if (unknown == settings.vocabulary.end()) {
      refuse(file, fmt::format("its vocabulary lacks its unk_token {}", text("unk_token")));
    }
    settings.unknown = unknown->second;
  }
  return std::make_unique<Bpe>(std::move(settings), merges_from({file, json.at("merges")}), file);
}

}  // namespace layersweep::text
