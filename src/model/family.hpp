// Families of models: what one must provide, and which there are. Everything else asks here; a family is a file in families/
// and a line in families.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/arithmetic.hpp"
#include "model/finetune.hpp"
#include "model/model.hpp"
#include "model/trainable.hpp"
#include "plan/model.hpp"

namespace layersweep::model {

/// What config.json tells of a model that reads texts, without its weights.
struct ModelDescription {
  static constexpr std::int64_t unlimited = std::numeric_limits<std::int32_t>::max();

  std::filesystem::path folder;
  Head head;
  std::int64_t longest_text = unlimited;      ///< tokens
  std::int64_t vocabulary = 0;                ///< ids of tokens are below this
  std::int64_t segments = unlimited;          ///< likewise
  std::int64_t word_width = 0;                ///< features of a word embedding
  std::vector<std::string> unread_keys = {};  ///< of config.json, that play no part
};

/// Whether the head that the folder describes is to be computed, or another one will take its place.
enum class OwnHead { used, replaceable };

struct OpenOptions {
  Arithmetic arithmetic = Arithmetic::fast;
  at::Device device = at::kCPU;
  /// The weights of the last map in a random order that follows from this seed; biases stay. The states at all points are
  /// those of the model, what it decides from them is not: explanations of it are a control of those of the model (the first
  /// step of the cascade of Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018).
  std::optional<std::uint64_t> shuffled_head = {};
};

/// All functions throw InputError, naming the key or the tensor, where the folder does not hold what they need.
class Family {
 public:
  virtual ~Family() = default;

  virtual std::string_view name() const = 0;
  /// model_type of the config.json of its models.
  virtual std::string_view model_type() const { return name(); }

  /// Where its head is used, throws also where that is none that is computed.
  virtual ModelDescription describe(const std::filesystem::path& folder, OwnHead head) const = 0;
  /// What a pass costs with this head (none: the folder's own).
  virtual plan::Model costs(const std::filesystem::path& folder, const std::optional<Head>& head) const = 0;
  /// Opens a model with its head. Refuses an arithmetic or a device that the family is not computed in.
  virtual std::unique_ptr<Model> open(const std::filesystem::path& folder, const OpenOptions& options) const = 0;
  /// A model of the sizes in config.json with random weights, for timing.
  virtual std::unique_ptr<Model> random(const std::filesystem::path& folder, const std::optional<Head>& head,
                                        Arithmetic arithmetic) const = 0;
  /// A model to be trained with this head, from what the folder has of it: its own head where it is of that kind and size,
  /// else a fresh one from the seed.
  virtual std::unique_ptr<Trainable> trainable(const std::filesystem::path& folder, const Head& head,
                                               std::uint64_t seed) const = 0;
  /// How it is trained, where an experiment does not say otherwise.
  virtual FinetuneSettings finetune_settings() const { return {}; }
  /// The table of word embeddings of a model, vocabulary x width.
  virtual at::Tensor word_embeddings(const std::filesystem::path& folder) const = 0;
};

const std::vector<const Family*>& families();

/// The family of the model in `folder`, by its config.json. Throws InputError where that tells none of families().
const Family& family_in(const std::filesystem::path& folder);
/// One of families(), by its name.
const Family& family_named(std::string_view name);

}  // namespace layersweep::model
