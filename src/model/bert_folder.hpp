// A BERT in the folder layout of Hugging Face: config.json, model.safetensors and the tokenizer's files.
#pragma once

#include <cstdint>
#include <filesystem>

#include "model/bert_config.hpp"
#include "model/bert_weights.hpp"

namespace layersweep::model {

struct BertModel {
  BertConfig config;
  BertWeights weights;
};

/// Throws InputError where the head that the folder describes is not one that is computed.
void refuse_head_not_computed(const std::filesystem::path& folder, const BertConfig& config);

/// A model with its head: a BertForSequenceClassification, or a BertForQuestionAnswering (its pooler is not needed). Names
/// with or without the prefix "bert.", LayerNorm's old names gamma and beta, and the buffer position_ids are understood.
/// Throws InputError naming the tensor that is missing, unknown or of a wrong shape or type.
BertModel read_bert_model(const std::filesystem::path& folder);

/// The same for a body that is to be fine-tuned with `head`: pooler and head are read where the folder has them (the head
/// only of that kind and size), else made from the seed.
BertModel read_bert_body(const std::filesystem::path& folder, const Head& head, std::uint64_t seed);

/// The table of word embeddings alone, vocabulary x H; head or no head.
at::Tensor read_word_embeddings(const std::filesystem::path& folder);

/// Writes a BertForSequenceClassification or BertForQuestionAnswering: config.json and model.safetensors, with the tokenizer
/// files of `source` beside them, so that the folder stands alone.
void write_bert(const std::filesystem::path& folder, const BertConfig& config, const BertWeights& weights,
                const std::filesystem::path& source);

}  // namespace layersweep::model
