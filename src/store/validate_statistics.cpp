#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "store/cell_reader.hpp"
#include "store/findings.hpp"

namespace layersweep::store {
namespace {

// Of alignments, which rounding may carry past their bounds.
constexpr double slack = 1e-6;

class StatisticsCheck {
 public:
  StatisticsCheck(hid_t file, Findings& findings) : file_(file), findings_(findings) {}

  void run() {
    if (!check_sizes()) return;  // the rules below go by them
    check_quantiles();
    check_moments();
    check_cka();
  }

 private:
  static std::string path_of(std::string_view name) { return "/" + path_in(statistics_group, name); }

  // The largest variable is of P x 5 x H cells.
  template <Cell T>
  std::vector<T> read(const std::string& path) const {
    return read_all<T>(file_, path);
  }

  bool check_sizes() {
    const auto width = read<std::int32_t>("/width");
    const std::pair<const char*, std::int64_t> wanted[] = {
        {"token_part", std::ssize(find_variable("statistics/token_part")->traits.flags)},
        {"point_other", std::ssize(width)},
        {"hidden", std::ranges::max(width)},
    };
    bool right = true;
    for (const auto& [dimension, size] : wanted) {
      const std::int64_t found = shape_of(open_dataset(file_, path_of(dimension)).id()).front();
      right &= found == size;
      findings_.require(found == size, path_of(dimension), fmt::format("its size is {} instead of {}", found, size));
    }
    return right;
  }

  void check_quantiles() {
    const auto quantile = read<double>(path_of("quantile"));
    findings_.require(std::ranges::is_sorted(quantile, std::less_equal()), path_of("quantile"),
                      "the quantiles do not ascend");
    const auto norms = read<double>(path_of("norm_quantile"));
    const std::size_t row = quantile.size();
    for (std::size_t cell = 0; cell < norms.size(); ++cell) {
      if (cell % row != 0 && norms[cell] < norms[cell - 1]) {
        return findings_.add(path_of("norm_quantile"), fmt::format("row {} does not ascend", cell / row));
      }
    }
  }

  void check_moments() {
    const auto count = read<double>(path_of("count"));
    const auto width = read<std::int32_t>("/width");
    const auto mean = read<double>(path_of("mean"));
    const auto variance = read<double>(path_of("variance"));
    const std::size_t parts = count.size() / width.size();
    const std::size_t hidden = mean.size() / count.size();
    for (std::size_t row = 0; row < count.size(); ++row) {
      const std::string where = fmt::format("point {}, token part {}", row / parts, row % parts);
      if (!(count[row] >= 0) || count[row] != std::floor(count[row])) {
        return findings_.add(path_of("count"), where + " is not a number of tokens");
      }
      for (std::size_t feature = 0; feature < hidden; ++feature) {
        const std::size_t cell = row * hidden + feature;
        const bool empty = count[row] == 0 || static_cast<std::int32_t>(feature) >= width[row / parts];
        if (empty && !(std::isnan(mean[cell]) && std::isnan(variance[cell]))) {
          return findings_.add(path_of(std::isnan(mean[cell]) ? "variance" : "mean"),
                               fmt::format("{}, feature {} is there without tokens or beyond the width", where, feature));
        }
      }
    }
  }

  void check_cka() {
    const auto cka = read<double>(path_of("cka"));
    const std::size_t points = read<std::int32_t>("/width").size();
    for (std::size_t p = 0; p < points; ++p) {
      for (std::size_t q = 0; q < points; ++q) {
        const double one = cka[p * points + q], other = cka[q * points + p];
        const bool missing = std::isnan(one) && std::isnan(other);
        const bool right = one >= 0 && one <= 1 + slack && one == other && (p != q || std::abs(one - 1) <= slack);
        if (!missing && !right) {
          return findings_.add(path_of("cka"),
                               fmt::format("points {} and {}: it is not symmetric within 0 … 1 with a diagonal of 1", p, q));
        }
      }
    }
  }

  hid_t file_;
  Findings& findings_;
};

}  // namespace

void check_statistics(hid_t file, Findings& findings) {
  const std::string group = fmt::format("/{}", statistics_group);
  if (has_object(file, group)) findings.guard(group, [&] { StatisticsCheck(file, findings).run(); });
}

}  // namespace layersweep::store
