// What several families of transformers say alike in config.json, in the files of transformers 4 and 5. All functions throw
// InputError, naming the key, where it asks for what is not computed.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "model/config_file.hpp"
#include "model/transformer/specification.hpp"

namespace layersweep::model {

/// Layers, widths, heads, vocabulary and positions under the names that most families give them.
void read_sizes(const ConfigFile& config, TransformerSpec& spec);

Activation activation_of(const ConfigFile& config, const char* key, const char* otherwise);

/// pad_token_id; `otherwise` where there is none.
std::int64_t padding_of(const ConfigFile& config, std::int64_t otherwise);

/// rope_parameters, or rope_theta and rope_scaling of older files; `otherwise` where they say nothing.
Rotary rotary_of(const ConfigFile& config, Rotary otherwise);
/// The same of one object of them, the value of `key`.
Rotary rotary_of(const ConfigFile& config, const char* key, const nlohmann::json& parameters, Rotary otherwise);
/// Refuses, by `key`, where a head has no whole pairs of features to be rotated.
void check_rotary(const ConfigFile& config, const char* key, const TransformerSpec& spec);

/// Which layers are local by layer_types; `otherwise` where there is no such key. None where all attend to everything.
std::vector<bool> local_layers_of(const ConfigFile& config, std::int64_t layers, std::vector<bool> otherwise);

}  // namespace layersweep::model
