#include "jobs/steps/extract.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/watchdog.hpp"
#include "comm/agreement.hpp"
#include "jobs/agreement.hpp"
#include "jobs/steps/explanations.hpp"
#include "jobs/steps/mode_probes.hpp"
#include "jobs/steps/statistics.hpp"
#include "probe/evaluate.hpp"
#include "store/results_file.hpp"
#include "store/results_writer.hpp"
#include "store/schema.hpp"
#include "sweep/calibrate.hpp"
#include "sweep/evaluator.hpp"
#include "sweep/stop_and_checkpoint_clock.hpp"

namespace layersweep::jobs {
namespace {

constexpr const char* writing_results = "writing results.h5";

// Examples are evaluated in chunks of consecutive ones, each sorted by length inside and cut into shards: the composition
// of every product is fixed by the experiment, while ranks take whole chunks.
constexpr std::int64_t chunk_examples = 64;
// Chunks between two collective writes: bounds the memory for masks that wait.
constexpr std::int64_t chunks_per_write = 8;

/// A run of consecutive examples of one split.
struct Chunk {
  const data::Corpus* corpus = nullptr;
  terms::Split split = terms::Split::train;
  std::int64_t first = 0;  // in its corpus
  std::int64_t count = 0;
  std::int64_t first_example = 0;  // in the file
  std::int64_t first_token = 0;
  std::int64_t tokens = 0;
};

std::vector<Chunk> chunks_of(const Texts& texts, const std::vector<terms::Split>& splits) {
  std::vector<Chunk> chunks;
  std::int64_t example = 0;
  std::int64_t token = 0;
  for (const terms::Split split : splits) {
    const data::Corpus& corpus = texts.of(split);
    for (std::int64_t first = 0; first < corpus.size(); first += chunk_examples) {
      const std::int64_t count = std::min(chunk_examples, corpus.size() - first);
      const auto start = corpus.token_start();
      const std::int64_t tokens = start[static_cast<std::size_t>(first + count)] - start[static_cast<std::size_t>(first)];
      chunks.push_back({&corpus, split, first, count, example, token, tokens});
      example += count;
      token += tokens;
    }
  }
  return chunks;
}

// P x S of anything to the file's (seed, point).
template <class T, class F>
std::vector<T> by_seed_and_point(const probe::ProbeLayout& layout, F value) {
  std::vector<T> cells;
  for (std::int64_t s = 0; s < layout.seeds(); ++s) {
    for (std::int64_t p = 0; p < layout.points(); ++p) cells.push_back(static_cast<T>(value(p, s)));
  }
  return cells;
}

std::span<const float> span_of(const at::Tensor& contiguous) {
  return {contiguous.const_data_ptr<float>(), static_cast<std::size_t>(contiguous.numel())};
}

/// Where the figures on dev come from.
enum class Figures {
  computed,
  copied,  ///< from an earlier file of the same probes, without curves
};

/// What a rank holds between two writes: consecutive chunks.
class Slab {
 public:
  Slab(const std::vector<Chunk>& chunks, std::size_t begin, std::size_t end, const std::vector<ModeProbes>& modes,
       const model::Model& encoder)
      : chunks_(chunks.begin() + static_cast<std::ptrdiff_t>(begin), chunks.begin() + static_cast<std::ptrdiff_t>(end)) {
    for (const Chunk& chunk : chunks_) {
      examples_ += chunk.count;
      tokens_ += chunk.tokens;
    }
    classes_ = encoder.head().classes;
    outputs_ = encoder.output().columns(encoder.head(), examples_, tokens_);
    for (const ModeProbes& mode : modes) {
      const std::int64_t points = mode.layout.points();
      const std::int64_t seeds = mode.layout.seeds();
      keep_.push_back(at::full({seeds, points, tokens_}, std::nan(""), at::kFloat));
      kl_.push_back(at::full({seeds, points, examples_}, std::nan(""), at::kFloat));
      share_.push_back(kl_.back().clone());
      flipped_.push_back(kl_.back().clone());
    }
  }

  // Chunk by chunk, and all ranks meet after each: they wait for one that stands still no longer than the limit. Collective.
  void evaluate(const sweep::Ranks& ranks, const model::Model& encoder, const std::vector<ModeProbes>& modes,
                std::int64_t token_budget) {
    for (std::size_t c = 0; c < static_cast<std::size_t>(chunks_per_write); ++c) {
      if (c < chunks_.size()) evaluate_chunk(encoder, modes, chunks_[c], {ranks.shards(), token_budget});
      ranks.gate("a part of the extraction");
    }
  }

  void write(store::ResultsWriter& writer, const Texts& texts, const std::vector<ModeProbes>& modes) const {
    write_texts(writer, texts);
    const auto [first_example, first_token] = start();
    write_outputs(writer, first_example, first_token);
    for (std::size_t m = 0; m < modes.size(); ++m) {
      const std::string group(terms::name_of(modes[m].mode));
      const std::int64_t points = modes[m].layout.points();
      const std::int64_t seeds = modes[m].layout.seeds();
      const store::Slab by_token{{0, 0, first_token}, {seeds, points, tokens_}};
      const store::Slab by_example{{0, 0, first_example}, {seeds, points, examples_}};
      writer.write<float>(group + "/keep_probability", by_token, span_of(keep_[m]));
      writer.write<float>(group + "/kl", by_example, span_of(kl_[m]));
      writer.write<float>(group + "/keep_share", by_example, span_of(share_[m]));
      std::vector<std::uint8_t> flips;
      for (const float flip : span_of(flipped_[m]))
        flips.push_back(std::isnan(flip) ? 255 : static_cast<std::uint8_t>(flip));
      writer.write<std::uint8_t>(group + "/flipped", by_example, flips);
    }
  }

  // What the output says of its own evidence (model::OutputColumns), at the examples' places in `evidence`.
  void add_evidence(std::vector<double>& evidence) const {
    const std::vector<double> own = outputs_->evidence();
    if (own.empty()) return;
    const std::size_t width = own.size() / static_cast<std::size_t>(examples_);
    std::ranges::copy(own, evidence.begin() + static_cast<std::ptrdiff_t>(width) * start().example);
  }

  // Adds (seed, point) counts of kept, true, and both, on the test split of a task with known truth.
  void count_truth(std::size_t mode, at::Tensor& kept_true, at::Tensor& kept, at::Tensor& truths) const {
    for (const Chunk& chunk : chunks_) {
      if (chunk.split != terms::Split::test || chunk.corpus->truth().empty()) continue;
      const std::int64_t at = chunk.first_token - chunks_.front().first_token;
      const at::Tensor hard = probe::hard_gates(keep_[mode].narrow(2, at, chunk.tokens)).to(at::kDouble);
      const auto truth = chunk.corpus->truth().subspan(
          static_cast<std::size_t>(chunk.corpus->token_start()[static_cast<std::size_t>(chunk.first)]),
          static_cast<std::size_t>(chunk.tokens));
      const at::Tensor right = at::tensor(at::ArrayRef<std::uint8_t>(truth.data(), truth.size())).to(at::kDouble);
      kept_true += (hard * right).sum(-1);
      kept += hard.sum(-1);
      truths += right.sum();
    }
  }

  // One per point, over the seeds of a mode.
  void add_agreement(std::size_t mode, std::vector<stats::Agreement>& agreements) const {
    for (const Chunk& chunk : chunks_) {
      const auto start = chunk.corpus->token_start();
      for (std::int64_t e = chunk.first; e < chunk.first + chunk.count; ++e) {
        const std::int64_t at = chunk.first_token - chunks_.front().first_token + start[static_cast<std::size_t>(e)] -
                                start[static_cast<std::size_t>(chunk.first)];
        const at::Tensor text = keep_[mode].narrow(2, at, chunk.corpus->length(e));
        for (std::size_t p = 0; p < agreements.size(); ++p) {
          agreements[p].add_text(span_of(text.select(1, static_cast<std::int64_t>(p)).contiguous()));
        }
      }
    }
  }

 private:
  struct Start {
    std::int64_t example = 0, token = 0;
  };
  Start start() const {
    return chunks_.empty() ? Start{} : Start{chunks_.front().first_example, chunks_.front().first_token};
  }

  struct Cut {
    int shards;
    std::int64_t token_budget;
  };

  void evaluate_chunk(const model::Model& encoder, const std::vector<ModeProbes>& modes, const Chunk& chunk, Cut cut) {
    const std::vector<std::int64_t> lengths = chunk.corpus->lengths(chunk.first, chunk.count);
    std::int64_t copies = 1;
    for (const ModeProbes& mode : modes) copies = std::max(copies, mode.layout.points() * mode.layout.seeds());
    for (const data::GlobalBatch& batch : data::ordered_batches(lengths, {chunk_examples, cut.shards, 0})) {
      for (data::Shard shard : batch.shards) {
        for (std::int64_t& example : shard) example += chunk.first;
        for (const auto& piece : sweep::micro_batches(*chunk.corpus, shard, copies, cut.token_budget)) {
          evaluate_piece(encoder, modes, chunk, piece);
        }
      }
    }
  }

  void evaluate_piece(const model::Model& encoder, const std::vector<ModeProbes>& modes, const Chunk& chunk,
                      const std::vector<std::int64_t>& piece) {
    const model::Batch on_host = model::collate(*chunk.corpus, piece);
    const model::Batch batch = on_host.to(encoder.device());
    const model::Clean clean = encoder.clean(batch);
    const auto start = chunk.corpus->token_start();
    const std::int64_t example_shift = chunk.first_example - chunks_.front().first_example - chunk.first;
    const std::int64_t token_shift =
        chunk.first_token - chunks_.front().first_token - start[static_cast<std::size_t>(chunk.first)];
    at::Tensor where = at::tensor(piece, at::kLong) + example_shift;
    std::vector<model::OutputPlace> places;
    for (const std::int64_t example : piece) {
      places.push_back(
          {chunk.corpus, example, example + example_shift, start[static_cast<std::size_t>(example)] + token_shift});
    }
    outputs_->take(on_host, clean.logits.cpu(), places);
    for (std::size_t m = 0; m < modes.size(); ++m) {
      const probe::HardMasks masks =
          probe::evaluate_hard_masks({encoder, batch, clean}, {modes[m].layout, modes[m].parameters}, modes[m].active);
      kl_[m].index_copy_(2, where, masks.kl.transpose(0, 1).contiguous());
      flipped_[m].index_copy_(2, where, masks.flipped.transpose(0, 1).contiguous());
      const at::Tensor untrained = modes[m].active.logical_not().unsqueeze(-1);  // whose masks are none
      share_[m].index_copy_(2, where, masks.keep_share.masked_fill(untrained, std::nan("")).transpose(0, 1).contiguous());
      for (std::size_t b = 0; b < piece.size(); ++b) {
        const std::int64_t length = chunk.corpus->length(piece[b]);
        const at::Tensor row = masks.keep_probability.select(2, static_cast<std::int64_t>(b)).narrow(2, 0, length);
        keep_[m].narrow(2, start[static_cast<std::size_t>(piece[b])] + token_shift, length).copy_(row.transpose(0, 1));
      }
    }
  }

  void write_outputs(store::ResultsWriter& writer, std::int64_t first_example, std::int64_t first_token) const {
    for (const model::OutputColumn& column : outputs_->columns()) {
      const auto& dimensions = store::find_variable(column.name)->dimensions;
      const bool by_token = dimensions.front() == "token";
      std::visit(
          [&]<class T>(const std::vector<T>& cells) {
            store::Slab slab{{by_token ? first_token : first_example}, {by_token ? tokens_ : examples_}};
            if (dimensions.size() == 2) {
              slab.start.push_back(0);
              slab.count.push_back(classes_);
            }
            writer.write<T>(column.name, slab, cells);
          },
          column.cells);
    }
  }

  void write_texts(store::ResultsWriter& writer, const Texts& texts) const {
    std::vector<std::string> ids, token_texts;
    std::vector<std::uint8_t> split, part, truth;
    std::vector<std::int32_t> count, start_token, token_id, word, char_start, char_end, sentiment;
    for (const Chunk& chunk : chunks_) {
      const data::Corpus& corpus = *chunk.corpus;
      const auto begin = corpus.token_start()[static_cast<std::size_t>(chunk.first)];
      for (std::int64_t e = chunk.first; e < chunk.first + chunk.count; ++e) {
        ids.emplace_back(corpus.id(e));
        split.push_back(static_cast<std::uint8_t>(chunk.split));
        count.push_back(static_cast<std::int32_t>(corpus.length(e)));
        start_token.push_back(
            static_cast<std::int32_t>(chunk.first_token + corpus.token_start()[static_cast<std::size_t>(e)] - begin));
      }
      const auto append = [&](auto& to, auto column) {
        if (column.empty()) return;
        const auto cut = column.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(chunk.tokens));
        to.insert(to.end(), cut.begin(), cut.end());
      };
      append(token_id, corpus.token_id());
      append(part, corpus.part());
      append(word, corpus.word_index());
      append(char_start, corpus.char_start());
      append(char_end, corpus.char_end());
      append(sentiment, corpus.sentiment());
      append(truth, corpus.truth());
    }
    for (const std::int32_t id : token_id) token_texts.push_back(texts.token_text(id));

    const auto [first_example, first_token] = start();
    const store::Slab by_example{{first_example}, {examples_}};
    const store::Slab by_token{{first_token}, {tokens_}};
    writer.write_text("example_id", first_example, ids);
    writer.write<std::uint8_t>("split", by_example, split);
    writer.write<std::int32_t>("token_count", by_example, count);
    writer.write<std::int32_t>("token_start", by_example, start_token);
    writer.write<std::int32_t>("token_id", by_token, token_id);
    writer.write_text("token_text", first_token, token_texts);
    writer.write<std::uint8_t>("token_part", by_token, part);
    writer.write<std::int32_t>("word_index", by_token, word);
    writer.write<std::int32_t>("char_start", by_token, char_start);
    writer.write<std::int32_t>("char_end", by_token, char_end);
    if (!texts.test.sentiment().empty()) writer.write<std::int32_t>("token_sentiment", by_token, sentiment);
    if (!texts.test.truth().empty()) writer.write<std::uint8_t>("token_truth", by_token, truth);
  }

  std::vector<Chunk> chunks_;
  std::int64_t examples_ = 0;
  std::int64_t tokens_ = 0;
  std::unique_ptr<model::OutputColumns> outputs_;
  std::int64_t classes_ = 0;
  std::vector<at::Tensor> keep_, kl_, share_, flipped_;  // per mode S x P x tokens or examples
};

store::Contents contents_of(const config::Experiment& experiment, const model::Model& encoder, const Texts& texts,
                            const std::vector<Chunk>& chunks, const std::vector<ModeProbes>& modes, Figures figures) {
  store::Contents contents;
  contents.output = encoder.head().output;
  contents.classes = encoder.head().classes;
  for (const Chunk& chunk : chunks) {
    contents.examples += chunk.count;
    contents.tokens += chunk.tokens;
    for (std::int64_t e = chunk.first; e < chunk.first + chunk.count; ++e) {
      contents.example_id_bytes = std::max(contents.example_id_bytes, chunk.corpus->id(e).size());
    }
    const auto begin = chunk.corpus->token_start()[static_cast<std::size_t>(chunk.first)];
    for (const std::int32_t id :
         chunk.corpus->token_id().subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(chunk.tokens))) {
      contents.token_text_bytes = std::max(contents.token_text_bytes, texts.token_text(id).size());
    }
  }
  for (const model::Point& point : encoder.points()) contents.points.push_back({point.name, point.width});
  contents.seeds = experiment.probe.seeds;
  for (const ModeProbes& mode : modes) {
    store::ModeEntry entry{std::string(terms::name_of(mode.mode)), {}};
    // Units of one mode may stop at different steps; the curve's axis is that of the longest.
    for (const UnitResult* unit : mode.units) {
      if (figures == Figures::copied || unit->trained.curve.size() <= entry.steps.size()) continue;
      entry.steps.clear();
      for (const sweep::Validation& validation : unit->trained.curve) entry.steps.push_back(validation.step);
    }
    contents.modes.push_back(std::move(entry));
  }
  contents.task.token_sentiment = !texts.test.sentiment().empty();
  contents.task.token_truth = !texts.test.truth().empty();
  return contents;
}

void write_curves(store::ResultsWriter& writer, const ModeProbes& mode, std::size_t steps) {
  const std::int64_t points = mode.layout.points();
  const std::int64_t seeds = mode.layout.seeds();
  const auto cells = [&](auto value) {
    std::vector<float> all(steps * static_cast<std::size_t>(seeds * points), std::nanf(""));
    std::int64_t first = 0;
    for (const UnitResult* unit : mode.units) {
      for (std::size_t v = 0; v < unit->trained.curve.size(); ++v) {
        for (std::int64_t s = 0; s < unit->trained.layout.seeds(); ++s) {
          for (std::int64_t p = 0; p < points; ++p) {
            all[(v * static_cast<std::size_t>(seeds) + static_cast<std::size_t>(first + s)) *
                    static_cast<std::size_t>(points) +
                static_cast<std::size_t>(p)] = static_cast<float>(value(unit->trained.curve[v], p, s));
          }
        }
      }
      first += unit->trained.layout.seeds();
    }
    return all;
  };
  const auto score = [](double sweep::Score::*member) {
    return [member](const sweep::Validation& at, std::int64_t p, std::int64_t s) {
      return at.scores[static_cast<std::size_t>(p)][static_cast<std::size_t>(s)].*member;
    };
  };
  const std::string group(terms::name_of(mode.mode));
  writer.write_from_first_rank<float>(group + "/training_kl", cells(score(&sweep::Score::kl)));
  writer.write_from_first_rank<float>(group + "/training_keep_share", cells(score(&sweep::Score::keep_share)));
  writer.write_from_first_rank<float>(group + "/training_flipped", cells(score(&sweep::Score::flips)));
  writer.write_from_first_rank<float>(
      group + "/training_alpha",
      cells([](const sweep::Validation& at, std::int64_t p, std::int64_t s) { return at.alpha[p][s].item<double>(); }));
}

void write_judgement(const Context& context, const model::Model& encoder, const Texts& texts, store::ResultsWriter& writer,
                     const ModeProbes& mode, const std::vector<stats::Agreement>& agreements) {
  const config::Probe& settings = context.experiment.probe;
  const sweep::Limits limits{settings.epsilon, settings.flip_limit};
  const auto [scores, chosen] = judge(context, encoder, texts, mode);
  const std::string group(terms::name_of(mode.mode));
  std::optional<sweep::CellTable<double>> random_shares;
  if (context.experiment.extract.random_control) {
    base::world_info("{} mode: looking for random masks that do no more harm", group);
    const sweep::Evaluator evaluator(context.ranks, encoder, texts.dev, mode.layout, context.experiment.run.token_budget);
    random_shares = sweep::random_keep_shares(evaluator, mode.parameters, scores);
  }
  const base::Watchdog limit(writing_results, context.experiment.run.deadline_seconds);
  const auto figure = [&](double sweep::Score::*member) {
    return by_seed_and_point<float>(mode.layout, [&](std::int64_t p, std::int64_t s) {
      return scores[static_cast<std::size_t>(p)][static_cast<std::size_t>(s)].*member;
    });
  };
  writer.write_from_first_rank<float>(group + "/kl_mean", figure(&sweep::Score::kl));
  writer.write_from_first_rank<float>(group + "/kl_p95", figure(&sweep::Score::kl_p95));
  writer.write_from_first_rank<float>(group + "/kl_max", figure(&sweep::Score::kl_max));
  writer.write_from_first_rank<float>(group + "/flipped_share", figure(&sweep::Score::flips));
  writer.write_from_first_rank<float>(group + "/keep_share_mean", figure(&sweep::Score::keep_share));
  writer.write_from_first_rank<float>(group + "/alpha", by_seed_and_point<float>(mode.layout, [&](auto p, auto s) {
                                        return mode.alpha[p][s].template item<double>();
                                      }));
  writer.write_from_first_rank<std::int32_t>(
      group + "/steps", by_seed_and_point<std::int32_t>(
                            mode.layout, [&](auto p, auto s) { return mode.steps[p][s].template item<std::int64_t>(); }));
  writer.write_from_first_rank<std::uint8_t>(group + "/status",
                                             by_seed_and_point<std::uint8_t>(mode.layout, [&](auto p, auto s) {
                                               return mode.status[static_cast<std::size_t>(p)][static_cast<std::size_t>(s)];
                                             }));
  const auto accepted = by_seed_and_point<std::uint8_t>(mode.layout, [&](auto p, auto s) {
    return sweep::is_accepted(scores[static_cast<std::size_t>(p)][static_cast<std::size_t>(s)], limits);
  });
  writer.write_from_first_rank<std::uint8_t>(group + "/accepted", accepted);
  write_agreement(writer, group, accepted, agreements);
  writer.write_from_first_rank<std::int32_t>(group + "/chosen_seed", chosen);
  if (random_shares) {
    writer.write_from_first_rank<float>(group + "/random_keep_share",
                                        by_seed_and_point<float>(mode.layout, [&](std::int64_t p, std::int64_t s) {
                                          return sweep::at_cell(*random_shares, p, s);
                                        }));
  }
}

// The same figures as an earlier file of these probes has.
void copy_judgement(const store::ResultsFile& judged, store::ResultsWriter& writer, const ModeProbes& mode) {
  const std::vector<std::int64_t> by_cell{mode.layout.seeds(), mode.layout.points()};
  for (const store::VariableSpec& spec : store::variables()) {
    if (!spec.traits.judged) continue;
    const std::string variable = store::path_in(terms::name_of(mode.mode), spec.name);
    const auto shape = spec.dimensions.size() == 2 ? by_cell : std::vector<std::int64_t>{mode.layout.points()};
    if (judged.shape(variable) != shape) {
      throw base::InputError(fmt::format("{} is of another run", judged.path().string()),
                             "its points or seeds are not those of experiment.ini beside it");
    }
    store::with_cell_type(spec.type,
                          [&]<class T>(T) { writer.write_from_first_rank<T>(variable, judged.read<T>(variable)); });
  }
}

// One line on each split of what the outputs' evidence says.
void log_scores(const model::Output& output, const std::vector<double>& evidence, std::int64_t examples,
                const std::vector<Chunk>& chunks) {
  const std::size_t width = evidence.size() / static_cast<std::size_t>(examples);
  for (std::size_t begin = 0; begin < chunks.size();) {
    std::size_t end = begin;
    std::vector<std::int32_t> numbers;
    for (; end < chunks.size() && chunks[end].split == chunks[begin].split; ++end) {
      const auto of_chunk = chunks[end].corpus->question().subspan(static_cast<std::size_t>(chunks[end].first),
                                                                   static_cast<std::size_t>(chunks[end].count));
      numbers.insert(numbers.end(), of_chunk.begin(), of_chunk.end());
    }
    const auto first = static_cast<std::size_t>(chunks[begin].first_example) * width;
    base::world_info("{}: {}", terms::name_of(chunks[begin].split),
                     output.scores_text(std::span(evidence).subspan(first, numbers.size() * width), numbers));
    begin = end;
  }
}

// Writes the figures of a mode, evaluating with the team that it gets. Collective.
using JudgeMode =
    std::function<void(const sweep::Ranks&, store::ResultsWriter&, const ModeProbes&, const std::vector<stats::Agreement>&)>;

// All variables that `contents` does not fill by itself. Collective; throws Stopped between two evaluations.
void write_all(const Extraction& what, const sweep::Ranks& ranks, const std::vector<Chunk>& chunks,
               const std::vector<ModeProbes>& modes, const store::Contents& contents, Figures figures,
               const JudgeMode& judge_mode, store::ResultsWriter& writer) {
  const comm::Communicator& communicator = ranks.communicator();
  const double limit_s = what.experiment.run.deadline_seconds;
  std::optional<base::Watchdog> limit;

  // Contiguous chunks per rank; every rank takes part in every write, also with nothing left.
  const std::size_t total = chunks.size();
  const auto rank = static_cast<std::size_t>(ranks.rank());
  const auto size = static_cast<std::size_t>(ranks.size());
  const std::size_t begin = total * rank / size;
  const std::size_t end = total * (rank + 1) / size;
  const auto writes =
      communicator.all_reduce_max(static_cast<std::int64_t>((end - begin + chunks_per_write - 1) / chunks_per_write));
  // What nobody adds stays 0, so that ranks add up.
  std::vector<double> evidence(what.encoder.output().columns(what.encoder.head(), 1, 1)->evidence().size() *
                               static_cast<std::size_t>(contents.examples));
  std::vector<at::Tensor> kept_true, kept, truths;
  std::vector<std::vector<stats::Agreement>> agreements;
  for (const ModeProbes& mode : modes) {
    agreements.emplace_back(static_cast<std::size_t>(mode.layout.points()),
                            stats::Agreement(static_cast<std::size_t>(mode.layout.seeds())));
    kept_true.push_back(at::zeros({mode.layout.seeds(), mode.layout.points()}, at::kDouble));
    kept.push_back(kept_true.back().clone());
    truths.push_back(kept_true.back().clone());
  }
  for (std::int64_t w = 0; w < writes; ++w) {
    const std::size_t from = std::min(end, begin + static_cast<std::size_t>(w * chunks_per_write));
    const std::size_t to = std::min(end, from + static_cast<std::size_t>(chunks_per_write));
    Slab slab(chunks, from, to, modes, what.encoder);
    ranks.between_pieces();
    slab.evaluate(ranks, what.encoder, modes, what.experiment.run.token_budget);
    slab.add_evidence(evidence);
    limit.emplace(writing_results, limit_s);
    slab.write(writer, what.texts, modes);
    limit.reset();
    for (std::size_t m = 0; m < modes.size(); ++m) {
      slab.count_truth(m, kept_true[m], kept[m], truths[m]);
      slab.add_agreement(m, agreements[m]);
    }
    base::world_info("extraction: {} of {} parts written", w + 1, writes);
  }
  ranks.gate("the sums over all parts");
  communicator.all_reduce_sum(std::span(evidence));
  if (!evidence.empty() && figures == Figures::computed) {
    log_scores(what.encoder.output(), evidence, contents.examples, chunks);
  }

  for (std::size_t m = 0; m < modes.size(); ++m) {
    limit.reset();
    for (stats::Agreement& agreement : agreements[m]) communicator.all_reduce_sum(agreement.counters());
    judge_mode(ranks, writer, modes[m], agreements[m]);
    limit.emplace(writing_results, limit_s);
    if (figures == Figures::computed) write_curves(writer, modes[m], contents.modes[m].steps.size());
    if (!contents.task.token_truth) continue;
    for (at::Tensor* counts : {&kept_true[m], &kept[m], &truths[m]}) {
      communicator.all_reduce_sum(std::span<double>(counts->data_ptr<double>(), static_cast<std::size_t>(counts->numel())));
    }
    // F1 = 2·|kept ∩ true| / (|kept| + |true|) over the tokens of the test split.
    const at::Tensor f1 = (2 * kept_true[m] / (kept[m] + truths[m]))
                              .masked_fill(modes[m].active.t().logical_not(), std::nan(""))
                              .to(at::kFloat)
                              .contiguous();
    writer.write_from_first_rank<float>(std::string(terms::name_of(modes[m].mode)) + "/f1_truth", span_of(f1));
  }
}

// With the statistics and explanations of `run`, if there is one.
void write_results(const Extraction& what, const std::vector<ModeProbes>& modes, Figures figures, const Context* run,
                   const JudgeMode& judge_mode) {
  const std::vector<Chunk> chunks = chunks_of(what.texts, what.splits);
  if (chunks.empty()) {
    throw base::InputError("there are no texts to extract masks of", "extract.splits names splits without texts",
                           "Add dev or test to extract.splits");
  }
  store::Contents contents = contents_of(what.experiment, what.encoder, what.texts, chunks, modes, figures);
  std::optional<stats::Figures> statistics;
  if (run != nullptr) {
    statistics = finished_statistics(*run);
    contents.explanations = explanations_entry(run->experiment);
  }
  if (statistics) {
    contents.statistics = {std::string(terms::name_of(what.experiment.statistics.split)),
                           {stats::quantiles.begin(), stats::quantiles.end()}};
  }
  const double limit_s = what.experiment.run.deadline_seconds;
  sweep::StopAndCheckpointClock clock(what.ranks, limit_s);
  const sweep::Ranks stoppable = sweep::stopping_between_pieces(what.ranks, clock);
  std::optional<base::Watchdog> limit(std::in_place, writing_results, limit_s);
  std::optional<store::ResultsWriter> writer(std::in_place, what.ranks.communicator(), what.file, contents, what.provenance);
  if (statistics) write_statistics(*writer, *statistics);
  limit.reset();
  try {
    write_all(what, stoppable, chunks, modes, contents, figures, judge_mode, *writer);
  } catch (const sweep::Stopped&) {
    writer.reset();  // here, where no exception unwinds, it takes the unfinished file away
    throw;
  }
  limit.emplace(writing_results, limit_s);
  if (run != nullptr) write_explanations(*run, what.texts, std::ssize(contents.points), *writer);
  writer->finish();
}

}  // namespace

std::string results_title(const config::Experiment& experiment) {
  std::string modes;
  for (const terms::Mode mode : experiment.probe.modes) {
    modes += fmt::format("{}{}", modes.empty() ? "" : " and ", terms::name_of(mode));
  }
  return fmt::format("DiffMask probes of every layer: task {}, {} mode", terms::name_of(experiment.task.name), modes);
}

void extract(const Context& context, const model::Model& encoder, const Texts& texts, const std::vector<UnitResult>& units,
             const store::Provenance& provenance) {
  const Extraction what{context.ranks, context.experiment,      encoder, texts, context.experiment.extract.splits,
                        provenance,    context.folder.results()};
  write_results(
      what, probes_by_mode(units), Figures::computed, &context,
      [&](const sweep::Ranks& ranks, store::ResultsWriter& writer, const ModeProbes& mode, const auto& agreements) {
        const Context with_team{context.experiment, context.folder, ranks};
        write_judgement(with_team, encoder, texts, writer, mode, agreements);
      });
}

void extract_as_judged(const Extraction& what, const std::vector<UnitResult>& units, const std::filesystem::path& judged) {
  const auto earlier = comm::run_together(what.ranks.communicator(), [&] { return store::ResultsFile::open(judged); });
  write_results(what, probes_by_mode(units), Figures::copied, nullptr,
                [&](const sweep::Ranks&, store::ResultsWriter& writer, const ModeProbes& mode, const auto&) {
                  copy_judgement(earlier, writer, mode);
                });
}

}  // namespace layersweep::jobs
