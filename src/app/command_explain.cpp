// layersweep explain: masks of new texts at every point of a trained run.
#include <fmt/format.h>

#include <charconv>

#include "app/commands.hpp"
#include "app/explanation.hpp"
#include "app/explanation_page.hpp"
#include "app/processors.hpp"
#include "app/standard_streams.hpp"
#include "app/terminal.hpp"
#include "app/text_lines.hpp"
#include "base/files.hpp"
#include "base/log.hpp"
#include "data/utf8.hpp"

namespace layersweep::app {

namespace {

std::optional<config::Mode> wanted_mode(const config::Arguments& arguments) {
  const auto name = arguments.find("--mode");
  if (!name) return std::nullopt;
  for (const config::Mode mode : {config::Mode::input, config::Mode::hidden}) {
    if (*name == config::name_of(mode)) return mode;
  }
  throw base::UsageError(fmt::format("--mode {}", *name), "it must be input or hidden");
}

std::optional<std::int64_t> wanted_seed(const config::Arguments& arguments) {
  const auto text = arguments.find("--seed");
  if (!text) return std::nullopt;
  std::int64_t seed = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seed);
  if (error != std::errc() || end != text->data() + text->size()) {
    throw base::UsageError(fmt::format("--seed {}", *text), "it must be a whole number");
  }
  return seed;
}

/// Explains text after text in the form asked for.
class Answers {
 public:
  explicit Answers(const config::Arguments& arguments)
      : json_(arguments.has("--json")),
        page_(arguments.find("--html")),
        run_(arguments.value("RUN")),
        colour_(colour_of_output(arguments.find("--colour"))),
        explainer_(run_, wanted_mode(arguments), wanted_seed(arguments)) {
    if (json_ && page_) throw base::UsageError("--json and --html", "they are two forms of the same answer");
  }

  void answer(const std::string& text, std::int64_t number, bool with_heading) {
    const jobs::Explanation explanation = explain(text, number);
    if (!explanation.remark.empty()) base::world_warning("text {} {}", number, explanation.remark);
    if (page_) {
      for_page_.push_back({text, explanation});
      return;
    }
    if (json_) {
      output_.write(explanation_json(explanation, explainer_.mode(), text));
      return;
    }
    if (with_heading) output_.write(fmt::format("{}text {}\n", number > 1 ? "\n" : "", number));
    output_.write(explanation_text(explanation, explainer_.mode(), colour_, columns_of_output()));
  }

  void flush() { output_.flush(); }

  /// After the last text.
  void finish() {
    if (page_) {
      base::write_file_atomically(*page_, explanation_page(for_page_, explainer_.mode(), run_));
      output_.write(fmt::format("{}: {} text{}\n", *page_, for_page_.size(), for_page_.size() == 1 ? "" : "s"));
    }
    flush();
  }

 private:
  // What is wrong with a text is told with its number, after the answers to those before it.
  jobs::Explanation explain(const std::string& text, std::int64_t number) {
    try {
      return explainer_.explain(text);
    } catch (const base::InputError& error) {
      output_.flush();
      throw base::InputError(fmt::format("text {}", number), error.what());
    }
  }

  bool json_;
  std::optional<std::string> page_;  // a file
  std::string run_;
  std::vector<ExplainedText> for_page_;
  Colour colour_;
  jobs::Explainer explainer_;
  Output output_;
};

base::ExitCode run(const config::Arguments& arguments) {
  use_the_processors_allowed();
  Answers answers(arguments);
  const std::vector<std::string> texts = arguments.all("--text");
  for (std::size_t t = 0; t < texts.size(); ++t) {
    const auto number = static_cast<std::int64_t>(t + 1);
    if (data::first_ill_formed(texts[t])) {
      base::world_warning("text {} is not UTF-8; its stray bytes are read as U+FFFD", number);
    }
    answers.answer(texts[t], number, texts.size() > 1);
  }
  if (texts.empty()) {
    TextLines lines;
    while (const auto line = lines.next()) {
      answers.answer(*line, lines.number(), true);
      if (!lines.ready()) answers.flush();  // whoever waits for the answer before the next line gets it
    }
  }
  answers.finish();
  return base::ExitCode::done;
}

std::string details() {
  return "Without --text each line of standard input is a text. A text of the counting task is the two digits asked about, "
         "a\n"
         "colon and the sequence: --text \"3 7 : 3 1 7 3\".\n"
         "\nEach column of the table is a point of the model, each row a token: how probable it is that the probe keeps it. "
         "The\n"
         "lines below tell what happens when all tokens below 0.5 are replaced: the divergence (KL, nats) of the output "
         "from\n"
         "the unmasked one, the tokens kept, and whether the prediction flips. Of a point without an accepted seed the "
         "first\n"
         "one is shown, marked \"not accepted\".\n"
         "\nWith --json, one object per text, in one line:\n"
         "  "
         "{\"text\":\"good\",\"tokens\":[\"[CLS]\",\"good\",\"[SEP]\"],\"prediction\":3,\"logits\":[…],\"mode\":\"hidden\","
         "\n"
         "   "
         "\"points\":[{\"name\":\"embeddings\",\"seed\":0,\"accepted\":true,\"keep_probability\":[0.1,0.98,0.2],\"kl\":0.01,"
         "\n"
         "              \"keep_share\":0.33,\"flipped\":false},…]}\n"
         "accepted is null while the run has no results.h5.\n";
}

}  // namespace

Command explain_command() {
  using enum config::Argument::Count;
  return {.name = "explain",
          .summary = "Shows which tokens of a text a trained run keeps at each layer",
          .arguments = {{.name = "RUN", .help = "Folder of the run (run.folder)", .count = required},
                        {.name = "--text", .value = "TEXT", .help = "Text to be explained", .count = repeated},
                        {.name = "--mode", .value = "input|hidden", .help = "Default: the run's first"},
                        {.name = "--seed", .value = "N", .help = "Probe seed; default: the chosen one of each point"},
                        {.name = "--json", .help = "One JSON object per text"},
                        {.name = "--html", .value = "FILE", .help = "A web page of all texts, in place of tables here"},
                        {.name = "--colour",
                         .value = "auto|always|never",
                         .help = "auto: on a terminal, unless NO_COLOR is set"}},
          .details = details,
          .run = run};
}

}  // namespace layersweep::app
