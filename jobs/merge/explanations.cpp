#include "jobs/merge/explanations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "explain/faithfulness.hpp"
#include "jobs/merge/partial_mean.hpp"
#include "jobs/text_mean.hpp"

namespace layersweep::jobs {
namespace {

constexpr std::int64_t tokens_at_once = 1 << 20;

using Block = MergedCells::Block;

class Explanations {
 public:
  Explanations(const std::vector<MergeSource>& sources, const MergedCells& cells, const ExplanationFit& fit,
               store::ResultsWriter& writer)
      : sources_(sources),
        cells_(cells),
        fit_(fit),
        writer_(writer),
        points_(std::ssize(cells.plan().contents().points)),
        shares_(std::ssize(cells.plan().contents().explanations->shares)),
        token_counts_(over_examples<std::int32_t>("token_count")),
        clean_(over_examples<float>("evaluation/clean_probability")) {}

  void write() {
    const auto& methods = cells_.plan().contents().explanations->methods;
    writer_.write_text("evaluation/method_name", 0, methods);
    writer_.write_from_first_rank<float>("evaluation/clean_probability", clean_);
    for (std::size_t m = 0; m < methods.size(); ++m) {
      std::vector<float> seconds;
      for (std::int64_t point = 0; point < points_; ++point) {
        const Place place{methods[m], static_cast<std::int64_t>(m), point};
        copy_attribution(place);
        seconds.push_back(of_all_texts("seconds", "clean_probability", place, &ExplanationFit::attribution));
        put("seconds", place, {seconds.back()});
        copy_faithfulness(place);
        for (const char* control : {"aopc_comprehensiveness_shuffled_head", "aopc_sufficiency_shuffled_head"}) {
          put(control, place, {of_all_texts(control, "dropped_probability", place, &ExplanationFit::faithfulness)});
        }
      }
      writer_.write_from_first_rank<float>(fmt::format("explain/{}/seconds", methods[m]), seconds);
    }
  }

 private:
  struct Place {
    std::string method;
    std::int64_t row = 0;  // of the method in the new file
    std::int64_t point = 0;
  };
  using Fits = bool (ExplanationFit::*)(std::size_t, std::string_view, std::int64_t) const;

  store::PlannedVariable planned(const std::string& path, std::vector<std::int64_t> shape) const {
    return {store::find_variable(path), path, std::move(shape)};
  }

  // All of a variable over examples, missing where no source has any.
  template <store::Cell T>
  std::vector<T> over_examples(const std::string& path) const {
    const auto variable = planned(path, {cells_.plan().contents().examples});
    std::vector<T> all(static_cast<std::size_t>(variable.shape[0]), static_cast<T>(store::fill_of(store::type_of<T>())));
    for (const Block& block : cells_.blocks(variable)) {
      std::ranges::copy(cells_.read<T>(variable, block, block.target), all.begin() + block.target.start[0]);
    }
    return all;
  }

  // A row over examples or tokens within one split: `before` are its places along the dimensions before the last, of
  // which a source may have another along the first (`source_row`).
  Block row_of(const Run& run, const Place& place, std::vector<std::int64_t> before, bool by_method, Fits fits) const {
    Block block{{before, std::vector<std::int64_t>(before.size(), 1)}, {}};
    block.target.start.push_back(run.start);
    block.target.count.push_back(run.count);
    for (std::size_t k = 0; k < sources_.size(); ++k) {
      block.starts.emplace_back();
      if (run.source_start[k] < 0 || !(fit_.*fits)(k, place.method, place.point)) continue;
      block.starts[k] = before;
      if (by_method) block.starts[k].front() = fit_.place(k, place.method);
      block.starts[k].push_back(run.source_start[k]);
    }
    return block;
  }

  static bool is_held(const Block& block) {
    return std::ranges::any_of(block.starts, [](const auto& start) { return !start.empty(); });
  }

  // Of a figure over methods and points (and shares).
  void put(const std::string& name, const Place& place, const std::vector<float>& values) {
    store::Slab slab{{place.row, place.point}, {1, 1}};
    if (values.size() > 1 || name == "comprehensiveness" || name == "sufficiency") {
      slab.start.push_back(0);
      slab.count.push_back(shares_);
    }
    writer_.write<float>("evaluation/" + name, slab, values);
  }

  // Attributions, and what follows from them where the truth is known.
  void copy_attribution(const Place& place) {
    const auto variable =
        planned(fmt::format("explain/{}/attribution", place.method), {points_, cells_.plan().contents().tokens});
    const auto truths = planned("token_truth", {cells_.plan().contents().tokens});
    const bool truth_known = cells_.plan().contents().task.token_truth;
    TextMean kl, js, f1;
    const auto runs = cells_.plan().runs(variable, 1);
    const auto truth_blocks = truth_known ? cells_.blocks(truths) : std::vector<Block>();
    for (std::size_t r = 0; r < runs.size(); ++r) {
      const SplitRange& split = cells_.plan().splits()[r];
      const Block block = row_of(runs[r], place, {place.point}, false, &ExplanationFit::attribution);
      if (!is_held(block)) continue;
      for_pieces(
          split, [&](std::int64_t first_example, std::int64_t examples, std::int64_t first_token, std::int64_t tokens) {
            const store::Slab piece{{place.point, first_token}, {1, tokens}};
            const auto attribution = cells_.read<float>(variable, block, piece);
            writer_.write<float>(variable.path, piece, attribution);
            if (!truth_known) return;
            const auto truth = cells_.read<std::uint8_t>(truths, truth_blocks[r], {{first_token}, {tokens}});
            std::size_t token = 0;
            for (std::int64_t e = first_example; e < first_example + examples; ++e) {
              const auto count = static_cast<std::size_t>(token_counts_[static_cast<std::size_t>(e)]);
              const auto match =
                  explain::match_truth(std::span(attribution).subspan(token, count), std::span(truth).subspan(token, count));
              kl.add(static_cast<float>(match.kl));
              js.add(static_cast<float>(match.js));
              f1.add(static_cast<float>(match.f1));
              token += count;
            }
          });
    }
    if (!truth_known) return;
    put("truth_kl", place, {kl.value()});
    put("truth_js", place, {js.value()});
    put("truth_f1", place, {f1.value()});
  }

  // Whole texts of a split with about tokens_at_once tokens.
  void for_pieces(const SplitRange& split,
                  const std::function<void(std::int64_t, std::int64_t, std::int64_t, std::int64_t)>& take) const {
    std::int64_t example = split.first_example;
    std::int64_t token = split.first_token;
    const std::int64_t end = split.first_example + split.examples;
    while (example < end) {
      const std::int64_t first = example;
      std::int64_t tokens = 0;
      while (example < end && (example == first || tokens < tokens_at_once)) {
        tokens += token_counts_[static_cast<std::size_t>(example++)];
      }
      take(first, example - first, token, tokens);
      token += tokens;
    }
  }

  void copy_faithfulness(const Place& place) {
    std::vector<TextMean> comprehensiveness(static_cast<std::size_t>(shares_)), sufficiency(comprehensiveness);
    copy_probabilities("dropped_probability", place, comprehensiveness);
    copy_probabilities("kept_probability", place, sufficiency);
    put("comprehensiveness", place, values_of(comprehensiveness));
    put("sufficiency", place, values_of(sufficiency));
    put("aopc_comprehensiveness", place, areas_of(comprehensiveness, shares_));
    put("aopc_sufficiency", place, areas_of(sufficiency, shares_));
  }

  // `losses`, a mean a share, get what the prediction loses.
  void copy_probabilities(const std::string& name, const Place& place, std::vector<TextMean>& losses) {
    const auto& contents = cells_.plan().contents();
    const auto variable =
        planned("evaluation/" + name, {std::ssize(contents.explanations->methods), points_, shares_, contents.examples});
    for (const Run& run : cells_.plan().runs(variable, 3)) {
      for (std::int64_t share = 0; share < shares_; ++share) {
        const Block block = row_of(run, place, {place.row, place.point, share}, true, &ExplanationFit::faithfulness);
        if (!is_held(block)) continue;
        const auto row = cells_.read<float>(variable, block, block.target);
        writer_.write<float>(variable.path, block.target, row);
        for (std::size_t text = 0; text < row.size(); ++text) {
          losses[static_cast<std::size_t>(share)].add(clean_[static_cast<std::size_t>(run.start) + text] - row[text]);
        }
      }
    }
  }

  // A mean over texts of which the files hold nothing but the mean. A text has a share in it where `counted`, at the first
  // cells of its other dimensions, is there.
  float of_all_texts(const std::string& name, const std::string& counted, const Place& place, Fits fits) const {
    const auto& contents = cells_.plan().contents();
    const auto runs = cells_.plan().runs(planned("example", {contents.examples}), 0);
    std::vector<PartialMean> parts;
    for (std::size_t k = 0; k < sources_.size(); ++k) {
      if (!(fit_.*fits)(k, place.method, place.point)) continue;
      const auto& file = sources_[k].file;
      PartialMean part;
      const std::int64_t method = fit_.place(k, place.method);
      part.mean = file.read<float>("evaluation/" + name, {{method, place.point}, {1, 1}}).front();
      for (const Run& run : runs) {
        part.texts.push_back(0);
        if (run.source_start[k] < 0) continue;
        store::Slab row{{run.source_start[k]}, {run.count}};
        if (file.shape("evaluation/" + counted).size() > 1) {
          row = {{method, place.point, 0, run.source_start[k]}, {1, 1, 1, run.count}};
        }
        const auto cells = file.read<float>("evaluation/" + counted, row);
        part.texts.back() = std::ranges::count_if(cells, [](float cell) { return !std::isnan(cell); });
      }
      parts.push_back(std::move(part));
    }
    return mean_of_parts(parts);
  }

  const std::vector<MergeSource>& sources_;
  const MergedCells& cells_;
  const ExplanationFit& fit_;
  store::ResultsWriter& writer_;
  std::int64_t points_, shares_;
  std::vector<std::int32_t> token_counts_;
  std::vector<float> clean_;
};

}  // namespace

void merge_explanations(const std::vector<MergeSource>& sources, const MergedCells& cells, const ExplanationFit& fit,
                        store::ResultsWriter& writer) {
  if (cells.plan().contents().explanations) Explanations(sources, cells, fit, writer).write();
}

}  // namespace layersweep::jobs
