#include "store/inspect.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/printable.hpp"
#include "store/results_file.hpp"

namespace layersweep::store {
namespace {

constexpr std::size_t line_columns = 100;
constexpr std::int64_t points_shown = 16;

std::string clipped(std::string text, std::size_t columns) {
  std::ranges::replace(text, '\n', ' ');
  text = base::printable(text);
  if (text.size() <= columns) return text;
  std::size_t end = columns - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // never inside a UTF-8 character
  return text.substr(0, end) + "...";
}

std::string figure(double value) { return std::isnan(value) ? "-" : fmt::format("{:.3f}", value); }

class Summary {
 public:
  explicit Summary(const ResultsFile& file) : file_(file) {}

  std::string text() {
    line("file", file_.path().string());
    line("title", file_.text("title").value_or(""));
    line("task", file_.text("task").value_or(""));
    line("sizes", sizes());
    line("data", splits());
    line("limits", fmt::format("kl_mean <= {} and flipped_share <= {}", file_.number("epsilon").value_or(NAN),
                               file_.number("flip_limit").value_or(NAN)));
    for (const std::string& mode : file_.modes()) add_mode(mode);
    text_ += '\n';
    if (file_.has("statistics/count")) line("statistics", "of the hidden states at all points, in /statistics");
    if (file_.has("evaluation/method_name")) {
      line("explainers", fmt::format("{}", fmt::join(file_.read_text("evaluation/method_name"), ", ")));
    }
    for (const char* name : {"created", "command", "commit", "libraries", "processor", "hosts"}) {
      line(name, file_.text(name).value_or(""));
    }
    for (const char* name : {"weights_sha256", "vocabulary_sha256", "data_sha256"}) {
      line(std::string(name).substr(0, std::string_view(name).find('_')), file_.text(name).value_or(""));
    }
    return text_;
  }

 private:
  void line(std::string_view name, const std::string& value) {
    text_ += fmt::format("{:<11}{}\n", name, clipped(value, line_columns - 11));
  }

  std::string sizes() const {
    std::string text = fmt::format("{} examples, {} tokens, {} points, {} probe seeds", file_.size("example"),
                                   file_.size("token"), file_.size("point"), file_.size("seed"));
    if (const auto classes = file_.size("class"); classes > 0) text += fmt::format(", {} classes", classes);
    return text;
  }

  // Examples per part of the data, and the task's own score there.
  std::string splits() const {
    const auto split = file_.read<std::uint8_t>("split");
    const auto score = file_.read<float>("score");
    std::string text;
    for (const Flag& part : find_variable("split")->traits.flags) {
      const std::int64_t examples = std::ranges::count(split, part.value);
      if (examples == 0) continue;
      double sum = 0;
      std::int64_t scored = 0;
      for (std::size_t i = 0; i < split.size(); ++i) {
        if (split[i] != part.value || std::isnan(score[i])) continue;
        sum += score[i];
        ++scored;
      }
      text += fmt::format("{}{} {} (score {})", text.empty() ? "" : ", ", part.meaning, examples,
                          figure(scored == 0 ? NAN : sum / static_cast<double>(scored)));
    }
    return text;
  }

  // One line per point: how many seeds are accepted, and the figures of the chosen one.
  void add_mode(const std::string& mode) {
    const auto accepted = file_.read<std::uint8_t>(mode + "/accepted");
    const auto chosen = file_.chosen_seeds(mode);
    const auto kl = file_.read<float>(mode + "/kl_mean");
    const auto flipped = file_.read<float>(mode + "/flipped_share");
    const auto f1 = file_.has("token_truth") ? file_.read<float>(mode + "/f1_truth") : std::vector<float>();
    const auto random = file_.read<float>(mode + "/random_keep_share");
    const bool has_control = !std::all_of(random.begin(), random.end(), [](float share) { return std::isnan(share); });
    const auto names = file_.read_text("point_name");
    const auto seeds = file_.read<std::int32_t>("seed");
    const auto points = std::ssize(chosen);
    text_ += fmt::format("\n{} mode   {}\n", mode, statuses(mode));
    text_ += fmt::format("  {:>5} {:<24} {:>9} {:>7} {:>8} {:>8} {:>8}{}{}\n", "point", "name", "accepted", "chosen",
                         "kl_mean", "flipped", "kept", has_control ? "   random" : "", f1.empty() ? "" : " f1_truth");
    for (std::int64_t point = 0; point < points; ++point) {
      if (points > points_shown && point == points_shown - 1) {
        text_ += fmt::format("  ... {} more points\n", points - point);
        break;
      }
      std::int64_t count = 0;
      for (std::size_t seed = 0; seed < seeds.size(); ++seed) count += accepted[seed * points + point] == 1 ? 1 : 0;
      const bool has_choice = chosen[point] >= 0;
      const std::size_t cell = has_choice ? static_cast<std::size_t>(chosen[point] * points + point) : 0;
      text_ +=
          fmt::format("  {:>5} {:<24} {:>9} {:>7} {:>8} {:>8} {:>8}", point, clipped(names[point], 24),
                      fmt::format("{}/{}", count, seeds.size()), has_choice ? fmt::to_string(seeds[chosen[point]]) : "-",
                      figure(has_choice ? kl[cell] : NAN), figure(has_choice ? flipped[cell] : NAN),
                      figure(has_choice ? mean_keep_share(mode, chosen[point], point) : NAN));
      if (has_control) text_ += fmt::format(" {:>8}", figure(has_choice ? random[cell] : NAN));
      if (!f1.empty()) text_ += fmt::format(" {:>8}", figure(has_choice ? f1[cell] : NAN));
      text_ += '\n';
    }
  }

  // Over the examples of the file.
  double mean_keep_share(const std::string& mode, std::int64_t seed, std::int64_t point) const {
    const auto shares = file_.read<float>(mode + "/keep_share", {{seed, point, 0}, {1, 1, file_.size("example")}});
    double sum = 0;
    for (const float share : shares) sum += share;
    return sum / static_cast<double>(shares.size());
  }

  std::string statuses(const std::string& mode) const {
    const auto status = file_.read<std::uint8_t>(mode + "/status");
    std::string text;
    for (const Flag& flag : find_variable(mode + "/status")->traits.flags) {
      const auto count = std::ranges::count(status, flag.value);
      if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, flag.meaning);
    }
    const auto missing = std::ranges::count(status, static_cast<std::uint8_t>(fill_of(Type::uint8)));
    if (missing > 0) text += fmt::format("{}{} not trained", text.empty() ? "" : ", ", missing);
    return text;
  }

  const ResultsFile& file_;
  std::string text_;
};

}  // namespace

std::string inspect(const std::filesystem::path& path) { return Summary(ResultsFile::open(path)).text(); }

}  // namespace layersweep::store
