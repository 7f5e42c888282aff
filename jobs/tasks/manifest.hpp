// What is known of the texts of a task without having them: its manifest in datasets/, as it was when this program was
// built.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "plan/lengths.hpp"

namespace layersweep::jobs {

class Manifest {
 public:
  /// Of datasets/<name>.json.
  explicit Manifest(const std::string& name);

  /// Number and lengths of the texts of a split. Throws InputError when the manifest does not tell.
  plan::Lengths split(std::string_view split) const;
  /// The number of texts is that of the first file of the split that lies in the folder, else of the first (the official
  /// one); their lengths are distributed as in the file that is known.
  plan::Lengths split_at_hand(const std::filesystem::path& folder, std::string_view split) const;

 private:
  std::string name_;
  nlohmann::json manifest_;
};

/// The JSON text of datasets/<name>.json; empty for a name without one.
std::string manifest_text(std::string_view name);

}  // namespace layersweep::jobs
