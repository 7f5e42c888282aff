// Batches and encoders made in memory, and comparison of tensors.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "model/batch.hpp"
#include "model/bert.hpp"
#include "model/families/counting.hpp"
#include "support/files.hpp"
#include "tensors/safetensors.hpp"

namespace layersweep::test {

inline model::Batch batch_of(const at::Tensor& ids, const at::Tensor& lengths) {
  model::Batch batch;
  batch.token_ids = ids;
  batch.segments = at::zeros_like(ids);
  batch.lengths = lengths;
  batch.mask = at::arange(ids.size(1)).unsqueeze(0).lt(lengths.unsqueeze(1));
  batch.labels = at::full({ids.size(0)}, -1, at::kLong);
  return batch;
}

/// Random token ids of the given lengths; padding is 0.
inline model::Batch random_batch(const std::vector<std::int64_t>& lengths, std::int64_t vocabulary) {
  const auto rows = static_cast<std::int64_t>(lengths.size());
  const at::Tensor length = at::tensor(lengths, at::kLong);
  model::Batch batch = batch_of(at::randint(1, vocabulary, {rows, length.max().item<std::int64_t>()}, at::kLong), length);
  batch.token_ids = batch.token_ids * batch.mask;
  batch.segments = at::randint(0, 2, batch.token_ids.sizes(), at::kLong) * batch.mask;
  return batch;
}

/// The largest difference, relative to the largest entry of the reference.
inline double relative_difference(const at::Tensor& value, const at::Tensor& reference) {
  if (value.sizes() != reference.sizes()) return std::numeric_limits<double>::infinity();
  const at::Tensor expected = reference.detach().to(at::kDouble);
  return ((value.detach().to(at::kDouble) - expected).abs().max() / expected.abs().max()).item<double>();
}

inline at::Tensor tensor_of(const tensors::SafetensorsFile& file, const std::string& name) {
  const auto& info = file.info(name);
  void* bytes = const_cast<std::byte*>(file.data(name).data());
  return at::from_blob(bytes, info.shape, info.dtype == tensors::Dtype::i64 ? at::kLong : at::kFloat).clone();
}

inline std::filesystem::path encoder_fixtures() { return source_dir() / "tests" / "model" / "fixtures"; }

/// Folders of transformers with what transformers computes of them beside each, in FOLDER.safetensors: of the fixtures, and
/// of LAYERSWEEP_PARITY, where scripts/parity.py makes more.
inline std::vector<std::filesystem::path> reference_folders() {
  std::vector<std::filesystem::path> folders;
  const char* more = std::getenv("LAYERSWEEP_PARITY");
  for (const std::filesystem::path& root : {encoder_fixtures(), std::filesystem::path(more != nullptr ? more : "")}) {
    if (root.empty()) continue;
    for (const auto& entry : std::filesystem::directory_iterator(root)) {
      if (!std::filesystem::exists(entry.path() / "config.json")) continue;
      if (!std::filesystem::exists(entry.path().string() + ".safetensors")) continue;
      if (dynamic_cast<const model::TransformerFamily*>(&model::family_in(entry.path())) != nullptr) {
        folders.push_back(entry.path());
      }
    }
  }
  std::ranges::sort(folders);
  return folders;
}

/// "tiny-xlm-roberta" as the name of a test.
inline std::string test_name(const std::filesystem::path& folder) {
  std::string name = folder.filename().string();
  std::ranges::replace_if(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}

/// The folder of real encoders: LAYERSWEEP_ENCODERS, else .deps/encoders.
inline std::filesystem::path encoders_dir() {
  const char* folder = std::getenv("LAYERSWEEP_ENCODERS");
  return folder != nullptr ? std::filesystem::path(folder) : source_dir() / ".deps" / "encoders";
}

/// A model that hands everything on to another, to be changed in a part.
class PassesOn : public model::Model {
 public:
  explicit PassesOn(const model::Model& model) : model_(model) {}

  const std::vector<model::Point>& points() const override { return model_.points(); }
  at::Device device() const override { return model_.device(); }
  const model::Head& head() const override { return model_.head(); }
  model::Clean clean(const model::Batch& batch) const override { return model_.clean(batch); }
  model::Rows advance(int point, const model::Rows& rows, const model::Batch& batch, model::Need need) const override {
    return model_.advance(point, rows, batch, need);
  }
  at::Tensor read_out(const model::Rows& rows, const model::Batch& batch) const override {
    return model_.read_out(rows, batch);
  }
  model::Rows narrow_to_read_out(const model::Rows& rows, const model::Batch& batch) const override {
    return model_.narrow_to_read_out(rows, batch);
  }
  at::Tensor mask_state() const override { return model_.mask_state(); }

 private:
  const model::Model& model_;
};

}  // namespace layersweep::test
