// Which texts are set apart for dev and test where the data bring no split: decided by hash, so that neither the order of
// the file nor a text that is added elsewhere moves the others to and fro much, and equal texts stay together.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "data/corpus.hpp"
#include "terms/terms.hpp"

namespace layersweep::data {

/// The split of each key, equal keys alike: of the distinct keys in order of their hashes the first ones (`test_share`,
/// rounded up, of them) are test, the next dev (likewise), the others train. A share of 0 takes none.
std::vector<terms::Split> split_by_hash(std::span<const std::string> keys, double dev_share, double test_share);

}  // namespace layersweep::data
