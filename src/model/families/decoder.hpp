// What decoders have in common, and what those have that follow Llama's layout.
#pragma once

#include <string_view>
#include <vector>

#include "model/transformer/folder.hpp"

namespace layersweep::model {

/// Norms before blocks, causal, and classes by one map of the last token that is not padding.
TransformerSpec causal_spec(const ConfigFile& config);

/// Rotary positions, gated feed-forward blocks, root-mean-square norms, keys that several heads may share. Without biases.
TransformerSpec read_gated_decoder(const ConfigFile& config);
/// The keys that it reads, and those of the family's own.
std::vector<std::string_view> gated_decoder_keys(std::vector<std::string_view> own);
/// Of all parts, those of `own` among them.
PartNames gated_decoder_names(PartNames own = {});

/// sliding_window, where it is used: of the layers that layer_types names, else of those from `first_local` on.
void read_sliding_window(const ConfigFile& config, TransformerSpec& spec, std::int64_t first_local);

}  // namespace layersweep::model
