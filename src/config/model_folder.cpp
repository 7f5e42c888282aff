#include "config/model_folder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <fstream>
#include <optional>
#include <set>
#include <string>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/printable.hpp"

namespace layersweep::config {
namespace {

using Path = std::filesystem::path;

// In the order of the library huggingface_hub.
Path hub_cache() {
  using base::environment_variable;
  if (const auto cache = environment_variable("HF_HUB_CACHE")) return *cache;
  if (const auto home = environment_variable("HF_HOME")) return Path(*home) / "hub";
  if (const auto cache = environment_variable("XDG_CACHE_HOME")) return Path(*cache) / "huggingface" / "hub";
  return Path(environment_variable("HOME").value_or("")) / ".cache" / "huggingface" / "hub";
}

// Where the cache keeps owner/model: models--owner--model. None for what is no name of a model.
std::optional<std::string> cache_name(const std::string& model) {
  std::string name = "models--";
  for (const char c : model) name += c == '/' ? std::string("--") : std::string(1, c);
  const bool plain = std::ranges::all_of(model, [](unsigned char c) { return std::isalnum(c) || std::strchr("-_./", c); });
  const bool edges = model.empty() || model.front() == '/' || model.back() == '/' || model.find("..") != model.npos;
  if (!plain || edges || std::ranges::count(model, '/') > 1) return std::nullopt;
  return name;
}

std::set<std::string> names_in(const Path& folder) {
  std::set<std::string> names;
  std::error_code none;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, none)) {
    if (!entry.is_directory(none)) names.insert(entry.path().lexically_relative(folder).string());
  }
  return names;
}

}  // namespace

Path model_folder(const Path& name) {
  std::error_code none;
  if (name.empty() || name.is_absolute() || std::filesystem::exists(name, none)) return name;
  const std::string text = name.string();
  const auto at = text.find('@');
  const auto known_as = cache_name(text.substr(0, at));
  if (!known_as) return name;
  const Path model = hub_cache() / *known_as;
  if (!std::filesystem::is_directory(model, none)) return name;

  const std::string revision = at == text.npos ? "main" : text.substr(at + 1);
  const bool plain = !revision.empty() && !Path(revision).is_absolute() && revision.find("..") == revision.npos;
  std::string commit = revision;
  if (std::ifstream reference(model / "refs" / revision); plain && reference) reference >> commit;
  const Path snapshot = model / "snapshots" / commit;
  if (plain && !commit.empty() && commit.find('/') == commit.npos && std::filesystem::is_directory(snapshot, none)) {
    return snapshot;
  }
  const std::set<std::string> revisions = names_in(model / "refs");
  throw base::InputError(
      fmt::format("the Hugging Face cache has no revision {} of {}", base::printable(revision), text.substr(0, at)),
      fmt::format("{} knows {}", model.string(),
                  revisions.empty() ? "no branch or tag" : fmt::format("{}", fmt::join(revisions, ", "))),
      fmt::format("Fetch it where there is a network (hf download {} --revision {}), or name a folder", text.substr(0, at),
                  base::printable(revision)));
}

}  // namespace layersweep::config
