// Models are named by their folder, or as on the Hugging Face hub when its cache on this machine holds them.
#pragma once

#include <filesystem>

namespace layersweep::config {

/// `name` itself where there is such a folder. Else, for "model", "owner/model" and either with "@revision" (a branch, a
/// tag or a commit; main where none is given), the folder of that snapshot in the hub's cache: HF_HUB_CACHE, HF_HOME/hub,
/// XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub. Nothing is fetched. A name that the cache does not know
/// comes back as it is. Throws InputError when the cache holds the model, but not this revision of it.
std::filesystem::path model_folder(const std::filesystem::path& name);

}  // namespace layersweep::config
