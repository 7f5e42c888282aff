#include "data/hash_split.hpp"

#include <cmath>
#include <map>

#include "base/hash.hpp"

namespace layersweep::data {

std::vector<terms::Split> split_by_hash(std::span<const std::string> keys, double dev_share, double test_share) {
  std::vector<std::string> hashes;
  std::map<std::string, terms::Split> split_of;
  for (const std::string& key : keys) {
    hashes.push_back(base::sha256_of_text(key));
    split_of.emplace(hashes.back(), terms::Split::train);
  }
  const auto part = [&](double share) {
    return static_cast<std::size_t>(std::ceil(share * static_cast<double>(split_of.size())));
  };
  const std::size_t test = part(test_share), dev = part(dev_share);
  std::size_t place = 0;
  for (auto& [hash, split] : split_of) {
    if (place < test + dev) split = place < test ? terms::Split::test : terms::Split::dev;
    ++place;
  }
  std::vector<terms::Split> splits;
  for (const std::string& hash : hashes) splits.push_back(split_of.at(hash));
  return splits;
}

}  // namespace layersweep::data
