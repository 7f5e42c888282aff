#include "damage.hpp"

#include <gtest/gtest.h>
#include <hdf5_hl.h>

#include <string_view>

namespace layersweep::test {

void set_cell(hid_t file, const char* path, std::vector<hsize_t> place, double value) {
  const hid_t dataset = H5Dopen2(file, path, H5P_DEFAULT);
  const hid_t space = H5Dget_space(dataset);
  const std::vector<hsize_t> one(place.size(), 1);
  H5Sselect_hyperslab(space, H5S_SELECT_SET, place.data(), nullptr, one.data(), nullptr);
  const hid_t memory = H5Screate(H5S_SCALAR);
  ASSERT_GE(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, &value), 0) << path;
  H5Sclose(memory);
  H5Sclose(space);
  H5Dclose(dataset);
}

namespace {

void copy_attribute(hid_t from, hid_t to, const char* name) {
  const hid_t attribute = H5Aopen(from, name, H5P_DEFAULT);
  const hid_t type = H5Aget_type(attribute);
  const hid_t space = H5Aget_space(attribute);
  std::vector<char> value(H5Tget_size(type) * static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
  H5Aread(attribute, type, value.data());
  const hid_t copy = H5Acreate2(to, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(copy, type, value.data());
  for (const hid_t id : {copy, attribute}) H5Aclose(id);
  H5Tclose(type);
  H5Sclose(space);
}

}  // namespace

void reshape(hid_t file, const char* path, std::vector<hsize_t> shape, const std::vector<const char*>& scales) {
  const hid_t old = H5Dopen2(file, path, H5P_DEFAULT);
  const hid_t type = H5Dget_type(old);
  const hid_t creation = H5Dget_create_plist(old);
  const int rank = static_cast<int>(shape.size());
  if (rank > 0) {
    H5Pset_chunk(creation, rank, std::vector<hsize_t>(shape.size(), 1).data());
  } else {
    H5Pset_layout(creation, H5D_CONTIGUOUS);
    for (const H5Z_filter_t filter : {H5Z_FILTER_DEFLATE, H5Z_FILTER_SHUFFLE}) H5Premove_filter(creation, filter);
  }
  const std::vector<hsize_t> growing(shape.size(), H5S_UNLIMITED);  // else no size may be 0
  const hid_t space = rank > 0 ? H5Screate_simple(rank, shape.data(), growing.data()) : H5Screate(H5S_SCALAR);
  H5Ldelete(file, path, H5P_DEFAULT);
  const hid_t dataset = H5Dcreate2(file, path, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  ASSERT_GE(dataset, 0) << path;
  for (const char* name : {"long_name", "units", "_FillValue", "_Encoding", "flag_values", "flag_meanings"}) {
    if (H5Aexists(old, name) > 0) copy_attribute(old, dataset, name);
  }
  const bool is_width = std::string_view(path).ends_with("_length");
  const char* name = is_width ? "This is a netCDF dimension but not a netCDF variable.         0" : path;
  if (scales.empty() && rank > 0) H5DSset_scale(dataset, name);
  for (unsigned i = 0; i < scales.size(); ++i) {
    const hid_t scale = H5Dopen2(file, scales[i], H5P_DEFAULT);
    ASSERT_GE(H5DSattach_scale(dataset, scale, i), 0) << scales[i];
    H5Dclose(scale);
  }
  for (const hid_t id : {dataset, old}) H5Dclose(id);
  H5Pclose(creation);
  H5Tclose(type);
  H5Sclose(space);
}

}  // namespace layersweep::test
