// How long the texts of a split are: costs depend on nothing else of them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "terms/terms.hpp"

namespace layersweep::plan {

class Lengths {
 public:
  struct Class {
    double tokens = 0;
    double texts = 0;
  };

  Lengths() = default;
  explicit Lengths(std::vector<Class> classes) : classes_(std::move(classes)) {}

  /// From counts of lengths [0, width), [width, 2·width), …; a bin stands for its middle.
  static Lengths of_histogram(std::int64_t bin_width, std::span<const std::int64_t> counts);
  /// `texts` texts, each length from 1 to `longest` equally often: the counting task.
  static Lengths uniform(std::int64_t texts, std::int64_t longest);

  /// Texts cut to `most` tokens.
  Lengths cut(std::int64_t most) const;
  /// `texts` texts with the same shares of lengths, at most as many as there are; 0: all.
  Lengths first(std::int64_t texts) const;

  const std::vector<Class>& classes() const { return classes_; }
  double texts() const;
  double tokens() const;
  double pairs() const;  ///< sum of squared lengths
  double longest() const;
  double mean() const { return texts() > 0 ? tokens() / texts() : 0; }

 private:
  std::vector<Class> classes_;
};

/// The splits of a task.
struct TextLengths {
  Lengths train;
  Lengths dev;
  Lengths test;

  const Lengths& of(terms::Split split) const {
    return split == terms::Split::train ? train : split == terms::Split::dev ? dev : test;
  }
};

}  // namespace layersweep::plan
