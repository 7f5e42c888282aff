// What tests change in results files behind the library's back.
#pragma once

#include <hdf5.h>

#include <vector>

namespace layersweep::test {

void set_cell(hid_t file, const char* path, std::vector<hsize_t> place, double value);

/// The variable in another shape, stored and described as before, without its cells; attached to `scales`, itself one where
/// there are none. A size may be 0, and without any it is a single cell.
void reshape(hid_t file, const char* path, std::vector<hsize_t> shape, const std::vector<const char*>& scales);

}  // namespace layersweep::test
