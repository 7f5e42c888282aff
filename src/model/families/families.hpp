// The families of models, each in a file of its own; the list is in model/families.cpp.
#pragma once

#include "model/family.hpp"

namespace layersweep::model {

const Family& bert_family();
const Family& distilbert_family();
const Family& roberta_family();
const Family& camembert_family();
const Family& xlm_roberta_family();
const Family& electra_family();
const Family& albert_family();
const Family& deberta_v2_family();
const Family& modernbert_family();
const Family& gpt2_family();
const Family& gpt_neox_family();
const Family& llama_family();
const Family& mistral_family();
const Family& qwen2_family();
const Family& qwen3_family();
const Family& gru_family();
const Family& counting_family();

}  // namespace layersweep::model
