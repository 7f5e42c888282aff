// For official_scores_test.py: lines [prediction, [given answers]] in, "exact match, F1" out.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "data/squad_score.hpp"

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const auto question = nlohmann::json::parse(line);
    const auto given = question.at(1).get<std::vector<std::string>>();
    const auto score = layersweep::data::score_answer(question.at(0).get<std::string>(), given);
    std::printf("%d %.17g\n", score.exact_match ? 1 : 0, score.f1);
  }
}
