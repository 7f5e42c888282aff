#include "app/manifests.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "data/counting.hpp"

namespace layersweep::app {
namespace {

plan::Lengths split_of(const nlohmann::json& manifest, std::string_view name, std::string_view split) {
  for (const nlohmann::json& file : manifest.at("files")) {
    if (file.value("split", "") != split || !file.contains("token_length")) continue;
    const nlohmann::json& lengths = file.at("token_length");
    return plan::Lengths::of_histogram(lengths.at("bin_width"), lengths.at("counts").get<std::vector<std::int64_t>>());
  }
  throw base::InputError(fmt::format("the manifest of {} has no token lengths of its {} split", name, split), {},
                         "datasets/make_manifest.py writes them where the data are");
}

}  // namespace

plan::Texts texts_of(const config::Task& task) {
  const auto used = [&](const plan::Lengths& all) { return all.cut(task.max_length).first(task.limit); };
  if (task.name == config::TaskName::counting) {
    const auto split = [&](data::Split which) {
      return used(plan::Lengths::uniform(data::counting_size(which), data::kCountingLongest));
    };
    return {split(data::Split::train), split(data::Split::dev), split(data::Split::test)};
  }
  const std::string_view name = config::name_of(task.name);
  const std::string text = manifest_text(name);
  if (text.empty()) throw base::InputError(fmt::format("there is no manifest of {}", name), {}, {});
  const auto manifest = nlohmann::json::parse(text);
  return {used(split_of(manifest, name, "train")), used(split_of(manifest, name, "dev")),
          used(split_of(manifest, name, "test"))};
}

}  // namespace layersweep::app
