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

/// Root attributes of an empty file: the numbers of the provenance, and those texts that an attribute can hold. Texts and
/// numbers are the same on all ranks. Collective where the file is open on several ranks, as is lay_out.
void write_root_attributes(hid_t file, const std::vector<RootText>& texts, const Provenance& provenance);

/// Adds all else of the layout, and the root texts that an attribute cannot hold.
void lay_out(hid_t file, const Contents& contents, const std::vector<RootText>& long_texts);

}  // namespace layersweep::store
