// For official_scores_test.py: lines [prediction, [given answers], "1.1" or "2.0"] in, "exact match, F1" out.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "data/squad_score.hpp"

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const auto question = nlohmann::json::parse(line);
    const auto given = question.at(1).get<std::vector<std::string>>();
    using layersweep::data::SquadScript;
    const SquadScript script = question.at(2).get<std::string>() == "1.1" ? SquadScript::v1_1 : SquadScript::v2_0;
    const auto score = layersweep::data::score_answer(question.at(0).get<std::string>(), given, script);
    std::printf("%d %.17g\n", score.exact_match ? 1 : 0, score.f1);
  }
}
