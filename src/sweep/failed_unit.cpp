#include "sweep/failed_unit.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "base/printable.hpp"
#include "sweep/checkpoint_folder.hpp"

namespace layersweep::sweep {
namespace {

constexpr const char* mark_name = "failed.json";

}  // namespace

void mark_failed(const std::filesystem::path& folder, const std::string& reason) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw base::InputError(fmt::format("cannot make the folder {}", folder.string()), error.message());
  const nlohmann::json mark = {{"reason", reason}, {"time", base::utc_now()}};
  // A message of another library may hold any bytes.
  base::write_file_atomically(folder / mark_name, mark.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

std::optional<std::string> failure_of(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder / mark_name)) return std::nullopt;
  const auto mark = nlohmann::json::parse(base::read_text_file(folder / mark_name), nullptr, false);
  return mark.is_object() ? base::printable(mark.value("reason", "not known")) : "not known";
}

void forget_unit(const std::filesystem::path& folder) {
  // done.json first: without it the rest counts for nothing.
  for (const char* name : {"done.json", "probes.safetensors", mark_name}) {
    std::error_code error;
    std::filesystem::remove(folder / name, error);
    if (error) throw base::InputError(fmt::format("cannot remove {}", (folder / name).string()), error.message());
  }
  remove_checkpoints(folder);
}

}  // namespace layersweep::sweep
