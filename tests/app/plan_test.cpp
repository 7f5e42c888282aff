// plan: sizes that must equal those of a real run, the calibration file, and the report.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.hpp"
#include "data/counting.hpp"
#include "jobs/calibration_file.hpp"
#include "jobs/tasks/task.hpp"
#include "plan/run.hpp"
#include "probe/parameters.hpp"
#include "program.hpp"
#include "support/files.hpp"
#include "support/transformer_sizes.hpp"

namespace layersweep::app {
namespace {

using jobs::MeasuredSpeed;
using test::Outcome;
using test::shell;
using testing::AllOf;
using testing::HasSubstr;

// What `plan` counts is what the probes of a run have.
TEST(Plan, CountsTheParametersThatProbesHave) {
  const plan::Model bert = layersweep::test::bert_costs({6, 384, 1536, 12, 30522, 512, 5});
  const plan::Model counting = plan::counting_model(10, 64, 2);
  const plan::Model gru = plan::recurrent_model("gru", 30522, 384, 256, 5);
  for (const plan::Model* model : {&bert, &counting, &gru}) {
    std::vector<std::int64_t> widths;
    for (const plan::Rung& rung : model->rungs) widths.push_back(rung.width);
    for (const std::int64_t seeds : {1, 3}) {
      EXPECT_EQ(plan::probe_parameters(*model, terms::Mode::input, seeds),
                probe::ProbeLayout(terms::Mode::input, widths, seeds).size());
      EXPECT_EQ(plan::probe_parameters(*model, terms::Mode::hidden, seeds),
                probe::ProbeLayout(terms::Mode::hidden, widths, seeds).size());
    }
  }
}

plan::TextLengths texts_of(const config::Task& task) {
  config::Experiment experiment;
  experiment.task = task;
  return jobs::task_of(task.name).lengths(experiment);
}

// The manifests against the data themselves, where those are generated.
TEST(Manifests, OfTheCountingTaskEqualItsTexts) {
  config::Task task;
  const plan::TextLengths texts = texts_of(task);
  const data::Corpus train = data::counting_corpus(0, terms::Split::train);
  EXPECT_EQ(texts.train.texts(), static_cast<double>(train.size()));
  // Lengths are drawn: the mean of 9,000 uniform draws from 1 to 10 has a standard error of 0.03.
  EXPECT_NEAR(texts.train.mean(), static_cast<double>(train.token_total()) / static_cast<double>(train.size()), 0.12);
}

TEST(Manifests, OfSstAreThoseOfTheTreebank) {
  config::Task task;
  task.name = config::TaskName::sst;
  const plan::TextLengths texts = texts_of(task);
  EXPECT_EQ(texts.train.texts(), 8544);
  EXPECT_EQ(texts.dev.texts(), 1101);
  EXPECT_EQ(texts.test.texts(), 2210);
  EXPECT_NEAR(texts.train.mean(), 24.78, 0.1);  // the manifest's exact mean; its bins are 4 tokens wide
  task.limit = 100;
  EXPECT_DOUBLE_EQ(texts_of(task).train.texts(), 100);
}

MeasuredSpeed measured(const std::string& processor, const std::string& model, int threads, int ranks) {
  MeasuredSpeed speed{plan::assumed_calibration(threads), ranks};
  speed.calibration.source = "measured";
  speed.calibration.processor = processor;
  speed.calibration.model = model;
  return speed;
}

TEST(CalibrationFile, GivesBackWhatWasStored) {
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "deeper" / "speeds.json";
  EXPECT_TRUE(jobs::read_calibrations(file).empty());
  MeasuredSpeed first = measured("p", "m", 2, 1);
  first.calibration.hidden.train.s_per_pass = 0.125;
  first.calibration.messages.latency_s = 3e-6;
  jobs::store_calibration(file, first);
  jobs::store_calibration(file, measured("p", "m", 2, 2));
  jobs::store_calibration(file, first);  // replaces itself
  const auto known = jobs::read_calibrations(file);
  ASSERT_EQ(known.size(), 2U);
  EXPECT_EQ(known[1].calibration.hidden.train.s_per_pass, 0.125);
  EXPECT_EQ(known[1].calibration.messages.latency_s, 3e-6);
  EXPECT_EQ(known[1].ranks, 1);
  std::ofstream(file) << "{}";
  EXPECT_THROW(jobs::read_calibrations(file), base::InputError);
}

TEST(ChooseCalibration, TakesTheNearestAndSaysWhatDiffers) {
  EXPECT_THAT(jobs::choose_calibration({}, "p", "m", 1, 1).source, HasSubstr("assumed"));
  const std::vector<MeasuredSpeed> known{measured("p", "other", 1, 1), measured("q", "m", 1, 1), measured("p", "m", 2, 1),
                                         measured("p", "m", 1, 2)};
  EXPECT_EQ(jobs::choose_calibration(known, "p", "m", 1, 2).source, "measured");
  EXPECT_EQ(jobs::choose_calibration(known, "p", "m", 2, 1).source, "measured");
  EXPECT_THAT(jobs::choose_calibration(known, "p", "m", 8, 1).source, HasSubstr("taken to scale evenly to 8"));
  EXPECT_THAT(jobs::choose_calibration(known, "r", "m", 1, 1).source, HasSubstr("another processor"));
  EXPECT_THAT(jobs::choose_calibration({known[0]}, "p", "m", 1, 1).source, HasSubstr("another model"));
  EXPECT_THAT(jobs::choose_calibration({known[2]}, "p", "m", 2, 2).source, HasSubstr("by one rank alone"));
}

TEST(PlanCommand, NeedsNeitherDataNorMpi) {
  const test::TemporaryFolder folder;
  std::ofstream(folder.path() / "config.json")
      << R"({"model_type": "bert", "num_hidden_layers": 12, "hidden_size": 768, "num_attention_heads": 12,
             "intermediate_size": 3072, "vocab_size": 30522, "max_position_embeddings": 512, "hidden_act": "gelu"})";
  std::ofstream(folder.path() / "big.ini") << "[task]\nname = sst\n[encoder]\nfolder = " << folder.path().string()
                                           << "\n[probe]\nseeds = 0,1\n[run]\nthreads = 4\n";
  const std::string command = "env -u LAYERSWEEP_DATA $L plan " + (folder.path() / "big.ini").string() + " --calibration " +
                              (folder.path() / "none.json").string();
  const Outcome outcome = shell(command + " --ranks 16 --ranks-per-node 4");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.error;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("4 units on 16 ranks, 4 threads each: 4 nodes"), HasSubstr("bert, 12 layers of 768 (3072)"),
                    HasSubstr("calibration: assumed"), HasSubstr("\ninput-0 "), HasSubstr("\nhidden-1 "),
                    HasSubstr("memory: about "), HasSubstr("results.h5 at most"),
                    HasSubstr("--nodes 4 --ranks-per-node 4 --time "), HasSubstr("doctor --measure")));
  EXPECT_THAT(shell(command + " --scaling").out, HasSubstr("| 1024 |"));
  EXPECT_THAT(shell(command + " --sweep probe.epsilon=0.1,0.2").out, HasSubstr("== probe.epsilon=0.2\n"));
  EXPECT_EQ(shell(command + " --ranks none").exit_code, 2);
}

// Times cost what they say: half the steps, about half the time of the probes.
TEST(PlanRun, TimeFollowsTheSteps) {
  config::Experiment e;
  e.probe.calibrate = false;  // takes as long whatever the steps
  e.probe.max_steps = 2000;
  plan::PlanInput input{e, plan::counting_model(10, 64, 2), texts_of(e.task), plan::assumed_calibration(1), {}};
  const double all = plan::plan_run(input).time.probes_s;
  input.experiment.probe.max_steps = 1000;
  EXPECT_NEAR(plan::plan_run(input).time.probes_s / all, 0.5, 0.01);
}

}  // namespace
}  // namespace layersweep::app
