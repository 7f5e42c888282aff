// The recurrent classifier behind the encoder interface. Points: the word embeddings, as published, and the GRU's state
// after each token, of which the head reads the last.
#pragma once

#include <memory>

#include "model/families/gru_classifier_weights.hpp"
#include "model/model.hpp"
#include "model/trainable.hpp"

namespace layersweep::model {

/// Takes the weights as they are: they must not change while it computes, and never receive a gradient. `mask_id` is the
/// token that stands for "no token" ([MASK]); −1 where the vocabulary has none.
std::unique_ptr<Model> make_gru_classifier(GruClassifierModel model, std::int64_t mask_id);

/// One to be trained with this head, on the frozen word embeddings of the model in `folder`; of such a classifier GRU and
/// head go on from where they are. Throws InputError, also for a head other than classes.
std::unique_ptr<Trainable> make_trainable_gru(const std::filesystem::path& folder, const Head& head, std::uint64_t seed);

/// Rows of the table `words` (V x F), B x T x F. Throws InputError for a token that it does not have.
at::Tensor embedded_words(const at::Tensor& words, const Batch& batch);

}  // namespace layersweep::model
