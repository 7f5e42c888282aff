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
        token_counts_(cells.read_all<std::int32_t>("token_count")),
        clean_(cells.read_all<float>("evaluation/clean_probability")) {}

  void write() {
    const auto& methods = cells_.plan().contents().explanations->methods;
    writer_.write_text("evaluation/method_name", 0, methods);
    for (std::size_t m = 0; m < methods.size(); ++m) {
      std::vector<float> seconds;
      for (std::int64_t point = 0; point < points_; ++point) {
        const MethodPoint at{methods[m], static_cast<std::int64_t>(m), point};
        copy_attribution(at);
        seconds.push_back(of_all_texts("seconds", "clean_probability", at, &ExplanationFit::attribution));
        put("seconds", at, {seconds.back()});
        copy_faithfulness(at);
        for (const char* control : {"aopc_comprehensiveness_shuffled_head", "aopc_sufficiency_shuffled_head"}) {
          put(control, at, {of_all_texts(control, "dropped_probability", at, &ExplanationFit::faithfulness)});
        }
      }
      writer_.write_from_first_rank<float>(fmt::format("explain/{}/seconds", methods[m]), seconds);
    }
  }

 private:
  struct MethodPoint {
    std::string method;
    std::int64_t index = 0;  // of the method in the new file
    std::int64_t point = 0;
  };
  using Fits = bool (ExplanationFit::*)(std::size_t, std::string_view, std::int64_t) const;

  store::PlannedVariable planned(const std::string& path) const {
    return store::plan_variable(path, cells_.plan().contents());
  }

  // A row over examples or tokens within one split. `before` are its places along the other dimensions; the method, where it
  // is one of these, has another place in each source. Rows by method are of faithfulness, others of attributions.
  Block row_of(const store::PlannedVariable& variable, const Segment& segment, const MethodPoint& at,
               std::vector<std::int64_t> before) const {
    const bool by_method = variable.spec->dimensions.front() == "method";
    const Fits fits = by_method ? &ExplanationFit::faithfulness : &ExplanationFit::attribution;
    Block block{{before, std::vector<std::int64_t>(before.size(), 1)}, {}};
    block.target.start.push_back(segment.start);
    block.target.count.push_back(segment.count);
    for (std::size_t k = 0; k < sources_.size(); ++k) {
      block.starts.emplace_back();
      if (segment.source_start[k] < 0 || !(fit_.*fits)(k, at.method, at.point)) continue;
      if (by_method) before.front() = fit_.index(k, at.method);
      block.starts[k] = before;
      block.starts[k].push_back(segment.source_start[k]);
    }
    return block;
  }

  static bool is_held(const Block& block) {
    return std::ranges::any_of(block.starts, [](const auto& start) { return !start.empty(); });
  }

  // Of a figure over methods and points (and shares).
  void put(const std::string& name, const MethodPoint& at, const std::vector<float>& values) {
    store::Slab slab{{at.index, at.point}, {1, 1}};
    if (planned("evaluation/" + name).shape.size() == 3) {
      slab.start.push_back(0);
      slab.count.push_back(shares_);
    }
    writer_.write<float>("evaluation/" + name, slab, values);
  }

  // Attributions, and what follows from them where the truth is known.
  void copy_attribution(const MethodPoint& at) {
    const auto variable = planned(fmt::format("explain/{}/attribution", at.method));
    const auto truths = planned("token_truth");
    const bool truth_known = cells_.plan().contents().task.token_truth;
    TextMean kl, js, f1;
    const auto segments = cells_.plan().segments(variable, 1);
    const auto truth_blocks = truth_known ? cells_.blocks(truths) : std::vector<Block>();
    for (std::size_t r = 0; r < segments.size(); ++r) {
      const SplitRange& split = cells_.plan().splits()[r];
      const Block block = row_of(variable, segments[r], at, {at.point});
      if (!is_held(block)) continue;
      for_pieces(
          split, [&](std::int64_t first_example, std::int64_t examples, std::int64_t first_token, std::int64_t tokens) {
            const store::Slab piece{{at.point, first_token}, {1, tokens}};
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
    put("truth_kl", at, {kl.value()});
    put("truth_js", at, {js.value()});
    put("truth_f1", at, {f1.value()});
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

  void copy_faithfulness(const MethodPoint& at) {
    std::vector<TextMean> comprehensiveness(static_cast<std::size_t>(shares_)), sufficiency(comprehensiveness);
    copy_probabilities("dropped_probability", at, comprehensiveness);
    copy_probabilities("kept_probability", at, sufficiency);
    put("comprehensiveness", at, values_of(comprehensiveness));
    put("sufficiency", at, values_of(sufficiency));
    put("aopc_comprehensiveness", at, areas_of(comprehensiveness, shares_));
    put("aopc_sufficiency", at, areas_of(sufficiency, shares_));
  }

  // `losses`, a mean a share, get what the prediction loses.
  void copy_probabilities(const std::string& name, const MethodPoint& at, std::vector<TextMean>& losses) {
    const auto variable = planned("evaluation/" + name);
    for (const Segment& segment : cells_.plan().segments(variable, 3)) {
      for (std::int64_t share = 0; share < shares_; ++share) {
        const Block block = row_of(variable, segment, at, {at.index, at.point, share});
        if (!is_held(block)) continue;
        const auto row = cells_.read<float>(variable, block, block.target);
        writer_.write<float>(variable.path, block.target, row);
        for (std::size_t text = 0; text < row.size(); ++text) {
          losses[static_cast<std::size_t>(share)].add(clean_[static_cast<std::size_t>(segment.start) + text] - row[text]);
        }
      }
    }
  }

  // A mean over texts of which the files hold nothing but the mean. A text has a share in it where `counted`, at the first
  // cells of its other dimensions, is there.
  float of_all_texts(const std::string& name, const std::string& counted, const MethodPoint& at, Fits fits) const {
    const auto segments = cells_.plan().segments(planned("example"), 0);
    std::vector<PartialMean> parts;
    for (std::size_t k = 0; k < sources_.size(); ++k) {
      if (!(fit_.*fits)(k, at.method, at.point)) continue;
      const auto& file = sources_[k].file;
      PartialMean part;
      const std::int64_t method = fit_.index(k, at.method);
      part.mean = file.read<float>("evaluation/" + name, {{method, at.point}, {1, 1}}).front();
      for (const Segment& segment : segments) {
        part.texts.push_back(0);
        if (segment.source_start[k] < 0) continue;
        store::Slab row{{segment.source_start[k]}, {segment.count}};
        if (file.shape("evaluation/" + counted).size() > 1) {
          row = {{method, at.point, 0, segment.source_start[k]}, {1, 1, 1, segment.count}};
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
