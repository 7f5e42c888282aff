#include "store/schema_statistics.hpp"

#include <algorithm>

namespace layersweep::store {
using enum Type;

std::vector<VariableSpec> statistics_variables() {
  constexpr Place place = Place::statistics;
  constexpr Presence always = Presence::always;
  // clang-format off
  return {
      {place, "token_part", int32, {"token_part"}, always,
       "part of its text that a token belongs to", "1",
       flags_of<terms::TokenPart>()},
      {place, "hidden", int32, {"hidden"}, always,
       "feature of a state, from 0; a point has width(point) of them, and missing values beyond", "1", {}},
      {place, "quantile", float64, {"quantile"}, always,
       "share of the tokens whose state is at most as long", "1", {}},
      {place, "point_other", int32, {"point_other"}, always,
       "probe point that another one is compared with", "1", {}},

      {place, "count", float64, {"point", "token_part"}, always,
       "number of tokens", "1", {}},
      {place, "mean", float64, {"point", "token_part", "hidden"}, always,
       "mean of a feature over tokens", "1", {}},
      {place, "variance", float64, {"point", "token_part", "hidden"}, always,
       "variance of a feature over tokens, divided by their number", "1", {}},
      {place, "norm_quantile", float64, {"point", "token_part", "quantile"}, always,
       "Euclidean length of states, to within 1.1 %; exact at quantiles 0 and 1", "1", {}},
      {place, "cosine_to_next", float64, {"point"}, always,
       "mean cosine between the states of a token at this point and the next, special tokens left out; missing between unequal widths", "1", {}},
      {place, "anisotropy", float64, {"point"}, always,
       "mean cosine between the states of two tokens of different texts, special tokens left out", "1", {}},
      {place, "cka", float64, {"point", "point_other"}, always,
       "linear centred kernel alignment of two points over a sample of tokens, special tokens left out", "1", {}},
  };
  // clang-format on
}

std::optional<std::int64_t> statistics_dimension_size(std::string_view name, const Contents& contents) {
  if (!contents.statistics) return std::nullopt;
  if (name == "token_part") return std::ssize(terms::Names<terms::TokenPart>::table);
  if (name == "quantile") return std::ssize(contents.statistics->quantiles);
  if (name == "point_other") return std::ssize(contents.points);
  if (name != "hidden") return std::nullopt;
  std::int64_t widest = 0;
  for (const PointEntry& point : contents.points) widest = std::max(widest, point.width);
  return widest;
}

}  // namespace layersweep::store
