#include "data/squad.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/utf8.hpp"
#include "data/hash_split.hpp"

namespace layersweep::data {
namespace {

using nlohmann::json;

constexpr const char* remedy =
    "Mend it there (docs/own-texts.md shows the form), or fetch the published file again: datasets/fetch.sh squad";

// A JSON value and the way to it ("data[3].paragraphs[0].context"), for messages.
class Node {
 public:
  Node(const json& value, const std::filesystem::path& file, std::string place = {})
      : value_(value), file_(file), place_(std::move(place)) {}

  [[noreturn]] void refuse(std::string_view why) const {
    throw base::InputError(fmt::format("{} is not a SQuAD file", file_.string()),
                           fmt::format("{}: {}", place_.empty() ? "top level" : place_, why), remedy);
  }

  bool has(const char* key) const { return value_.is_object() && value_.contains(key); }

  Node operator[](const char* key) const {
    if (!value_.is_object()) refuse("expected an object");
    const auto found = value_.find(key);
    if (found == value_.end()) refuse(fmt::format("it has no \"{}\"", key));
    return {*found, file_, place_.empty() ? key : fmt::format("{}.{}", place_, key)};
  }

  template <class F>
  void for_each(F visit) const {
    if (!value_.is_array()) refuse("expected a list");
    for (std::size_t index = 0; index < value_.size(); ++index) {
      visit(Node(value_[index], file_, fmt::format("{}[{}]", place_, index)));
    }
  }

  std::string text() const {
    if (!value_.is_string()) refuse("expected a string");
    auto text = value_.get<std::string>();
    if (text.find('\0') != text.npos) refuse("it holds the character U+0000, which results files cannot hold");
    return text;
  }
  bool truth() const {
    if (!value_.is_boolean()) refuse("expected true or false");
    return value_.get<bool>();
  }
  std::int64_t offset() const {
    if (!value_.is_number_unsigned() || value_.get<std::uint64_t>() > INT32_MAX) refuse("expected an offset from 0 up");
    return value_.get<std::int64_t>();
  }

 private:
  const json& value_;
  const std::filesystem::path& file_;
  std::string place_;
};

// A passage and the places of its characters, which make every look-up short.
struct Passage {
  std::shared_ptr<const std::string> text;
  std::vector<std::uint32_t> byte_of;  // of each code point; one more: the end

  explicit Passage(std::string passage) : text(std::make_shared<const std::string>(std::move(passage))) {
    for (std::size_t byte = 0; byte < text->size(); ++byte) {
      if (base::starts_code_point((*text)[byte])) byte_of.push_back(static_cast<std::uint32_t>(byte));
    }
    byte_of.push_back(static_cast<std::uint32_t>(text->size()));
  }
};

SquadAnswer read_answer(const Node& node, const Passage& passage) {
  SquadAnswer answer{node["text"].text(), node["answer_start"].offset()};
  if (answer.text.empty()) node.refuse("the answer is empty");
  if (answer.start >= std::ssize(passage.byte_of)) {
    node.refuse(fmt::format("its start {} lies beyond the passage", answer.start));
  }
  const std::size_t byte = passage.byte_of[static_cast<std::size_t>(answer.start)];
  if (passage.text->compare(byte, answer.text.size(), answer.text) != 0) {
    node.refuse(fmt::format("the answer \"{}\" does not stand at character {} of the passage", answer.text, answer.start));
  }
  return answer;
}

SquadQuestion read_question(const Node& node, const std::string& title, const Passage& passage) {
  SquadQuestion question{node["id"].text(), title, node["question"].text(), passage.text, {}, false};
  if (node.has("is_impossible")) question.is_impossible = node["is_impossible"].truth();
  node["answers"].for_each([&](const Node& answer) { question.answers.push_back(read_answer(answer, passage)); });
  if (question.answers.empty() && !question.is_impossible) node.refuse("it has no answer, but is not marked is_impossible");
  if (!question.answers.empty() && question.is_impossible) node.refuse("it is marked is_impossible, but has an answer");
  return question;
}

json parse(const std::filesystem::path& file) {
  try {
    return json::parse(base::read_text_file(file));
  } catch (const json::exception& error) {
    throw base::InputError(fmt::format("{} is not JSON", file.string()), error.what(), remedy);
  }
}

}  // namespace

std::vector<SquadQuestion> read_squad(const std::filesystem::path& file) {
  const json parsed = parse(file);
  const Node root(parsed, file);
  std::vector<SquadQuestion> questions;
  std::unordered_set<std::string> ids;
  root["data"].for_each([&](const Node& article) {
    const std::string title = article.has("title") ? article["title"].text() : std::string();
    article["paragraphs"].for_each([&](const Node& paragraph) {
      const Passage passage(paragraph["context"].text());
      paragraph["qas"].for_each([&](const Node& node) {
        questions.push_back(read_question(node, title, passage));
        if (!ids.insert(questions.back().id).second) node.refuse(fmt::format("id \"{}\" occurs twice", questions.back().id));
      });
    });
  });
  if (questions.empty()) root.refuse("it holds no questions");
  return questions;
}

SquadFiles find_squad_files(const std::filesystem::path& data_folder) {
  const auto folder = data_folder / "squad";
  const auto first_there = [&](std::initializer_list<const char*> names) {
    for (const char* name : names) {
      if (std::filesystem::exists(folder / name)) return folder / name;
    }
    return std::filesystem::path();
  };
  const auto version_1 = first_there({"train-v1.1.json", "train-v1.1.part.json"});
  const SquadFiles files = !version_1.empty() ? SquadFiles{version_1, first_there({"dev-v1.1.json", "dev-v1.1.xquad.json"})}
                                              : SquadFiles{first_there({"train-v2.0.json"}), first_there({"dev-v2.0.json"})};
  if (files.train.empty() || files.test.empty()) {
    throw base::InputError(
        fmt::format("{} has no {} questions of SQuAD", folder.string(), files.train.empty() ? "training" : "development"),
        "train-v1.1.json and dev-v1.1.json, or train-v2.0.json and dev-v2.0.json, are looked for there",
        "Set task.data to the folder that datasets/fetch.sh filled");
  }
  return files;
}

SquadTraining split_squad(std::vector<SquadQuestion> questions) {
  constexpr double dev_share = 0.05;
  std::vector<std::string> titles;
  for (const SquadQuestion& question : questions) titles.push_back(question.title);
  const std::vector<terms::Split> split = split_by_hash(titles, dev_share, 0);
  SquadTraining parts;
  for (std::size_t q = 0; q < questions.size(); ++q) {
    (split[q] == terms::Split::dev ? parts.dev : parts.train).push_back(std::move(questions[q]));
  }
  if (parts.train.empty()) {
    throw base::InputError("the training questions are all of one article", "whole articles become dev, at least one",
                           "Give each article a \"title\" of its own, and at least two articles");
  }
  return parts;
}

}  // namespace layersweep::data
