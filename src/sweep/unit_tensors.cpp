#include "sweep/unit_tensors.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <cstring>

#include "base/error.hpp"

namespace layersweep::sweep {
namespace {

struct Figure {
  const char* name;
  double Score::*member;
};
constexpr Figure figures[] = {{"kl", &Score::kl},
                              {"kl_p95", &Score::kl_p95},
                              {"kl_max", &Score::kl_max},
                              {"flips", &Score::flips},
                              {"keep_share", &Score::keep_share}};

tensors::Dtype dtype_of(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return tensors::Dtype::f32;
    case at::kDouble:
      return tensors::Dtype::f64;
    case at::kLong:
      return tensors::Dtype::i64;
    case at::kBool:
      return tensors::Dtype::boolean;
    default:
      throw base::InternalError("a tensor of a type that is not stored");
  }
}

at::Tensor to_tensor(const CellTable<Score>& scores, double Score::*member) {
  const auto points = static_cast<std::int64_t>(scores.size());
  const auto seeds = static_cast<std::int64_t>(scores.front().size());
  const at::Tensor values = at::empty({points, seeds}, at::kDouble);
  auto cells = values.accessor<double, 2>();
  for (std::int64_t p = 0; p < points; ++p) {
    for (std::int64_t s = 0; s < seeds; ++s) cells[p][s] = at_cell(scores, p, s).*member;
  }
  return values;
}

void from_tensor(const at::Tensor& values, double Score::*member, CellTable<Score>& scores) {
  auto cells = values.accessor<double, 2>();
  for (std::int64_t p = 0; p < values.size(0); ++p) {
    for (std::int64_t s = 0; s < values.size(1); ++s) at_cell(scores, p, s).*member = cells[p][s];
  }
}

}  // namespace

void TensorList::add(std::string name, const at::Tensor& values) {
  list_.emplace_back(std::move(name), values.cpu().contiguous());
}

void TensorList::add(std::string name, const CellTable<terms::Status>& status) {
  const auto points = static_cast<std::int64_t>(status.size());
  const auto seeds = static_cast<std::int64_t>(status.front().size());
  const at::Tensor values = at::empty({points, seeds}, at::kLong);
  auto cells = values.accessor<std::int64_t, 2>();
  for (std::int64_t p = 0; p < points; ++p) {
    for (std::int64_t s = 0; s < seeds; ++s) cells[p][s] = static_cast<std::int64_t>(at_cell(status, p, s));
  }
  add(std::move(name), values);
}

void TensorList::add(const std::string& prefix, const CellTable<Score>& scores) {
  for (const Figure& figure : figures) add(prefix + figure.name, to_tensor(scores, figure.member));
}

void TensorList::add(const std::string& prefix, const std::vector<Validation>& curve, const probe::ProbeLayout& layout) {
  const auto length = static_cast<std::int64_t>(curve.size());
  const at::Tensor step = at::zeros({length}, at::kLong);
  const at::Tensor alpha = at::zeros({length, layout.points(), layout.seeds()}, at::kFloat);
  for (std::int64_t v = 0; v < length; ++v) {
    step[v].fill_(curve[static_cast<std::size_t>(v)].step);
    alpha[v].copy_(curve[static_cast<std::size_t>(v)].alpha);
  }
  add(prefix + "step", step);
  add(prefix + "alpha", alpha);
  for (const Figure& figure : figures) {
    const at::Tensor values = at::zeros({length, layout.points(), layout.seeds()}, at::kDouble);
    for (std::int64_t v = 0; v < length; ++v) {
      values[v].copy_(to_tensor(curve[static_cast<std::size_t>(v)].scores, figure.member));
    }
    add(prefix + figure.name, values);
  }
}

void TensorList::write(const std::filesystem::path& file, const std::map<std::string, std::string>& metadata) const {
  std::vector<tensors::TensorToWrite> tensors;
  for (const auto& [name, tensor] : list_) {
    tensors.push_back({name,
                       dtype_of(tensor.scalar_type()),
                       tensor.sizes().vec(),
                       {static_cast<const std::byte*>(tensor.const_data_ptr()), static_cast<std::size_t>(tensor.nbytes())}});
  }
  tensors::write_safetensors(file, std::move(tensors), metadata);
}

StoredTensors::StoredTensors(const std::filesystem::path& file, std::string hint)
    : file_(tensors::SafetensorsFile::open(file)), hint_(std::move(hint)) {}

void StoredTensors::read(const std::string& name, const at::Tensor& target) const {
  const tensors::TensorInfo& info = file_.info(name);
  if (info.shape != target.sizes().vec() || info.dtype != dtype_of(target.scalar_type())) {
    throw base::InputError(fmt::format("cannot use {}", file_.path().string()),
                           fmt::format("{} has another shape or type than this experiment needs", name), hint_);
  }
  const auto bytes = file_.data(name);
  const at::Tensor buffer = at::empty(target.sizes(), target.scalar_type());
  if (!bytes.empty()) std::memcpy(buffer.data_ptr(), bytes.data(), bytes.size());
  at::Tensor(target).copy_(buffer);
}

CellTable<terms::Status> StoredTensors::status(const std::string& name, const probe::ProbeLayout& layout) const {
  const at::Tensor values = at::empty({layout.points(), layout.seeds()}, at::kLong);
  read(name, values);
  auto cells = values.accessor<std::int64_t, 2>();
  CellTable<terms::Status> status = cell_table(layout, terms::Status::not_trained);
  for (std::int64_t p = 0; p < layout.points(); ++p) {
    for (std::int64_t s = 0; s < layout.seeds(); ++s) {
      if (cells[p][s] < 0 || cells[p][s] > static_cast<std::int64_t>(terms::Status::failed)) {
        throw base::InputError(fmt::format("cannot use {}", file_.path().string()),
                               fmt::format("{} holds the status {}, which there is not", name, cells[p][s]), hint_);
      }
      at_cell(status, p, s) = static_cast<terms::Status>(cells[p][s]);
    }
  }
  return status;
}

CellTable<Score> StoredTensors::scores(const std::string& prefix, const probe::ProbeLayout& layout) const {
  CellTable<Score> scores = cell_table(layout, Score{});
  const at::Tensor values = at::empty({layout.points(), layout.seeds()}, at::kDouble);
  for (const Figure& figure : figures) {
    read(prefix + figure.name, values);
    from_tensor(values, figure.member, scores);
  }
  return scores;
}

std::vector<Validation> StoredTensors::curve(const std::string& prefix, const probe::ProbeLayout& layout) const {
  const auto& shape = file_.info(prefix + "step").shape;
  const std::int64_t length = shape.empty() ? 0 : shape.front();
  const at::Tensor step = at::empty({length}, at::kLong);
  const at::Tensor alpha = at::empty({length, layout.points(), layout.seeds()}, at::kFloat);
  read(prefix + "step", step);
  read(prefix + "alpha", alpha);
  std::vector<Validation> curve;
  for (std::int64_t v = 0; v < length; ++v) {
    curve.push_back({step[v].item<std::int64_t>(), cell_table(layout, Score{}), alpha[v].clone()});
  }
  const at::Tensor values = at::empty({length, layout.points(), layout.seeds()}, at::kDouble);
  for (const Figure& figure : figures) {
    read(prefix + figure.name, values);
    for (std::int64_t v = 0; v < length; ++v)
      from_tensor(values[v], figure.member, curve[static_cast<std::size_t>(v)].scores);
  }
  return curve;
}

}  // namespace layersweep::sweep
