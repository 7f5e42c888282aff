#include <hdf5_hl.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "store/attributes.hpp"
#include "store/file_access.hpp"
#include "store/findings.hpp"
#include "store/layout.hpp"
#include "store/schema.hpp"

namespace layersweep::store {
namespace {

constexpr int deepest_group = 3;
constexpr hssize_t most_attachments = 4096;
constexpr std::uint64_t smallest_chunk_bytes = 256 << 10;
constexpr std::uint64_t largest_chunk_bytes = 1 << 20;

herr_t collect_name(hid_t, const char* name, const H5L_info_t*, void* names) noexcept {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

haddr_t address_of(hid_t dataset) {
  H5O_info_t info;
  check(H5Oget_info2(dataset, &info, H5O_INFO_BASIC), "read about a variable");
  return info.addr;
}

struct Attachment {
  haddr_t variable;  // where it lies in the file: what an object reference holds
  unsigned dimension;
  bool operator==(const Attachment&) const = default;
};

// What a scale says it is attached to. The other direction, DIMENSION_LIST, lies in a heap that HDF5 1.10 reads without
// checks: it crashes on a damaged one.
std::vector<Attachment> attachments_of(hid_t scale) {
  if (!has_attribute(scale, "REFERENCE_LIST")) return {};
  struct Entry {
    hobj_ref_t variable;
    int dimension;
  };
  const Handle type(H5Tcreate(H5T_COMPOUND, sizeof(Entry)), H5Tclose, "make a type");
  check(H5Tinsert(type.id(), "dataset", HOFFSET(Entry, variable), H5T_STD_REF_OBJ), "make a type");
  check(H5Tinsert(type.id(), "dimension", HOFFSET(Entry, dimension), H5T_NATIVE_INT), "make a type");
  const Handle attribute(H5Aopen(scale, "REFERENCE_LIST", H5P_DEFAULT), H5Aclose, "open REFERENCE_LIST");
  const Handle space(H5Aget_space(attribute.id()), H5Sclose, "read the space of an attribute");
  const hssize_t size = check(H5Sget_simple_extent_npoints(space.id()), "read the size of an attribute");
  if (size > most_attachments) throw Hdf5Error("a dimension scale is attached to more variables than there are");
  std::vector<Entry> entries(static_cast<std::size_t>(size));
  check(H5Aread(attribute.id(), type.id(), entries.data()), "read REFERENCE_LIST");
  std::vector<Attachment> attachments;
  for (const Entry& entry : entries) attachments.push_back({entry.variable, static_cast<unsigned>(entry.dimension)});
  return attachments;
}

class StructureCheck {
 public:
  StructureCheck(hid_t file, Findings& findings) : file_(file), findings_(findings) {}

  void run() {
    findings_.guard("/", [&] { check_format(); });
    for (const AttributeSpec& attribute : root_attributes()) {
      findings_.guard(std::string(attribute.name), [&] { check_root_attribute(attribute); });
    }
    walk("/", 0);
    check_presence();
  }

 private:
  void check_format() {
    H5F_info2_t info;
    check(H5Fget_info2(file_, &info), "read about the file");
    findings_.require(info.super.version <= 2, "/", "the file format is newer than netCDF tools read (superblock above 2)");
  }

  void check_root_attribute(const AttributeSpec& spec) {
    const std::string where = fmt::format("/@{}", spec.name);
    if (spec.type == Type::character) {
      const bool there = read_text_attribute(file_, spec.name) || has_object(file_, fmt::format("/{}", spec.name));
      findings_.require(there, where, "the text is missing");
      return;
    }
    const auto numbers = read_number_attribute(file_, spec.name);
    if (!numbers || numbers->size() != 1) return findings_.add(where, "the number is missing");
    findings_.require(type_of_attribute(file_, spec.name) == spec.type, where,
                      fmt::format("the number is not stored as {}", type_name(spec.type)));
    if (spec.name == "layersweep_layout") {
      findings_.require(numbers->front() == layout_version, where,
                        fmt::format("the layout is version {}, known is {}", numbers->front(), layout_version));
    }
    if (spec.name == "complete")
      findings_.require(numbers->front() == 1, where, "the file is unfinished: complete is not 1");
  }

  void walk(const std::string& group_path, int depth) {
    findings_.guard(group_path, [&] {
      const Handle group(H5Gopen2(file_, group_path.c_str(), H5P_DEFAULT), H5Gclose, fmt::format("open {}", group_path));
      const Handle creation(H5Gget_create_plist(group.id()), H5Pclose, "read how a group is stored");
      unsigned order = 0;
      check(H5Pget_link_creation_order(creation.id(), &order), "read the order of creation");
      findings_.require((order & H5P_CRT_ORDER_TRACKED) != 0, group_path, "the order of creation is not tracked");
      check_object(group_path, creation.id());
      std::vector<std::string> names;
      check(H5Literate(group.id(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, collect_name, &names), "list a group");
      for (const std::string& name : names) {
        const std::string path = group_path == "/" ? "/" + name : fmt::format("{}/{}", group_path, name);
        findings_.guard(path, [&] { visit(path, depth); });
      }
    });
  }

  void visit(const std::string& path, int depth) {
    H5L_info_t link;
    check(H5Lget_info(file_, path.c_str(), &link, H5P_DEFAULT), "read a link");
    if (link.type != H5L_TYPE_HARD) return findings_.add(path, "it is a soft or external link, which is refused");
    H5O_info_t object;
    check(H5Oget_info_by_name2(file_, path.c_str(), &object, H5O_INFO_BASIC, H5P_DEFAULT), "read about an object");
    if (object.type == H5O_TYPE_DATASET) {
      visit_dataset(path);
    } else if (object.type != H5O_TYPE_GROUP) {
      findings_.add(path, "it is neither a group nor a variable");
    } else if (depth >= deepest_group || !is_known_group(path)) {
      findings_.add(path, "the layout has no such group");
    } else {
      walk(path, depth + 1);
    }
  }

  static bool is_known_group(const std::string& path) {
    const std::string_view name = std::string_view(path).substr(1);
    if (name == explain_group) return true;
    for (const Place place : {Place::mode, Place::statistics, Place::explain, Place::evaluation}) {
      const std::vector<std::string> groups = groups_of(place);
      if (std::ranges::find(groups, name) != groups.end()) return true;
    }
    return false;
  }

  void visit_dataset(const std::string& path) {
    const Handle dataset = open_dataset(file_, path);  // refuses virtual and external storage
    check_storage(path, dataset.id());
    const VariableSpec* spec = find_variable(path);
    const std::string name = path.substr(1);
    if (spec != nullptr) {
      present_.insert(name);
      check_variable(path, *spec, dataset.id());
    } else if (name.find('/') == std::string::npos) {
      if (is_length_dimension(dataset.id())) return;
      findings_.require(is_long_text(name), path, "the layout has no such variable");
      check_type(path, Type::character, dataset.id());
      const std::size_t rank = shape_of(dataset.id()).size();
      findings_.require(rank == 1, path, fmt::format("a long text has one dimension, this has {} dimensions", rank));
    } else if (!is_length_dimension(dataset.id())) {
      const Handle type(H5Dget_type(dataset.id()), H5Tclose, "read the type of a variable");
      findings_.require(known_type(type.id()).has_value(), path, "its type is none of those that all tools read");
    }
  }

  bool check_type(const std::string& path, Type wanted, hid_t dataset) {
    const Handle type(H5Dget_type(dataset), H5Tclose, "read the type of a variable");
    const bool right = known_type(type.id()) == wanted;
    findings_.require(right, path, fmt::format("its type is not {}", type_name(wanted)));
    return right;
  }

  // Of groups and variables alike.
  void check_object(const std::string& path, hid_t creation) {
    unsigned order = 0;
    check(H5Pget_attr_creation_order(creation, &order), "read the order of attributes");
    findings_.require((order & H5P_CRT_ORDER_TRACKED) != 0, path, "the order of its attributes is not tracked");
  }

  void check_storage(const std::string& path, hid_t dataset) {
    const Handle creation(H5Dget_create_plist(dataset), H5Pclose, "read how a variable is stored");
    check_object(path, creation.id());
    hbool_t times = 0;
    check(H5Pget_obj_track_times(creation.id(), &times), "read whether times are kept");
    findings_.require(times == 0, path, "it keeps times, which are left out");
    const int filters = check(H5Pget_nfilters(creation.id()), "count filters");
    for (int i = 0; i < filters; ++i) {
      unsigned flags = 0;
      std::size_t values = 0;
      const H5Z_filter_t filter =
          H5Pget_filter2(creation.id(), static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, nullptr);
      findings_.require(filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE, path,
                        fmt::format("filter {} is not one of gzip and shuffle", static_cast<int>(filter)));
    }
  }

  static bool is_length_dimension(hid_t dataset) {
    std::array<char, 64> name{};
    if (H5DSis_scale(dataset) <= 0 || H5DSget_scale_name(dataset, name.data(), name.size()) <= 0) return false;
    return std::string_view(name.data()).starts_with("This is a netCDF dimension but not a netCDF variable");
  }

  bool is_long_text(const std::string& name) const { return has_object(file_, fmt::format("/{}_length", name)); }

  void check_variable(const std::string& path, const VariableSpec& spec, hid_t dataset) {
    const bool right_type = check_type(path, spec.type, dataset);
    check_dimensions(path, spec, dataset);
    check_chunks(path, spec, dataset);
    for (const auto& [name, text] : {std::pair{"long_name", spec.long_name}, std::pair{"units", spec.traits.units}}) {
      findings_.require(read_text_attribute(dataset, name) == text, path, fmt::format("its {} is not \"{}\"", name, text));
    }
    if (spec.is_text())
      findings_.require(read_text_attribute(dataset, "_Encoding") == "utf-8", path, "_Encoding is not utf-8");
    if (path == "/token_count") {
      findings_.require(read_text_attribute(dataset, "sample_dimension") == "token", path, "sample_dimension is not token");
    }
    if (!spec.traits.flags.empty()) check_flags(path, spec, dataset);
    if (right_type) check_fill(path, spec, dataset);
  }

  void check_dimensions(const std::string& path, const VariableSpec& spec, hid_t dataset) {
    const std::vector<std::int64_t> shape = shape_of(dataset);
    if (shape.size() != spec.dimensions.size()) {
      return findings_.add(path,
                           fmt::format("it has {} dimensions, not ({})", shape.size(), fmt::join(spec.dimensions, ", ")));
    }
    for (std::size_t i = 0; i < shape.size(); ++i) {
      findings_.require(shape[i] > 0, path, fmt::format("dimension {} has no cells", i));
    }
    if (spec.is_coordinate()) return findings_.require(H5DSis_scale(dataset) > 0, path, "it is not a dimension scale");
    const haddr_t address = address_of(dataset);
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const std::string scale = "/" + scale_path(path.substr(1), spec.dimensions[i]);
      if (!has_object(file_, scale)) {
        findings_.add(path, fmt::format("dimension {} has no scale {}", i, scale));
        continue;
      }
      const auto known = attachments_of(open_dataset(file_, scale).id());
      const bool attached = std::ranges::find(known, Attachment{address, static_cast<unsigned>(i)}) != known.end();
      findings_.require(attached && has_attribute(dataset, "DIMENSION_LIST"), path,
                        fmt::format("dimension {} is not attached to the scale {}", i, scale));
      const std::vector<std::int64_t> extent = shape_of(open_dataset(file_, scale).id());
      if (extent.size() != 1) {
        findings_.add(path, fmt::format("its scale {} has {} dimensions", scale, extent.size()));
        continue;
      }
      findings_.require(extent.front() == shape[i], path,
                        fmt::format("dimension {} has {} cells, {} has {}", i, shape[i], scale, extent.front()));
    }
  }

  // The row of one probe is read without touching the others, and no part is large.
  void check_chunks(const std::string& path, const VariableSpec& spec, hid_t dataset) {
    const Handle creation(H5Dget_create_plist(dataset), H5Pclose, "read how a variable is stored");
    if (H5Pget_layout(creation.id()) != H5D_CHUNKED) return findings_.add(path, "it is not stored in chunks");
    std::vector<hsize_t> chunk(spec.dimensions.size());
    if (H5Pget_chunk(creation.id(), static_cast<int>(chunk.size()), chunk.data()) != static_cast<int>(chunk.size())) return;
    std::uint64_t bytes = type_bytes(spec.type);
    for (const hsize_t cells : chunk) bytes *= cells;
    findings_.require(bytes <= largest_chunk_bytes, path, "its chunks are larger than 1 MiB");
    if (!is_row_of_probe(spec)) return;
    findings_.require(chunk[0] == 1 && chunk[1] == 1, path, "its chunks hold rows of several probes");
    const bool whole_row = shape_of(dataset).back() <= static_cast<std::int64_t>(chunk[2]);
    findings_.require(whole_row || bytes >= smallest_chunk_bytes, path, "its chunks are smaller than 256 KiB");
  }

  void check_flags(const std::string& path, const VariableSpec& spec, hid_t dataset) {
    std::vector<double> values;
    std::vector<std::string_view> meanings;
    for (const Flag& flag : spec.traits.flags) {
      values.push_back(flag.value);
      meanings.push_back(flag.meaning);
    }
    const bool right = read_number_attribute(dataset, "flag_values") == values &&
                       read_text_attribute(dataset, "flag_meanings") == fmt::format("{}", fmt::join(meanings, " "));
    findings_.require(right, path, "flag_values or flag_meanings are not those of the layout");
  }

  // Both what HDF5 gives for unwritten cells and what the attribute tells readers.
  void check_fill(const std::string& path, const VariableSpec& spec, hid_t dataset) {
    const auto same = [&](double value) {
      return value == fill_of(spec.type) || (std::isnan(value) && std::isnan(fill_of(spec.type)));
    };
    const Handle creation(H5Dget_create_plist(dataset), H5Pclose, "read how a variable is stored");
    if (spec.is_text()) {
      const bool is_nul = !has_attribute(dataset, "_FillValue") || read_text_attribute(dataset, "_FillValue") == "";
      return findings_.require(is_nul, path, "_FillValue is not NUL");  // earlier files have one
    }
    double fill = 0;
    check(H5Pget_fill_value(creation.id(), H5T_NATIVE_DOUBLE, &fill), "read the fill value");
    findings_.require(same(fill), path, "unwritten cells do not read as missing");
    if (spec.is_coordinate()) {
      return findings_.require(!has_attribute(dataset, "_FillValue"), path, "a coordinate has a _FillValue");
    }
    if (!has_attribute(dataset, "_FillValue")) return findings_.add(path, "it has no _FillValue");
    const auto value = read_number_attribute(dataset, "_FillValue");
    findings_.require(
        type_of_attribute(dataset, "_FillValue") == spec.type && value && value->size() == 1 && same(value->front()), path,
        "_FillValue is not that of its type");
  }

  void check_presence() {
    const auto has = [&](const std::string& name) { return present_.contains(name); };
    if (has("class") == has("start_logits")) return findings_.add("/", "it needs either classes or start_logits");
    std::vector<std::string> modes;
    for (const std::string_view mode : mode_names()) {
      if (has_object(file_, fmt::format("/{}", mode))) modes.emplace_back(mode);
    }
    findings_.require(!modes.empty(), "/", "it has neither the group input nor hidden");
    for (const VariableSpec& spec : variables()) {
      for (const std::string& group : groups_of(spec.place)) {
        if (!group.empty() && !has_object(file_, "/" + group)) continue;
        require_present(spec, path_in(group, spec.name), has("class"), has("start_logits"), has(group + "/step"));
      }
    }
  }

  void require_present(const VariableSpec& spec, const std::string& name, bool classes, bool answers, bool curves) {
    const bool wanted = spec.presence == Presence::always || (spec.presence == Presence::classification && classes) ||
                        (spec.presence == Presence::question_answering && answers) ||
                        (spec.presence == Presence::curves && curves);
    findings_.require(!wanted || present_.contains(name), "/" + name, "the variable is missing");
    const bool refused = (spec.presence == Presence::classification && !classes) ||
                         (spec.presence == Presence::question_answering && !answers);
    findings_.require(!refused || spec.place != Place::root || !present_.contains(name), "/" + name,
                      "the variable is for another kind of task");
  }

  hid_t file_;
  Findings& findings_;
  std::set<std::string> present_;
};

}  // namespace

void check_structure(hid_t file, Findings& findings) { StructureCheck(file, findings).run(); }

}  // namespace layersweep::store
