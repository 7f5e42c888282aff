#include "sweep/calibrate.hpp"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "probe/hard_concrete.hpp"
#include "sweep/progress.hpp"

namespace layersweep::sweep {
namespace {

// A share is searched to 1 in 200 tokens, or to a thirtieth of itself where few are kept.
constexpr double finest = 0.005;
constexpr double finest_of_share = 0.03;

// How far each token's gate logit lies above the one at which the token is dropped: it stays as long as the bias sinks by
// less. Tokens that the points below dropped are left out.
std::vector<float> margins(const at::Tensor& phi, const at::Tensor& log_below) {
  std::vector<float> result;
  const auto own = phi.accessor<float, 1>();
  const auto below = log_below.accessor<float, 1>();
  for (std::int64_t t = 0; t < own.size(0); ++t) {
    // kept while log P(own) + log P(below) > log ½
    const double needed = std::log(0.5) - below[t];
    if (needed < 0) result.push_back(static_cast<float>(own[t] - probe::gate_logit_of(needed)));
  }
  std::sort(result.begin(), result.end());
  return result;
}

// How far the bias has to sink for `kept` of the tokens with these margins (rising) to stay.
double shift_for(const std::vector<float>& margins, std::int64_t kept) {
  const auto count = static_cast<std::int64_t>(margins.size());
  if (count == 0) return 0;
  // Half a logit clear of the last token: what was not in `margins` may lie a little lower.
  if (kept >= count) return margins.front() - 0.5;
  if (kept <= 0) return margins.back() + 0.5;
  return (double{margins[count - kept - 1]} + double{margins[count - kept]}) / 2;
}

struct CellSearch {
  std::int64_t point;
  std::int64_t judged_end;  // what is tried is judged at the points from `point` to before this one
  std::int64_t seed;
  KeepShareSearch share;
};

// Carries all searches to their ends side by side. `evaluate(active)` gives the scores at the shares to try of the cells
// that are still open, `accepts(cell, score)` judges one of them; `report(found)` is told before each round.
template <class Cell, class Evaluate, class Accepts, class Report>
void search(const probe::ProbeLayout& layout, std::vector<Cell>& cells, const Evaluate& evaluate, const Accepts& accepts,
            const Report& report) {
  const auto open = [](const Cell& cell) { return !cell.share.finished(); };
  while (std::any_of(cells.begin(), cells.end(), open)) {
    report(cells.size() - static_cast<std::size_t>(std::count_if(cells.begin(), cells.end(), open)));
    const at::Tensor active = at::zeros({layout.points(), layout.seeds()}, at::kBool);
    for (const Cell& cell : cells) {
      if (open(cell)) active.slice(0, cell.point, cell.judged_end).select(1, cell.seed).fill_(true);
    }
    const CellTable<Score> scores = evaluate(active);
    for (Cell& cell : cells) {
      if (!open(cell)) continue;
      bool acceptable = true;
      for (auto p = cell.point; p < cell.judged_end; ++p)
        acceptable = acceptable && accepts(cell, at_cell(scores, p, cell.seed));
      cell.share.tell(acceptable);
    }
  }
}

struct BiasSearch : CellSearch {
  std::vector<float> margins;
  std::int64_t tokens;
  double share_now;

  double shift(double keep_share) const {
    if (keep_share == share_now) return 0;
    return shift_for(margins, std::llround(keep_share * static_cast<double>(tokens)));
  }
};

class GateCalibration {
 public:
  GateCalibration(const Evaluator& evaluator, const at::Tensor& parameters, const Constraint& constraint)
      : evaluator_(evaluator),
        layout_(evaluator.layout()),
        parameters_(parameters),
        constraint_(constraint),
        phi_(evaluator.gate_logits(parameters)) {}

  // Points know nothing of each other: all at once, each to the smallest share that is acceptable.
  void hidden() {
    std::vector<BiasSearch> cells;
    for (std::int64_t p = 0; p < layout_.points(); ++p) {
      for (std::int64_t s = 0; s < layout_.seeds(); ++s) add(cells, p, p + 1, s, KeepShareSearch::Known::nothing);
    }
    run(cells, [&](std::size_t found) { show_(found, cells.size()); });
    show_(cells.size(), cells.size());
  }

  // Upwards, gates are opened where training left a point beyond its constraint, so that no point costs those above it more
  // than it must. Downwards, they are closed as far as no point above suffers.
  void input() {
    const auto points = static_cast<std::size_t>(layout_.points());
    std::size_t done = 0;
    const auto show = [&](std::size_t) { show_(done, 2 * points); };
    for (std::int64_t p = 0; p < layout_.points(); ++p, ++done) {
      show(0);
      const at::Tensor active = at::zeros({layout_.points(), layout_.seeds()}, at::kBool);
      active[p].fill_(true);
      const CellTable<Score> scores = evaluator_.cells(parameters_, active);
      std::vector<BiasSearch> cells;
      for (std::int64_t s = 0; s < layout_.seeds(); ++s) {
        if (!is_accepted(at_cell(scores, p, s), constraint_)) add(cells, p, p + 1, s, KeepShareSearch::Known::guess_fails);
      }
      run(cells, show);
    }
    for (std::int64_t p = layout_.points() - 1; p >= 0; --p, ++done) {
      std::vector<BiasSearch> cells;
      for (std::int64_t s = 0; s < layout_.seeds(); ++s) {
        add(cells, p, layout_.points(), s, KeepShareSearch::Known::guess_suffices);
      }
      run(cells, show);
    }
    show(0);
  }

 private:
  // The search over the bias of one gate, beginning at the share that it keeps now.
  void add(std::vector<BiasSearch>& cells, std::int64_t point, std::int64_t judged_end, std::int64_t seed,
           KeepShareSearch::Known known) const {
    const at::Tensor phi = phi_[point][seed];
    if (!phi.isfinite().all().item<bool>()) return;
    at::Tensor log_below = at::zeros_like(phi);
    if (layout_.mode() == terms::Mode::input) {
      for (std::int64_t below = 0; below < point; ++below) log_below += probe::log_keep_probability(phi_[below][seed]);
    }
    std::vector<float> own = margins(phi, log_below);
    const auto tokens = phi.size(0);
    const auto share = [&](std::int64_t count) { return static_cast<double>(count) / static_cast<double>(tokens); };
    const auto now = own.end() - std::upper_bound(own.begin(), own.end(), 0.0F);
    const KeepShareSearch search(share(now), share(static_cast<std::int64_t>(own.size())), known);
    cells.push_back({{point, judged_end, seed, search}, std::move(own), tokens, share(now)});
  }

  template <class Report>
  void run(std::vector<BiasSearch>& cells, const Report& report) {
    const auto evaluate = [&](const at::Tensor& active) {
      const at::Tensor tried = parameters_.clone();
      for (const BiasSearch& cell : cells) {
        if (!cell.share.finished()) sink(tried, cell, cell.shift(cell.share.next()));
      }
      return evaluator_.cells(tried, active);
    };
    search(
        layout_, cells, evaluate, [&](const BiasSearch&, const Score& score) { return is_accepted(score, constraint_); },
        report);
    for (const BiasSearch& cell : cells) {
      const double shift = cell.shift(cell.share.best());
      sink(parameters_, cell, shift);
      phi_[cell.point][cell.seed] -= shift;
    }
  }

  void sink(const at::Tensor& flat, const BiasSearch& cell, double shift) const {
    for (const auto& [name, values] : layout_.cell(flat, static_cast<int>(cell.point), cell.seed)) {
      if (name == "gate.bias") values.sub_(shift);
    }
  }

  const Evaluator& evaluator_;
  const probe::ProbeLayout& layout_;
  const at::Tensor& parameters_;
  Constraint constraint_;
  at::Tensor phi_;  // P x S x tokens, as calibrated so far
  std::function<void(std::size_t, std::size_t)> show_ = search_printer("calibration of gates");
};

}  // namespace

KeepShareSearch::KeepShareSearch(double guess, double most, Known known)
    : high_(most), next_(guess), step_(known == Known::guess_suffices ? finest : std::max(0.02, guess / 8)) {
  if (known == Known::guess_suffices) high_ = guess;
  if (known == Known::guess_fails) low_ = guess;
  // A probe that keeps all it may is asked for a little less, one that keeps nothing for a little more.
  seen_high_ = known == Known::guess_suffices || guess >= most;
  seen_low_ = known == Known::guess_fails || guess <= 0;
  if (seen_high_ || seen_low_) choose();
}

void KeepShareSearch::tell(bool acceptable) {
  (acceptable ? high_ : low_) = next_;
  (acceptable ? seen_high_ : seen_low_) = true;
  choose();
}

void KeepShareSearch::choose() {
  const double resolution = std::max(finest, finest_of_share * high_);
  if (high_ - low_ <= resolution) {
    finished_ = true;
  } else if (seen_low_ && seen_high_) {
    next_ = (low_ + high_) / 2;
  } else {
    next_ = seen_low_ ? low_ + step_ : high_ - step_;
    step_ *= 2;
    // The ends are known without asking.
    if (next_ <= low_ || next_ >= high_) {
      seen_low_ = seen_high_ = true;
      next_ = (low_ + high_) / 2;
    }
  }
}

void calibrate(const Evaluator& evaluator, const at::Tensor& parameters, const Constraint& constraint) {
  GateCalibration calibration(evaluator, parameters, constraint);
  evaluator.layout().mode() == terms::Mode::hidden ? calibration.hidden() : calibration.input();
}

CellTable<double> random_keep_shares(const Evaluator& evaluator, const at::Tensor& parameters,
                                     const CellTable<Score>& scores) {
  const probe::ProbeLayout& layout = evaluator.layout();
  CellTable<double> shares = cell_table(layout, std::nan(""));
  std::vector<CellSearch> cells;
  for (std::int64_t p = 0; p < layout.points(); ++p) {
    for (std::int64_t s = 0; s < layout.seeds(); ++s) {
      const Score& score = at_cell(scores, p, s);
      if (!std::isnan(score.kl)) cells.push_back({p, p + 1, s, KeepShareSearch(score.keep_share, 1.0)});
    }
  }
  const auto evaluate = [&](const at::Tensor& active) {
    for (const CellSearch& cell : cells) at_cell(shares, cell.point, cell.seed) = cell.share.next();
    return evaluator.random_masks(parameters, active, shares);
  };
  const auto harmless = [&](const CellSearch& cell, const Score& random) {
    return random.kl <= at_cell(scores, cell.point, cell.seed).kl;
  };
  const auto show = search_printer("random masks");
  search(layout, cells, evaluate, harmless, [&](std::size_t found) { show(found, cells.size()); });
  show(cells.size(), cells.size());
  for (const CellSearch& cell : cells) at_cell(shares, cell.point, cell.seed) = cell.share.best();
  return shares;
}

void take_calibrated(const Evaluator& evaluator, const at::Tensor& last, const Constraint& constraint, TrainedUnit& unit) {
  const probe::ProbeLayout& layout = unit.layout;
  const at::Tensor calibrated = last.clone();
  calibrate(evaluator, calibrated, constraint);

  const at::Tensor all = at::ones({layout.points(), layout.seeds()}, at::kBool);
  const CellTable<Score> challengers = evaluator.cells(calibrated, all);
  const CellTable<Score> holders = evaluator.cells(unit.parameters, all);
  for (std::int64_t s = 0; s < layout.seeds(); ++s) {
    const bool whole = layout.mode() == terms::Mode::input;
    const bool seed_better = whole && is_better(points_of(challengers, s), points_of(holders, s), constraint);
    for (int p = 0; p < static_cast<int>(layout.points()); ++p) {
      if (whole ? seed_better : is_better(at_cell(challengers, p, s), at_cell(holders, p, s), constraint)) {
        layout.copy_cell(unit.parameters, calibrated, p, s);
        if (at_cell(unit.status, p, s) == terms::Status::alpha_at_bound) at_cell(unit.status, p, s) = terms::Status::trained;
      }
    }
  }
}

}  // namespace layersweep::sweep
