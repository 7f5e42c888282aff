#include "model/tokenizer_files.hpp"

#include "model/model_files.hpp"
#include "text/tokenizer.hpp"

namespace layersweep::model {

std::int64_t mask_token(const std::filesystem::path& folder) {
  const auto has = [&](const char* name) { return std::filesystem::exists(folder / name); };
  const bool has_tokenizer = has("tokenizer.json") || has("vocab.txt") || has("vocab.json");
  return has_tokenizer ? text::Tokenizer::open(folder).special().mask : -1;
}

void copy_tokenizer(const std::filesystem::path& source, const std::filesystem::path& folder) {
  for (const char* name : tokenizer_file_names) {
    if (std::filesystem::exists(source / name) && !std::filesystem::equivalent(source, folder)) {
      std::filesystem::copy_file(source / name, folder / name, std::filesystem::copy_options::overwrite_existing);
    }
  }
}

}  // namespace layersweep::model
