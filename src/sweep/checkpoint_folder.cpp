#include "sweep/checkpoint_folder.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/hash.hpp"
#include "base/log.hpp"
#include "sweep/identity.hpp"

namespace layersweep::sweep {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int format_number = 1;
constexpr std::size_t kept_checkpoints = 2;
constexpr std::string_view prefix = "checkpoint-";
constexpr std::string_view unfinished = ".part";    // being written or being removed
constexpr std::string_view set_aside = ".damaged";  // for whoever wants to know what happened
constexpr const char* manifest_name = "manifest.json";

// A manifest is checked byte for byte, by writing again what was understood of it; its last word is its own hash.
std::string manifest_text(json manifest) {
  manifest.erase("sha256");
  manifest["sha256"] = base::sha256_of_text(manifest.dump());
  return manifest.dump(2) + "\n";
}

json file_entry(const fs::path& file) { return {{"bytes", fs::file_size(file)}, {"sha256", base::sha256_of_file(file)}}; }

fs::path named(const fs::path& parent, std::int64_t step) { return parent / fmt::format("{}{}", prefix, step); }

// Takes the name away first: what is half removed must not look like a checkpoint.
void remove_whole(const fs::path& folder) {
  fs::path name = folder;
  name += unfinished;
  fs::remove_all(name);
  fs::rename(folder, name);
  fs::remove_all(name);
}

// std::filesystem tells of a failure in its own type.
template <class Function>
auto on_disk(const std::string& what, Function&& function) {
  try {
    return function();
  } catch (const fs::filesystem_error& error) {
    throw base::InputError(what, fmt::format("{} ({})", error.code().message(), error.path1().string()));
  }
}

// Newest first.
std::vector<std::int64_t> steps_in(const fs::path& parent) {
  std::vector<std::int64_t> steps;
  if (!fs::is_directory(parent)) return steps;
  for (const auto& entry : fs::directory_iterator(parent)) {
    if (const auto step = checkpoint_step(entry.path())) steps.push_back(*step);
  }
  std::ranges::sort(steps, std::greater());
  return steps;
}

void remove_leftovers(const fs::path& parent, std::string_view ending) {
  if (!fs::is_directory(parent)) return;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(parent)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(ending)) found.push_back(entry.path());
  }
  for (const fs::path& path : found) fs::remove_all(path);
}

std::string problem_of_manifest(const std::string& text, json& manifest) {
  manifest = json::parse(text, nullptr, false);
  if (!manifest.is_object() || manifest_text(manifest) != text) return "its manifest.json is damaged";
  if (manifest.value("format", 0) != format_number) {
    return fmt::format("it has format {}, this program reads {}", manifest.value("format", 0), format_number);
  }
  return {};
}

std::string problem_of_file(const fs::path& file, const json& entry) {
  const std::string name = file.filename().string();
  if (!fs::is_regular_file(file)) return fmt::format("its {} is missing", name);
  const auto expected = entry.at("bytes").get<std::uintmax_t>();
  if (const auto found = fs::file_size(file); found != expected) {
    return fmt::format("its {} has {} bytes instead of {}", name, found, expected);
  }
  if (base::sha256_of_file(file) != entry.at("sha256").get<std::string>()) return fmt::format("its {} was changed", name);
  return {};
}

}  // namespace

CheckpointFolder::CheckpointFolder(fs::path parent, std::string owner, std::string identity)
    : parent_(std::move(parent)), owner_(std::move(owner)), identity_(std::move(identity)) {}

fs::path CheckpointFolder::path_of(std::int64_t step) const { return named(parent_, step); }

void CheckpointFolder::write(std::int64_t step, const std::function<void(const fs::path&)>& fill) const {
  const fs::path target = path_of(step);
  fs::path part = target;
  part += unfinished;
  try {
    on_disk(fmt::format("cannot write the checkpoint {}", target.string()), [&] {
      fs::create_directories(parent_);
      fs::remove_all(part);
      fs::create_directory(part);
      fill(part);
      json manifest = {{"format", format_number}, {"owner", owner_}, {"identity", identity_}, {"step", step}};
      for (const auto& entry : fs::directory_iterator(part)) {
        manifest["files"][entry.path().filename().string()] = file_entry(entry.path());
      }
      base::write_file_atomically(part / manifest_name, manifest_text(manifest));
      fs::rename(part, target);
      base::sync_folder(parent_);
      const auto all = steps_in(parent_);
      for (std::size_t i = kept_checkpoints; i < all.size(); ++i) remove_whole(path_of(all[i]));
    });
  } catch (...) {
    std::error_code ignored;  // room for whoever needs it more
    fs::remove_all(part, ignored);
    throw;
  }
}

std::string CheckpointFolder::problem_of(const fs::path& checkpoint) const {
  json manifest;
  try {
    const std::string problem = problem_of_manifest(base::read_text_file(checkpoint / manifest_name), manifest);
    if (!problem.empty()) return problem;
    for (const auto& [name, entry] : manifest.at("files").items()) {
      if (const std::string found = problem_of_file(checkpoint / name, entry); !found.empty()) return found;
    }
  } catch (const base::InputError& error) {
    return error.what();
  }
  if (manifest.at("identity") != identity_ || manifest.at("owner") != owner_) {
    throw base::InputError(fmt::format("{} belongs to another experiment", checkpoint.string()),
                           manifest.at("owner") != owner_
                               ? fmt::format("it is of {}", manifest.at("owner").get<std::string>())
                               : identity_difference(identity_, manifest.at("identity").get<std::string>()),
                           "Remove it to begin this training anew");
  }
  return {};
}

std::optional<fs::path> CheckpointFolder::newest() const {
  return on_disk(fmt::format("cannot look for checkpoints in {}", parent_.string()), [&]() -> std::optional<fs::path> {
    remove_leftovers(parent_, unfinished);
    for (const std::int64_t step : steps_in(parent_)) {
      const fs::path checkpoint = path_of(step);
      const std::string problem = problem_of(checkpoint);
      if (problem.empty()) return checkpoint;
      fs::path aside = checkpoint;
      aside += set_aside;
      fs::remove_all(aside);
      fs::rename(checkpoint, aside);
      base::local_warning(fmt::format("{} is damaged and not used: {}; it is now {}", checkpoint.string(), problem,
                                      aside.filename().string()));
    }
    return std::nullopt;
  });
}

std::optional<std::int64_t> checkpoint_step(const fs::path& checkpoint) {
  const std::string name = checkpoint.filename().string();
  if (!name.starts_with(prefix)) return std::nullopt;
  std::int64_t step = 0;
  const char* const end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + prefix.size(), end, step);
  return parsed.ec == std::errc() && parsed.ptr == end ? std::optional(step) : std::nullopt;
}

void remove_checkpoints(const fs::path& parent) {
  on_disk(fmt::format("cannot remove the checkpoints in {}", parent.string()), [&] {
    for (const std::int64_t step : steps_in(parent)) remove_whole(named(parent, step));
    remove_leftovers(parent, unfinished);
    remove_leftovers(parent, set_aside);
  });
}

}  // namespace layersweep::sweep
