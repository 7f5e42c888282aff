// Predictions over rank counts: what is lost and what is used add up.
#include <gtest/gtest.h>

#include "plan/scaling.hpp"
#include "support/transformer_sizes.hpp"

namespace layersweep::plan {
namespace {

std::vector<UnitWork> units(std::size_t count) {
  config::Experiment e;
  e.probe.modes = {terms::Mode::hidden};
  e.probe.seeds.clear();
  for (std::size_t s = 0; s < count; ++s) e.probe.seeds.push_back(static_cast<std::int64_t>(s));
  e.probe.max_steps = 100;
  const Model model = layersweep::test::bert_costs({6, 384, 1536, 12, 30522, 512, 5});
  const TextLengths texts{Lengths({{25, 8544}}), Lengths({{25, 1101}}), Lengths({{25, 2210}})};
  std::vector<UnitWork> work;
  for (const Unit& unit : units_of(e.probe)) work.push_back(work_of(unit, model, texts, e));
  return work;
}

TEST(Predict, SharesAddUpToOne) {
  for (const std::size_t count : {1U, 3U, 16U}) {
    for (const int ranks : {1, 2, 3, 7, 16, 64, 1024}) {
      const Scaling s = predict(units(count), assumed_calibration(1), 8, ranks);
      EXPECT_NEAR(s.efficiency + s.idle + s.shards + s.repeated + s.messages, 1, 1e-9) << count << " on " << ranks;
      for (const double share : {s.efficiency, s.idle, s.shards, s.repeated, s.messages}) EXPECT_GE(share, -1e-9);
    }
  }
}

TEST(Predict, OneRankIsTheMeasure) {
  const Scaling s = predict(units(3), assumed_calibration(1), 8, 1);
  EXPECT_DOUBLE_EQ(s.efficiency, 1);
  EXPECT_EQ(s.teams, std::vector<int>{1});
}

TEST(Predict, NamesWhatLimits) {
  const Scaling few = predict(units(1), assumed_calibration(1), 8, 256);
  EXPECT_GT(few.idle, 0.7);  // 8 shards of 8 points feed 64 ranks
  Calibration slow = assumed_calibration(1);
  slow.messages.latency_s = 1000;
  const Scaling messages = predict(units(1), slow, 8, 2);
  EXPECT_EQ(messages.teams, std::vector<int>{1});  // two ranks would be slower than one
}

TEST(Predict, MoreRanksAreNeverSlower) {
  double before = 1e300;
  for (int ranks = 1; ranks <= 256; ranks *= 2) {
    const double now = predict(units(16), assumed_calibration(1), 8, ranks).seconds;
    EXPECT_LE(now, before * (1 + 1e-9)) << ranks;
    before = now;
  }
}

}  // namespace
}  // namespace layersweep::plan
