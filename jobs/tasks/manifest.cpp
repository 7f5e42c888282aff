#include "jobs/tasks/manifest.hpp"

#include <fmt/format.h>

#include <vector>

#include "base/error.hpp"

namespace layersweep::jobs {

Manifest::Manifest(const std::string& name) : name_(name), manifest_(nlohmann::json::parse(manifest_text(name))) {}

plan::Lengths Manifest::split(std::string_view split) const {
  for (const nlohmann::json& file : manifest_.at("files")) {
    if (file.value("split", "") != split || !file.contains("token_length")) continue;
    const nlohmann::json& lengths = file.at("token_length");
    return plan::Lengths::of_histogram(lengths.at("bin_width"), lengths.at("counts").get<std::vector<std::int64_t>>());
  }
  throw base::InputError(fmt::format("the manifest of {} has no token lengths of its {} split", name_, split), {},
                         "datasets/make_manifest.py writes them where the data are");
}

plan::Lengths Manifest::split_at_hand(const std::filesystem::path& folder, std::string_view split) const {
  double examples = 0;
  for (const nlohmann::json& file : manifest_.at("files")) {
    if (file.value("split", "") != split) continue;
    const bool at_hand = std::filesystem::exists(folder / file.value("name", ""));
    if (examples == 0 || at_hand) examples = file.value("examples", examples);
    if (at_hand) break;
  }
  const plan::Lengths known = this->split(split);
  std::vector<plan::Lengths::Class> classes = known.classes();
  for (plan::Lengths::Class& one : classes) one.texts *= examples / known.texts();
  return plan::Lengths(std::move(classes));
}

}  // namespace layersweep::jobs
