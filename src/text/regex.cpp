#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/regex.hpp"

#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>

#include "base/error.hpp"
#include "base/utf8.hpp"
#include "text/unicode.hpp"

namespace layersweep::text {
namespace {

constexpr char32_t last_code_point = 0x10FFFF;

/// Sorted, disjoint, not touching: equal sets are equal lists.
using CodePoints = std::vector<CodePointRange>;

CodePoints united(CodePoints ranges) {
  std::ranges::sort(ranges, {}, &CodePointRange::first);
  CodePoints out;
  for (const auto& [first, last] : ranges) {
    if (!out.empty() && first <= out.back().last + 1) {
      out.back().last = std::max(out.back().last, last);
    } else {
      out.push_back({first, last});
    }
  }
  return out;
}

CodePoints complement(const CodePoints& set) {
  CodePoints out;
  char32_t next = 0;
  for (const auto& [first, last] : united(set)) {
    if (next < first) out.push_back({next, first - 1});
    next = last + 1;
  }
  if (next <= last_code_point) out.push_back({next, last_code_point});
  return out;
}

/// \w, which in a class leaves out six characters of Latin-1 that it holds elsewhere.
CodePoints word_characters(bool in_class) {
  CodePoints set{{0x24B6, 0x24E9}, {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189}};  // letters in circles
  for (const char* category : {"L", "M", "Nd", "Nl", "Pc"}) {
    const CodePoints part = property(category).value();
    set.insert(set.end(), part.begin(), part.end());
  }
  if (!in_class) set.insert(set.end(), {{0xB2, 0xB3}, {0xB9, 0xB9}, {0xBC, 0xBE}});
  return set;
}

bool is_letter_of_ascii(char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// What a letter of ASCII matches where case does not count.
CodePoints both_cases(char32_t c) {
  const char32_t lower = c | 0x20, upper = lower - 0x20;
  CodePoints set{{lower, lower}, {upper, upper}};
  if (lower == 'k') set.push_back({0x212A, 0x212A});
  if (lower == 's') set.push_back({0x17F, 0x17F});
  return set;
}

/// A part of an expression as PCRE2 is to read it, with the number of a set of characters between.
struct Part {
  std::string text;
  std::int32_t set = -1;  // instead of the text
};

/// Reads an expression by recursive descent.
class Reader {
 public:
  explicit Reader(std::string_view pattern) : pattern_(base::decode_utf8(pattern)) {
    alternatives({});
    if (!at_end()) refuse("a ) that closes nothing");
  }

  const std::vector<Part>& parts() const { return parts_; }
  const std::vector<CodePoints>& sets() const { return sets_; }

 private:
  struct Group {
    bool ignores_case = false;
    int depth = 0;
  };

  [[noreturn]] void refuse(std::string_view what) const { throw std::invalid_argument(std::string(what)); }
  bool at_end() const { return place_ == pattern_.size(); }
  bool sees(std::u32string_view text) const { return std::u32string_view(pattern_).substr(place_).starts_with(text); }
  bool takes(std::u32string_view text) {
    const bool there = sees(text);
    if (there) place_ += text.size();
    return there;
  }
  char32_t next() {
    if (at_end()) refuse("an end where something has to follow");
    return pattern_[place_++];
  }
  void emit(std::string text) { parts_.push_back({std::move(text), -1}); }
  void emit_set(CodePoints set) {
    set = united(std::move(set));
    const auto known = std::ranges::find_if(sets_, [&](const CodePoints& other) {
      return std::ranges::equal(set, other, [](auto a, auto b) { return a.first == b.first && a.last == b.last; });
    });
    parts_.push_back({"", static_cast<std::int32_t>(known - sets_.begin())});
    if (known == sets_.end()) sets_.push_back(std::move(set));
  }

  /// Up to the end or a ). Whether they can match nothing.
  bool alternatives(Group group) {
    if (group.depth > 50) refuse("groups that nest too deep");
    bool can_be_empty = sequence(group);
    while (takes(U"|")) {
      emit("|");
      can_be_empty = sequence(group) || can_be_empty;
    }
    return can_be_empty;
  }

  bool sequence(const Group& group) {
    bool can_be_empty = true;
    char32_t letter_before = 0;  // where case does not count
    while (!at_end() && !sees(U"|") && !sees(U")")) {
      letter_ = 0;
      const bool atom_can_be_empty = atom(group);
      // Two letters can match one character that is a ligature of them or ß.
      constexpr std::array<std::u32string_view, 5> joined{U"ss", U"st", U"ff", U"fi", U"fl"};
      if (std::ranges::find(joined, std::u32string{letter_before, letter_}) != joined.end()) {
        refuse("letters whose case does not count and which one character may stand for together");
      }
      letter_before = letter_;
      can_be_empty = quantified(atom_can_be_empty) && can_be_empty;
    }
    return can_be_empty;
  }

  bool atom(const Group& group) {
    const char32_t c = next();
    switch (c) {
      case '(':
        return parenthesis(group);
      case '[':
        emit_set(bracket(group));
        return false;
      case '.':
        emit_set(complement({{'\n', '\n'}}));
        return false;
      case '$':  // at the end of each line
        emit("(?!");
        emit_set(complement({{'\n', '\n'}}));
        emit(")");
        return true;
      case '^':
        emit("(?:\\A|(?<=");
        emit_set({{'\n', '\n'}});
        emit(")(?!\\z))");
        return true;
      case '\\':
        return escape(group);
      case '*':
      case '+':
      case '?':
        refuse(fmt::format("a {} behind nothing", static_cast<char>(c)));
      default:
        literal(c, group);
        return false;
    }
  }

  void literal(char32_t c, const Group& group) {
    if (!group.ignores_case) return emit_set({{c, c}});
    if (c >= 0x80) refuse("a character beyond ASCII whose case does not count");
    if (!is_letter_of_ascii(c)) return emit_set({{c, c}});
    letter_ = c | 0x20;
    emit_set(both_cases(c));
  }

  bool parenthesis(Group group) {
    ++group.depth;
    bool looks_only = false;
    if (takes(U"?")) {
      const auto opens = [&](std::u32string_view kind, bool looks) {
        if (!takes(kind)) return false;
        std::string utf8;
        for (const char32_t c : kind) base::append_utf8(c, utf8);
        emit("(?" + utf8);
        looks_only = looks;
        return true;
      };
      if (takes(U"i:")) {
        group.ignores_case = true;
        emit("(?:");
      } else if (takes(U"-i:")) {
        group.ignores_case = false;
        emit("(?:");
      } else if (!opens(U":", false) && !opens(U">", false) && !opens(U"=", true) && !opens(U"!", true) &&
                 !opens(U"<=", true) && !opens(U"<!", true)) {
        std::string kind = "(?";
        while (!at_end() && kind.size() < 8 && !sees(U")")) base::append_utf8(next(), kind);
        refuse(fmt::format("a group that begins with {}", kind));
      }
    } else {
      emit("(?:");  // nothing refers to it
    }
    const bool can_be_empty = alternatives(group);
    if (!takes(U")")) refuse("a ( that nothing closes");
    emit(")");
    return can_be_empty || looks_only;
  }

  /// What stands behind a set or a group.
  bool quantified(bool can_be_empty) {
    struct Count {
      std::int64_t least = 1, most = 1;
    } count;
    constexpr std::int64_t any = std::numeric_limits<std::int64_t>::max();
    bool given = true, braces = false;
    if (takes(U"*")) {
      count = {0, any};
    } else if (takes(U"+")) {
      count = {1, any};
    } else if (takes(U"?")) {
      count = {0, 1};
    } else if (sees(U"{")) {
      ++place_;
      const auto least = number();
      const bool is_range = takes(U",");
      const auto most = is_range ? number() : least;
      if (!takes(U"}") || (!least && !most)) refuse("a { that begins no count");
      count = {least.value_or(0), most.value_or(any)};
      braces = true;
    } else {
      given = false;
    }
    if (!given) return can_be_empty;
    if (can_be_empty) refuse("a count behind what can be empty");
    if (count.least > count.most || count.least > 1000 || (count.most != any && count.most > 1000)) refuse("such a count");
    std::string text =
        count.most == any ? fmt::format("{{{},}}", count.least) : fmt::format("{{{},{}}}", count.least, count.most);
    if (takes(U"?")) {
      if (braces && count.least == count.most) refuse("a ? behind a fixed count");
      text += '?';
    } else if (sees(U"+")) {
      if (braces) refuse("a + behind a count");
      ++place_;
      text += '+';
    }
    if (sees(U"*") || sees(U"+") || sees(U"?") || sees(U"{")) refuse("a count behind a count");
    emit(text);
    return count.least == 0;
  }

  std::optional<std::int64_t> number() {
    std::optional<std::int64_t> value;
    while (!at_end() && pattern_[place_] >= '0' && pattern_[place_] <= '9' && value.value_or(0) < 100'000) {
      value = value.value_or(0) * 10 + (pattern_[place_++] - '0');
    }
    return value;
  }

  /// Behind a backslash outside of a class.
  bool escape(const Group& group) {
    if (takes(U"A")) return emit("\\A"), true;
    if (takes(U"z")) return emit("\\z"), true;
    const auto [set, character] = escaped_set(false);
    if (character) {
      literal(*character, group);
    } else {
      if (group.ignores_case) refuse("a property where case does not count");
      emit_set(set);
    }
    return false;
  }

  struct Escaped {
    CodePoints set;
    std::optional<char32_t> character;  // where it is one
  };
  Escaped escaped_set(bool in_class) {
    const auto one = [](char32_t c) { return Escaped{{{c, c}}, c}; };
    const auto either = [](bool negated, CodePoints set) { return Escaped{negated ? complement(set) : set, {}}; };
    const char32_t c = next();
    switch (c) {
      case 'n':
        return one('\n');
      case 'r':
        return one('\r');
      case 't':
        return one('\t');
      case 'f':
        return one('\f');
      case 'v':
        return one('\v');
      case 's':
      case 'S':
        return either(c == 'S', whitespace());
      case 'd':
      case 'D':
        return either(c == 'D', property("Nd").value());
      case 'w':
      case 'W':
        return either(c == 'W', word_characters(in_class));
      case 'p':
      case 'P': {
        if (!takes(U"{")) refuse("\\p without braces");
        const bool negated = takes(U"^") != (c == 'P');
        std::string name;
        while (!takes(U"}")) base::append_utf8(next(), name);
        const auto set = property(name);
        if (!set) refuse(fmt::format("\\p{{{}}}", name));
        return either(negated, *set);
      }
      case 'x':
      case 'u':
        return one(code_point(c == 'u'));
      default:
        break;
    }
    const bool plain = c < 0x80 && !is_letter_of_ascii(c) && !(c >= '0' && c <= '9');
    std::string utf8;
    base::append_utf8(c, utf8);
    if (!plain) refuse("\\" + utf8);
    return one(c);
  }

  char32_t code_point(bool four_digits) {
    const bool braces = !four_digits && takes(U"{");
    const std::size_t most = four_digits ? 4 : braces ? 8 : 2;
    std::string digits;
    while (!at_end() && digits.size() < most && pattern_[place_] < 0x80 &&
           std::isxdigit(static_cast<int>(pattern_[place_]))) {
      digits += static_cast<char>(next());
    }
    const bool complete = !digits.empty() && (braces ? takes(U"}") : digits.size() == most);
    const char32_t c = complete ? static_cast<char32_t>(std::stoul(digits, nullptr, 16)) : last_code_point + 1;
    // Oniguruma reads \xE4 as a byte of UTF-8.
    if (c > last_code_point || (!four_digits && !braces && c >= 0x80)) refuse("a code point by its number that is none");
    return c;
  }

  /// Behind its [.
  CodePoints bracket(const Group& group) {
    const bool negated = takes(U"^");
    CodePoints set;
    if (sees(U"]")) refuse("a ] at the beginning of a class");
    while (!takes(U"]")) {
      if (sees(U"[")) refuse("a [ in a class");
      if (sees(U"&&")) refuse("an && in a class");
      const Escaped from = takes(U"\\") ? escaped_set(true) : Escaped{{}, next()};
      if (!from.character) {
        if (group.ignores_case) refuse("a property where case does not count");
        if (sees(U"-") && !sees(U"-]")) refuse("a range that does not begin with a character");
        set.insert(set.end(), from.set.begin(), from.set.end());
        continue;
      }
      char32_t first = *from.character, last = first;
      if (sees(U"-") && !sees(U"-]")) {
        if (first == '-') refuse("a range that begins with -");
        ++place_;
        if (sees(U"[")) refuse("a [ in a class");
        const Escaped to = takes(U"\\") ? escaped_set(true) : Escaped{{}, next()};
        if (!to.character || *to.character < first) refuse("a range that does not end with a later character");
        last = *to.character;
      }
      set.push_back({first, last});
      if (!group.ignores_case) continue;
      if (last >= 0x80) refuse("a character beyond ASCII whose case does not count");
      for (; first <= last; ++first) {
        if (!is_letter_of_ascii(first)) continue;
        const CodePoints cases = both_cases(first);
        set.insert(set.end(), cases.begin(), cases.end());
      }
    }
    return negated ? complement(set) : set;
  }

  std::u32string pattern_;
  std::size_t place_ = 0;
  std::vector<Part> parts_;
  std::vector<CodePoints> sets_;
  char32_t letter_ = 0;  // the part that was read last, where it is one whose case does not count
};

/// The characters that the same sets hold have one byte.
struct Bytes {
  std::vector<std::uint8_t> of;               // each code point
  std::vector<std::vector<std::uint8_t>> in;  // each set
};

Bytes bytes_for(const std::vector<CodePoints>& sets) {
  // The sets change at the ends of their ranges only.
  std::map<char32_t, std::vector<std::size_t>> changes{{0, {}}};
  for (std::size_t s = 0; s < sets.size(); ++s) {
    for (const auto& [first, last] : sets[s]) {
      changes[first].push_back(s);
      if (last < last_code_point) changes[last + 1].push_back(s);
    }
  }
  Bytes bytes{std::vector<std::uint8_t>(last_code_point + 1), std::vector<std::vector<std::uint8_t>>(sets.size())};
  std::map<std::vector<bool>, std::uint8_t> known;
  std::vector<bool> held(sets.size());
  for (auto change = changes.begin(); change != changes.end(); ++change) {
    for (const std::size_t s : change->second) held[s] = !held[s];
    const char32_t end = std::next(change) != changes.end() ? std::next(change)->first : last_code_point + 1;
    if (!known.contains(held)) {
      if (known.size() == 256) throw std::invalid_argument("more than 256 kinds of characters");
      const auto byte = static_cast<std::uint8_t>(known.size());
      known.emplace(held, byte);
      for (std::size_t s = 0; s < sets.size(); ++s) {
        if (held[s]) bytes.in[s].push_back(byte);
      }
    }
    std::fill(bytes.of.begin() + change->first, bytes.of.begin() + end, known.at(held));
  }
  return bytes;
}

std::string translated(const std::vector<Part>& parts, const Bytes& bytes) {
  std::string pattern;
  for (const auto& [text, set] : parts) {
    pattern += text;
    if (set < 0) continue;
    const auto& in = bytes.in[static_cast<std::size_t>(set)];
    if (in.empty()) pattern += "(?!)";
    if (in.empty()) continue;
    pattern += '[';
    for (const std::uint8_t byte : in) pattern += fmt::format("\\x{:02x}", byte);
    pattern += ']';
  }
  return pattern;
}

std::string message_of(int error) {
  std::array<unsigned char, 256> text{};
  pcre2_get_error_message(error, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

/// What a thread needs to search. A stack that grows, since the compiled code has 32 KiB of its own.
struct Workplace {
  Workplace()
      : match(pcre2_match_data_create(1, nullptr), pcre2_match_data_free),
        context(pcre2_match_context_create(nullptr), pcre2_match_context_free),
        stack(pcre2_jit_stack_create(std::size_t{32} << 10, std::size_t{64} << 20, nullptr), pcre2_jit_stack_free) {
    base::ensure(match && context, "PCRE2 gets memory");
    pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
  }
  std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match;
  std::unique_ptr<pcre2_match_context, decltype(&pcre2_match_context_free)> context;
  std::unique_ptr<pcre2_jit_stack, decltype(&pcre2_jit_stack_free)> stack;
  std::string bytes;
};

}  // namespace

Regex::Regex(std::string_view pattern) : pattern_(pattern) {
  const auto refuse = [&](const std::string& why) {
    throw base::InputError(fmt::format("the regular expression {} cannot be followed to the letter", pattern_),
                           fmt::format("it has {}", why), "Use a tokenizer without it");
  };
  try {
    const Reader reader(pattern);
    Bytes bytes = bytes_for(reader.sets());
    byte_of_ = std::move(bytes.of);
    const std::string translation = translated(reader.parts(), bytes);
    int error = 0;
    PCRE2_SIZE place = 0;
    pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translation.data()), translation.size(), PCRE2_NEVER_UTF,
                                     &error, &place, nullptr);
    if (code == nullptr) refuse(fmt::format("what PCRE2 does not take: {}", message_of(error)));
    program_ = std::shared_ptr<const void>(code, [](void* owned) { pcre2_code_free(static_cast<pcre2_code*>(owned)); });
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // where it cannot be compiled it is interpreted
  } catch (const std::invalid_argument& error) {
    refuse(error.what());
  }
}

std::vector<Range> Regex::matches(std::u32string_view text) const {
  static thread_local Workplace workplace;
  std::string& bytes = workplace.bytes;
  bytes.resize(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) bytes[i] = static_cast<char>(byte_of_[text[i]]);
  const auto* const code = static_cast<const pcre2_code*>(program_.get());
  const PCRE2_SIZE* const found = pcre2_get_ovector_pointer(workplace.match.get());
  std::vector<Range> ranges;
  for (std::size_t from = 0; from <= bytes.size();) {
    const int result = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(bytes.data()), bytes.size(), from, 0,
                                   workplace.match.get(), workplace.context.get());
    if (result == PCRE2_ERROR_NOMATCH) break;
    if (result < 0) {
      throw base::InputError(fmt::format("the regular expression {} finds no end on a text", pattern_), message_of(result),
                             "Take the text out, or cut it into shorter ones");
    }
    const Range match{found[0], found[1]};
    const bool is_empty_again = match.begin == match.end && !ranges.empty() && ranges.back().end == match.end;
    if (!is_empty_again) ranges.push_back(match);
    from = is_empty_again ? match.end + 1 : match.end;
  }
  return ranges;
}

std::string escaped(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

}  // namespace layersweep::text
