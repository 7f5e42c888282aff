// What lies on disk: trained units and the run folder.
#include <fstream>

#include "base/error.hpp"
#include "base/files.hpp"
#include "config/load.hpp"
#include "sweep/run_folder.hpp"
#include "sweep/support.hpp"
#include "sweep/unit_files.hpp"

namespace layersweep {
namespace {

using plan::Unit;
using sweep::identity_difference;
using sweep::RunFolder;
using sweep::RunIdentity;
using sweep::TrainedUnit;
using terms::Mode;
using terms::Status;

const std::vector<std::int64_t> widths{12, 2, 12};
const Unit unit{Mode::hidden, {4, 9}};

TrainedUnit some_unit(Mode mode) {
  at::manual_seed(1);
  TrainedUnit trained{probe::ProbeLayout(mode, widths, 2), {}, {}, {}, {}, {}};
  trained.parameters = at::randn({trained.layout.size()});
  trained.alpha = at::rand({3, 2});
  trained.steps = at::randint(0, 1000, {3, 2}, at::kLong);
  trained.status = {{terms::Status::trained, terms::Status::not_finite},
                    {terms::Status::alpha_at_bound, terms::Status::trained},
                    {terms::Status::not_trained, terms::Status::trained}};
  for (std::int64_t step = 0; step < 3; ++step) {
    sweep::Validation validation{step * 5, {}, at::rand({3, 2})};
    for (int p = 0; p < 3; ++p) {
      validation.scores.emplace_back();
      for (int s = 0; s < 2; ++s)
        validation.scores.back().push_back({0.1 * p, 0.2 + s, 0.3, std::nan(""), 1.0 / (1.0 + static_cast<double>(step))});
    }
    trained.curve.push_back(std::move(validation));
  }
  return trained;
}

// The message of the InputError that `call` throws.
template <class Call>
std::string refusal(Call&& call) {
  try {
    call();
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "not refused";
}

TEST(UnitFiles, ComeBackAsTheyWere) {
  for (const Mode mode : {Mode::input, Mode::hidden}) {
    const test::TemporaryFolder folder;
    const Unit saved{mode, {4, 9}};
    const TrainedUnit trained = some_unit(mode);
    EXPECT_FALSE(sweep::load_unit(folder.path() / "u", saved, widths, "abc").has_value());
    sweep::save_unit(folder.path() / "u", saved, trained, "abc");
    const auto loaded = sweep::load_unit(folder.path() / "u", saved, widths, "abc");
    ASSERT_TRUE(loaded.has_value());
    test::expect_same(*loaded, trained);
  }
}

TEST(UnitFiles, WithoutDoneAUnitIsNotDone) {
  const test::TemporaryFolder folder;
  sweep::save_unit(folder.path(), unit, some_unit(unit.mode), "abc");
  std::filesystem::remove(folder.path() / "done.json");
  EXPECT_FALSE(sweep::load_unit(folder.path(), unit, widths, "abc").has_value());
}

TEST(UnitFiles, DamageAndOtherExperimentsAreRefused) {
  const test::TemporaryFolder folder;
  sweep::save_unit(folder.path(), unit, some_unit(unit.mode), "abc");
  const auto load = [&](const std::string& identity) {
    return refusal([&] { sweep::load_unit(folder.path(), unit, widths, identity); });
  };
  EXPECT_THAT(load("other"), testing::HasSubstr("another experiment"));

  const auto file = folder.path() / "probes.safetensors";
  const std::string bytes = base::read_text_file(file);
  for (const std::size_t place : {std::size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
    std::string damaged = bytes;
    damaged[place] = static_cast<char>(damaged[place] ^ 1);
    base::write_file_atomically(file, damaged);
    EXPECT_THAT(load("abc"), testing::HasSubstr("damaged")) << "byte " << place;
  }
  std::filesystem::remove(file);
  EXPECT_NE(load("abc"), "not refused");
  base::write_file_atomically(file, bytes);
  EXPECT_EQ(load("abc"), "not refused");
  base::write_file_atomically(folder.path() / "done.json", "{");
  EXPECT_THAT(load("abc"), testing::HasSubstr("damaged"));
}

config::Experiment experiment_in(const std::filesystem::path& folder) {
  config::Experiment experiment = config::parse("[task]\nname = counting\n");
  experiment.run.folder = folder;
  return experiment;
}

TEST(RunFolder, IsHeldByOneAndResumed) {
  const test::SharedFolder base;
  const config::Experiment experiment = experiment_in(base.path() / "runs" / "one");
  {
    const RunFolder held(comm::world(), experiment);
    EXPECT_TRUE(std::filesystem::is_directory(held.tokens()));
    EXPECT_EQ(config::load(RunFolder::description_of(held.path())), experiment);
    EXPECT_THAT(refusal([&] { const RunFolder second(comm::world(), experiment); }),
                testing::AllOf(testing::HasSubstr("is in use"), testing::HasSubstr("process ")));
  }
  const RunFolder again(comm::world(), experiment);
  EXPECT_FALSE(again.identity().empty());
}

TEST(RunFolder, BelongsToOneExperiment) {
  const test::SharedFolder base;
  const config::Experiment experiment = experiment_in(base.path() / "run");
  {
    const RunFolder first(comm::world(), experiment);
    if (comm::world().rank() == 0) std::filesystem::create_directory(first.model());
  }
  comm::world().barrier();
  config::Experiment other = experiment;
  other.probe.epsilon = 0.7;
  other.task.seed = 3;
  EXPECT_THAT(refusal([&] { const RunFolder refused(comm::world(), other); }),
              testing::AllOf(testing::HasSubstr("probe.epsilon was"), testing::HasSubstr("now 0.7"),
                             testing::HasSubstr("task.seed")));
  // What does not count, may change; and a refusal holds nothing.
  config::Experiment threads = experiment;
  threads.run.threads = 3;
  EXPECT_EQ(refusal([&] { const RunFolder resumed(comm::world(), threads); }), "not refused");
}

// As after a first try with a wrong path.
TEST(RunFolder, TakesOnAnotherExperimentWhileNothingIsDone) {
  const test::SharedFolder base;
  const config::Experiment experiment = experiment_in(base.path() / "run");
  {
    const RunFolder first(comm::world(), experiment);
    if (comm::world().rank() == 0) std::ofstream(first.tokens() / "of other texts") << "x";
  }
  comm::world().barrier();
  config::Experiment other = experiment;
  other.task.seed = 3;
  const RunFolder taken(comm::world(), other);
  EXPECT_EQ(config::load(RunFolder::description_of(taken.path())), other);
  EXPECT_TRUE(std::filesystem::is_empty(taken.tokens()));
}

using Hashes = std::map<std::string, std::string>;

void hold(RunFolder& folder, std::string_view group, const Hashes& hashes) {
  folder.hold_to(comm::Communicator(), group, [&] { return hashes; });
}

TEST(RunFolder, WorkStaysWithItsTextsAndItsModel) {
  const test::TemporaryFolder base;
  RunFolder folder(comm::Communicator(), experiment_in(base.path() / "run"));
  const Hashes model{{"config.json", "a"}, {"model.safetensors", "b"}},
      changed{{"config.json", "a"}, {"model.safetensors", "c"}};
  hold(folder, "texts", {{"", "one"}});
  hold(folder, "texts", {{"", "another"}});  // nothing was done yet
  hold(folder, "encoder", changed);
  hold(folder, "encoder", model);
  const std::string before = folder.identity();
  std::filesystem::create_directory(folder.model());
  hold(folder, "model", {{"config.json", "d"}});
  EXPECT_NE(folder.identity(), before);
  hold(folder, "model", {{"config.json", "d"}});
  EXPECT_EQ(RunFolder::identity_of(folder.path()).text(), folder.identity());

  EXPECT_THAT(refusal([&] { hold(folder, "texts", {{"", "one"}}); }), testing::HasSubstr("work on other texts"));
  EXPECT_THAT(refusal([&] { hold(folder, "encoder", changed); }),
              testing::HasSubstr("other model.safetensors of the encoder"));
  EXPECT_THAT(refusal([&] {
                hold(folder, "encoder", {{"model.safetensors", "b"}});
              }),
              testing::HasSubstr("other config.json of the encoder"));
  EXPECT_THAT(refusal([&] {
                hold(folder, "encoder", {{"config.json", "a"}, {"model.safetensors", "b"}, {"vocab.txt", "e"}});
              }),
              testing::HasSubstr("other vocab.txt of the encoder"));
  EXPECT_THAT(refusal([&] {
                hold(folder, "model", {{"config.json", "f"}});
              }),
              testing::HasSubstr("other config.json of the model"));
  hold(folder, "encoder", model);  // a refusal changed nothing
}

TEST(RunFolder, WorkOfAVersionThatDidNotNoteItsModelIsRefusedByName) {
  const test::TemporaryFolder base;
  RunFolder folder(comm::Communicator(), experiment_in(base.path() / "run"));
  EXPECT_TRUE(RunFolder::identity_of(folder.path()).empty());
  std::filesystem::create_directory(folder.statistics());
  EXPECT_THAT(refusal([&] {
                hold(folder, "texts", {{"", "one"}});
              }),
              testing::HasSubstr("a version of layersweep that did not note it"));
  EXPECT_THAT(refusal([&] { RunFolder::identity_of(folder.path()); }), testing::HasSubstr("does not say of which model"));
}

TEST(RunFolder, AModelThatWasPutThereIsTakenOn) {
  const test::TemporaryFolder base;
  RunFolder folder(comm::Communicator(), experiment_in(base.path() / "run"));
  std::filesystem::create_directory(folder.model());
  hold(folder, "texts", {{"", "one"}});
  hold(folder, "model", {{"config.json", "a"}});
  EXPECT_THAT(refusal([&] {
                hold(folder, "model", {{"config.json", "b"}});
              }),
              testing::HasSubstr("config.json of the model"));
}

TEST(RunIdentity, NamesWhatDiffersFirst) {
  RunIdentity one;
  one.set("settings", "a");
  one.set("encoder", {{"a file: odd", "x"}, {"config.json", "y"}});
  EXPECT_EQ(RunIdentity::from_text(one.text()).text(), one.text());
  EXPECT_FALSE(one.difference(RunIdentity::from_text(one.text())));
  RunIdentity other = one;
  other.set("encoder", {{"a file: odd", "x"}, {"config.json", "z"}});
  EXPECT_EQ(identity_difference(one.text(), other.text()), "it was made with other config.json of the encoder");
  EXPECT_EQ(identity_difference(one.text(), std::string(64, 'a')).substr(0, 22), "it was made with other");
}

TEST(RunFolder, AFolderThatCannotBeMadeIsRefused) {
  const test::SharedFolder base;
  if (comm::world().rank() == 0) std::ofstream(base.path() / "file") << "not a folder";
  comm::world().barrier();
  EXPECT_THAT(refusal([&] { const RunFolder refused(comm::world(), experiment_in(base.path() / "file" / "run")); }),
              testing::HasSubstr("cannot make the run folder"));
}

}  // namespace
}  // namespace layersweep
