#include "app/manifests.hpp"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.hpp"
#include "data/counting.hpp"
#include "jobs/steps/prepare.hpp"

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

// The number of texts is that of the first file of the split that lies in the folder, else of the first (the official one);
// their lengths are distributed as in the file that is known.
plan::Lengths as_at_hand(const nlohmann::json& manifest, const std::filesystem::path& folder, std::string_view split) {
  double examples = 0;
  for (const nlohmann::json& file : manifest.at("files")) {
    if (file.value("split", "") != split) continue;
    const bool at_hand = std::filesystem::exists(folder / file.value("name", ""));
    if (examples == 0 || at_hand) examples = file.value("examples", examples);
    if (at_hand) break;
  }
  const plan::Lengths known = split_of(manifest, folder.filename().string(), split);
  std::vector<plan::Lengths::Class> classes = known.classes();
  for (plan::Lengths::Class& one : classes) one.texts *= examples / known.texts();
  return plan::Lengths(std::move(classes));
}

}  // namespace

plan::Texts texts_of(const config::Task& task) {
  const auto used = [&](const plan::Lengths& all) { return all.cut(task.max_length).first(task.limit); };
  if (task.name == config::TaskName::counting) {
    const auto split = [&](terms::Split which) {
      return used(plan::Lengths::uniform(data::counting_size(which), data::kCountingLongest));
    };
    return {split(terms::Split::train), split(terms::Split::dev), split(terms::Split::test)};
  }
  const std::string_view name = terms::name_of(task.name);
  const std::string text = manifest_text(name);
  if (text.empty()) throw base::InputError(fmt::format("there is no manifest of {}", name), {}, {});
  const auto manifest = nlohmann::json::parse(text);
  if (task.name == config::TaskName::squad) {
    // Some articles are dev (data::split_squad); passages that need several windows are few.
    constexpr double dev_share = 0.05;
    const plan::Lengths all = as_at_hand(manifest, task.data / name, "train");
    const auto part = [&](double share) { return used(all.first(std::llround(share * all.texts()))); };
    return {part(1 - dev_share), part(dev_share), used(as_at_hand(manifest, task.data / name, "test"))};
  }
  return {used(split_of(manifest, name, "train")), used(split_of(manifest, name, "dev")),
          used(split_of(manifest, name, "test"))};
}

plan::Texts texts_of(const config::Experiment& experiment) {
  if (experiment.task.name != config::TaskName::text) return texts_of(experiment.task);
  const auto lengths = jobs::text_lengths(experiment);
  const auto split = [&](terms::Split which) {
    std::map<std::int64_t, double> count;
    for (const std::int64_t length : lengths[static_cast<std::size_t>(which)]) ++count[length];
    std::vector<plan::Lengths::Class> classes;
    for (const auto& [length, texts] : count) classes.push_back({static_cast<double>(length), texts});
    return plan::Lengths(std::move(classes)).cut(experiment.task.max_length).first(experiment.task.limit);
  };
  return {split(terms::Split::train), split(terms::Split::dev), split(terms::Split::test)};
}

}  // namespace layersweep::app
