#include <algorithm>
#include <cmath>
#include <set>

#include "base/utf8.hpp"
#include "store/cell_reader.hpp"
#include "store/findings.hpp"
#include "store/schema.hpp"

namespace layersweep::store {
namespace {

constexpr std::int64_t part_bytes = 4 << 20;  // of a list of texts

class ValueCheck {
 public:
  ValueCheck(hid_t file, Findings& findings) : file_(file), findings_(findings) {}

  void run() {
    for (const VariableSpec& spec : variables()) {
      for (const std::string& group : groups_of(spec.place)) check_cells("/" + path_in(group, spec.name), spec);
    }
  }

 private:
  void check_cells(const std::string& path, const VariableSpec& spec) {
    findings_.guard(path, [&] {
      if (!has_object(file_, path)) return;
      if (spec.is_text()) return check_texts(path);
      if (spec.is_coordinate() && spec.type == Type::int32) return check_coordinate(path, spec);
      with_cell_type(spec.type, [&]<class T>(T) { check_numbers<T>(path, spec.traits); });
    });
  }

  void check_coordinate(const std::string& path, const VariableSpec& spec) {
    if (spec.name == "seed") {
      const auto seeds = read_all<std::int32_t>(file_, path);
      return findings_.require(std::set(seeds.begin(), seeds.end()).size() == seeds.size(), path, "a seed is there twice");
    }
    if (spec.name == "step") {
      return findings_.require(std::ranges::is_sorted(read_all<std::int32_t>(file_, path), std::less_equal()), path,
                               "the steps do not ascend");
    }
    std::int32_t next = 0;
    bool reported = false;
    for_each_part<std::int32_t>(file_, path, [&](std::span<const std::int32_t> cells) {
      for (const std::int32_t cell : cells) {
        if (cell != next && !reported) findings_.add(path, fmt::format("it counts from 0, but cell {} is {}", next, cell));
        reported |= cell != next;
        ++next;
      }
    });
  }

  template <Cell T>
  void check_numbers(const std::string& path, const Traits& traits) {
    std::int64_t unknown = 0, outside = 0, missing = 0;
    for_each_part<T>(file_, path, [&](std::span<const T> cells) {
      for (const T cell : cells) {
        if (is_missing(cell)) {
          ++missing;
        } else if (!traits.range.holds(cell)) {
          ++outside;
        } else if (!traits.flags.empty() &&
                   std::ranges::find(traits.flags, static_cast<int>(cell), &Flag::value) == traits.flags.end()) {
          ++unknown;
        }
      }
    });
    findings_.require(unknown == 0, path, fmt::format("{} cells are none of flag_values", unknown));
    findings_.require(outside == 0, path, fmt::format("{} cells lie outside {}", outside, traits.range.text()));
    findings_.require(!traits.always_known || missing == 0, path,
                      fmt::format("{} cells are missing, which are always known", missing));
  }

  void check_texts(const std::string& path) {
    const Handle dataset = open_dataset(file_, path);
    const auto width = static_cast<std::size_t>(shape_of(dataset.id()).back());
    const auto rows_bytes = std::max(part_bytes, static_cast<std::int64_t>(width));
    std::string cells;
    std::size_t row = 0;
    for (const Slab& part : row_pieces(shape_of(dataset.id()), rows_bytes)) {
      cells.resize(static_cast<std::size_t>(part.cells()));
      read_slab(dataset.id(), Type::character, part, std::as_writable_bytes(std::span(cells)));
      for (std::size_t at = 0; at < cells.size(); at += width, ++row) {
        const std::string_view padded = std::string_view(cells).substr(at, width);
        const std::string_view text = padded.substr(0, padded.find('\0'));
        const bool padding = padded.find_first_not_of('\0', text.size()) == padded.npos;
        if (text.empty() || !padding || base::first_ill_formed(text)) {
          return findings_.add(path, fmt::format("text {} {}", row,
                                                 text.empty() ? "is empty"
                                                 : padding    ? "is not UTF-8"
                                                              : "has cells after its end that are not NUL"));
        }
      }
    }
  }

  // Whole rows of a list of texts.
  static std::vector<Slab> row_pieces(const std::vector<std::int64_t>& shape, std::int64_t most_bytes) {
    const std::int64_t rows_at_once = std::max<std::int64_t>(1, most_bytes / shape.back());
    std::vector<Slab> parts;
    for (std::int64_t row = 0; row < shape.front(); row += rows_at_once) {
      parts.push_back({{row, 0}, {std::min(rows_at_once, shape.front() - row), shape.back()}});
    }
    return parts;
  }

  hid_t file_;
  Findings& findings_;
};

}  // namespace

void check_values(hid_t file, Findings& findings) {
  ValueCheck(file, findings).run();
  if (!findings.empty()) return;  // the rules below trust the cells that those above have read
  check_relations(file, findings);
  check_statistics(file, findings);
  check_explanations(file, findings);
}

}  // namespace layersweep::store
