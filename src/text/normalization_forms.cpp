#include "text/normalization_forms.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "text/components.hpp"
#include "text/unicode.hpp"

namespace layersweep::text {
namespace {

/// A character of a decomposition, or one composed of several.
struct FormPart {
  Edit edit;
  int combining_class = 0;
};

// The reference sorts marks together with what they do to the text, so a sorted mark may carry its neighbour's origin.
std::vector<FormPart> parts_of(const std::u32string& text, bool compatible) {
  std::vector<FormPart> parts;
  parts.reserve(text.size());
  std::u32string decomposition;
  for (const char32_t c : text) {
    decomposition.clear();
    append_decomposition(c, compatible, decomposition);
    for (std::size_t i = 0; i < decomposition.size(); ++i) {
      parts.push_back({{decomposition[i], i > 0 ? 1 : 0}, combining_class(decomposition[i])});
    }
  }
  const auto is_mark = [](const FormPart& part) { return part.combining_class != 0; };
  for (auto run = std::find_if(parts.begin(), parts.end(), is_mark); run != parts.end();) {
    const auto end = std::find_if_not(run, parts.end(), is_mark);
    std::stable_sort(run, end, [](const FormPart& a, const FormPart& b) { return a.combining_class < b.combining_class; });
    run = std::find_if(end, parts.end(), is_mark);
  }
  return parts;
}

/// Letters with those marks behind them that make one character with them. What stands for several characters drops all but
/// one of them.
std::vector<FormPart> composed(const std::vector<FormPart>& parts) {
  std::vector<FormPart> out, marks;  // marks behind the letter that do not go into it
  std::optional<FormPart> letter;
  const auto flush = [&] {
    if (letter) out.push_back(*letter);
    out.insert(out.end(), marks.begin(), marks.end());
    letter.reset();
    marks.clear();
  };
  for (const FormPart& part : parts) {
    const bool is_blocked = !marks.empty() && marks.back().combining_class >= part.combining_class;
    const char32_t both = letter && !is_blocked ? composition(letter->edit.c, part.edit.c) : 0;
    if (both != 0) {
      letter->edit = {both, letter->edit.change + part.edit.change - 1};
    } else if (part.combining_class == 0) {
      flush();
      letter = part;
    } else {
      (letter ? marks : out).push_back(part);
    }
  }
  flush();
  return out;
}

class NormalizationForm final : public Normalizer {
 public:
  NormalizationForm(std::string name, Form form) : name_(std::move(name)), form_(form) {}
  AlignedText normalize(AlignedText text) const override { return in_form(std::move(text), form_); }
  void add_to(Fingerprint& fingerprint) const override { fingerprint.add_text(name_); }

 private:
  std::string name_;
  Form form_;
};

template <Form form>
std::unique_ptr<const Normalizer> read_form(const JsonPart& part) {
  return std::make_unique<NormalizationForm>(part.value.at("type").get<std::string>(), form);
}

}  // namespace

AlignedText in_form(AlignedText text, Form form) {
  const bool compatible = form == Form::nfkc || form == Form::nfkd;
  const bool compose = form == Form::nfc || form == Form::nfkc;
  const char32_t first_changed = compatible ? 0xA0 : compose ? 0x300 : 0xC0;  // below it each form is the text itself
  if (std::ranges::all_of(text.text, [&](char32_t c) { return c < first_changed; })) return text;
  std::vector<FormPart> parts = parts_of(text.text, compatible);
  if (compose) parts = composed(parts);
  std::vector<Edit> edits;
  edits.reserve(parts.size());
  for (const FormPart& part : parts) edits.push_back(part.edit);
  return edited(text, edits);
}

std::unique_ptr<const Normalizer> read_nfc(const JsonPart& part) { return read_form<Form::nfc>(part); }
std::unique_ptr<const Normalizer> read_nfd(const JsonPart& part) { return read_form<Form::nfd>(part); }
std::unique_ptr<const Normalizer> read_nfkc(const JsonPart& part) { return read_form<Form::nfkc>(part); }
std::unique_ptr<const Normalizer> read_nfkd(const JsonPart& part) { return read_form<Form::nfkd>(part); }

}  // namespace layersweep::text
