#include "sweep/unit_files.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <nlohmann/json.hpp>

#include <cstring>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/hash.hpp"
#include "tensors/safetensors.hpp"

namespace layersweep::sweep {
namespace {

constexpr const char* probes_name = "probes.safetensors";
constexpr const char* done_name = "done.json";

std::string cell_name(std::uint64_t seed, int point, const std::string& block) {
  return fmt::format("seed.{}.point.{}.{}", seed, point, block);
}

// The curve's figures by name, each V x P x S.
struct CurveField {
  const char* name;
  double Score::*member;
};
constexpr CurveField curve_fields[] = {{"curve.kl", &Score::kl},
                                       {"curve.kl_p95", &Score::kl_p95},
                                       {"curve.kl_max", &Score::kl_max},
                                       {"curve.flips", &Score::flips},
                                       {"curve.keep_share", &Score::keep_share}};

class TensorList {
 public:
  void add(std::string name, const at::Tensor& values) {
    kept_.push_back(values.contiguous());
    const at::Tensor& tensor = kept_.back();
    const tensors::Dtype dtype = tensor.scalar_type() == at::kLong     ? tensors::Dtype::i64
                                 : tensor.scalar_type() == at::kDouble ? tensors::Dtype::f64
                                                                       : tensors::Dtype::f32;
    list_.push_back({std::move(name),
                     dtype,
                     tensor.sizes().vec(),
                     {static_cast<const std::byte*>(tensor.const_data_ptr()), static_cast<std::size_t>(tensor.nbytes())}});
  }
  std::vector<tensors::TensorToWrite> take() { return std::move(list_); }

 private:
  std::vector<at::Tensor> kept_;  // owns what the list borrows
  std::vector<tensors::TensorToWrite> list_;
};

// Copies a stored tensor into `target`, whose shape and type it must have.
void read_into(const tensors::SafetensorsFile& file, const std::string& name, const at::Tensor& target) {
  const auto bytes = file.data(name);
  if (file.info(name).shape != target.sizes().vec() || bytes.size() != static_cast<std::size_t>(target.nbytes())) {
    throw base::InputError(fmt::format("cannot use {}", file.path().string()),
                           fmt::format("{} has another shape than this experiment needs", name),
                           "Remove the unit's folder to train it again");
  }
  at::Tensor buffer = at::empty(target.sizes(), target.scalar_type());
  std::memcpy(buffer.data_ptr(), bytes.data(), bytes.size());
  at::Tensor(target).copy_(buffer);
}

}  // namespace

void save_unit(const std::filesystem::path& folder, const Unit& unit, const TrainedUnit& trained,
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
  at::Tensor status = at::zeros({points, seeds}, at::kLong);
  for (std::int64_t p = 0; p < points; ++p) {
    for (std::int64_t s = 0; s < seeds; ++s) {
      status[p][s] = static_cast<std::int64_t>(trained.status[static_cast<std::size_t>(p)][static_cast<std::size_t>(s)]);
    }
  }
  list.add("status", status);
  const auto length = static_cast<std::int64_t>(trained.curve.size());
  at::Tensor step = at::zeros({length}, at::kLong);
  at::Tensor alpha = at::zeros({length, points, seeds}, at::kFloat);
  for (std::int64_t v = 0; v < length; ++v) {
    step[v] = trained.curve[static_cast<std::size_t>(v)].step;
    alpha[v].copy_(trained.curve[static_cast<std::size_t>(v)].alpha);
  }
  list.add("curve.step", step);
  list.add("curve.alpha", alpha);
  for (const CurveField& field : curve_fields) {
    at::Tensor values = at::zeros({length, points, seeds}, at::kDouble);
    for (std::int64_t v = 0; v < length; ++v) {
      const auto& scores = trained.curve[static_cast<std::size_t>(v)].scores;
      for (std::int64_t p = 0; p < points; ++p) {
        for (std::int64_t s = 0; s < seeds; ++s)
          values[v][p][s] = scores[static_cast<std::size_t>(p)][static_cast<std::size_t>(s)].*field.member;
      }
    }
    list.add(field.name, values);
  }

  std::filesystem::create_directories(folder);
  const std::filesystem::path file = folder / probes_name;
  tensors::write_safetensors(file, list.take(), {{"unit", unit.name()}, {"identity", identity}});
  const nlohmann::json done = {{"unit", unit.name()}, {"identity", identity}, {"sha256", base::sha256_of_file(file)}};
  base::write_file_atomically(folder / done_name, done.dump(2) + "\n");
}

std::optional<TrainedUnit> load_unit(const std::filesystem::path& folder, const Unit& unit,
                                     const std::vector<std::int64_t>& widths, const std::string& identity) {
  if (!std::filesystem::exists(folder / done_name)) return std::nullopt;
  const std::filesystem::path path = folder / probes_name;
  const nlohmann::json done = nlohmann::json::parse(base::read_text_file(folder / done_name), nullptr, false);
  const std::string hint = fmt::format("Remove {} to train the unit again", folder.string());
  if (!done.is_object() || done.value("sha256", "") != base::sha256_of_file(path)) {
    throw base::InputError(fmt::format("{} is damaged", path.string()), "its hash is not the one recorded in done.json",
                           hint);
  }
  if (done.value("identity", "") != identity) {
    throw base::InputError(fmt::format("{} belongs to another experiment", path.string()), "the settings differ", hint);
  }
  const auto file = tensors::SafetensorsFile::open(path);
  const auto seeds = static_cast<std::int64_t>(unit.seeds.size());
  const auto points = static_cast<std::int64_t>(widths.size());
  TrainedUnit trained{probe::ProbeLayout(unit.mode, widths, seeds), {}, {}, {}, {}, {}};
  trained.parameters = at::zeros({trained.layout.size()}, at::kFloat);
  for (std::int64_t s = 0; s < seeds; ++s) {
    for (int p = 0; p < static_cast<int>(points); ++p) {
      for (const auto& [block, values] : trained.layout.cell(trained.parameters, p, s)) {
        read_into(file, cell_name(unit.seeds[static_cast<std::size_t>(s)], p, block), values);
      }
    }
  }
  trained.alpha = at::zeros({points, seeds}, at::kFloat);
  trained.steps = at::zeros({points, seeds}, at::kLong);
  at::Tensor status = at::zeros({points, seeds}, at::kLong);
  read_into(file, "alpha", trained.alpha);
  read_into(file, "steps", trained.steps);
  read_into(file, "status", status);
  trained.status.resize(static_cast<std::size_t>(points));
  for (std::int64_t p = 0; p < points; ++p) {
    for (std::int64_t s = 0; s < seeds; ++s) {
      trained.status[static_cast<std::size_t>(p)].push_back(static_cast<CellStatus>(status[p][s].item<std::int64_t>()));
    }
  }
  const std::int64_t length = file.info("curve.step").shape.at(0);
  at::Tensor step = at::zeros({length}, at::kLong);
  at::Tensor alpha = at::zeros({length, points, seeds}, at::kFloat);
  read_into(file, "curve.step", step);
  read_into(file, "curve.alpha", alpha);
  trained.curve.resize(static_cast<std::size_t>(length));
  for (std::int64_t v = 0; v < length; ++v) {
    Validation& validation = trained.curve[static_cast<std::size_t>(v)];
    validation.step = step[v].item<std::int64_t>();
    validation.alpha = alpha[v].clone();
    validation.scores.assign(static_cast<std::size_t>(points), std::vector<Score>(static_cast<std::size_t>(seeds)));
  }
  for (const CurveField& field : curve_fields) {
    at::Tensor values = at::zeros({length, points, seeds}, at::kDouble);
    read_into(file, field.name, values);
    const auto figures = values.accessor<double, 3>();
    for (std::int64_t v = 0; v < length; ++v) {
      for (std::int64_t p = 0; p < points; ++p) {
        for (std::int64_t s = 0; s < seeds; ++s) {
          trained.curve[static_cast<std::size_t>(v)].scores[static_cast<std::size_t>(p)][static_cast<std::size_t>(s)].*
              field.member = figures[v][p][s];
        }
      }
    }
  }
  return trained;
}

}  // namespace layersweep::sweep
