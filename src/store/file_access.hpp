// How files are opened: alone or by all ranks, in the format that every reader knows, following no links out of the file.
#pragma once

#include <filesystem>
#include <string_view>

#include "comm/communicator.hpp"
#include "store/hdf5.hpp"

namespace layersweep::store {

/// For writing by all ranks of the communicator through MPI-IO, or by one process through ordinary files. Collective.
Handle create_file_access(const comm::Communicator& communicator);
/// For data transfer through the above: collective where there are ranks.
Handle transfer_list(const comm::Communicator& communicator);

/// Opens an existing file in this process alone. Throws Hdf5Error.
enum class OpenFor { reading, marking };
Handle open_file(const std::filesystem::path& path, OpenFor purpose);

/// Whether `path` leads, by hard links only, to an object; soft and external links count as absent.
bool has_object(hid_t file, std::string_view path);

/// Opens a data set that lies wholly in this file: throws Hdf5Error when it is reached over a soft or external link, is
/// virtual, or keeps its cells in another file.
Handle open_dataset(hid_t file, std::string_view path);

}  // namespace layersweep::store
