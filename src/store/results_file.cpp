#include "store/results_file.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.hpp"
#include "store/attributes.hpp"
#include "store/file_access.hpp"
#include "store/layout.hpp"
#include "store/slab_io.hpp"

namespace layersweep::store {
namespace {

constexpr std::string_view run_again = "Use a finished results file, or run the experiment again";

std::string absolute_name(std::string_view variable) {
  return variable.starts_with('/') ? std::string(variable) : fmt::format("/{}", variable);
}

herr_t collect_group(hid_t file, const char* name, const H5L_info_t* link, void* names) noexcept {
  H5O_info_t object;
  if (link->type != H5L_TYPE_HARD) return 0;
  if (H5Oget_info_by_name2(file, name, &object, H5O_INFO_BASIC, H5P_DEFAULT) < 0) return -1;
  if (object.type == H5O_TYPE_GROUP) static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

}  // namespace

struct ResultsFile::State {
  std::filesystem::path path;
  Handle file;

  // Turns what HDF5 says into an error that names the file.
  template <class Function>
  auto reading(Function&& function) const {
    try {
      return function();
    } catch (const Hdf5Error& error) {
      throw base::InputError(
          fmt::format("reading {} failed", path.string()), error.what(),
          "The file is damaged or not a results file: `layersweep validate` tells more, running the experiment "
          "again writes it anew");
    }
  }

  // With the dimensions of the layout, each as long as its scale says: by these readers index. Throws Hdf5Error.
  Handle open_variable(std::string_view name) const {
    const std::string variable = absolute_name(name);
    Handle dataset = open_dataset(file.id(), variable);
    const VariableSpec* spec = find_variable(variable);
    if (spec == nullptr) return dataset;
    const std::vector<std::int64_t> shape = shape_of(dataset.id());
    if (shape.size() != spec->dimensions.size()) {
      throw Hdf5Error(
          fmt::format("{} has {} dimensions, not ({})", variable, shape.size(), fmt::join(spec->dimensions, ", ")));
    }
    const std::size_t shared = spec->is_coordinate() ? 0 : shape.size() - (spec->is_text() ? 1 : 0);
    for (std::size_t i = 0; i < shared; ++i) {
      const std::string scale = absolute_name(scale_path(variable.substr(1), spec->dimensions[i]));
      if (shape_of(open_dataset(file.id(), scale).id()) != std::vector{shape[i]}) {
        throw Hdf5Error(
            fmt::format("dimension {} of {} has {} cells, which is not the size of {}", i, variable, shape[i], scale));
      }
    }
    return dataset;
  }

  void refuse(std::string_view why) const {
    throw base::InputError(fmt::format("{} is not accepted", path.string()), why, run_again);
  }

  void check_finished() const {
    if (path.extension() == ".part") refuse("a .part file is one whose writing did not end");
    const auto layout = read_number_attribute(file.id(), "layersweep_layout");
    if (!layout || layout->size() != 1) refuse("it has no attribute layersweep_layout, so layersweep did not write it");
    if (layout->front() != layout_version) {
      refuse(fmt::format("its layout is version {}, this program reads version {}", layout->front(), layout_version));
    }
    const auto complete = read_number_attribute(file.id(), "complete");
    if (!complete || complete->size() != 1 || complete->front() != 1) refuse("it is unfinished (complete is not 1)");
  }
};

ResultsFile::ResultsFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
ResultsFile::~ResultsFile() = default;
ResultsFile::ResultsFile(ResultsFile&&) noexcept = default;
ResultsFile& ResultsFile::operator=(ResultsFile&&) noexcept = default;

ResultsFile ResultsFile::open(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path)) {
    throw base::InputError(fmt::format("there is no results file {}", path.string()), "no regular file has that name",
                           "Give the path of a results.h5");
  }
  auto state = std::make_unique<State>();
  state->path = path;
  state->reading([&] {
    state->file = open_file(path, OpenFor::reading);
    state->check_finished();
  });
  return ResultsFile(std::move(state));
}

bool ResultsFile::has(std::string_view variable) const {
  return find_variable(variable) != nullptr &&
         state_->reading([&] { return has_object(state_->file.id(), absolute_name(variable)); });
}

std::vector<std::int64_t> ResultsFile::shape(std::string_view variable) const {
  return state_->reading([&] { return shape_of(state_->open_variable(variable).id()); });
}

std::vector<std::string> ResultsFile::groups() const {
  return state_->reading([&] {
    std::vector<std::string> names;
    check(H5Literate(state_->file.id(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, collect_group, &names), "list the groups");
    return names;
  });
}

std::vector<std::string> ResultsFile::modes() const {
  std::vector<std::string> found;
  for (const std::string_view mode : mode_names()) {
    if (state_->reading([&] { return has_object(state_->file.id(), absolute_name(mode)); })) found.emplace_back(mode);
  }
  return found;
}

std::int64_t ResultsFile::size(std::string_view dimension) const { return has(dimension) ? shape(dimension).front() : 0; }

std::vector<std::int32_t> ResultsFile::chosen_seeds(std::string_view mode) const {
  const std::string variable = fmt::format("{}/chosen_seed", mode);
  return state_->reading([&] {
    auto chosen = read<std::int32_t>(variable);
    const std::int64_t seeds = size("seed");
    for (const std::int32_t seed : chosen) {
      if (seed < -1 || seed >= seeds) {
        throw Hdf5Error(fmt::format("{} holds {}, which is no index into the {} seeds", variable, seed, seeds));
      }
    }
    return chosen;
  });
}

std::vector<std::string> ResultsFile::read_text(std::string_view variable) const {
  return read_text(variable, 0, shape(variable).front());
}

std::vector<std::string> ResultsFile::read_text(std::string_view variable, std::int64_t first_row,
                                                std::int64_t count) const {
  const auto sizes = shape(variable);
  base::ensure(sizes.size() == 2, fmt::format("{} is not a list of texts", variable));
  std::vector<std::string> rows(static_cast<std::size_t>(count));
  std::string cells(static_cast<std::size_t>(count * sizes[1]), '\0');
  read_cells(variable, {{first_row, 0}, {count, sizes[1]}}, Type::character, std::as_writable_bytes(std::span(cells)));
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto width = static_cast<std::size_t>(sizes[1]);
    rows[row] = cells.substr(row * width, width);
    rows[row].resize(std::min(width, rows[row].find('\0')));
  }
  return rows;
}

std::optional<std::string> ResultsFile::text(std::string_view attribute) const {
  return state_->reading([&]() -> std::optional<std::string> {
    if (auto text = read_text_attribute(state_->file.id(), attribute)) return text;
    if (find_variable(attribute) != nullptr || !has_object(state_->file.id(), absolute_name(attribute))) return std::nullopt;
    const auto sizes = shape(attribute);
    if (sizes.size() != 1) throw Hdf5Error(fmt::format("the text {} has {} dimensions", attribute, sizes.size()));
    std::string cells(static_cast<std::size_t>(sizes.front()), '\0');
    read_cells(attribute, whole(sizes), Type::character, std::as_writable_bytes(std::span(cells)));
    return cells;
  });
}

std::optional<double> ResultsFile::number(std::string_view attribute) const {
  return state_->reading([&]() -> std::optional<double> {
    const auto numbers = read_number_attribute(state_->file.id(), attribute);
    if (!numbers || numbers->size() != 1) return std::nullopt;
    return numbers->front();
  });
}

const std::filesystem::path& ResultsFile::path() const { return state_->path; }

void ResultsFile::read_cells(std::string_view variable, const Slab& slab, Type type, std::span<std::byte> bytes) const {
  const VariableSpec* spec = find_variable(variable);
  base::ensure(spec == nullptr || spec->type == type, fmt::format("{} is read as {}", variable, type_name(type)));
  state_->reading([&] {
    const Handle dataset = state_->open_variable(variable);
    const Handle stored(H5Dget_type(dataset.id()), H5Tclose, "read the type of a variable");
    if (known_type(stored.id()) != type) throw Hdf5Error(fmt::format("{} does not hold {}", variable, type_name(type)));
    const auto cell_bytes = static_cast<std::int64_t>(type_bytes(type));
    std::size_t offset = 0;
    for (const Slab& part : pieces(slab, max_bytes_per_call / cell_bytes)) {
      const auto part_bytes = static_cast<std::size_t>(part.cells() * cell_bytes);
      read_slab(dataset.id(), type, part, bytes.subspan(offset, part_bytes));
      offset += part_bytes;
    }
  });
}

}  // namespace layersweep::store
