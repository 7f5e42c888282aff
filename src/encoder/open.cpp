#include "encoder/open.hpp"

#include <utility>

#include "encoder/bert_folder.hpp"
#include "encoder/counting.hpp"
#include "encoder/json_file.hpp"
#include "encoder/tokenizer_files.hpp"

namespace layersweep::encoder {

std::unique_ptr<Encoder> open_encoder(const std::filesystem::path& folder, Arithmetic arithmetic) {
  const auto config_json = folder / "config.json";
  if (model_type(read_json_object(config_json), config_json) == "layersweep-counting")
    return make_counting(read_counting(folder));
  BertModel model = read_bert_model(folder);
  return make_bert(model.config, std::move(model.weights), mask_token(folder), arithmetic);
}

}  // namespace layersweep::encoder
