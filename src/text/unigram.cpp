// Pieces with scores: a word is spelled by those whose scores add up to most.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/utf8.hpp"
#include "text/components.hpp"
#include "text/longest_match.hpp"

namespace layersweep::text {
namespace {

/// A number as the reference's JSON reader gets it from its shortest decimal form: the digits as a whole number, then one
/// multiplication or division by a power of ten, so that the last bit may differ. Of spellings that score alike it decides.
double as_reference_reads(double value) {
  std::array<char, 40> text;
  const auto [end, error] = std::to_chars(text.begin(), text.end(), std::abs(value), std::chars_format::scientific);
  std::uint64_t digits = 0;
  int exponent = 0;
  const char* c = text.begin();
  for (bool after_point = false; c != end && *c != 'e'; ++c) {
    if (*c == '.') {
      after_point = true;
    } else {
      digits = digits * 10 + static_cast<std::uint64_t>(*c - '0');
      exponent -= after_point ? 1 : 0;
    }
  }
  int power = 0;
  if (c != end) std::from_chars(c + (c[1] == '+' ? 2 : 1), end, power);
  exponent += power;
  constexpr int most = 308;
  auto read = static_cast<double>(digits);
  for (; exponent < -most; exponent += most) read /= 1e308;
  static const auto powers = [] {
    std::array<double, most + 1> made{};
    for (int i = 0; i <= most; ++i) {
      const std::string written = fmt::format("1e{}", i);
      std::from_chars(written.data(), written.data() + written.size(), made[static_cast<std::size_t>(i)]);
    }
    return made;
  }();
  const double factor = powers[static_cast<std::size_t>(std::abs(exponent))];
  return std::copysign(exponent < 0 ? read / factor : read * factor, value);
}

std::vector<std::u32string> texts_of(const std::vector<std::string>& tokens) {
  std::vector<std::u32string> texts;
  for (const std::string& token : tokens) texts.push_back(base::decode_utf8(token));
  return texts;
}

class Unigram final : public SubwordModel {
 public:
  struct Settings {
    std::vector<std::string> tokens;
    std::vector<double> scores;
    std::int32_t unknown = 0;
    bool byte_fallback = false;
  };

  explicit Unigram(Settings settings, Vocabulary vocabulary)
      : settings_(std::move(settings)), vocabulary_(std::move(vocabulary)), pieces_(texts_of(settings_.tokens)) {
    double least = std::numeric_limits<double>::infinity();
    for (const double score : settings_.scores) least = std::min(least, score);
    unknown_score_ = least - 10;
    for (std::int32_t byte = 0; settings_.byte_fallback && byte < 256; ++byte) {
      const auto token = vocabulary_.find(fmt::format("<0x{:02X}>", byte));
      byte_id_[static_cast<std::size_t>(byte)] = token == vocabulary_.end() ? -1 : token->second;
    }
  }

  void append_pieces(std::u32string_view word, std::vector<Piece>& pieces) const override {
    struct Best {
      double score = 0;
      std::int32_t id = 0;
      std::size_t begin = std::u32string_view::npos;
    };
    std::vector<Best> best(word.size() + 1);  // of the spellings of each beginning, by its end
    std::int32_t state = 0;
    for (std::size_t end = 1; end <= word.size(); ++end) {
      Best& here = best[end];
      // The longest piece first, and only what is better replaces it.
      const auto offer = [&](std::size_t begin, double score, std::int32_t id) {
        const double sum = score + best[begin].score;
        if (here.begin == std::u32string_view::npos || sum > here.score) here = {sum, id, begin};
      };
      state = pieces_.after(state, word[end - 1]);
      std::size_t size = 0;
      for (std::int32_t id = pieces_.longest(state); id != no_pattern; id = pieces_.next_shorter(id)) {
        size = pieces_.size_of(id);
        offer(end - size, settings_.scores[static_cast<std::size_t>(id)], id);
      }
      if (size != 1) offer(end - 1, unknown_score_, settings_.unknown);
    }
    const std::size_t first = pieces.size();
    for (std::size_t end = word.size(); end > 0;) {
      const auto& [score, id, begin] = best[end];
      const bool goes_on = id == settings_.unknown && pieces.size() > first && pieces.back().id == id;
      if (goes_on) {
        pieces.back().range.begin = begin;
      } else {
        pieces.push_back({id, {begin, end}});
      }
      end = begin;
    }
    std::reverse(pieces.begin() + static_cast<std::ptrdiff_t>(first), pieces.end());
    spell_unknown(word, first, pieces);
  }

  const Vocabulary& vocabulary() const override { return vocabulary_; }
  std::int32_t unknown() const override { return settings_.unknown; }

  void add_to(Fingerprint& fingerprint) const override {
    fingerprint.add_text("Unigram");
    fingerprint.add_numbers(settings_.byte_fallback);
    for (const double score : settings_.scores) fingerprint.add_text(fmt::format("{}", score));
  }

 private:
  /// Characters that no piece has: as a token that they happen to be, or by their bytes where all of these are tokens.
  void spell_unknown(std::u32string_view word, std::size_t first, std::vector<Piece>& pieces) const {
    for (std::size_t p = first; p < pieces.size(); ++p) {
      const Piece piece = pieces[p];
      if (piece.id != settings_.unknown) continue;
      std::string text;
      for (const char32_t c : word.substr(piece.range.begin, piece.range.end - piece.range.begin))
        base::append_utf8(c, text);
      if (const auto token = vocabulary_.find(text); token != vocabulary_.end()) {
        pieces[p].id = token->second;
        continue;
      }
      if (!settings_.byte_fallback) continue;
      std::vector<Piece> bytes;
      for (const char byte : text) bytes.push_back({byte_id_[static_cast<unsigned char>(byte)], piece.range});
      if (std::ranges::count(bytes, -1, &Piece::id) > 0) continue;
      pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(p));
      pieces.insert(pieces.begin() + static_cast<std::ptrdiff_t>(p), bytes.begin(), bytes.end());
      p += bytes.size() - 1;
    }
  }

  Settings settings_;
  Vocabulary vocabulary_;
  PatternAutomaton pieces_;
  double unknown_score_ = 0;
  std::array<std::int32_t, 256> byte_id_{};
};

}  // namespace

std::unique_ptr<const SubwordModel> read_unigram(const JsonPart& part) {
  const auto& [file, json] = part;
  Unigram::Settings settings;
  Vocabulary vocabulary;
  for (const auto& entry : json.at("vocab")) {
    const auto id = static_cast<std::int32_t>(settings.tokens.size());
    settings.tokens.push_back(entry.at(0).get<std::string>());
    settings.scores.push_back(as_reference_reads(entry.at(1).get<double>()));
    const auto [known, is_new] = vocabulary.emplace(settings.tokens.back(), id);
    if (!is_new) {
      refuse(file, fmt::format("its vocabulary has \"{}\" twice, as {} and {}", settings.tokens.back(), known->second, id));
    }
  }
  const auto unknown = json.value("unk_id", nlohmann::json());
  if (unknown.is_null()) refuse(file, "its model Unigram has no unk_id, a token for what its pieces cannot spell");
  settings.unknown = id_from({file, unknown});
  if (settings.unknown >= std::ssize(settings.tokens)) {
    refuse(file,
           fmt::format("its unk_id is {}, and its vocabulary has {} pieces", settings.unknown, settings.tokens.size()));
  }
  settings.byte_fallback = json.value("byte_fallback", false);
  return std::make_unique<Unigram>(std::move(settings), std::move(vocabulary));
}

}  // namespace layersweep::text
