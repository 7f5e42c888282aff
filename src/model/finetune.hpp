// Training of the model that is to be explained, over virtual shards, so that any number of ranks gives the same weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/batches.hpp"
#include "data/corpus.hpp"
#include "model/trainable.hpp"

namespace layersweep::model {

/// How the shards' gradients of a step meet. With a sum in an order that does not depend on who computed which shard, the
/// trained weights do not depend on the number of ranks. (comm::GradientReducer fits.)
class GradientSum {
 public:
  virtual ~GradientSum() = default;
  /// A shard of this rank, in rising order; shards without examples are left out.
  virtual void add(int shard, std::span<const float> gradient) = 0;
  /// The sum over all ranks' shards; it lives until the next add. Collective where add was.
  virtual std::span<const float> sum() = 0;
};

/// Makes the sum of `count` values. Collective where the sum is.
using MakeGradientSum = std::function<std::unique_ptr<GradientSum>(std::size_t count)>;

enum class Schedule {
  constant,
  warm_up_and_decay,  ///< linear to the learning rate, then linear to 0 at the last step
};

struct FinetuneSettings {
  std::int64_t epochs = 3;
  double learning_rate = 6e-5;
  std::int64_t batch = 32;
  Schedule schedule = Schedule::warm_up_and_decay;
  std::int64_t warm_up_steps = 80;
  double weight_decay = 0.01;
  double largest_norm = 1.0;  ///< gradients are clipped to this norm
  double enough = 2.0;        ///< stop after two epochs in a row with this accuracy on dev
  std::uint64_t seed = 0;
  int shards = 8;
};

struct FinetuneProgress {
  std::int64_t epoch = 0;  ///< from 1
  std::int64_t step = 0;   ///< steps done, of `steps`
  std::int64_t steps = 0;
  double loss = 0;           ///< mean over this rank's shards of the step (at an epoch's end: of its last step)
  double dev_accuracy = -1;  ///< at the end of an epoch, else −1
};

struct FinetuneResult {
  double dev_accuracy = 0;  ///< of the weights the model is left with: those of the best epoch
  std::int64_t epoch = 0;   ///< from 1
};

/// All that a fine-tuning carries from one step to the next; the same on every rank. Whoever restores it writes into the
/// tensors and sets the numbers.
struct FinetuneState {
  std::vector<std::pair<std::string, at::Tensor>> tensors;  ///< float32: weights, optimiser, weights of the best epoch
  std::int64_t step = 0;                                    ///< steps taken
  std::int64_t epoch = 0;                                   ///< where the next one's batch lies: passes done
  std::int64_t next_batch = 0;                              ///< and the place in this one
  std::int64_t epochs_good_enough = 0;                      ///< in a row
  FinetuneResult best;
};

/// Keeps the state where it outlives the process.
class FinetuneKeeper {
 public:
  virtual ~FinetuneKeeper() = default;
  /// Before the first step: restores what was kept, if anything.
  virtual void resume(FinetuneState& state) = 0;
  /// After every step, on all ranks; what it throws ends the training.
  virtual void after_step(const FinetuneState& state) = 0;
};

struct FinetuneTexts {
  const data::Corpus& train;
  const data::Corpus& dev;
};

/// How a training reaches the ranks and the world.
struct FinetuneHooks {
  MakeGradientSum make_sum;
  std::function<void(const FinetuneProgress&)> progress;  ///< after every step and every epoch
  FinetuneKeeper* keeper = nullptr;
};

/// Trains `model` on this rank's `own` shards of every batch. Collective over the ranks of the sum. Throws InputError when
/// the training diverges.
FinetuneResult finetune(Trainable& model, const FinetuneTexts& texts, const FinetuneSettings& settings, data::ShardRange own,
                        const FinetuneHooks& hooks);

/// The share of the examples whose answer is the given one: the class, or start and end of a span. Each rank looks at its
/// `own` of the shards, so that all ranks get the same share; `sum` is of one value. Collective over the ranks of the sum.
double accuracy(const Model& model, const data::Corpus& corpus, data::ShardRange own, int shards, GradientSum& sum);

}  // namespace layersweep::model
