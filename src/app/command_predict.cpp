// layersweep predict: lines in, logits and labels out.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/processors.hpp"
#include "app/standard_streams.hpp"
#include "app/text_lines.hpp"
#include "base/log.hpp"
#include "config/model_folder.hpp"
#include "jobs/explaining/text_reader.hpp"
#include "model/open.hpp"

namespace layersweep::app {

namespace {

// Lines that are there already are answered together, up to this many; nobody waits for a batch to fill.
constexpr std::size_t lines_at_once = 512;

/// Reads text after text as the model takes it. What is wrong with one is told with its place.
class Reader {
 public:
  explicit Reader(const config::Arguments& arguments)
      : lines_(arguments), reader_(config::model_folder(arguments.value("--encoder"))) {
    if (!reader_.unread_keys().empty()) {
      base::world_warning("keys of the model's config.json that play no part here: {}",
                          fmt::join(reader_.unread_keys(), ", "));
    }
  }

  /// Whether another is there already.
  bool ready() { return lines_.ready(); }
  /// The next; a question in all its windows.
  std::optional<std::vector<data::Example>> next() {
    const auto input = lines_.next();
    if (!input) return std::nullopt;
    try {
      jobs::ReadText read = reader_.read(*input);
      for (const jobs::Remark& remark : read.remarks) {
        if (!remark.kind.empty()) base::world_warning("{} {}", lines_.place(), remark.of_text);
      }
      return std::move(read.windows);
    } catch (const base::InputError& error) {
      throw base::InputError(fmt::format("{}: {}", lines_.place(), error.what()));
    }
  }

 private:
  TextLines lines_;
  jobs::TextReader reader_;
};

base::ExitCode run(const config::Arguments& arguments) {
  Reader reader(arguments);
  use_the_processors_allowed();
  const auto model = model::open_model(config::model_folder(arguments.value("--encoder")));
  Output output;
  std::vector<std::vector<data::Example>> texts;
  const auto answer = [&] {
    for (const model::Answer& one : model->output().answers(*model, texts)) {
      nlohmann::ordered_json line;
      add_answer(line, one, "label");
      output.write(json_line(line));
    }
    output.flush();
    texts.clear();
  };
  try {
    while (auto text = reader.next()) {
      texts.push_back(std::move(*text));
      if (texts.size() == lines_at_once || !reader.ready()) answer();
    }
  } catch (const base::InputError&) {
    answer();  // to those before it
    throw;
  }
  answer();
  return base::ExitCode::done;
}

std::string details() {
  return R"(Reads one text per line from standard input, unless --text gives some, and prints one JSON object per text, in the
same order:
  {"logits":[-2.31,2.05],"label":1}
A pair is a line {"text": "…", "second_text": "…"}. A model of question answering takes lines
{"question": "…", "passage": "…"} and prints
  {"start_logits":[…],"end_logits":[…],"answer":"at ten","start":14,"end":15}
one logit per token of the window of the passage that holds the answer, from token start to token end; a long
passage is read in windows of up to 384 tokens that overlap by 128.
Texts longer than the encoder reads are cut, with a warning. Bytes that are not UTF-8 are read as U+FFFD, with a
warning that names the line.
)";
}

}  // namespace

Command predict_command() {
  return {
      .name = "predict",
      .summary = "Classifies lines of text, or answers questions",
      .arguments = {{.name = "--encoder",
                     .value = "DIR",
                     .help =
                         "Folder of a fine-tuned encoder (config.json, model.safetensors, tokenizer), or its name in the "
                         "Hugging Face cache",
                     .count = config::Argument::Count::required},
                    text_argument("Text to be classified, or question"),
                    second_text_argument()},
      .details = details,
      .run = run};
}

}  // namespace layersweep::app
