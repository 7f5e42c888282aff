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
#include "base/printable.hpp"
#include "comm/agreement.hpp"
#include "jobs/explaining/explain_file.hpp"
#include "submit/quote.hpp"

namespace layersweep::app {

namespace {

std::optional<terms::Mode> wanted_mode(const config::Arguments& arguments) {
  const auto name = arguments.find("--mode");
  if (!name) return std::nullopt;
  for (const terms::Mode mode : {terms::Mode::input, terms::Mode::hidden}) {
    if (*name == terms::name_of(mode)) return mode;
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
        explainer_(run_, arguments.find("--encoder"), wanted_mode(arguments), wanted_seed(arguments)) {
    if (json_ && page_) throw base::UsageError("--json and --html", "they are two forms of the same answer");
  }

  void answer(const data::TextInput& input, std::int64_t number, bool with_heading) {
    const jobs::Explanation explanation = explain(input, number);
    for (const std::string& remark : explanation.remarks) base::world_warning("text {} {}", number, remark);
    if (page_) {
      for_page_.push_back({input.second ? input.text + " / " + *input.second : input.text, explanation});
      return;
    }
    if (json_) {
      output_.write(explanation_json(explanation, explainer_.mode(), input));
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
      output_.write(
          fmt::format("{}: {} text{}\n", base::printable(*page_), for_page_.size(), for_page_.size() == 1 ? "" : "s"));
    }
    flush();
  }

 private:
  // What is wrong with a text is told with its number, after the answers to those before it.
  jobs::Explanation explain(const data::TextInput& input, std::int64_t number) {
    try {
      return explainer_.explain(input);
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
  jobs::TextExplainer explainer_;
  Output output_;
};

// The masks of a whole file, by all ranks.
base::ExitCode write_masks(const config::Arguments& arguments) {
  const auto input = arguments.find("--input"), output = arguments.find("--output");
  if (!input || !output) {
    throw base::UsageError(input ? "--input without --output" : "--output without --input",
                           "the masks of a file go to a file", "Give both, or neither and --text");
  }
  for (const char* other : {"--text", "--second-text", "--mode", "--seed", "--json", "--html", "--colour"}) {
    if (!arguments.has(other)) continue;
    throw base::UsageError(fmt::format("{} together with --input", other),
                           "the file gets the masks of all modes and seeds of the run, of the texts in --input");
  }
  const std::string run = arguments.value("RUN");
  std::vector<std::string> words{"layersweep", "explain", run, "--input", *input, "--output", *output};
  const auto encoder = arguments.find("--encoder");
  if (encoder) words.insert(words.end(), {"--encoder", *encoder});
  std::string command;
  for (const std::string& word : words) command.append(command.empty() ? "" : " ").append(submit::shell_quoted(word));
  jobs::explain_file(comm::world(), {run, encoder, *input, *output, command});
  return base::ExitCode::done;
}

base::ExitCode run(const config::Arguments& arguments) {
  if (arguments.find("--input") || arguments.find("--output")) return write_masks(arguments);
  TextLines lines(arguments);
  use_the_processors_allowed();
  Answers answers(arguments);
  while (const auto input = lines.next()) {
    answers.answer(*input, lines.number(), lines.are_many());
    if (!lines.ready()) answers.flush();  // whoever waits for the answer before the next line gets it
  }
  answers.finish();
  return base::ExitCode::done;
}

std::string details() {
  return R"(Without --text each line of standard input is a text, or a pair: {"question": "…", "passage": "…"} or
{"text": "…", "second_text": "…"}. A text of the counting task is the two digits asked about, a
colon and the sequence: --text "3 7 : 3 1 7 3".

Each column of the table is a point of the model, each row a token: how probable it is that the probe keeps it. The
lines below tell what happens when all tokens below 0.5 are replaced: the divergence (KL, nats) of the output from
the unmasked one, the tokens kept, and whether the prediction flips. Of a point without an accepted seed the first
one is shown, marked "not accepted".

With --json, one object per text, in one line:
  {"text":"good","tokens":["[CLS]","good","[SEP]"],"prediction":3,"logits":[…],"mode":"hidden",
   "points":[{"name":"embeddings","seed":0,"accepted":true,"keep_probability":[0.1,0.98,0.2],"kl":0.01,
              "keep_share":0.33,"flipped":false},…]}
accepted is null while the run has no results.h5. Of a model that answers questions start_logits, end_logits,
answer, start and end (its tokens) stand in place of prediction and logits.

With --input and --output the masks of all texts of a file, by all modes and seeds of the run, are written in the
layout of its results.h5 (docs/results-file.md); what is accepted and chosen is as in results.h5. The file holds
JSON lines (.jsonl: text and, as there is, second_text, or question and passage, label, id), cells (.tsv, .csv,
whose first line names these columns), or a text to a line (.txt). Under mpirun or srun the ranks share the
work.
)";
}

}  // namespace

Command explain_command() {
  using enum config::Argument::Count;
  return {.name = "explain",
          .summary = "Shows which tokens of a text a trained run keeps at each layer",
          .arguments = {{.name = "RUN", .help = "Folder of the run (run.folder)", .count = required},
                        text_argument("Text to be explained"),
                        second_text_argument(),
                        {.name = "--input", .value = "FILE", .help = "Texts whose masks are written to a file"},
                        {.name = "--output", .value = "FILE", .help = "That file, such as masks.h5"},
                        {.name = "--encoder",
                         .value = "DIR",
                         .help = "Where the model of the run lies, if it has moved; its files must be the same"},
                        {.name = "--mode", .value = "input|hidden", .help = "Default: the run's first"},
                        {.name = "--seed", .value = "N", .help = "Probe seed; default: the chosen one of each point"},
                        {.name = "--json", .help = "One JSON object per text"},
                        {.name = "--html", .value = "FILE", .help = "A web page of all texts, in place of tables here"},
                        {.name = "--colour",
                         .value = "auto|always|never",
                         .help = "auto: on a terminal, unless NO_COLOR is set"}},
          .details = details,
          .mpi = Mpi::with_output,
          .run = run};
}

}  // namespace layersweep::app
