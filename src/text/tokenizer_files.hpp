// A tokenizer as the files of a model's folder describe it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "text/added_tokens.hpp"
#include "text/components.hpp"
#include "text/tokenizer.hpp"

namespace layersweep::text {

struct Pipeline {
  std::unique_ptr<const Normalizer> normalizer;
  std::unique_ptr<const PreTokenizer> pre_tokenizer;
  std::unique_ptr<const SubwordModel> model;
  PostProcessor post_processor;
  std::vector<AddedToken> added;  ///< special ones first, as they are looked for in this order
  Vocabulary added_id;            ///< of each of them, by content
  SpecialTokens special;

  /// Of the model's vocabulary and the added tokens.
  std::optional<std::int32_t> token_id(std::string_view token) const;
};

/// Throws InputError, naming the file, where a file is missing, damaged, or has a component that is not known.
Pipeline read_tokenizer_files(const std::filesystem::path& folder);

}  // namespace layersweep::text
