#include "jobs/steps/explanations.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "base/error.hpp"
#include "comm/agreement.hpp"
#include "jobs/steps/explain.hpp"
#include "jobs/steps/extract/chunks.hpp"
#include "jobs/text_mean.hpp"
#include "tensors/safetensors.hpp"

namespace layersweep::jobs {
namespace {

constexpr float no_value = std::numeric_limits<float>::quiet_NaN();

constexpr std::array truth_figures{"truth_kl", "truth_js", "truth_f1"};

/// Examples first … last − 1 of the file with their tokens.
struct TextRange {
  std::int64_t first = 0, last = 0;
  std::int64_t first_token = 0, last_token = 0;

  std::int64_t size() const { return last - first; }
  std::int64_t tokens() const { return last_token - first_token; }
};

/// The explanations of one method: a rank's range of texts, and means over all of them.
class MethodColumns {
 public:
  MethodColumns(std::int64_t points, std::int64_t shares, const TextRange& range)
      : attribution(cells(points, range.tokens())),
        clean(cells(1, range.size())),
        kept(cells(points * shares, range.size())),
        dropped(kept),
        seconds(static_cast<std::size_t>(points)),
        comprehensiveness(static_cast<std::size_t>(points * shares)),
        sufficiency(comprehensiveness),
        shuffled_comprehensiveness(comprehensiveness),
        shuffled_sufficiency(comprehensiveness),
        range_(range) {
    for (const char* name : truth_figures) truth[name] = seconds;
  }

  void add(const ExplainedPart& part, const tensors::SafetensorsFile& file, const data::Corpus& corpus,
           const SlabStart& origin) {
    const auto values = [&](const char* name) {
      return file.contains(name) ? file.values<float>(name) : std::span<const float>();
    };
    const auto parts_clean = values("clean"), parts_kept = values("kept"), parts_dropped = values("dropped");
    const auto shuffled_kept = values("shuffled_kept"), shuffled_dropped = values("shuffled_dropped");
    const auto attributions = values("attribution");
    const std::size_t texts = part.examples.size();
    const std::size_t tokens = attributions.size() / seconds.size();
    for (std::size_t p = 0; p < seconds.size(); ++p) {
      const double each = file.values<double>("seconds")[p] / static_cast<double>(texts);
      for (std::size_t text = 0; text < texts; ++text) seconds[p].add(each);
    }
    std::size_t token = 0;
    for (std::size_t text = 0; text < texts; ++text) {
      const std::int64_t example = part.examples[text];
      const auto length = static_cast<std::size_t>(corpus.length(example));
      const std::int64_t row = origin.example + example - range_.first;
      const bool mine = row >= 0 && row < range_.size();
      if (mine) clean[static_cast<std::size_t>(row)] = parts_clean[text];
      for (std::size_t cell = 0; cell < comprehensiveness.size(); ++cell) {
        const std::size_t from = cell * texts + text;
        comprehensiveness[cell].add(parts_clean[text] - parts_dropped[from]);
        sufficiency[cell].add(parts_clean[text] - parts_kept[from]);
        if (!shuffled_kept.empty()) {
          shuffled_comprehensiveness[cell].add(parts_clean[text] - shuffled_dropped[from]);
          shuffled_sufficiency[cell].add(parts_clean[text] - shuffled_kept[from]);
        }
        if (!mine) continue;
        const std::size_t to = cell * static_cast<std::size_t>(range_.size()) + static_cast<std::size_t>(row);
        kept[to] = parts_kept[from];
        dropped[to] = parts_dropped[from];
      }
      for (std::size_t p = 0; p < seconds.size(); ++p) {
        for (auto& [name, means] : truth) {
          if (file.contains(name)) means[p].add(file.values<float>(name)[p * texts + text]);
        }
        if (!mine) continue;
        const std::int64_t at = origin.token + corpus.token_start()[static_cast<std::size_t>(example)] - range_.first_token;
        std::copy_n(attributions.begin() + static_cast<std::ptrdiff_t>(p * tokens + token), length,
                    attribution.begin() + static_cast<std::ptrdiff_t>(p) * range_.tokens() + at);
      }
      token += length;
    }
  }

  std::vector<float> attribution;                        // P x tokens
  std::vector<float> clean;                              // texts
  std::vector<float> kept, dropped;                      // P x S x texts
  std::vector<TextMean> seconds;                         // P
  std::vector<TextMean> comprehensiveness, sufficiency;  // P x S
  std::vector<TextMean> shuffled_comprehensiveness, shuffled_sufficiency;
  std::map<std::string, std::vector<TextMean>> truth;  // P each, by their names

 private:
  static std::vector<float> cells(std::int64_t rows, std::int64_t columns) {
    return std::vector<float>(static_cast<std::size_t>(rows * columns), no_value);
  }

  TextRange range_;
};

}  // namespace

std::optional<store::ExplanationsEntry> explanations_entry(const config::Experiment& experiment) {
  const std::vector<std::string> methods = compared_methods(experiment);
  if (methods.empty()) return std::nullopt;
  return store::ExplanationsEntry{methods, experiment.explain.shares};
}

void write_explanations(const Context& context, const Texts& texts, std::int64_t points, store::ResultsWriter& writer) {
  const std::vector<std::string> methods = compared_methods(context.experiment);
  if (methods.empty()) return;
  const comm::Communicator& ranks = context.ranks.communicator();
  const std::vector<ExplainedPart> parts = explained_parts(texts, context.experiment.explain);
  const auto shares = std::ssize(context.experiment.explain.shares);

  std::map<terms::Split, SlabStart> origins;  // where the texts of a split begin in the file
  SlabStart end;
  std::vector<std::int64_t> starts;  // of every example's tokens in the file
  for (const terms::Split split : context.experiment.extract.splits) {
    const data::Corpus& corpus = texts.of(split);
    origins[split] = end;
    for (std::int64_t e = 0; e < corpus.size(); ++e) {
      starts.push_back(end.token + corpus.token_start()[static_cast<std::size_t>(e)]);
    }
    end.example += corpus.size();
    end.token += corpus.token_total();
  }
  starts.push_back(end.token);
  TextRange range{end.example * ranks.rank() / ranks.size(), end.example * (ranks.rank() + 1) / ranks.size()};
  range.first_token = starts[static_cast<std::size_t>(range.first)];
  range.last_token = starts[static_cast<std::size_t>(range.last)];

  writer.write_text("evaluation/method_name", 0,
                    ranks.rank() == 0 ? std::span<const std::string>(methods) : std::span<const std::string>());
  for (std::size_t m = 0; m < methods.size(); ++m) {
    const MethodColumns columns = comm::run_together(ranks, [&] {
      MethodColumns read(points, shares, range);
      for (std::size_t part = 0; part < parts.size(); ++part) {
        const auto file = tensors::SafetensorsFile::open(explanation_file(context, methods[m], part));
        read.add(parts[part], file, texts.of(parts[part].split), origins.at(parts[part].split));
      }
      return read;
    });
    const std::string group = "explain/" + methods[m];
    const auto number = static_cast<std::int64_t>(m);
    const auto mine_if_first = [&](std::vector<std::int64_t> count) {
      std::vector<std::int64_t> start(count.size(), 0);
      start.front() = number;
      return ranks.rank() == 0 ? store::Slab{start, count} : store::Slab{};
    };
    const auto from_first = [&](const std::string& name, std::vector<std::int64_t> count, const std::vector<float>& values) {
      writer.write<float>("evaluation/" + name, mine_if_first(std::move(count)),
                          ranks.rank() == 0 ? std::span<const float>(values) : std::span<const float>());
    };
    writer.write<float>(group + "/attribution", {{0, range.first_token}, {points, range.tokens()}}, columns.attribution);
    writer.write_from_first_rank<float>(group + "/seconds", values_of(columns.seconds));
    from_first("comprehensiveness", {1, points, shares}, values_of(columns.comprehensiveness));
    from_first("sufficiency", {1, points, shares}, values_of(columns.sufficiency));
    from_first("aopc_comprehensiveness", {1, points}, areas_of(columns.comprehensiveness, shares));
    from_first("aopc_sufficiency", {1, points}, areas_of(columns.sufficiency, shares));
    from_first("aopc_comprehensiveness_shuffled_head", {1, points}, areas_of(columns.shuffled_comprehensiveness, shares));
    from_first("aopc_sufficiency_shuffled_head", {1, points}, areas_of(columns.shuffled_sufficiency, shares));
    from_first("seconds", {1, points}, values_of(columns.seconds));
    if (!texts.test.truth().empty()) {
      for (const auto& [name, means] : columns.truth) from_first(name, {1, points}, values_of(means));
    }
    const store::Slab by_example{{number, 0, 0, range.first}, {1, points, shares, range.size()}};
    writer.write<float>("evaluation/kept_probability", by_example, columns.kept);
    writer.write<float>("evaluation/dropped_probability", by_example, columns.dropped);
    if (m == 0) writer.write<float>("evaluation/clean_probability", {{range.first}, {range.size()}}, columns.clean);
  }
}

}  // namespace layersweep::jobs
