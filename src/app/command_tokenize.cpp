// layersweep tokenize: lines in, ids and tokens out.
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/standard_streams.hpp"
#include "app/text_lines.hpp"
#include "config/model_folder.hpp"
#include "text/tokenizer.hpp"

namespace layersweep::app {

namespace {

base::ExitCode run(const config::Arguments& arguments) {
  const auto tokenizer = text::Tokenizer::open(config::model_folder(arguments.value("--encoder")));
  TextLines lines(arguments);
  Output output;
  while (const auto input = lines.next()) {
    const text::TokenizedText text =
        input->second ? tokenizer.tokenize_pair(input->text, *input->second) : tokenizer.tokenize(input->text);
    std::vector<std::string_view> tokens;
    for (const std::int32_t id : text.id) tokens.emplace_back(tokenizer.token_text(id));
    output.write(json_line({{"ids", text.id}, {"tokens", tokens}}));
    if (!lines.ready()) output.flush();  // whoever waits for the answer before the next line gets it
  }
  output.flush();
  return base::ExitCode::done;
}

std::string details() {
  return R"(Reads one text per line from standard input, unless --text gives some, and prints one JSON object per text, in the
same order:
  {"ids":[101,2204,102],"tokens":["[CLS]","good","[SEP]"]}
A pair is a line {"question": "…", "passage": "…"} or {"text": "…", "second_text": "…"}.
Nothing is cut off. Bytes that are not UTF-8 are read as U+FFFD, with a warning that names the line.
)";
}

}  // namespace

Command tokenize_command() {
  return {.name = "tokenize",
          .summary = "Cuts lines of text into tokens",
          .arguments = {{.name = "--encoder",
                         .value = "DIR",
                         .help = "Folder of the encoder (docs/tokenizers.md), or its name in the Hugging Face cache",
                         .count = config::Argument::Count::required},
                        text_argument("Text to be cut"),
                        second_text_argument()},
          .details = details,
          .run = run};
}

}  // namespace layersweep::app
