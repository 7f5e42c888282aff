#include "store/validate.hpp"

#include "base/error.hpp"
#include "base/hash.hpp"
#include "store/checksum_file.hpp"
#include "store/file_access.hpp"
#include "store/findings.hpp"

namespace layersweep::store {
namespace {

void check_checksum(const std::filesystem::path& path, Findings& findings) {
  try {
    const auto recorded = recorded_checksum(path);
    findings.require(!recorded || *recorded == base::sha256_of_file(path), "/",
                     fmt::format("its bytes are not those that were written: they do not give the sum in {}",
                                 checksum_path(path).filename().string()));
  } catch (const base::InputError& error) {
    findings.add("/", error.what());
  }
}

}  // namespace

void check_contents_of(const std::filesystem::path& path, Findings& findings) {
  findings.guard("/", [&] {
    const Handle file = open_file(path, OpenFor::reading);
    check_structure(file.id(), findings);
    if (findings.empty()) check_values(file.id(), findings);
  });
}

std::vector<Finding> validate(const std::filesystem::path& path) {
  Findings findings;
  if (!std::filesystem::is_regular_file(path)) {
    findings.add("/", fmt::format("there is no file {}", path.string()));
    return findings.take();
  }
  findings.require(path.extension() != ".part", "/", "a .part file is one whose writing did not end");
  check_contents_of(path, findings);
  check_checksum(path, findings);
  return findings.take();
}

}  // namespace layersweep::store
