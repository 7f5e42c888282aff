#include <algorithm>
#include <cmath>

#include "store/attributes.hpp"
#include "store/file_access.hpp"
#include "store/findings.hpp"
#include "store/schema.hpp"
#include "store/slab_io.hpp"

namespace layersweep::store {
namespace {

// kl_mean is stored in float32; a limit met in float64 may be missed by one rounding.
constexpr double limit_slack = 1e-6;

class ValueCheck {
 public:
  ValueCheck(hid_t file, Findings& findings) : file_(file), findings_(findings) {}

  void run() {
    for (const VariableSpec& spec : variables()) {
      if (spec.place == Place::root) {
        check_cells("/" + std::string(spec.name), spec);
      } else {
        for (const std::string_view mode : mode_names()) check_cells(fmt::format("/{}/{}", mode, spec.name), spec);
      }
    }
    if (!findings_.empty()) return;  // the rules below trust the cells that those above have read
    check_ragged();
    check_classes();
    for (const std::string_view mode : mode_names()) {
      if (has_object(file_, fmt::format("/{}", mode))) check_acceptance(fmt::format("/{}", mode));
    }
  }

 private:
  // Calls function(part, cells) for consecutive parts, so that no variable needs to fit in memory.
  template <Cell T, class Function>
  void for_each_part(const std::string& path, Function&& function) const {
    const Handle dataset = open_dataset(file_, path);
    for (const Slab& part : pieces(whole(shape_of(dataset.id())), max_bytes_per_call / sizeof(T))) {
      std::vector<T> cells(static_cast<std::size_t>(part.cells()));
      read_slab(dataset.id(), type_of<T>(), part, std::as_writable_bytes(std::span(cells)));
      function(std::span<const T>(cells));
    }
  }

  template <Cell T>
  std::vector<T> read(const std::string& path) const {
    std::vector<T> all;
    for_each_part<T>(path, [&](std::span<const T> cells) { all.insert(all.end(), cells.begin(), cells.end()); });
    return all;
  }

  void check_cells(const std::string& path, const VariableSpec& spec) {
    findings_.guard(path, [&] {
      if (!has_object(file_, path)) return;
      switch (spec.type) {
        case Type::float32:
          return check_shares(path, spec);
        case Type::int32:
          return spec.is_coordinate() ? check_coordinate(path, spec) : check_flag_values<std::int32_t>(path, spec);
        case Type::uint8:
          return check_flag_values<std::uint8_t>(path, spec);
        case Type::float64:
        case Type::character:
          return check_readable(path, spec.type);
      }
    });
  }

  // Names that end so hold shares and probabilities.
  static bool is_share(std::string_view name) {
    return name == "keep_probability" || name.ends_with("keep_share") || name.ends_with("flipped_share") ||
           name == "training_flipped" || name == "f1_truth" || name == "agreement_iou" || name == "score";
  }

  void check_shares(const std::string& path, const VariableSpec& spec) {
    std::int64_t outside = 0;
    for_each_part<float>(path, [&](std::span<const float> cells) {
      outside += std::ranges::count_if(cells, [](float x) { return !std::isnan(x) && !(x >= 0 && x <= 1); });
    });
    findings_.require(!is_share(spec.name) || outside == 0, path, fmt::format("{} cells lie outside 0 … 1", outside));
  }

  void check_coordinate(const std::string& path, const VariableSpec& spec) {
    const auto values = read<std::int32_t>(path);
    if (spec.name == "seed") return;
    if (spec.name == "step") {
      return findings_.require(std::ranges::is_sorted(values, std::less_equal()), path, "the steps do not ascend");
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] != static_cast<std::int32_t>(i))
        return findings_.add(path, fmt::format("it counts from 0, but cell {} is {}", i, values[i]));
    }
  }

  template <Cell T>
  void check_flag_values(const std::string& path, const VariableSpec& spec) {
    std::int64_t unknown = 0;
    for_each_part<T>(path, [&](std::span<const T> cells) {
      unknown += std::ranges::count_if(cells, [&](T cell) {
        return cell != fill_of(spec.type) &&
               std::ranges::find(spec.flags, static_cast<int>(cell), &Flag::value) == spec.flags.end();
      });
    });
    findings_.require(spec.flags.empty() || unknown == 0, path, fmt::format("{} cells are none of flag_values", unknown));
  }

  void check_readable(const std::string& path, Type type) {
    const Handle dataset = open_dataset(file_, path);
    std::vector<std::byte> bytes;
    for (const Slab& part :
         pieces(whole(shape_of(dataset.id())), max_bytes_per_call / static_cast<std::int64_t>(type_bytes(type)))) {
      bytes.resize(static_cast<std::size_t>(part.cells()) * type_bytes(type));
      read_slab(dataset.id(), type, part, bytes);
    }
  }

  void check_ragged() {
    const auto count = read<std::int32_t>("/token_count");
    const auto start = read<std::int32_t>("/token_start");
    const std::int64_t tokens = shape_of(open_dataset(file_, "/token").id()).front();
    std::int64_t next = 0;
    for (std::size_t example = 0; example < count.size(); ++example) {
      if (count[example] < 0 || start[example] != next) {
        return findings_.add("/token_start",
                             fmt::format("example {} starts at token {} instead of {}, or its count is missing", example,
                                         start[example], next));
      }
      next += count[example];
    }
    findings_.require(next == tokens, "/token_count", fmt::format("the counts add up to {} tokens of {}", next, tokens));
  }

  void check_classes() {
    if (!has_object(file_, "/class")) return;
    const std::int64_t classes = shape_of(open_dataset(file_, "/class").id()).front();
    for (const std::string path : {"/label", "/prediction"}) {
      for_each_part<std::int32_t>(path, [&](std::span<const std::int32_t> cells) {
        const bool right = std::ranges::all_of(cells, [&](std::int32_t c) { return c >= -1 && c < classes; });
        findings_.require(right, path, fmt::format("cells lie outside the {} classes", classes));
      });
    }
  }

  void check_acceptance(const std::string& group) {
    const auto accepted = read<std::uint8_t>(group + "/accepted");
    const auto status = read<std::uint8_t>(group + "/status");
    const auto kl_mean = read<float>(group + "/kl_mean");
    const auto flipped = read<float>(group + "/flipped_share");
    const auto chosen = read<std::int32_t>(group + "/chosen_seed");
    const double epsilon = read_number_attribute(file_, "epsilon")->front();
    const double flip_limit = read_number_attribute(file_, "flip_limit")->front();
    const std::size_t points = chosen.size();
    for (std::size_t i = 0; i < accepted.size(); ++i) {
      const std::string cell = fmt::format("seed {}, point {}", i / points, i % points);
      const bool trained = status[i] == static_cast<std::uint8_t>(Status::trained);
      if (accepted[i] == 1) {
        const bool possible = status[i] != static_cast<std::uint8_t>(Status::not_trained) &&
                              status[i] != static_cast<std::uint8_t>(Status::failed);
        findings_.require(possible, group + "/accepted", cell + " is accepted, but was not trained or failed");
        findings_.require(!(kl_mean[i] > epsilon * (1 + limit_slack)), group + "/accepted",
                          cell + fmt::format(" is accepted with kl_mean {} above epsilon {}", kl_mean[i], epsilon));
        findings_.require(
            !(flipped[i] > flip_limit * (1 + limit_slack)), group + "/accepted",
            cell + fmt::format(" is accepted with flipped_share {} above flip_limit {}", flipped[i], flip_limit));
      }
      if (accepted[i] == 0 && trained && kl_mean[i] <= epsilon * (1 - limit_slack) &&
          flipped[i] <= flip_limit * (1 - limit_slack)) {
        findings_.add(group + "/accepted", cell + " keeps both limits, but is not accepted");
      }
    }
    const auto seeds = static_cast<std::int64_t>(accepted.size() / points);
    for (std::size_t point = 0; point < points; ++point) {
      const std::int32_t seed = chosen[point];
      if (seed == -1) continue;
      const bool right = seed >= 0 && seed < seeds && accepted[static_cast<std::size_t>(seed) * points + point] == 1;
      findings_.require(right, group + "/chosen_seed", fmt::format("{} at point {} is no accepted seed", seed, point));
    }
  }

  hid_t file_;
  Findings& findings_;
};

}  // namespace

void check_values(hid_t file, Findings& findings) { ValueCheck(file, findings).run(); }

}  // namespace layersweep::store
