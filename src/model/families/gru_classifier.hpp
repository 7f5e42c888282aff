// The recurrent classifier of De Cao et al. 2020 for sentiment: frozen word embeddings of an encoder, one GRU that reads
// them from left to right, and a linear head on the state after the last token. Points: the word embeddings, as published,
// and the GRU's state after each token, of which the head reads the last.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "model/families/gru.hpp"
#include "model/head.hpp"
#include "model/model.hpp"
#include "model/named_weight.hpp"
#include "model/trainable.hpp"

namespace layersweep::model {

struct GruClassifierConfig {
  std::int64_t vocabulary = 0;
  std::int64_t embedding = 0;  ///< width of the word embeddings
  std::int64_t state = 0;      ///< width of the GRU's state
  Head head = {.classes = 2};
};

struct GruClassifierWeights {
  at::Tensor word;  ///< vocabulary x embedding
  GruWeights gru;
  at::Tensor head, head_bias;  ///< classes x state, classes
};

struct GruClassifierModel {
  GruClassifierConfig config;
  GruClassifierWeights weights;
};

/// All but the word embeddings, in a fixed order: what is trained.
std::vector<at::Tensor*> dense_tensors(GruClassifierWeights& weights);
/// All under the names that the published model has for them (emb, gru, classifier), so PyTorch's nn.GRU reads its part.
std::vector<NamedWeight> named_weights(const GruClassifierWeights& weights);

/// Embeddings normal, the rest uniform in ±1/sqrt(state), as PyTorch initialises such modules. The dense ones are
/// consecutive views of one flat tensor, and a function of their sizes and the seed alone.
GruClassifierWeights random_gru_classifier_weights(const GruClassifierConfig& config, std::uint64_t seed);

/// The sizes in config.json of a model, or those of a new one on the word embeddings of the model in `folder`: a state as
/// wide as they are, as published. Throws InputError naming the key.
GruClassifierConfig read_gru_classifier_config(const std::filesystem::path& folder);

/// A folder of config.json, model.safetensors and the tokenizer's files. Throws InputError naming the key or tensor.
GruClassifierModel read_gru_classifier(const std::filesystem::path& folder);

/// The same for a model that is to be trained with `head`, from such a folder or that of another model: GRU and head are
/// read where the folder has them (the head only of that size), else made from the seed.
GruClassifierModel read_gru_classifier_body(const std::filesystem::path& folder, const Head& head, std::uint64_t seed);

/// With the tokenizer's files of `source`, so that the folder stands alone.
void write_gru_classifier(const std::filesystem::path& folder, const GruClassifierModel& model,
                          const std::filesystem::path& source);

/// Takes the weights as they are: they must not change while it computes, and never receive a gradient. `mask_id` is the
/// token that stands for "no token" ([MASK]); −1 where the vocabulary has none.
std::unique_ptr<Model> make_gru_classifier(GruClassifierModel model, std::int64_t mask_id);

/// One to be trained with this head, on the frozen word embeddings of the model in `folder`; of such a classifier GRU and
/// head go on from where they are. Throws InputError, also for a head other than classes.
std::unique_ptr<Trainable> make_trainable_gru(const std::filesystem::path& folder, const Head& head, std::uint64_t seed);

/// Rows of the table `words` (V x F), B x T x F. Throws InputError for a token that it does not have.
at::Tensor embedded_words(const at::Tensor& words, const Batch& batch);

}  // namespace layersweep::model
