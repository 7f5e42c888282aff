// Which NCCL this program was built for, and which it has.
#pragma once

#include <optional>
#include <string>

namespace layersweep::comm {

struct NcclVersions {
  std::string built, loaded;  ///< "2.28.9": of the header of this build, of the library in use
  bool fit = false;           ///< the library is not older than the header
};
/// Nothing in a build without NCCL. Independent.
std::optional<NcclVersions> nccl_versions();

}  // namespace layersweep::comm
