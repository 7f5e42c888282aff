// The families of models, each in a file of its own; the list is in model/families.cpp.
#pragma once

#include "model/family.hpp"

namespace layersweep::model {

const Family& bert_family();
const Family& distilbert_family();
const Family& llama_family();
const Family& gru_family();
const Family& counting_family();

}  // namespace layersweep::model
