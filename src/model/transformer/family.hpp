// A family of transformers: everything but how its files name things is the same for all.
#pragma once

#include "model/family.hpp"
#include "model/transformer/folder.hpp"

namespace layersweep::model {

class TransformerFamily final : public Family {
 public:
  explicit TransformerFamily(TransformerFiles files) : files_(std::move(files)) {}

  std::string_view name() const override { return files_.model_type; }
  ModelDescription describe(const std::filesystem::path& folder, OwnHead head) const override;
  plan::Model costs(const std::filesystem::path& folder, const std::optional<Head>& head) const override;
  std::unique_ptr<Model> open(const std::filesystem::path& folder, const OpenOptions& options) const override;
  std::unique_ptr<Model> random(const std::filesystem::path& folder, const std::optional<Head>& head,
                                Arithmetic arithmetic) const override;
  std::unique_ptr<Trainable> trainable(const std::filesystem::path& folder, const Head& head,
                                       std::uint64_t seed) const override;
  at::Tensor word_embeddings(const std::filesystem::path& folder) const override {
    return read_word_embeddings(files_, folder);
  }

  const TransformerFiles& files() const { return files_; }

 private:
  TransformerFiles files_;
};

}  // namespace layersweep::model
