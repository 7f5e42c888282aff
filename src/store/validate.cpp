#include "store/validate.hpp"

#include "store/file_access.hpp"
#include "store/findings.hpp"

namespace layersweep::store {

std::vector<Finding> validate(const std::filesystem::path& path) {
  Findings findings;
  if (!std::filesystem::is_regular_file(path)) {
    findings.add("/", fmt::format("there is no file {}", path.string()));
    return findings.take();
  }
  findings.require(path.extension() != ".part", "/", "a .part file is one whose writing did not end");
  findings.guard("/", [&] {
    const Handle file = open_file(path, OpenFor::reading);
    check_structure(file.id(), findings);
    if (findings.empty()) check_values(file.id(), findings);
  });
  return findings.take();
}

}  // namespace layersweep::store
