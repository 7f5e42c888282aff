// Pre-tokenizers, and post-processors, one after the other.
#include "text/components.hpp"

namespace layersweep::text {
namespace {

class PreTokenizerSequence final : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(std::vector<std::unique_ptr<const PreTokenizer>> steps) : steps_(std::move(steps)) {}

  // To each step a word of the one before is a text.
  std::vector<Range> split(AlignedText& text) const override {
    std::vector<Range> words;
    if (text.size() > 0) words.push_back({0, text.size()});
    for (const auto& step : steps_) {
      if (words.size() == 1 && words.front().end - words.front().begin == text.size()) {
        words = step->split(text);
        continue;
      }
      AlignedText out;
      std::vector<Range> cut;
      out.text.reserve(text.size());
      out.origin.reserve(text.size());
      for (const auto& [begin, end] : words) {
        AlignedText word = text.part(begin, end);
        for (const Range& range : step->split(word)) cut.push_back({out.size() + range.begin, out.size() + range.end});
        out.text += word.text;
        out.origin.insert(out.origin.end(), word.origin.begin(), word.origin.end());
      }
      text = std::move(out);
      words = std::move(cut);
    }
    return words;
  }

  void add_to(Fingerprint& fingerprint) const override {
    fingerprint.add_text("Sequence");
    fingerprint.add_numbers(steps_.size());
    for (const auto& step : steps_) step->add_to(fingerprint);
  }

 private:
  std::vector<std::unique_ptr<const PreTokenizer>> steps_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> read_pre_tokenizer_sequence(const JsonPart& part) {
  std::vector<std::unique_ptr<const PreTokenizer>> steps;
  for (const auto& step : part.value.at("pretokenizers")) steps.push_back(read_pre_tokenizer({part.file, step}));
  return std::make_unique<PreTokenizerSequence>(std::move(steps));
}

PostProcessor read_post_processor_sequence(const JsonPart& part) {
  PostProcessor all{Template::plain(), {}};
  for (const auto& step : part.value.at("processors")) {
    PostProcessor read = read_post_processor({part.file, step});
    const bool has_special_tokens = all.around != Template::plain();
    if (has_special_tokens && (read.around != Template::plain() || !read.trimming.empty())) {
      refuse(part.file, "a step of its post-processor would change what follows from special tokens");
    }
    if (!has_special_tokens) all.around = read.around;
    all.trimming.insert(all.trimming.end(), read.trimming.begin(), read.trimming.end());
  }
  return all;
}

}  // namespace layersweep::text
