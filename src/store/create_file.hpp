// Lays out a new results file: groups, dimension scales, variables, attributes; no cells.
#pragma once

#include <filesystem>
#include <vector>

#include "store/hdf5.hpp"
#include "store/layout.hpp"

namespace layersweep::store {

/// Replaces what stands under `path`. `access` is of create_file_access; collective if that is. Throws Hdf5Error.
Handle create_file(const std::filesystem::path& path, hid_t access, const std::vector<PlannedVariable>& variables,
                   const Contents& contents, const Provenance& provenance);

}  // namespace layersweep::store
