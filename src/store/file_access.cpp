#include "store/file_access.hpp"

#include <fmt/format.h>

#include "comm/native.hpp"

namespace layersweep::store {
namespace {

// Not the newest form: netCDF tools cannot open what HDF5 1.10 would write on its own.
Handle access_list() {
  Handle list(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "make a file access list");
  check(H5Pset_libver_bounds(list.id(), H5F_LIBVER_V18, H5F_LIBVER_V18), "bound the file format");
  check(H5Pset_fclose_degree(list.id(), H5F_CLOSE_STRONG), "let closing a file close all in it");
  // Finished files never change and the run folder has a lock of its own; locks of HDF5 fail on some cluster file systems.
  check(H5Pset_file_locking(list.id(), 0, 1), "switch file locks off");
  return list;
}

bool is_parallel(const comm::Communicator& communicator) { return comm::native_handle(communicator).has_value(); }

}  // namespace

Handle create_file_access(const comm::Communicator& communicator) {
  Handle list = access_list();
  // HDF5 keeps a duplicate of the communicator.
  if (const auto native = comm::native_handle(communicator)) {
    check(H5Pset_fapl_mpio(list.id(), *native, MPI_INFO_NULL), "choose MPI-IO");
    // By turns, a rank that fails would leave the others waiting for it; together, all are told.
    check(H5Pset_coll_metadata_write(list.id(), 1), "write metadata collectively");
  }
  return list;
}

Handle transfer_list(const comm::Communicator& communicator) {
  Handle list(H5Pcreate(H5P_DATASET_XFER), H5Pclose, "make a transfer list");
  if (is_parallel(communicator)) check(H5Pset_dxpl_mpio(list.id(), H5FD_MPIO_COLLECTIVE), "choose collective transfers");
  return list;
}

Handle open_file(const std::filesystem::path& path, OpenFor purpose) {
  use_hdf5();
  const unsigned flags = purpose == OpenFor::reading ? H5F_ACC_RDONLY : H5F_ACC_RDWR;
  return {H5Fopen(path.c_str(), flags, access_list().id()), H5Fclose, "open it as an HDF5 file"};
}

bool has_object(hid_t file, std::string_view path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part(path.substr(0, end));
    if (check(H5Lexists(file, part.c_str(), H5P_DEFAULT), fmt::format("look for {}", part)) == 0) return false;
    H5L_info_t link;
    check(H5Lget_info(file, part.c_str(), &link, H5P_DEFAULT), fmt::format("read the link {}", part));
    if (link.type != H5L_TYPE_HARD) return false;
    if (end == std::string_view::npos) return true;
  }
}

Handle open_dataset(hid_t file, std::string_view path) {
  if (!has_object(file, path)) throw Hdf5Error(fmt::format("there is no variable {} in the file itself", path));
  Handle dataset(H5Dopen2(file, std::string(path).c_str(), H5P_DEFAULT), H5Dclose,
                 fmt::format("open the variable {}", path));
  const Handle creation(H5Dget_create_plist(dataset.id()), H5Pclose, "read how a variable is stored");
  if (H5Pget_layout(creation.id()) == H5D_VIRTUAL || H5Pget_external_count(creation.id()) != 0) {
    throw Hdf5Error(fmt::format("the variable {} keeps its cells in another file, which is refused", path));
  }
  return dataset;
}

}  // namespace layersweep::store
