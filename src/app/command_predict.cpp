// layersweep predict: lines in, logits and labels out.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/prediction.hpp"
#include "app/processors.hpp"
#include "app/standard_streams.hpp"
#include "app/text_lines.hpp"
#include "base/log.hpp"
#include "data/tokenizer.hpp"
#include "encoder/open.hpp"
#include "jobs/best_answer.hpp"
#include "jobs/text_reader.hpp"

namespace layersweep::app {

namespace {

// Lines that are there already are answered together, up to this many; nobody waits for a batch to fill.
constexpr std::size_t lines_at_once = 512;

base::ExitCode answer_questions(const encoder::Encoder& encoder, const jobs::TextReader& reader, TextLines lines) {
  Output output;
  while (const auto input = lines.next()) {
    jobs::ReadText question;
    try {
      question = reader.read(*input);
    } catch (const base::InputError& error) {
      output.flush();
      throw base::InputError(fmt::format("{}: {}", lines.place(), error.what()));
    }
    output.write(json_line(answer_json(jobs::best_answer(encoder, question.windows))));
    if (!lines.ready()) output.flush();
  }
  output.flush();
  return base::ExitCode::done;
}

base::ExitCode run(const config::Arguments& arguments) {
  TextLines lines(arguments);
  const std::filesystem::path folder = arguments.value("--encoder");
  const auto tokenizer = data::Tokenizer::open(folder);
  const std::int64_t longest = encoder::describe_model(folder).longest_text;
  use_the_processors_allowed();
  const auto encoder = encoder::open_encoder(folder);
  if (encoder->output() == encoder::OutputKind::span)
    return answer_questions(*encoder, jobs::TextReader(folder), std::move(lines));

  Output output;
  std::vector<data::TokenizedText> texts;
  while (true) {
    const auto line = lines.next();
    if (line) {
      const auto tokens = [&](std::int64_t most) {
        return line->second ? tokenizer.tokenize_pair(line->text, *line->second, most)
                            : tokenizer.tokenize(line->text, most);
      };
      texts.push_back(tokens(data::Tokenizer::unlimited));
      if (texts.back().size() > longest) {
        base::world_warning("{} has {} tokens, of which the encoder reads {}{}", lines.place(), texts.back().size(),
                            line->second ? "" : "the first ", longest);
        texts.back() = tokens(longest);
      }
    }
    if (line && texts.size() < lines_at_once && lines.ready()) continue;
    for (const Prediction& prediction : predict_texts(*encoder, texts)) {
      output.write(json_line({{"logits", decimals(prediction.logits)}, {"label", prediction.label}}));
    }
    output.flush();
    texts.clear();
    if (!line) return base::ExitCode::done;
  }
}

std::string details() {
  return "Reads one text per line from standard input, unless --text gives some, and prints one JSON object per text, in "
         "the\n"
         "same order:\n"
         "  {\"logits\":[-2.31,2.05],\"label\":1}\n"
         "A pair is a line {\"text\": \"…\", \"second_text\": \"…\"}. A model of question answering takes lines\n"
         "{\"question\": \"…\", \"passage\": \"…\"} and prints\n"
         "  {\"start_logits\":[…],\"end_logits\":[…],\"answer\":\"at ten\",\"start\":14,\"end\":15}\n"
         "one logit per token of the window of the passage that holds the answer, from token start to token end; a long\n"
         "passage is read in windows of up to 384 tokens that overlap by 128.\n"
         "Texts longer than the encoder reads are cut, with a warning. Bytes that are not UTF-8 are read as U+FFFD, with a\n"
         "warning that names the line.\n";
}

}  // namespace

Command predict_command() {
  return {.name = "predict",
          .summary = "Classifies lines of text, or answers questions",
          .arguments = {{.name = "--encoder",
                         .value = "DIR",
                         .help = "Folder of a fine-tuned encoder: config.json, model.safetensors, tokenizer",
                         .count = config::Argument::Count::required},
                        text_argument("Text to be classified, or question"),
                        second_text_argument()},
          .details = details,
          .run = run};
}

}  // namespace layersweep::app
