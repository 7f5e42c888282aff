// The counting task, where the true mask is known: a sequence of digits and a query of two different digits (n, m);
// the label says whether n occurs more often than m. Exactly the positions that hold n or m matter.
#pragma once

#include <cstdint>

#include "data/corpus.hpp"
#include "terms/terms.hpp"

namespace layersweep::data {

constexpr std::int32_t kCountingSymbols = 10;
constexpr std::int64_t kCountingLongest = 10;

/// Examples in a split: 9,000, 500 and 500.
std::int64_t counting_size(terms::Split split);

/// The split's examples, a pure function of the seed: lengths uniform in 1..10; every position is n or m with
/// probability 0.25 each, else uniform over the other 8. Token ids are the digits; there are no special tokens.
Corpus counting_corpus(std::uint64_t seed, terms::Split split);

}  // namespace layersweep::data
