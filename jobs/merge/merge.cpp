#include "jobs/merge/merge.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <span>

#include "base/build_info.hpp"
#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "config/print.hpp"
#include "jobs/agreement.hpp"
#include "jobs/merge/cells.hpp"
#include "jobs/merge/explanations.hpp"
#include "jobs/provenance.hpp"
#include "store/results_writer.hpp"
#include "sweep/selection.hpp"
#include "sweep/trained_unit.hpp"

namespace layersweep::jobs {
namespace {

constexpr std::int64_t cells_at_once = 1 << 20;
constexpr std::int64_t rows_at_once = 1 << 14;  // of a list of texts

class Merger {
 public:
  Merger(const std::vector<MergeSource>& sources, const MergePlan& plan, store::ResultsWriter& writer)
      : sources_(sources), plan_(plan), cells_(sources, plan), writer_(writer) {}

  void copy_all() {
    for (const store::PlannedVariable& variable : store::plan_variables(plan_.contents())) {
      const store::Merge merge = variable.spec->traits.merge;
      const bool copied = merge != store::Merge::anew && merge != store::Merge::explanation;
      if (variable.spec->is_coordinate() || !copied) continue;
      if (variable.spec->is_text()) {
        copy_texts(variable);
      } else {
        store::with_cell_type(variable.spec->type, [&]<class T>(T) { copy<T>(variable); });
      }
    }
    ExplainedSeeds explained;
    for (const store::ModeEntry& mode : plan_.contents().modes) {
      explained[mode.name] = explained_seeds(plan_.contents().seeds, choose(mode.name));
      compare_seeds(mode.name);
    }
    merge_explanations(sources_, cells_, ExplanationFit(sources_, plan_.experiment().explain.replacement, explained),
                       writer_);
  }

 private:
  template <store::Cell T>
  void copy(const store::PlannedVariable& variable) {
    for (const auto& block : cells_.blocks(variable)) {
      for (const store::Slab& piece : store::pieces(block.target, cells_at_once)) {
        writer_.write<T>(variable.path, piece, cells_.read<T>(variable, block, piece));
      }
    }
  }

  void copy_texts(const store::PlannedVariable& variable) {
    for (const auto& block : cells_.blocks(variable)) {
      const std::int64_t rows = block.target.count.front();
      for (std::int64_t row = 0; row < rows; row += rows_at_once) {
        const auto texts = cells_.read_texts(variable, block, row, std::min(rows_at_once, rows - row));
        writer_.write_text(variable.path, block.target.start.front() + row, texts);
      }
    }
  }

  // As a run with all of these seeds would, from the figures that it keeps. Whether a probe is accepted is taken from the
  // file: its figures were rounded when they were written, and many lie at their limit.
  std::vector<std::int32_t> choose(const std::string& mode) {
    const auto kl = cells_.read_all<float>(mode + "/kl_mean");
    const auto keep = cells_.read_all<float>(mode + "/keep_share_mean");
    const auto accepted = cells_.read_all<std::uint8_t>(mode + "/accepted");
    const sweep::Constraint constraint{*sources_.front().file.number("epsilon"),
                                       *sources_.front().file.number("flip_limit")};
    const std::size_t points = plan_.contents().points.size();
    const std::size_t seeds = plan_.contents().seeds.size();
    sweep::CellTable<sweep::Score> scores(points);
    for (std::size_t p = 0; p < points; ++p) {
      for (std::size_t s = 0; s < seeds; ++s) {
        const std::size_t cell = s * points + p;
        constexpr double above = std::numeric_limits<double>::infinity();
        sweep::Score score;
        score.kl = std::isnan(kl[cell])                                           ? kl[cell]
                   : accepted[cell] == 1 || kl[cell] <= float(constraint.epsilon) ? constraint.epsilon
                                                                                  : above;
        score.flips = accepted[cell] == 1 ? 0 : above;
        score.keep_share = keep[cell];
        scores[p].push_back(score);
      }
    }
    auto chosen =
        mode == "input" ? sweep::choose_one_seed(scores, constraint) : sweep::choose_seeds_per_point(scores, constraint);
    writer_.write_from_first_rank<std::int32_t>(mode + "/chosen_seed", chosen);
    return chosen;
  }

  // Of one point and the tokens [first, first + count), seeds x count; NaN where no source has the probe or the text.
  std::vector<float> keep_probability(const std::string& mode, std::int64_t point, std::int64_t first,
                                      std::int64_t count) const {
    const auto seeds = std::ssize(plan_.contents().seeds);
    const auto variable = store::plan_variable(mode + "/keep_probability", plan_.contents());
    std::vector<float> rows(static_cast<std::size_t>(seeds * count), std::numeric_limits<float>::quiet_NaN());
    for (const auto& block : cells_.blocks(variable)) {
      const auto& [start, extent] = block.target;
      const std::int64_t begin = std::max(first, start[2]);
      const std::int64_t end = std::min(first + count, start[2] + extent[2]);
      if (begin >= end || point < start[1] || point >= start[1] + extent[1]) continue;
      for (std::int64_t seed = start[0]; seed < start[0] + extent[0]; ++seed) {
        const store::Slab row{{seed, point, begin}, {1, 1, end - begin}};
        std::ranges::copy(cells_.read<float>(variable, block, row), rows.begin() + seed * count + begin - first);
      }
    }
    return rows;
  }

  // As extraction does, over all seeds and texts of the new file.
  void compare_seeds(const std::string& mode) {
    const std::size_t points = plan_.contents().points.size();
    const std::size_t seeds = plan_.contents().seeds.size();
    const auto accepted = cells_.read_all<std::uint8_t>(mode + "/accepted");
    const auto counts = cells_.read_all<std::int32_t>("token_count");
    std::vector<stats::Agreement> agreements(points, stats::Agreement(seeds));
    std::int64_t first = 0;
    for (auto text = counts.begin(); text != counts.end();) {
      std::int64_t tokens = *text;
      auto end = std::next(text);
      while (end != counts.end() && (tokens + *end) * std::ssize(plan_.contents().seeds) <= cells_at_once) tokens += *end++;
      for (std::size_t p = 0; p < points; ++p) {
        const auto rows = keep_probability(mode, static_cast<std::int64_t>(p), first, tokens);
        add_texts(
            {text, end}, rows, [&](std::size_t seed) { return accepted[seed * points + p] == 1; }, agreements[p]);
      }
      first += tokens;
      text = end;
    }
    write_agreement(writer_, mode, accepted, agreements);
  }

  // Texts of so many tokens each, from `rows`, seeds x tokens. One that a seed to be compared has no mask of tells nothing.
  static void add_texts(std::span<const std::int32_t> counts, const std::vector<float>& rows,
                        const std::function<bool(std::size_t seed)>& is_compared, stats::Agreement& agreement) {
    const std::int64_t tokens = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    std::int64_t first = 0;
    for (const std::int32_t count : counts) {
      std::vector<float> text;
      bool all_have_masks = true;
      for (std::int64_t seed = 0; seed * tokens < std::ssize(rows); ++seed) {
        const auto row = rows.begin() + seed * tokens + first;
        text.insert(text.end(), row, row + count);
        if (is_compared(static_cast<std::size_t>(seed)) &&
            std::any_of(row, row + count, [](float x) { return std::isnan(x); })) {
          all_have_masks = false;
        }
      }
      if (all_have_masks) agreement.add_text(text);
      first += count;
    }
  }

  const std::vector<MergeSource>& sources_;
  const MergePlan& plan_;
  MergedCells cells_;
  store::ResultsWriter& writer_;
};

// What the sources say under one name, each once.
std::string joined(const std::vector<MergeSource>& sources, const char* attribute, std::string_view separator) {
  std::vector<std::string> texts;
  for (const MergeSource& source : sources) {
    const std::string text = source.file.text(attribute).value_or("");
    if (std::ranges::find(texts, text) == texts.end()) texts.push_back(text);
  }
  return fmt::format("{}", fmt::join(texts, separator));
}

store::Provenance provenance_of(const std::vector<MergeSource>& sources, const MergePlan& plan, const std::string& command) {
  const store::ResultsFile& first = sources.front().file;
  store::Provenance provenance;
  provenance.title = results_title(plan.experiment());
  provenance.task = first.text("task").value_or("");
  provenance.created = base::utc_now();
  provenance.earlier_history = joined(sources, "history", "\n");
  provenance.experiment = config::resolved_text(plan.experiment());
  provenance.command = command;
  provenance.layersweep_version = base::build_info().version;
  provenance.commit = joined(sources, "commit", "; ");
  provenance.libraries = joined(sources, "libraries", "; ");
  provenance.hosts = joined(sources, "hosts", "; ");
  provenance.processor = joined(sources, "processor", "; ");
  provenance.weights_sha256 = first.text("weights_sha256").value_or("");
  provenance.vocabulary_sha256 = first.text("vocabulary_sha256").value_or("");
  provenance.data_sha256 = first.text("data_sha256").value_or("");
  provenance.epsilon = first.number("epsilon").value_or(0);
  provenance.flip_limit = first.number("flip_limit").value_or(0);
  std::string list;
  for (const MergeSource& source : sources) {
    list += fmt::format("{}{} (sha256 {}, created {})", list.empty() ? "" : "; ", source.name, source.sha256,
                        source.file.text("created").value_or(""));
  }
  provenance.more = {{"merged_from", list}};
  for (const char* name : {model_files_attribute, "model_config_unread"}) {
    if (const auto text = first.text(name)) provenance.more.emplace_back(name, *text);
  }
  return provenance;
}

}  // namespace

void merge(const std::vector<std::filesystem::path>& sources, const std::filesystem::path& target,
           const std::string& command) {
  for (const std::filesystem::path& source : sources) {
    std::error_code unreadable;
    if (std::filesystem::equivalent(source, target, unreadable)) {
      throw base::InputError(fmt::format("{} is one of the files to be merged", target.string()), {},
                             "Give another name with --output: merging leaves its sources as they are");
    }
  }
  const std::vector<MergeSource> opened = open_sources(sources);
  const MergePlan plan(opened);
  store::ResultsWriter writer(comm::Communicator(), target, plan.contents(), provenance_of(opened, plan, command));
  Merger(opened, plan, writer).copy_all();
  writer.finish(store::Finish::validated);
}

}  // namespace layersweep::jobs
