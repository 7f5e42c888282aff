#include "model/open.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"

namespace layersweep::model {

void check_embedded(const ModelDescription& model, std::span<const std::int32_t> token_ids,
                    std::span<const std::int32_t> segments) {
  if (!token_ids.empty() && std::ranges::max(token_ids) >= model.vocabulary) {
    throw base::InputError(fmt::format("a text holds token {}", std::ranges::max(token_ids)),
                           fmt::format("the model in {} has {} word embeddings (vocab_size), and its tokenizer more tokens",
                                       model.folder.string(), model.vocabulary),
                           "Put the tokenizer's files of this very model there, or resize its embeddings");
  }
  if (!segments.empty() && std::ranges::max(segments) >= model.segments) {
    throw base::InputError(
        "there is a pair of texts, of which the second is segment 1",
        fmt::format("the model in {} has embeddings of {} segment (type_vocab_size)", model.folder.string(), model.segments),
        "Give single texts: this model cannot tell the two of a pair apart");
  }
}

}  // namespace layersweep::model
