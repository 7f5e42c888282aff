#include "store/create_file.hpp"

#include <fmt/format.h>
#include <hdf5_hl.h>

#include <map>

#include "base/error.hpp"
#include "store/attributes.hpp"

namespace layersweep::store {
namespace {

constexpr unsigned creation_order = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
constexpr unsigned gzip_level = 2;

// Times would make two equal files differ.
Handle creation_list(hid_t kind) {
  Handle list(H5Pcreate(kind), H5Pclose, "make a creation list");
  check(H5Pset_attr_creation_order(list.id(), creation_order), "track the order of attributes");
  check(H5Pset_obj_track_times(list.id(), 0), "leave out times");
  if (kind != H5P_DATASET_CREATE) check(H5Pset_link_creation_order(list.id(), creation_order), "track the order of objects");
  return list;
}

Handle variable_creation_list(Type type, const std::vector<std::int64_t>& chunk) {
  Handle list = creation_list(H5P_DATASET_CREATE);
  const std::vector<hsize_t> sizes(chunk.begin(), chunk.end());
  check(H5Pset_chunk(list.id(), static_cast<int>(sizes.size()), sizes.data()), "set chunks");
  // Written at once, so that what nobody writes reads as missing, never as 0, whatever happens later.
  check(H5Pset_alloc_time(list.id(), H5D_ALLOC_TIME_EARLY), "allocate early");
  check(H5Pset_fill_time(list.id(), H5D_FILL_TIME_ALLOC), "fill early");
  if (type == Type::character) {
    const char nul = '\0';
    check(H5Pset_fill_value(list.id(), memory_type(type).id(), &nul), "set a fill value");
  } else {
    const double fill = fill_of(type);
    check(H5Pset_fill_value(list.id(), H5T_NATIVE_DOUBLE, &fill), "set a fill value");
  }
  check(H5Pset_shuffle(list.id()), "set the shuffle filter");
  check(H5Pset_deflate(list.id(), gzip_level), "set the gzip filter");
  return list;
}

Handle make_space(const std::vector<std::int64_t>& shape) {
  const std::vector<hsize_t> sizes(shape.begin(), shape.end());
  return {H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), H5Sclose, "make a space"};
}

Handle make_dataset(hid_t file, const std::string& path, Type type, const std::vector<std::int64_t>& shape, hid_t creation) {
  return {H5Dcreate2(file, path.c_str(), file_type(type).id(), make_space(shape).id(), H5P_DEFAULT, creation, H5P_DEFAULT),
          H5Dclose, fmt::format("create the variable {}", path)};
}

class LayoutWriter {
 public:
  explicit LayoutWriter(hid_t file) : file_(file) {}

  void add_group(std::string_view name, std::string_view title) {
    const Handle list = creation_list(H5P_GROUP_CREATE);
    const Handle group(H5Gcreate2(file_, std::string(name).c_str(), H5P_DEFAULT, list.id(), H5P_DEFAULT), H5Gclose,
                       fmt::format("create the group {}", name));
    write_text_attribute(group.id(), "title", title);
  }

  void add(const PlannedVariable& planned) {
    const VariableSpec& spec = *planned.spec;
    if (spec.is_text()) add_length_dimension(std::string(spec.dimensions.back()), planned.shape.back());
    const Handle creation = variable_creation_list(spec.type, chunk_shape(spec, planned.shape));
    Handle dataset = make_dataset(file_, planned.path, spec.type, planned.shape, creation.id());
    write_text_attribute(dataset.id(), "long_name", spec.long_name);
    write_text_attribute(dataset.id(), "units", spec.traits.units);
    // CF forbids missing values in coordinates, and xarray would make floating-point numbers of them. Texts with one it can
    // read, but not write again; NUL is what netCDF takes for a missing character anyway.
    if (!spec.is_coordinate() && !spec.is_text()) {
      write_number_attribute(dataset.id(), "_FillValue", spec.type, fill_of(spec.type));
    }
    if (spec.is_text()) write_text_attribute(dataset.id(), "_Encoding", "utf-8");
    if (!spec.traits.flags.empty()) add_flags(dataset.id(), spec);
    if (planned.path == "token_count") write_text_attribute(dataset.id(), "sample_dimension", "token");
    if (spec.is_coordinate()) {
      check(H5DSset_scale(dataset.id(), std::string(spec.name).c_str()), "make a dimension scale");
      scales_[planned.path] = std::move(dataset);
    } else {
      attach_scales(dataset.id(), planned);
    }
  }

  /// A root text as a character variable.
  void add_long_text(const std::string& name, std::int64_t bytes) {
    const std::string length = name + "_length";
    add_length_dimension(length, bytes);
    const Handle dataset =
        make_dataset(file_, name, Type::character, {bytes}, variable_creation_list(Type::character, {bytes}).id());
    write_text_attribute(dataset.id(), "long_name", "text that is too long for an attribute");
    write_text_attribute(dataset.id(), "units", "1");
    write_text_attribute(dataset.id(), "_Encoding", "utf-8");
    check(H5DSattach_scale(dataset.id(), scales_.at(length).id(), 0), "attach a dimension scale");
  }

 private:
  // The bytes of a text have no coordinate values: netCDF's form of a dimension that is no variable.
  void add_length_dimension(const std::string& name, std::int64_t size) {
    const Handle creation = creation_list(H5P_DATASET_CREATE);
    Handle scale(
        H5Dcreate2(file_, name.c_str(), H5T_IEEE_F32BE, make_space({size}).id(), H5P_DEFAULT, creation.id(), H5P_DEFAULT),
        H5Dclose, fmt::format("create the dimension {}", name));
    check(H5DSset_scale(scale.id(), fmt::format("This is a netCDF dimension but not a netCDF variable.{:10}", size).c_str()),
          "make a dimension scale");
    scales_[name] = std::move(scale);
  }

  static void add_flags(hid_t dataset, const VariableSpec& spec) {
    std::vector<double> values;
    std::string meanings;
    for (const Flag& flag : spec.traits.flags) {
      values.push_back(flag.value);
      meanings += fmt::format("{}{}", meanings.empty() ? "" : " ", flag.meaning);
    }
    write_list_attribute(dataset, "flag_values", spec.type, values);
    write_text_attribute(dataset, "flag_meanings", meanings);
  }

  void attach_scales(hid_t dataset, const PlannedVariable& planned) {
    for (std::size_t i = 0; i < planned.spec->dimensions.size(); ++i) {
      const Handle& scale = scales_.at(scale_path(planned.path, planned.spec->dimensions[i]));
      check(H5DSattach_scale(dataset, scale.id(), static_cast<unsigned>(i)), "attach a dimension scale");
    }
  }

  hid_t file_;
  std::map<std::string, Handle> scales_;
};

}  // namespace

Handle create_file(const std::filesystem::path& path, hid_t access) {
  if (check(H5Zfilter_avail(H5Z_FILTER_DEFLATE), "look for the gzip filter") == 0) {
    throw Hdf5Error("cannot compress: this HDF5 library was built without zlib");
  }
  return {H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation_list(H5P_FILE_CREATE).id(), access), H5Fclose, "create it"};
}

void write_root_attributes(hid_t file, const std::vector<RootText>& texts, const Provenance& provenance) {
  for (const RootText& root : texts) {
    if (root.text.size() <= max_attribute_bytes) write_text_attribute(file, root.name, root.text);
  }
  write_number_attribute(file, "epsilon", Type::float64, provenance.epsilon);
  write_number_attribute(file, "flip_limit", Type::float64, provenance.flip_limit);
  write_number_attribute(file, "layersweep_layout", Type::int32, layout_version);
  write_number_attribute(file, "complete", Type::int32, 0);
}

void lay_out(hid_t file, const Contents& contents, const std::vector<RootText>& long_texts) {
  LayoutWriter layout(file);
  for (const PlannedGroup& group : plan_groups(contents)) {
    if (!group.name.empty()) layout.add_group(group.name, group.title);
    for (const PlannedVariable& variable : group.variables) layout.add(variable);
    if (group.name.empty()) {
      for (const RootText& text : long_texts) layout.add_long_text(text.name, std::ssize(text.text));
    }
  }
}

}  // namespace layersweep::store
