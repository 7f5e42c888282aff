// The counting task's model: embeddings of the query and of the input symbols, a two-layer map from both to two features per
// position, a GRU over these, and a linear head with one output. Points: 0 = input embedding, 1 = the features the GRU
// reads.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "model/arithmetic.hpp"
#include "model/families/gru.hpp"
#include "model/model.hpp"
#include "model/named_weight.hpp"
#include "model/trainable.hpp"

namespace layersweep::model {

struct CountingConfig {
  std::int64_t symbols = 10;
  std::int64_t width = 64;    ///< of embeddings, of the inner layer and of the GRU
  std::int64_t features = 2;  ///< per position, what the GRU reads
};

struct CountingWeights {
  at::Tensor query, input;               ///< symbols x W
  at::Tensor mix_in, mix_in_bias;        ///< W x 3W: [first query symbol; second; input]
  at::Tensor mix_out, mix_out_bias;      ///< F x W
  at::Tensor gru_input, gru_input_bias;  ///< 3W x F: reset, update and new gate, as PyTorch stacks them
  at::Tensor gru_state, gru_state_bias;  ///< 3W x W
  at::Tensor head, head_bias;            ///< 1 x W
};

struct CountingModel {
  CountingConfig config;
  CountingWeights weights;
};

GruWeights gru_weights(const CountingWeights& weights);
std::vector<at::Tensor*> tensors_of(CountingWeights& weights);
std::vector<NamedWeight> named_weights(const CountingWeights& weights);

/// Consecutive views of one flat tensor, in the order of tensors_of; uninitialised.
CountingWeights allocate_counting_weights(const CountingConfig& config);
/// As PyTorch initialises such modules: embeddings normal, the rest uniform in ±1/sqrt(fan in).
CountingWeights random_counting_weights(const CountingConfig& config, std::uint64_t seed);

/// A folder of config.json (model_type "layersweep-counting") and model.safetensors. Reading throws InputError naming the
/// key or tensor.
CountingModel read_counting(const std::filesystem::path& folder);
void write_counting(const std::filesystem::path& folder, const CountingModel& model);

/// Takes the weights as they are: they must not change, and never receive a gradient.
std::unique_ptr<Model> make_counting(CountingModel model, Arithmetic arithmetic = Arithmetic::fast);

/// A fresh one to be trained.
std::unique_ptr<Trainable> make_trainable_counting(std::uint64_t seed);

}  // namespace layersweep::model
