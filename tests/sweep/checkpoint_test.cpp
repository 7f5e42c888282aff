// What a checkpoint promises: a training that was stopped ends in the same bits, and nothing damaged is ever used.
#include <ATen/core/grad_mode.h>

#include <csignal>
#include <cstdint>
#include <fstream>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/stop_request.hpp"
#include "sweep/checkpoint_folder.hpp"
#include "sweep/replacements.hpp"
#include "sweep/stop_and_checkpoint_clock.hpp"
#include "sweep/support.hpp"

namespace layersweep {
namespace {

namespace fs = std::filesystem;

using sweep::CheckpointFolder;
using sweep::Ranks;
using sweep::TrainedUnit;
using terms::Mode;
using test::Reduction;

class Checkpoints : public testing::TestWithParam<Mode> {
 protected:
  Checkpoints() {
    // Uneven last batches, cells that lose patience, and a limit on steps within the third epoch.
    settings_.seeds = {1, 2};
    settings_.seeds_per_unit = 0;
    settings_.epsilon = 0.05;
    settings_.batch = 32;
    settings_.max_steps = 16;
    settings_.learning_rate = 3e-2;
    settings_.warm_up = 4;
    settings_.validate_every = 3;
    settings_.patience = 3;
    base::note_stop_signals();
  }

  TrainedUnit train(
      const Ranks& team, const std::optional<sweep::CheckpointSettings>& checkpoints,
      const sweep::OnProgress& on_progress = [](const sweep::Progress&) {}) {
    const auto start = sweep::starting_replacements(team, *model_, train_, config::Replacement::mean);
    return sweep::train_unit(team, {*model_, train_, dev_, {GetParam(), {1, 2}}, settings_, 200, start}, on_progress,
                             checkpoints);
  }

  // Trains until the last rank gets a signal in step 10, with a checkpoint after every step.
  void train_until_stopped(const Ranks& team, const sweep::CheckpointSettings& place) {
    const auto signal = [&](const sweep::Progress& now) {
      if (now.step == 10 && team.rank() == team.size() - 1) std::raise(SIGUSR1);
    };
    try {
      train(team, place, signal);
      FAIL() << "the training was not stopped";
    } catch (const sweep::Stopped& stopped) {
      EXPECT_STREQ(stopped.what(), "SIGUSR1");
    }
    base::note_stop_signals();
  }

  config::Probe settings_;
  std::unique_ptr<model::Model> model_ = test::small_counting_model();
  data::Corpus train_ = data::counting_corpus(0, terms::Split::train).first(200);
  data::Corpus dev_ = data::counting_corpus(0, terms::Split::dev).first(30);
};

INSTANTIATE_TEST_SUITE_P(Modes, Checkpoints, testing::Values(Mode::input, Mode::hidden),
                         [](const auto& instance) { return std::string(terms::name_of(instance.param)); });

void on_first_rank(const std::function<void()>& act) {
  comm::world().barrier();
  if (comm::world().rank() == 0) act();
  comm::world().barrier();
}

TEST_P(Checkpoints, AStoppedTrainingEndsInTheSameBits) {
  const test::SharedFolder folder;
  const Ranks team = test::all_ranks(Reduction::deterministic);
  const TrainedUnit whole = train(team, std::nullopt);
  const sweep::CheckpointSettings place{folder.path() / "u", "abc", 0};
  train_until_stopped(team, place);
  EXPECT_TRUE(fs::exists(place.folder / "checkpoint-10"));
  EXPECT_TRUE(fs::exists(place.folder / "checkpoint-9"));
  EXPECT_FALSE(fs::exists(place.folder / "checkpoint-8"));

  // From the newest; from the one before, which a damaged newest leaves; and by one rank what all ranks began.
  on_first_rank([&] {
    fs::copy(place.folder, folder.path() / "damaged", fs::copy_options::recursive);
    fs::resize_file(folder.path() / "damaged" / "checkpoint-10" / "state.json", 5);
    for (int rank = 0; rank < comm::world().size(); ++rank) {
      fs::copy(place.folder, folder.path() / std::to_string(rank), fs::copy_options::recursive);
    }
  });
  std::int64_t first_step = 0;
  const auto note = [&](const sweep::Progress& now) {
    if (first_step == 0) first_step = now.step;
  };
  test::expect_same(train(team, place, note), whole);
  EXPECT_NE(first_step, 10) << "the newest checkpoint is the one after step 10";
  first_step = 0;
  test::expect_same(train(team, sweep::CheckpointSettings{folder.path() / "damaged", "abc", 300}, note), whole);
  EXPECT_EQ(first_step, 10) << "the older checkpoint is the one after step 9";
  EXPECT_TRUE(fs::exists(folder.path() / "damaged" / "checkpoint-10.damaged"));
  const Ranks alone = test::this_rank(Reduction::deterministic);
  test::expect_same(
      train(alone, sweep::CheckpointSettings{folder.path() / std::to_string(comm::world().rank()), "abc", 300}), whole);
}

// Gives this rank a signal at its `at`-th pass without a gradient since arm(): within an evaluation, since training records
// gradients.
class SignalsWithin final : public test::PassesOn {
 public:
  using PassesOn::PassesOn;

  void arm(std::int64_t at) const { left_ = at; }
  std::int64_t left() const { return left_; }

  at::Tensor read_out(const model::Rows& rows, const model::Batch& batch) const override {
    if (!at::GradMode::is_enabled() && --left_ == 0) std::raise(SIGUSR1);
    return PassesOn::read_out(rows, batch);
  }

 private:
  mutable std::int64_t left_ = 0;
};

// Wherever the signal comes, within validations and the calibration at the end, the checkpoint is of the step before, and
// the next start ends in the same bits. Steps are not done again.
TEST_P(Checkpoints, AStopWithinAnEvaluationEndsInTheSameBits) {
  const Ranks team = test::all_ranks(Reduction::deterministic);
  const auto start = sweep::starting_replacements(team, *model_, train_, config::Replacement::mean);
  const SignalsWithin model(*model_);
  const data::Corpus dev = data::counting_corpus(0, terms::Split::dev).first(200);
  settings_.max_steps = 4;
  const auto train = [&](const std::optional<sweep::CheckpointSettings>& place) {
    return sweep::train_unit(
        team, {model, train_, dev, {GetParam(), {1, 2}}, settings_, 1 << 20, start}, [](const sweep::Progress&) {}, place);
  };
  constexpr std::int64_t many = 1'000'000;
  model.arm(many);
  const TrainedUnit whole = train(std::nullopt);
  const std::int64_t passes = many - model.left();
  const bool signalled = team.rank() == team.size() - 1;

  int stops_at_the_end = 0;
  constexpr std::int64_t tried = 9;
  for (std::int64_t i = 0; i < tried; ++i) {
    const test::SharedFolder folder;
    const sweep::CheckpointSettings place{folder.path() / "u", "abc", 300};
    model.arm(signalled ? 1 + i * (passes - 1) / tried : many);
    EXPECT_THROW(train(place), sweep::Stopped) << i;
    base::note_stop_signals();
    model.arm(many);
    stops_at_the_end += fs::exists(place.folder / "checkpoint-4") ? 1 : 0;
    test::expect_same(train(place), whole);
  }
  EXPECT_GT(stops_at_the_end, 2) << "no stop came within the calibration";
  EXPECT_LT(stops_at_the_end, tried) << "no stop came within a validation";
}

TEST_P(Checkpoints, OthersAreRefused) {
  const test::SharedFolder folder;
  const Ranks team = test::all_ranks(Reduction::plain);
  const sweep::CheckpointSettings place{folder.path() / "u", "abc", 0};
  train_until_stopped(team, place);
  sweep::CheckpointSettings other = place;
  other.identity = "other";
  EXPECT_THAT([&] { train(team, other); },
              testing::ThrowsMessage<base::InputError>(testing::HasSubstr("belongs to another experiment")));
  EXPECT_TRUE(fs::exists(place.folder / "checkpoint-10"));
}

TEST_P(Checkpoints, AStopThatWasAskedForBeforeLosesNothing) {
  const test::SharedFolder folder;
  std::raise(SIGTERM);
  std::raise(SIGTERM);
  EXPECT_THROW(train(test::all_ranks(Reduction::plain), sweep::CheckpointSettings{folder.path() / "u", "abc", 0}),
               sweep::Stopped);
  EXPECT_FALSE(fs::exists(folder.path() / "u"));
  base::note_stop_signals();
}

TEST(Stop, TheMarginIsAMinuteOrWhatIsNeededButNeverMoreThanHalf) {
  EXPECT_EQ(sweep::stop_margin_s(5, 3600), 60);
  EXPECT_EQ(sweep::stop_margin_s(200, 3600), 200);
  EXPECT_EQ(sweep::stop_margin_s(200, 100), 50);
}

// The rest is about files of one rank.
class Folder : public testing::Test {
 protected:
  void write(std::int64_t step, const std::string& text = "some text") {
    checkpoints_.write(step, [&](const fs::path& folder) {
      base::write_file_atomically(folder / "a", text);
      base::write_file_atomically(folder / "b.json", "{}\n");
    });
  }
  std::string newest() const {
    const auto found = checkpoints_.newest();
    return found ? found->filename().string() : "none";
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(parent_)) names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
  }

  test::TemporaryFolder temporary_;
  fs::path parent_ = temporary_.path() / "unit";
  CheckpointFolder checkpoints_{parent_, "unit u", "abc"};
};

TEST_F(Folder, KeepsTheTwoNewest) {
  EXPECT_EQ(newest(), "none");
  for (const std::int64_t step : {8, 9, 10, 100}) write(step);
  EXPECT_EQ(names(), (std::vector<std::string>{"checkpoint-10", "checkpoint-100"}));
  EXPECT_EQ(newest(), "checkpoint-100");
  sweep::remove_checkpoints(parent_);
  EXPECT_EQ(newest(), "none");
  EXPECT_TRUE(names().empty());
}

TEST_F(Folder, EveryFlippedByteAndEveryLengthIsDetected) {
  write(1);
  const fs::path checkpoint = parent_ / "checkpoint-1";
  int tried = 0;
  for (const std::string name : {"a", "b.json", "manifest.json"}) {
    const std::string bytes = base::read_text_file(checkpoint / name);
    const auto damage = [&](const std::string& damaged) {
      std::ofstream(checkpoint / name, std::ios::binary) << damaged;
      EXPECT_NE(checkpoints_.problem_of(checkpoint), "") << name << " of " << damaged.size() << " bytes:\n" << damaged;
      ++tried;
    };
    for (std::size_t place = 0; place < bytes.size(); ++place) {
      for (const int flip : {0x01, 0x20, 0xff}) {
        std::string damaged = bytes;
        damaged[place] = static_cast<char>(damaged[place] ^ flip);
        damage(damaged);
      }
      damage(bytes.substr(0, place));
    }
    damage(bytes + " ");
    std::ofstream(checkpoint / name, std::ios::binary) << bytes;
    EXPECT_EQ(checkpoints_.problem_of(checkpoint), "");
    fs::remove(checkpoint / name);
    EXPECT_NE(checkpoints_.problem_of(checkpoint), "") << name << " missing";
    std::ofstream(checkpoint / name, std::ios::binary) << bytes;
  }
  EXPECT_GT(tried, 1000);
}

TEST_F(Folder, DamagedOnesAreSetAsideAndTheOlderIsUsed) {
  write(1);
  write(2);
  std::ofstream(parent_ / "checkpoint-2" / "a") << "other text";
  fs::create_directory(parent_ / "checkpoint-3.part");
  testing::internal::CaptureStderr();
  EXPECT_EQ(newest(), "checkpoint-1");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::AllOf(testing::HasSubstr("checkpoint-2 is damaged"),
                                                                     testing::HasSubstr("its a has 10 bytes instead of 9")));
  EXPECT_EQ(names(), (std::vector<std::string>{"checkpoint-1", "checkpoint-2.damaged"}));
  write(2);
  EXPECT_EQ(newest(), "checkpoint-2");
}

TEST_F(Folder, AFailedWriteLeavesTheOthers) {
  write(1);
  EXPECT_THROW(checkpoints_.write(2, [](const fs::path&) { throw base::InputError("no"); }), base::InputError);
  EXPECT_EQ(names(), (std::vector<std::string>{"checkpoint-1"}));
  const CheckpointFolder nowhere(parent_ / "checkpoint-1" / "a" / "b", "unit u", "abc");
  EXPECT_THROW(nowhere.write(1, [](const fs::path&) {}), base::InputError);
}

TEST_F(Folder, OnesOfOthersAreRefused) {
  write(1);
  for (const CheckpointFolder& other :
       {CheckpointFolder(parent_, "unit u", "abd"), CheckpointFolder(parent_, "unit v", "abc")}) {
    EXPECT_THROW(static_cast<void>(other.newest()), base::InputError);
  }
  EXPECT_EQ(newest(), "checkpoint-1");
}

}  // namespace
}  // namespace layersweep
