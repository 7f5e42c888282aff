#include "jobs/steps/extract/extract.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/watchdog.hpp"
#include "comm/agreement.hpp"
#include "jobs/floats.hpp"
#include "jobs/steps/explanations.hpp"
#include "jobs/steps/extract/judgement.hpp"
#include "jobs/steps/extract/mask_sums.hpp"
#include "jobs/steps/extract/pending_rows.hpp"
#include "jobs/steps/extract/text_columns.hpp"
#include "jobs/steps/statistics.hpp"
#include "store/results_file.hpp"
#include "sweep/calibrate.hpp"
#include "sweep/evaluator.hpp"
#include "sweep/stop_and_checkpoint_clock.hpp"

namespace layersweep::jobs {
namespace {

constexpr const char* writing_results = "writing results.h5";
// Chunks between two collective writes: bounds the memory for masks that wait.
constexpr std::size_t chunks_per_write = 8;

class Extractor {
 public:
  // Collective.
  explicit Extractor(const Extraction& extraction)
      : what_(extraction),
        settings_(extraction.experiment),
        world_(extraction.ranks.communicator()),
        modes_(probes_by_mode(extraction.units)),
        chunks_(chunks_of(extraction.texts, extraction.splits)) {
    base::ensure((what_.run == nullptr) != what_.judged.empty(), "probes are judged here or were judged before");
    if (chunks_.empty()) {
      throw base::InputError("there are no texts to extract masks of", "extract.splits names splits without texts",
                             "Add dev or test to extract.splits");
    }
    if (what_.run == nullptr) {
      judged_ = comm::run_together(world_, [&] { return store::ResultsFile::open(what_.judged); });
    } else {
      statistics_ = finished_statistics(*what_.run);
    }
    contents_ = contents();
    const std::size_t per_text = what_.model.output().columns(what_.model.head(), 1, 1)->evidence().size();
    evidence_.resize(per_text * static_cast<std::size_t>(contents_.examples));
    for (const ModeProbes& mode : modes_) sums_.emplace_back(mode.layout);
  }

  // Collective; throws Stopped.
  void run() {
    sweep::StopAndCheckpointClock clock(what_.ranks, settings_.run.deadline_seconds);
    const sweep::Ranks stoppable = sweep::stopping_between_pieces(what_.ranks, clock);
    std::unique_ptr<store::ResultsWriter> writer;
    {
      const base::Watchdog limit(writing_results, limit_s());
      writer = std::make_unique<store::ResultsWriter>(world_, what_.file, contents_, what_.provenance);
      if (statistics_) write_statistics(*writer, *statistics_);
    }
    try {
      write_masks(stoppable, *writer);
      for (std::size_t m = 0; m < modes_.size(); ++m) write_figures(stoppable, *writer, m);
    } catch (const sweep::Stopped&) {
      writer.reset();  // here, where no exception unwinds, it takes the unfinished file away
      throw;
    }
    const base::Watchdog limit(writing_results, limit_s());
    if (what_.run != nullptr) write_explanations(*what_.run, what_.texts, std::ssize(contents_.points), *writer);
    writer->finish();
  }

 private:
  // The writer's gates name a rank that stays away; the watchdog, which cannot, ends what hangs inside HDF5.
  double limit_s() const { return 2 * settings_.run.deadline_seconds; }

  store::Contents contents() const {
    store::Contents contents;
    contents.output = what_.model.head().output;
    contents.classes = what_.model.head().classes;
    for (const Chunk& chunk : chunks_) {
      contents.examples += chunk.count;
      contents.tokens += chunk.tokens;
      for (std::int64_t e = chunk.first; e < chunk.first + chunk.count; ++e) {
        contents.example_id_bytes = std::max(contents.example_id_bytes, chunk.corpus->id(e).size());
      }
      for (const std::int32_t id : chunk.tokens_of(chunk.corpus->token_id())) {
        contents.token_text_bytes = std::max(contents.token_text_bytes, what_.texts.token_text(id).size());
      }
    }
    for (const model::Point& point : what_.model.points()) contents.points.push_back({point.name, point.width});
    contents.seeds = settings_.probe.seeds;
    for (const ModeProbes& mode : modes_) {
      contents.modes.push_back({std::string(terms::name_of(mode.mode)), {}});
      if (what_.run != nullptr) contents.modes.back().steps = curve_steps(mode);
    }
    if (statistics_) {
      contents.statistics = {std::string(terms::name_of(settings_.statistics.split)),
                             {stats::quantiles.begin(), stats::quantiles.end()}};
    }
    if (what_.run != nullptr) contents.explanations = explanations_entry(settings_);
    contents.task.token_sentiment = !what_.texts.test.sentiment().empty();
    contents.task.token_truth = !what_.texts.test.truth().empty();
    return contents;
  }

  // Texts and masks, and what masks add up to. Contiguous chunks per rank; every rank takes part in every write, also with
  // nothing left. Collective; throws Stopped.
  void write_masks(const sweep::Ranks& ranks, store::ResultsWriter& writer) {
    const auto rank = static_cast<std::size_t>(world_.rank());
    const auto size = static_cast<std::size_t>(world_.size());
    const std::size_t begin = chunks_.size() * rank / size;
    const auto mine = std::span(chunks_).subspan(begin, chunks_.size() * (rank + 1) / size - begin);
    const auto writes =
        world_.all_reduce_max(static_cast<std::int64_t>((mine.size() + chunks_per_write - 1) / chunks_per_write));
    for (std::int64_t w = 0; w < writes; ++w) {
      const std::size_t first = std::min(mine.size(), static_cast<std::size_t>(w) * chunks_per_write);
      const auto chunks = mine.subspan(first, std::min(chunks_per_write, mine.size() - first));
      PendingRows rows(chunks, modes_, what_.model);
      ranks.between_pieces();
      // All ranks meet after each chunk: they wait for one that stands still no longer than the limit.
      for (std::size_t c = 0; c < chunks_per_write; ++c) {
        if (c < chunks.size()) rows.evaluate(chunks[c], ranks.shards(), settings_.run.token_budget);
        ranks.gate("a part of the extraction");
      }
      rows.put_evidence(evidence_);
      const base::Watchdog limit(writing_results, limit_s());
      write_texts(writer, what_.texts, chunks);
      rows.write(writer);
      for (std::size_t m = 0; m < modes_.size(); ++m) sums_[m].add(chunks, rows.keep_probability(m));
      base::world_info("extraction: {} of {} parts written", w + 1, writes);
    }
    ranks.gate("the sums over all parts");
    world_.all_reduce_sum(std::span(evidence_));
    for (MaskSums& sums : sums_) sums.sum(world_);
    if (!evidence_.empty() && what_.run != nullptr) log_scores();
  }

  // One line on each split.
  void log_scores() const {
    const std::size_t per_text = evidence_.size() / static_cast<std::size_t>(contents_.examples);
    std::size_t first = 0;
    for (const terms::Split split : what_.splits) {
      const auto questions = what_.texts.of(split).question();
      if (questions.empty()) continue;
      const auto evidence = std::span(evidence_).subspan(first * per_text, questions.size() * per_text);
      base::world_info("{}: {}", terms::name_of(split), what_.model.output().scores_text(evidence, questions));
      first += questions.size();
    }
  }

  // What is told of a mode beside its masks. Collective; throws Stopped.
  void write_figures(const sweep::Ranks& ranks, store::ResultsWriter& writer, std::size_t m) const {
    const ModeProbes& mode = modes_[m];
    std::optional<Judgement> judgement;
    if (!judged_) judgement = judge_for_results(ranks, mode);
    const base::Watchdog limit(writing_results, limit_s());
    if (judgement) {
      write_judgement(writer, mode, *judgement, sums_[m].agreements());
      write_curves(writer, mode);
    } else {
      copy_judgement(writer, mode, *judged_);
    }
    if (!contents_.task.token_truth) return;
    const at::Tensor f1 = sums_[m].truth_f1().masked_fill(mode.active.t().logical_not(), std::nan(""));
    writer.write_from_first_rank<float>(mode.variable("f1_truth"), span_of(f1.contiguous()));
  }

  Judgement judge_for_results(const sweep::Ranks& ranks, const ModeProbes& mode) const {
    const Context context{settings_, what_.run->folder, ranks};
    Judgement judgement = judge(context, what_.model, what_.texts, mode);
    if (settings_.extract.random_control) {
      base::world_info("{} mode: looking for random masks that do no more harm", terms::name_of(mode.mode));
      const sweep::Evaluator evaluator(ranks, what_.model, what_.texts.dev, mode.layout, settings_.run.token_budget);
      judgement.random_keep_share = sweep::random_keep_shares(evaluator, mode.parameters, judgement.scores);
    }
    return judgement;
  }

  const Extraction& what_;
  const config::Experiment& settings_;
  const comm::Communicator& world_;
  std::vector<ModeProbes> modes_;
  std::vector<Chunk> chunks_;
  std::optional<store::ResultsFile> judged_;
  std::optional<stats::Figures> statistics_;
  store::Contents contents_;
  std::vector<double> evidence_;  // what nobody adds is 0, so that ranks add up
  std::vector<MaskSums> sums_;    // per mode
};

}  // namespace

void extract(const Extraction& extraction) { Extractor(extraction).run(); }

}  // namespace layersweep::jobs
