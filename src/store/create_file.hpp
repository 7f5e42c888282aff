// Lays out a new results file: groups, dimension scales, variables, attributes; no cells.
#pragma once

#include <filesystem>
#include <vector>

#include "store/hdf5.hpp"
#include "store/layout.hpp"

namespace layersweep::store {

/// An empty file in place of what stands under `path`. `access` is of create_file_access; collective if that is. Throws
/// Hdf5Error, as does lay_out.
Handle create_file(const std::filesystem::path& path, hid_t access);

/// Adds all of the layout to an empty file. Collective where the file is open on several ranks.
void lay_out(hid_t file, const std::vector<PlannedVariable>& variables, const Contents& contents,
             const Provenance& provenance);

}  // namespace layersweep::store
