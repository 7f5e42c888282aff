#include "store/results_writer.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <map>
#include <optional>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/log.hpp"
#include "comm/agreement.hpp"
#include "store/attributes.hpp"
#include "store/checksum_file.hpp"
#include "store/create_file.hpp"
#include "store/file_access.hpp"
#include "store/findings.hpp"
#include "store/layout.hpp"
#include "store/part_file.hpp"
#include "store/slab_io.hpp"
#include "store/written_slabs.hpp"

namespace layersweep::store {
namespace {

constexpr std::string_view try_elsewhere =
    "The file system or the MPI library damages files: try another folder (run.folder), then tell the administrator";

struct OpenVariable {
  Type type = Type::uint8;
  std::vector<std::int64_t> shape;
  Handle dataset;
  WrittenSlabs written;
};

std::string free_space_text(const std::filesystem::path& path) {
  std::error_code failed;
  const auto space = std::filesystem::space(std::filesystem::absolute(path).parent_path(), failed);
  if (failed) return "";
  return fmt::format(" ({:.1f} MiB are free there)", static_cast<double>(space.available) / (1 << 20));
}

}  // namespace

struct ResultsWriter::State {
  comm::Communicator communicator;
  std::filesystem::path path;
  Handle file;
  Handle transfer;
  std::map<std::string, OpenVariable, std::less<>> variables;
  bool warned_of_fallback = false;

  bool is_first_rank() const { return communicator.rank() == 0; }

  // What each rank does for itself. When it fails on any, all close the file and throw.
  template <class Function>
  void together(Function&& function) {
    try {
      comm::run_together(communicator, std::forward<Function>(function));
    } catch (const comm::RankMissing&) {
      abandon();
      throw;
    } catch (...) {
      give_up();
      throw;
    }
  }

  // Before every call that HDF5 makes collectively: ranks that made different ones would wait for each other in it. Gives
  // the largest number of rounds.
  std::int64_t agree(std::string_view call, std::int64_t rounds = 0) {
    const auto code = static_cast<std::int64_t>(std::hash<std::string_view>()(call) >> 1);
    std::array<std::int64_t, 3> largest{code, -code, rounds};
    communicator.all_reduce_max(std::span<std::int64_t>(largest));
    if (largest[0] == -largest[1]) return largest[2];
    give_up();
    throw base::InternalError(fmt::format("the ranks call the writer of {} differently: one with {}", path.string(), call));
  }

  // HDF5 calls that write. After one that failed neither the file nor the library's view of the other ranks can be trusted:
  // those may wait for this rank inside HDF5, and closing would try to write again. So this rank throws alone, and leaves
  // the file open to the end of the process.
  template <class Function>
  void writing(Function&& function) {
    try {
      function();
    } catch (const Hdf5Error& error) {
      const std::string space = free_space_text(path);
      abandon();
      remove_part_file(path);
      throw base::InputError(
          fmt::format("writing {} failed", part_path(path).string()), error.what(),
          fmt::format("Most often the disk is full{} or the file system is gone: make room, then run the same "
                      "command again; what is done stays done",
                      space));
    }
  }

  // All ranks are here: closing, which is collective, is safe.
  void give_up() noexcept {
    variables.clear();
    file = Handle();
    if (is_first_rank()) remove_part_file(path);
  }

  void abandon() noexcept {
    for (auto& [name, variable] : variables) variable.dataset.abandon();
    file.abandon();
  }

  // Nothing when there is none: then together() throws.
  OpenVariable* find(std::string_view variable) {
    if (variable.starts_with('/')) variable.remove_prefix(1);
    const auto found = variables.find(variable);
    return found == variables.end() ? nullptr : &found->second;
  }

  void open_variables(const std::vector<PlannedVariable>& planned) {
    for (const PlannedVariable& variable : planned) {
      variables[variable.path] = {variable.spec->type, variable.shape, open_dataset(file.id(), variable.path), {}};
    }
  }

  void write(std::string_view name, const Slab& slab, Type type, std::span<const std::byte> bytes) {
    const std::vector<Slab> parts = pieces(slab, max_bytes_per_call / static_cast<std::int64_t>(type_bytes(type)));
    const std::int64_t rounds = agree(name, std::ssize(parts));
    OpenVariable* variable = find(name);
    together([&] {
      base::ensure(file.is_open(), "a results file is written to after its end");
      base::ensure(variable != nullptr, fmt::format("the results file has no variable {}", name));
      base::ensure(variable->type == type,
                   fmt::format("{} holds {}, not {}", name, type_name(variable->type), type_name(type)));
      base::ensure(slab.cells() == 0 || slab.lies_in(variable->shape),
                   fmt::format("the slab {} does not lie in {}", slab.text(), name));
      base::ensure(bytes.size() == static_cast<std::size_t>(slab.cells()) * type_bytes(type),
                   fmt::format("the slab {} of {} and its cells differ in size", slab.text(), name));
      for (const Slab& part : parts) variable->written.check_disjoint(part);
    });
    std::size_t offset = 0;
    for (std::int64_t round = 0; round < rounds; ++round) {
      const Slab part = round < std::ssize(parts) ? parts[round] : Slab{};
      const auto cells = bytes.subspan(offset, static_cast<std::size_t>(part.cells()) * type_bytes(type));
      offset += cells.size();
      writing([&] { write_slab(variable->dataset.id(), type, part, cells, transfer.id()); });
      variable->written.add(part, cells);
      warn_of_fallback(name);
    }
  }

  // HDF5 may fall back to independent transfers without a word: slow, and not what was tested.
  void warn_of_fallback(std::string_view variable) {
    if (warned_of_fallback || communicator.size() == 1) return;
    std::uint32_t local = 0;
    std::uint32_t global = 0;
    if (H5Pget_mpio_no_collective_cause(transfer.id(), &local, &global) < 0) return;
    if (global == 0) return;
    warned_of_fallback = true;
    base::world_warning("HDF5 wrote {} without collective transfers (cause {:#x}): the file is right, but writing is slow",
                        variable, global);
  }

  // The whole variable, from the first rank.
  void write_whole(std::string_view name, Type type, std::span<const std::byte> bytes) {
    if (!is_first_rank()) return write(name, Slab{}, type, {});
    const OpenVariable* variable = find(name);
    write(name, variable == nullptr ? Slab{} : whole(variable->shape), type, bytes);
  }

  void write_coordinates(const std::vector<PlannedVariable>& planned, const Contents& contents) {
    const auto write_all = [&]<class T>(std::string_view name, const std::vector<T>& values) {
      write_whole(name, type_of<T>(), std::as_bytes(std::span(values)));
    };
    for (const PlannedVariable& variable : planned) {
      if (variable.spec->is_coordinate() && variable.spec->type == Type::float64) {
        write_all(variable.path, real_coordinate_values(variable.path, contents));
      } else if (variable.spec->is_coordinate()) {
        write_all(variable.path, coordinate_values(variable.path, contents));
      }
    }
    std::vector<std::int32_t> widths;
    for (const PointEntry& point : contents.points) widths.push_back(static_cast<std::int32_t>(point.width));
    write_all("width", widths);
  }

  void verify() const {
    try {
      compare_with_written();
    } catch (const Hdf5Error& error) {
      throw base::InputError(fmt::format("{} cannot be read back", part_path(path).string()), error.what(), try_elsewhere);
    }
  }

  void compare_with_written() const {
    if (std::ranges::all_of(variables, [](const auto& entry) { return entry.second.written.empty(); })) return;
    const Handle copy = open_file(part_path(path), OpenFor::reading);
    for (const auto& [name, variable] : variables) {
      if (variable.written.empty()) continue;
      const Handle dataset = open_dataset(copy.id(), name);
      if (const auto differing = variable.written.first_difference(dataset.id(), variable.type)) {
        throw base::InputError(fmt::format("{} was not stored as it was written", part_path(path).string()),
                               fmt::format("{} {} reads back differently", name, differing->text()), try_elsewhere);
      }
    }
  }

  void check_rules() const {
    Findings findings;
    check_contents_of(part_path(path), findings);
    for (const Finding& finding : findings.take()) {
      throw base::InputError(fmt::format("{} would not be a valid results file", path.string()),
                             fmt::format("{}: {}", finding.where, finding.problem));
    }
  }

  void mark_complete() const {
    Handle marked = open_file(part_path(path), OpenFor::marking);
    update_number_attribute(marked.id(), "complete", 1);
    marked.close("close it");
  }
};

ResultsWriter::ResultsWriter(const comm::Communicator& communicator, const std::filesystem::path& path,
                             const Contents& contents, const Provenance& provenance)
    : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.communicator = communicator;
  state.path = path;
  std::vector<PlannedVariable> planned;
  std::vector<RootText> texts;
  state.together([&] {
    check_contents(contents);
    planned = plan_variables(contents);
    texts = root_texts(provenance);
    if (state.is_first_rank()) make_part_file(path);
  });
  std::string layout = path.string();
  for (const PlannedVariable& variable : planned) layout += fmt::format(" {}{}", variable.path, variable.shape);
  for (const RootText& text : texts) layout += " " + text.name;
  state.agree(layout);
  for (RootText& text : texts) text.text = communicator.broadcast_text(text.text, 0);
  state.writing([&] {
    use_hdf5();
    state.transfer = transfer_list(communicator);
    state.file = create_file(part_path(path), create_file_access(communicator).id());
    write_root_attributes(state.file.id(), texts, provenance);
    std::erase_if(texts, [](const RootText& text) { return text.text.size() <= max_attribute_bytes; });
    lay_out(state.file.id(), contents, texts);
    state.open_variables(planned);
    for (const RootText& text : texts) {
      state.variables[text.name] = {Type::character, {std::ssize(text.text)}, open_dataset(state.file.id(), text.name), {}};
    }
  });
  state.write_coordinates(planned, contents);
  std::vector<std::string> names;
  for (const PointEntry& point : contents.points) names.push_back(point.name);
  write_text("point_name", 0, state.is_first_rank() ? std::span<const std::string>(names) : std::span<const std::string>());
  for (const RootText& text : texts) {
    write_whole(text.name, Type::character, std::as_bytes(std::span(text.text)));
  }
}

ResultsWriter::~ResultsWriter() {
  if (!state_->file.is_open()) return;
  if (std::uncaught_exceptions() > 0 && state_->communicator.size() > 1) {
    state_->abandon();
  } else {
    state_->give_up();
  }
}

void ResultsWriter::write_cells(std::string_view variable, const Slab& slab, Type type, std::span<const std::byte> bytes) {
  state_->write(variable, slab, type, bytes);
}

void ResultsWriter::write_whole(std::string_view variable, Type type, std::span<const std::byte> bytes) {
  state_->write_whole(variable, type, bytes);
}

void ResultsWriter::write_text(std::string_view variable, std::int64_t first_row, std::span<const std::string> rows) {
  Slab slab;
  std::string cells;
  state_->agree(variable);
  state_->together([&] {
    if (rows.empty()) return;
    const OpenVariable* list = state_->find(variable);
    base::ensure(list != nullptr && list->shape.size() == 2, fmt::format("there is no list of texts {}", variable));
    const std::vector<std::int64_t>& shape = list->shape;
    slab = {{first_row, 0}, {std::ssize(rows), shape[1]}};
    const auto width = static_cast<std::size_t>(shape[1]);
    for (const std::string& row : rows) {
      base::ensure(row.size() <= width, fmt::format("a text of {} is longer than was said at the start", variable));
      cells += row;
      cells.append(width - row.size(), '\0');
    }
  });
  state_->write(variable, slab, Type::character, std::as_bytes(std::span(cells)));
}

void ResultsWriter::finish(Finish how) {
  State& state = *state_;
  state.agree("finish()");
  state.together([&] { base::ensure(state.file.is_open(), "a results file is finished twice, or after a failure"); });
  state.writing([&] {
    // Through MPI-IO the flush is what syncs each rank's own writes.
    check(H5Fflush(state.file.id(), H5F_SCOPE_GLOBAL), "flush it");
    for (auto& [name, variable] : state.variables) variable.dataset.close("close a variable");
    state.file.close("close it");
  });
  state.together([&] {
    if (state.is_first_rank()) sync_part_file(state.path);
  });
  state.together([&] { state.verify(); });
  if (state.is_first_rank()) state.writing([&] { state.mark_complete(); });
  state.together([&] {
    if (!state.is_first_rank()) return;
    if (how == Finish::validated) state.check_rules();
    sync_part_file(state.path);
    const std::string sha256 = base::sha256_of_file(part_path(state.path));
    forget_checksum(state.path);
    publish_part_file(state.path);
    record_checksum(state.path, sha256);
  });
}

}  // namespace layersweep::store
