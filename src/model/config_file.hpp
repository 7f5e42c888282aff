// The sizes and classes in a model's config.json, with errors that name file and key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace layersweep::model {

class ConfigFile {
 public:
  /// Reads the file; every refusal ends in `remedy`. Throws InputError when it is no JSON object.
  ConfigFile(const std::filesystem::path& file, std::string remedy);

  std::int64_t size(const char* key) const;  ///< a whole number in 1 .. 2^24
  std::int64_t size_or(const char* key, std::int64_t otherwise) const;
  double number_or(const char* key, double otherwise, double low, double below) const;
  bool truth_or(const char* key, bool otherwise) const;
  std::string text_or(const char* key, const char* otherwise) const;
  /// Refuses any value of the key but `only`; a missing key, or null, is that.
  void expect(const char* key, const nlohmann::json& only) const;
  /// Refuses what no family here computes, whatever the other keys say: quantised weights, code of its own (auto_map),
  /// encoder-decoders; and an adapter beside or instead of a model in `folder`.
  void refuse_what_none_computes() const;

  /// num_labels or the length of id2label, 2 where the file says neither (as Hugging Face has it).
  std::int64_t class_count() const;
  /// id2label by number; none where the file has none. Refuses numbers other than 0, 1, …, and a name of two classes.
  std::vector<std::string> class_names() const;
  /// The keys of the file that are none of `known`, in alphabetical order.
  std::vector<std::string> keys_beside(std::span<const std::string_view> known) const;

  const nlohmann::json& json() const { return json_; }
  [[noreturn]] void refuse(std::string_view key, std::string_view why) const { refuse(key, why, remedy_); }
  [[noreturn]] void refuse(std::string_view key, std::string_view why, std::string_view remedy) const;

 private:
  std::int64_t checked_size(const char* key, const nlohmann::json& value) const;
  /// The value; null where the key is missing.
  const nlohmann::json& value(const char* key) const;

  std::filesystem::path file_;
  std::string remedy_;
  nlohmann::json json_;
};

/// Writes id2label and label2id: the names, LABEL_0 … where there are none.
void put_classes(nlohmann::json& config, std::int64_t classes, const std::vector<std::string>& names);

}  // namespace layersweep::model
