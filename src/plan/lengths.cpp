#include "plan/lengths.hpp"

#include <algorithm>

namespace layersweep::plan {

Lengths Lengths::of_histogram(std::int64_t bin_width, std::span<const std::int64_t> counts) {
  std::vector<Class> classes;
  for (std::size_t bin = 0; bin < counts.size(); ++bin) {
    if (counts[bin] == 0) continue;
    const double middle =
        static_cast<double>(bin) * static_cast<double>(bin_width) + (static_cast<double>(bin_width) - 1) / 2;
    classes.push_back({std::max(1.0, middle), static_cast<double>(counts[bin])});
  }
  return Lengths(std::move(classes));
}

Lengths Lengths::uniform(std::int64_t texts, std::int64_t longest) {
  std::vector<Class> classes;
  for (std::int64_t length = 1; length <= longest; ++length) {
    classes.push_back({static_cast<double>(length), static_cast<double>(texts) / static_cast<double>(longest)});
  }
  return Lengths(std::move(classes));
}

Lengths Lengths::cut(std::int64_t most) const {
  Lengths result = *this;
  for (Class& one : result.classes_) one.tokens = std::min(one.tokens, static_cast<double>(most));
  return result;
}

Lengths Lengths::first(std::int64_t texts_wanted) const {
  const double all = texts();
  if (texts_wanted == 0 || static_cast<double>(texts_wanted) >= all) return *this;
  Lengths result = *this;
  for (Class& one : result.classes_) one.texts *= static_cast<double>(texts_wanted) / all;
  return result;
}

double Lengths::texts() const {
  double sum = 0;
  for (const Class& one : classes_) sum += one.texts;
  return sum;
}

double Lengths::tokens() const {
  double sum = 0;
  for (const Class& one : classes_) sum += one.texts * one.tokens;
  return sum;
}

double Lengths::pairs() const {
  double sum = 0;
  for (const Class& one : classes_) sum += one.texts * one.tokens * one.tokens;
  return sum;
}

double Lengths::longest() const {
  double most = 0;
  for (const Class& one : classes_) most = std::max(most, one.tokens);
  return most;
}

}  // namespace layersweep::plan
