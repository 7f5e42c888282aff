#include "data/counting.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/random.hpp"

namespace layersweep::data {
namespace {

// The value at `place` among the symbols that are not excluded; `low` < `high`.
std::int32_t skip_two(std::int32_t place, std::int32_t low, std::int32_t high) {
  if (place >= low) ++place;
  if (place >= high) ++place;
  return place;
}

// Every example draws from a stream of its own, so it does not depend on how many are made.
Example make_example(std::uint64_t seed, std::uint64_t number) {
  base::RandomStream random(base::philox_key(seed, base::Purpose::counting_task, {number}));
  const auto below = [&](std::int32_t bound) {
    return static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(bound)));
  };

  Example example;
  const std::int32_t first = below(kCountingSymbols);
  std::int32_t second = below(kCountingSymbols - 1);
  if (second >= first) ++second;
  example.query = {first, second};

  const std::int32_t length = 1 + below(kCountingLongest);
  std::int32_t more = 0;  // of the first than of the second
  for (std::int32_t position = 0; position < length; ++position) {
    std::int32_t symbol = 0;
    switch (below(4)) {
      case 0:
        symbol = first;
        ++more;
        break;
      case 1:
        symbol = second;
        --more;
        break;
      default:
        symbol = skip_two(below(kCountingSymbols - 2), std::min(first, second), std::max(first, second));
        break;
    }
    if (position > 0) example.text += ' ';
    example.char_start.push_back(static_cast<std::int32_t>(example.text.size()));
    example.text += std::to_string(symbol);
    example.char_end.push_back(static_cast<std::int32_t>(example.text.size()));
    example.token_id.push_back(symbol);
    example.segment.push_back(0);
    example.part.push_back(static_cast<std::uint8_t>(terms::TokenPart::text));
    example.word_index.push_back(position);
    example.truth.push_back(symbol == first || symbol == second);
  }
  example.label = more > 0;
  return example;
}

std::int64_t first_number(terms::Split split) {
  switch (split) {
    case terms::Split::train:
      return 0;
    case terms::Split::dev:
      return counting_size(terms::Split::train);
    case terms::Split::test:
      return counting_size(terms::Split::train) + counting_size(terms::Split::dev);
  }
  throw base::InternalError("a split out of range");
}

}  // namespace

std::int64_t counting_size(terms::Split split) { return split == terms::Split::train ? 9'000 : 500; }

Corpus counting_corpus(std::uint64_t seed, terms::Split split) {
  std::vector<Example> examples;
  for (std::int64_t index = 0; index < counting_size(split); ++index) {
    Example& example = examples.emplace_back(make_example(seed, static_cast<std::uint64_t>(first_number(split) + index)));
    example.id = fmt::format("counting/{}/{}", terms::name_of(split), index);
  }
  return Corpus::pack(examples);
}

}  // namespace layersweep::data
