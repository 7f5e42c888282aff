#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/error.hpp"
#include "device/gpus.hpp"

namespace layersweep::device {
namespace {

using Addresses = std::vector<std::vector<std::string>>;

// A matching of ranks and GPUs that grows rank by rank (augmenting paths): a rank takes the first GPU it sees that is free,
// else one whose owner can move to another.
class Matching {
 public:
  explicit Matching(const Addresses& addresses) : addresses_(addresses) {}

  bool place(std::size_t rank) {
    visited_.clear();
    return find(rank);
  }

  std::vector<int> device_numbers() const {
    std::vector<int> numbers(addresses_.size());
    for (const auto& [address, rank] : owner_) {
      const auto& seen = addresses_[rank];
      numbers[rank] = static_cast<int>(std::ranges::find(seen, address) - seen.begin());
    }
    return numbers;
  }

 private:
  bool find(std::size_t rank) {
    for (const std::string& address : addresses_[rank]) {
      if (owner_.try_emplace(address, rank).second) return true;
    }
    for (const std::string& address : addresses_[rank]) {
      if (std::ranges::find(visited_, address) != visited_.end()) continue;
      visited_.push_back(address);
      if (find(owner_.at(address))) {
        owner_[address] = rank;
        return true;
      }
    }
    return false;
  }

  const Addresses& addresses_;
  std::map<std::string, std::size_t> owner_;
  std::vector<std::string> visited_;
};

std::size_t different_gpus(const Addresses& addresses) {
  std::vector<std::string> all;
  for (const auto& seen : addresses) all.insert(all.end(), seen.begin(), seen.end());
  std::ranges::sort(all);
  return static_cast<std::size_t>(std::ranges::unique(all).begin() - all.begin());
}

}  // namespace

std::vector<int> assign_gpus(const std::string& host, const Addresses& addresses) {
  if (const auto blind = std::ranges::find_if(addresses, &std::vector<std::string>::empty); blind != addresses.end()) {
    throw base::InputError(
        fmt::format("rank {} of {} on {} sees no GPU", blind - addresses.begin(), addresses.size(), host), {},
        "Check CUDA_VISIBLE_DEVICES and what the job asked for (--gpus-per-node), or use run.device = cpu");
  }
  Matching matching(addresses);
  for (std::size_t rank = 0; rank < addresses.size(); ++rank) {
    if (matching.place(rank)) continue;
    const std::size_t gpus = different_gpus(addresses);
    throw base::InputError(
        fmt::format("{} ranks on {} see {} GPU{} between them, which do not give each rank its own", addresses.size(), host,
                    gpus, gpus == 1 ? "" : "s"),
        "two ranks cannot share a GPU",
        "Start as many ranks on a host as it has GPUs (--ntasks-per-node), and show each rank all of them, "
        "or one of its own (--gpus-per-task=1)");
  }
  return matching.device_numbers();
}

}  // namespace layersweep::device
