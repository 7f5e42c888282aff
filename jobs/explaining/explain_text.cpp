#include "jobs/explaining/explain_text.hpp"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.hpp"
#include "config/print.hpp"
#include "jobs/explaining/opened_run.hpp"
#include "jobs/explaining/text_reader.hpp"
#include "jobs/floats.hpp"
#include "model/batch.hpp"
#include "probe/evaluate.hpp"
#include "store/results_file.hpp"
#include "sweep/run_folder.hpp"
#include "sweep/unit_files.hpp"

namespace layersweep::jobs {
namespace {

using Path = std::filesystem::path;
using sweep::RunFolder;

terms::Mode pick_mode(const Path& run, const config::Probe& settings, std::optional<terms::Mode> wanted) {
  if (!wanted) return settings.modes.front();
  if (std::ranges::find(settings.modes, *wanted) != settings.modes.end()) return *wanted;
  throw base::InputError(fmt::format("{} has no probes of {} mode", run.string(), terms::name_of(*wanted)),
                         fmt::format("its experiment trains {} mode only", terms::name_of(settings.modes.front())),
                         "Leave out --mode, or run an experiment with probe.modes = input, hidden");
}

std::size_t place_of_seed(const config::Probe& settings, std::int64_t seed) {
  const auto found = std::ranges::find(settings.seeds, seed);
  if (found == settings.seeds.end()) {
    throw base::InputError(fmt::format("the run has no probe seed {}", seed),
                           fmt::format("its experiment has the seeds {}", fmt::join(settings.seeds, ", ")));
  }
  return static_cast<std::size_t>(found - settings.seeds.begin());
}

/// What the results file says of the seeds of one mode.
struct SeedChoice {
  std::vector<std::int32_t> chosen;    // per point an index into the seeds, or −1
  std::vector<std::uint8_t> accepted;  // seed x point
};

std::optional<SeedChoice> read_choice(const Path& results, terms::Mode mode, std::size_t seeds, std::size_t points) {
  if (!std::filesystem::exists(results)) return std::nullopt;
  const auto file = store::ResultsFile::open(results);
  const std::string group(terms::name_of(mode));
  SeedChoice choice{file.chosen_seeds(group), file.read<std::uint8_t>(group + "/accepted")};
  if (choice.chosen.size() != points || choice.accepted.size() != points * seeds) {
    throw base::InputError(fmt::format("{} is of another run", results.string()),
                           "its points or seeds are not those of experiment.ini beside it");
  }
  return choice;
}

/// The probes of one unit, and the points they are shown for.
struct LoadedUnit {
  sweep::TrainedUnit trained;
  at::Tensor active;  // P x S
};

/// The probe that stands for a point.
struct PointProbe {
  std::size_t unit = 0;    // of the loaded ones
  std::int64_t place = 0;  // in its unit
  std::int64_t seed = 0;
  Verdict verdict = Verdict::open;
};

class ProbeLoader {
 public:
  ProbeLoader(const OpenedRun& run, terms::Mode mode) : run_(run) {
    widths_ = probe::widths_of(*run.encoder);
    for (const plan::Unit& unit : plan::units_of(run.experiment.probe)) {
      if (unit.mode == mode) units_.push_back(unit);
    }
  }

  std::size_t points() const { return widths_.size(); }

  /// The first seed whose unit is done.
  std::optional<std::int64_t> first_trained() {
    for (const plan::Unit& unit : units_) {
      const auto seed = static_cast<std::int64_t>(unit.seeds.front());
      if (find(seed)) return seed;
    }
    return std::nullopt;
  }

  /// Makes the probe of `seed` that of `point`.
  PointProbe take(std::int64_t point, std::int64_t seed, Verdict verdict) {
    const auto cell = find(seed);
    if (!cell) {
      throw base::InputError(fmt::format("the probes of seed {} are not trained yet in {}", seed, run_.path.string()), {},
                             run_.how_to_go_on());
    }
    loaded_[cell->unit].active[point][cell->place] = true;
    return {cell->unit, cell->place, seed, verdict};
  }

  std::vector<LoadedUnit> loaded() { return std::move(loaded_); }

 private:
  std::optional<PointProbe> find(std::int64_t seed) {
    for (std::size_t u = 0; u < units_.size(); ++u) {
      const auto& seeds = units_[u].seeds;
      const auto found = std::ranges::find(seeds, static_cast<std::uint64_t>(seed));
      if (found == seeds.end()) continue;
      if (place_.size() <= u) place_.resize(units_.size());
      if (!place_[u]) {
        auto trained = sweep::load_unit(RunFolder::unit_of(run_.path, units_[u]), units_[u], widths_, run_.identity);
        if (!trained) return std::nullopt;
        place_[u] = loaded_.size();
        const auto points = static_cast<std::int64_t>(widths_.size());
        loaded_.push_back({std::move(*trained), at::zeros({points, static_cast<std::int64_t>(seeds.size())}, at::kBool)});
      }
      return PointProbe{*place_[u], found - seeds.begin(), seed, Verdict::open};
    }
    return std::nullopt;
  }

  const OpenedRun& run_;
  std::vector<std::int64_t> widths_;
  std::vector<plan::Unit> units_;                  // of the mode
  std::vector<std::optional<std::size_t>> place_;  // of each unit among the loaded
  std::vector<LoadedUnit> loaded_;
};

std::vector<PointProbe> choose_cells(const OpenedRun& run, terms::Mode mode, std::optional<std::int64_t> wanted,
                                     ProbeLoader& probes) {
  const config::Probe& settings = run.experiment.probe;
  const std::vector<std::int64_t>& seeds = settings.seeds;
  const auto choice = read_choice(RunFolder::results_of(run.path), mode, seeds.size(), probes.points());
  std::optional<std::size_t> everywhere;
  if (wanted) everywhere = place_of_seed(settings, *wanted);
  if (!wanted && !choice) {
    const auto first = probes.first_trained();
    if (!first) {
      throw base::InputError(
          fmt::format("no probes of {} mode are trained yet in {}", terms::name_of(mode), run.path.string()), {},
          run.how_to_go_on());
    }
    everywhere = place_of_seed(settings, *first);
  }
  std::vector<PointProbe> cells;
  for (std::size_t p = 0; p < probes.points(); ++p) {
    const std::size_t s = everywhere ? *everywhere : static_cast<std::size_t>(std::max(choice->chosen[p], std::int32_t{0}));
    Verdict verdict = Verdict::open;
    if (choice) {
      verdict = choice->accepted[s * probes.points() + p] == 1 ? Verdict::accepted : Verdict::not_accepted;
    }
    cells.push_back(probes.take(static_cast<std::int64_t>(p), seeds[s], verdict));
  }
  return cells;
}

}  // namespace

struct TextExplainer::State {
  terms::Mode mode;
  std::unique_ptr<model::Model> encoder;
  TextReader reader;
  std::vector<PointProbe> cells;  // per point
  std::vector<LoadedUnit> units;
};

TextExplainer::TextExplainer(const Path& run, const std::optional<Path>& encoder, std::optional<terms::Mode> wanted,
                             std::optional<std::int64_t> seed) {
  OpenedRun opened = open_run(run, encoder, ModelCheck::here);
  const terms::Mode mode = pick_mode(run, opened.experiment.probe, wanted);
  if (seed) place_of_seed(opened.experiment.probe, *seed);
  ProbeLoader probes(opened, mode);
  auto cells = choose_cells(opened, mode, seed, probes);
  TextReader reader(opened.experiment, opened.model);
  state_ =
      std::make_unique<State>(State{mode, std::move(opened.encoder), std::move(reader), std::move(cells), probes.loaded()});
}

TextExplainer::~TextExplainer() = default;

terms::Mode TextExplainer::mode() const { return state_->mode; }

Explanation TextExplainer::explain(const data::TextInput& input) const {
  const model::Model& encoder = *state_->encoder;
  const ReadText read = state_->reader.read(input);
  Explanation result;
  result.answer = encoder.output().answers(encoder, {&read.windows, 1}).front();
  const data::Example& example = read.windows[result.answer.window];
  const std::int64_t first = 0;
  const auto batch = model::collate(data::Corpus::pack({example}), {&first, 1});
  const model::Clean clean = encoder.clean(batch);
  if (!result.answer.span) result.class_name = state_->reader.class_name(example, result.answer.value);
  std::vector<probe::HardMasks> masks;  // per unit
  for (const LoadedUnit& unit : state_->units) {
    masks.push_back(
        probe::evaluate_hard_masks({encoder, batch, clean}, {unit.trained.layout, unit.trained.parameters}, unit.active));
  }
  for (std::size_t p = 0; p < state_->cells.size(); ++p) {
    const PointProbe& cell = state_->cells[p];
    const auto of_cell = [&](const at::Tensor& values) { return values[static_cast<std::int64_t>(p)][cell.place][0]; };
    const probe::HardMasks& mask = masks[cell.unit];
    const at::Tensor keep = of_cell(mask.keep_probability);
    result.points.push_back({.point = encoder.points()[p].name,
                             .seed = cell.seed,
                             .verdict = cell.verdict,
                             .keep_probability = floats_of(keep),
                             .kept = probe::hard_gates(keep).sum().item<std::int64_t>(),
                             .keep_share = of_cell(mask.keep_share).item<float>(),
                             .kl = of_cell(mask.kl).item<float>(),
                             .flipped = of_cell(mask.flipped).item<float>() == 1});
  }
  for (const std::int32_t id : example.token_id) result.tokens.push_back(state_->reader.token_text(id));
  for (const Remark& remark : read.remarks) result.remarks.push_back(remark.of_text);
  return result;
}

}  // namespace layersweep::jobs
