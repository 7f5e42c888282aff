#include "config/nearest.hpp"

#include <algorithm>
#include <utility>

namespace layersweep::config {

namespace {

constexpr std::size_t suggestions_at_most = 3;

// The last part of a dotted name.
std::string_view without_section(std::string_view name) {
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> two_above(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(two_above, above);
    std::swap(above, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], two_above[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::vector<std::string> nearest_names(std::string_view unknown, std::span<const std::string> known) {
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const std::string& name : known) {
    const bool same_but_for_section = !unknown.empty() && without_section(unknown) == without_section(name);
    const bool continued = unknown.size() >= 2 && name.starts_with(unknown);
    const std::size_t distance = same_but_for_section || continued ? 1 : edit_distance(unknown, name);
    if (3 * distance <= std::max(unknown.size(), name.size())) near.emplace_back(distance, name);
  }
  std::ranges::stable_sort(near, {}, &std::pair<std::size_t, std::string>::first);
  std::vector<std::string> names;
  for (auto& [distance, name] : near) {
    if (names.size() < suggestions_at_most) names.push_back(std::move(name));
  }
  return names;
}

std::string did_you_mean(std::string_view unknown, std::span<const std::string> known) {
  const auto names = nearest_names(unknown, known);
  if (names.empty()) return {};
  std::string text = "Did you mean " + names[0];
  for (std::size_t i = 1; i < names.size(); ++i) text += (i + 1 == names.size() ? " or " : ", ") + names[i];
  return text + "?";
}

}  // namespace layersweep::config
