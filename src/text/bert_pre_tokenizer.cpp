// Words end at white space and around every punctuation mark.
#include "text/components.hpp"
#include "text/unicode.hpp"

namespace layersweep::text {
namespace {

class BertPreTokenizer final : public PreTokenizer {
 public:
  std::vector<Range> split(AlignedText& aligned) const override {
    const std::u32string& text = aligned.text;
    std::vector<Range> words;
    for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end) {
      end = begin + 1;
      if (is_whitespace(text[begin])) continue;
      if (!is_punctuation(text[begin])) {
        while (end < text.size() && !is_whitespace(text[end]) && !is_punctuation(text[end])) ++end;
      }
      words.push_back({begin, end});
    }
    return words;
  }

  void add_to(Fingerprint&) const override {}  // it has no settings
};

}  // namespace

std::unique_ptr<const PreTokenizer> read_bert_pre_tokenizer(const JsonPart&) { return std::make_unique<BertPreTokenizer>(); }

}  // namespace layersweep::text
