#include "sweep/checkpoint.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/files.hpp"
#include "sweep/unit_tensors.hpp"

namespace layersweep::sweep {
namespace {

constexpr const char* tensors_name = "state.safetensors";
constexpr const char* scalars_name = "state.json";

// One list for both ways: what is written is what is read.
std::vector<std::pair<std::string, at::Tensor>> tensors_of(const TrainingState& state) {
  std::vector<std::pair<std::string, at::Tensor>> list{
      {"parameters", state.parameters},
      {"alpha", state.alpha},
      {"active", state.active},
      {"steps", state.steps},
      {"snapshots.parameters", state.snapshots.state().parameters},
      {"snapshots.waited", state.snapshots.state().waited},
  };
  const auto add_optimiser = [&](const std::string& name, const probe::LookaheadRmsprop::State& optimiser) {
    list.emplace_back(name + ".square_average", optimiser.square_average);
    list.emplace_back(name + ".gradient_average", optimiser.gradient_average);
    list.emplace_back(name + ".slow", optimiser.slow);
  };
  add_optimiser("probe_optimiser", state.probe_optimiser.state());
  add_optimiser("alpha_optimiser", state.alpha_optimiser.state());
  return list;
}

}  // namespace

void write_state(const std::filesystem::path& folder, const TrainingState& state) {
  TensorList list;
  for (const auto& [name, tensor] : tensors_of(state)) list.add(name, tensor);
  list.add("status", state.status);
  list.add("snapshots.", state.snapshots.state().scores);
  list.add("curve.", state.curve, state.layout);
  list.write(folder / tensors_name, {});
  const nlohmann::json scalars = {{"step", state.step},
                                  {"epoch", state.epoch},
                                  {"next_batch", state.next_batch},
                                  {"trained_s", state.trained_s},
                                  {"probe_optimiser.steps", state.probe_optimiser.state().steps},
                                  {"alpha_optimiser.steps", state.alpha_optimiser.state().steps}};
  base::write_file_atomically(folder / scalars_name, scalars.dump(2) + "\n");
}

void read_state(const std::filesystem::path& folder, TrainingState& state) {
  const StoredTensors file(folder / tensors_name, fmt::format("Remove {} to begin this training anew", folder.string()));
  for (const auto& [name, tensor] : tensors_of(state)) file.read(name, tensor);
  state.status = file.status("status", state.layout);
  state.snapshots.state().scores = file.scores("snapshots.", state.layout);
  state.curve = file.curve("curve.", state.layout);
  const auto scalars = nlohmann::json::parse(base::read_text_file(folder / scalars_name));
  scalars.at("step").get_to(state.step);
  scalars.at("epoch").get_to(state.epoch);
  scalars.at("next_batch").get_to(state.next_batch);
  scalars.at("trained_s").get_to(state.trained_s);
  scalars.at("probe_optimiser.steps").get_to(state.probe_optimiser.state().steps);
  scalars.at("alpha_optimiser.steps").get_to(state.alpha_optimiser.state().steps);
}

}  // namespace layersweep::sweep
