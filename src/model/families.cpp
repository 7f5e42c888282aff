#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.hpp"
#include "model/config_file.hpp"
#include "model/families/families.hpp"
#include "model/json_file.hpp"

namespace layersweep::model {

const std::vector<const Family*>& families() {
  static const std::vector<const Family*> all{
      &bert_family(),     &distilbert_family(), &roberta_family(),    &camembert_family(),  &xlm_roberta_family(),
      &electra_family(),  &albert_family(),     &deberta_v2_family(), &modernbert_family(), &gpt2_family(),
      &gpt_neox_family(), &llama_family(),      &mistral_family(),    &qwen2_family(),      &qwen3_family(),
      &gru_family(),      &counting_family()};
  return all;
}

const Family& family_in(const std::filesystem::path& folder) {
  const ConfigFile config(folder / "config.json", "");
  const std::string type = model_type(config.json(), folder / "config.json");
  const auto found = std::ranges::find(families(), type, &Family::model_type);
  if (found != families().end()) return **found;
  std::vector<std::string_view> types;
  for (const Family* family : families()) types.push_back(family->model_type());
  config.refuse("model_type", fmt::format("is \"{}\"", type),
                fmt::format("Use a model of one of the types {}", fmt::join(types, ", ")));
}

const Family& family_named(std::string_view name) {
  const auto found = std::ranges::find(families(), name, &Family::name);
  base::ensure(found != families().end(), "a family of models that is in the list");
  return **found;
}

}  // namespace layersweep::model
