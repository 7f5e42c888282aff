#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "store/cell_reader.hpp"
#include "store/findings.hpp"

namespace layersweep::store {
namespace {

// Figures are stored in float32, their means are formed in float64.
constexpr double slack = 1e-4;

class ExplanationCheck {
 public:
  ExplanationCheck(hid_t file, Findings& findings) : file_(file), findings_(findings) {}

  void run() {
    check_shares();
    check_areas("comprehensiveness");
    check_areas("sufficiency");
    check_means("comprehensiveness", "dropped_probability");
    check_means("sufficiency", "kept_probability");
  }

 private:
  static std::string path_of(std::string_view name) { return "/" + path_in(evaluation_group, name); }

  void check_shares() {
    const auto share = read_all<double>(file_, path_of("share"));
    const bool right = std::ranges::all_of(share, [](double s) { return s > 0 && s <= 1; });
    findings_.require(right, path_of("share"), "a share is not above 0 and at most 1");
    shares_ = share.size();
  }

  // An area is the mean over shares.
  void check_areas(const std::string& name) {
    const auto values = read_all<float>(file_, path_of(name));
    const auto areas = read_all<float>(file_, path_of("aopc_" + name));
    for (std::size_t row = 0; row < areas.size(); ++row) {
      const auto first = values.begin() + static_cast<std::ptrdiff_t>(row * shares_);
      const double mean =
          std::accumulate(first, first + static_cast<std::ptrdiff_t>(shares_), 0.0) / static_cast<double>(shares_);
      if (!same(mean, areas[row])) {
        return findings_.add(path_of("aopc_" + name), fmt::format("row {} is not the mean over shares", row));
      }
    }
  }

  // A figure is the mean over explained texts of what the prediction loses.
  void check_means(const std::string& name, const std::string& probabilities) {
    const auto clean = read_all<float>(file_, path_of("clean_probability"));
    const auto figures = read_all<float>(file_, path_of(name));
    const Handle dataset = open_dataset(file_, path_of(probabilities));
    const std::vector<std::int64_t> shape = shape_of(dataset.id());
    std::vector<float> row(clean.size());
    for (std::size_t cell = 0; cell < figures.size(); ++cell) {
      const auto number = static_cast<std::int64_t>(cell);
      const Slab slab{{number / (shape[1] * shape[2]), number / shape[2] % shape[1], number % shape[2], 0},
                      {1, 1, 1, shape[3]}};
      read_slab(dataset.id(), Type::float32, slab, std::as_writable_bytes(std::span(row)));
      double sum = 0;
      double texts = 0;
      for (std::size_t text = 0; text < row.size(); ++text) {
        if (std::isnan(row[text])) continue;
        sum += clean[text] - row[text];
        ++texts;
      }
      if (!same(texts == 0 ? NAN : sum / texts, figures[cell])) {
        return findings_.add(path_of(name),
                             fmt::format("cell {} is not the mean over the texts of {}", cell, probabilities));
      }
    }
  }

  static bool same(double a, double b) { return (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= slack; }

  hid_t file_;
  Findings& findings_;
  std::size_t shares_ = 0;
};

}  // namespace

void check_explanations(hid_t file, Findings& findings) {
  if (has_object(file, "/" + std::string(evaluation_group))) ExplanationCheck(file, findings).run();
}

}  // namespace layersweep::store
