// How what is kept of a unit, tables and curves, lies in safetensors files: finished units and checkpoints alike.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sweep/trained_unit.hpp"
#include "tensors/safetensors.hpp"

namespace layersweep::sweep {

/// Tensors to be written to one file: float, double, int64 or bool, from any device.
class TensorList {
 public:
  void add(std::string name, const at::Tensor& values);
  void add(std::string name, const CellTable<terms::Status>& status);        ///< P x S int64
  void add(const std::string& prefix, const CellTable<Score>& scores);       ///< a tensor P x S for each figure
  void add(const std::string& prefix, const std::vector<Validation>& curve,  ///< V, V x P x S
           const probe::ProbeLayout& layout);

  /// Throws InputError.
  void write(const std::filesystem::path& file, const std::map<std::string, std::string>& metadata) const;

 private:
  std::vector<std::pair<std::string, at::Tensor>> list_;
};

/// The same, read from a file. All throw InputError, ending with `hint`, where a tensor is missing or has another type or
/// shape than `layout` tells.
class StoredTensors {
 public:
  StoredTensors(const std::filesystem::path& file, std::string hint);

  /// Copies into `target`.
  void read(const std::string& name, const at::Tensor& target) const;
  CellTable<terms::Status> status(const std::string& name, const probe::ProbeLayout& layout) const;
  CellTable<Score> scores(const std::string& prefix, const probe::ProbeLayout& layout) const;
  std::vector<Validation> curve(const std::string& prefix, const probe::ProbeLayout& layout) const;

 private:
  tensors::SafetensorsFile file_;
  std::string hint_;
};

}  // namespace layersweep::sweep
