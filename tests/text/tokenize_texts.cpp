// tokenize_texts FOLDER: reads lines of JSON, each a list of one text or two, and prints what their tokens are, for
// scripts/check_tokenizer.py. The seconds that all of them took go to standard error.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "text/tokenizer.hpp"

int main(int count, char** arguments) {
  using layersweep::text::Tokenizer;
  if (count != 2) return 2;
  const Tokenizer tokenizer = Tokenizer::open(arguments[1]);
  std::chrono::duration<double> seconds{};
  for (std::string line; std::getline(std::cin, line);) {
    const auto texts = nlohmann::json::parse(line).get<std::vector<std::string>>();
    const auto begin = std::chrono::steady_clock::now();
    const auto tokens = texts.size() == 1 ? tokenizer.tokenize(texts[0]) : tokenizer.tokenize_pair(texts[0], texts.at(1));
    seconds += std::chrono::steady_clock::now() - begin;
    nlohmann::json tokens_text = nlohmann::json::array();
    for (const std::int32_t id : tokens.id) tokens_text.push_back(tokenizer.token_text(id));
    const nlohmann::json answer{{"ids", tokens.id},        {"tokens", tokens_text},     {"segment", tokens.segment},
                                {"source", tokens.source}, {"word", tokens.word_index}, {"start", tokens.char_start},
                                {"end", tokens.char_end}};
    std::cout << answer.dump() << '\n';
  }
  fmt::print(stderr, "{:.3f} s\n", seconds.count());
  return 0;
}
