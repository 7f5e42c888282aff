// What this program was built from and with, for --version, doctor and the provenance of results.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace layersweep::base {

struct BuildInfo {
  std::string version;     ///< "0.1.0"
  std::string commit;      ///< abbreviated, "-dirty" where tracked files differ from it, "unknown" outside a checkout
  std::string compiler;    ///< "GNU 12.2.0"
  std::string build_type;  ///< "RelWithDebInfo"
  std::vector<std::pair<std::string, std::string>> libraries;  ///< name and version
};

/// Lives in a library of its own (layersweep_build_info), so that a commit relinks only who asks for it.
const BuildInfo& build_info();

/// "LibTorch 2.11.0, HDF5 1.10.8, …".
std::string libraries_text(const BuildInfo& info);

}  // namespace layersweep::base
