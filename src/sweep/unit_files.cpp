#include "sweep/unit_files.hpp"

#include <ATen/ops/zeros.h>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/hash.hpp"
#include "sweep/checkpoint_folder.hpp"
#include "sweep/identity.hpp"
#include "sweep/unit_tensors.hpp"

namespace layersweep::sweep {
namespace {

constexpr const char* probes_name = "probes.safetensors";
constexpr const char* done_name = "done.json";

std::string cell_name(std::uint64_t seed, int point, const std::string& block) {
  return fmt::format("seed.{}.point.{}.{}", seed, point, block);
}

}  // namespace

void save_unit(const std::filesystem::path& folder, const plan::Unit& unit, const TrainedUnit& trained,
               const std::string& identity) {
  const std::int64_t points = trained.layout.points();
  const std::int64_t seeds = trained.layout.seeds();
  TensorList list;
  for (std::int64_t s = 0; s < seeds; ++s) {
    for (int p = 0; p < static_cast<int>(points); ++p) {
      for (const auto& [block, values] : trained.layout.cell(trained.parameters, p, s)) {
        list.add(cell_name(unit.seeds[static_cast<std::size_t>(s)], p, block), values);
      }
    }
  }
  list.add("alpha", trained.alpha);
  list.add("steps", trained.steps);
  list.add("status", trained.status);
  list.add("curve.", trained.curve, trained.layout);

  std::filesystem::create_directories(folder);
  const std::filesystem::path file = folder / probes_name;
  list.write(file, {{"unit", unit.name()}, {"identity", identity}});
  const nlohmann::json done = {{"unit", unit.name()}, {"identity", identity}, {"sha256", base::sha256_of_file(file)}};
  base::write_file_atomically(folder / done_name, done.dump(2) + "\n");
  remove_checkpoints(folder);
}

std::optional<TrainedUnit> load_unit(const std::filesystem::path& folder, const plan::Unit& unit,
                                     const std::vector<std::int64_t>& widths, const std::string& identity) {
  if (!std::filesystem::exists(folder / done_name)) return std::nullopt;
  const std::filesystem::path path = folder / probes_name;
  const nlohmann::json done = nlohmann::json::parse(base::read_text_file(folder / done_name), nullptr, false);
  const std::string hint = fmt::format("Remove {} to train the unit again", folder.string());
  if (!done.is_object() || done.value("sha256", "") != base::sha256_of_file(path)) {
    throw base::InputError(fmt::format("{} is damaged", path.string()), "its hash is not the one recorded in done.json",
                           hint);
  }
  if (const std::string theirs = done.value("identity", ""); theirs != identity) {
    throw base::InputError(fmt::format("{} belongs to another experiment", path.string()),
                           identity_difference(identity, theirs), hint);
  }
  const StoredTensors file(path, hint);
  const auto seeds = static_cast<std::int64_t>(unit.seeds.size());
  const auto points = static_cast<std::int64_t>(widths.size());
  TrainedUnit trained{probe::ProbeLayout(unit.mode, widths, seeds), {}, {}, {}, {}, {}};
  trained.parameters = at::zeros({trained.layout.size()}, at::kFloat);
  for (std::int64_t s = 0; s < seeds; ++s) {
    for (int p = 0; p < static_cast<int>(points); ++p) {
      for (const auto& [block, values] : trained.layout.cell(trained.parameters, p, s)) {
        file.read(cell_name(unit.seeds[static_cast<std::size_t>(s)], p, block), values);
      }
    }
  }
  trained.alpha = at::zeros({points, seeds}, at::kFloat);
  trained.steps = at::zeros({points, seeds}, at::kLong);
  file.read("alpha", trained.alpha);
  file.read("steps", trained.steps);
  trained.status = file.status("status", trained.layout);
  trained.curve = file.curve("curve.", trained.layout);
  return trained;
}

}  // namespace layersweep::sweep
