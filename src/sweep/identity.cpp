#include "sweep/identity.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace layersweep::sweep {

void RunIdentity::set(std::string_view group, const std::map<std::string, std::string>& hashes) {
  std::erase_if(hashes_, [&](const auto& entry) { return entry.first.first == group; });
  for (const auto& [name, hash] : hashes) hashes_[{std::string(group), name}] = hash;
}

RunIdentity RunIdentity::group(std::string_view group) const {
  RunIdentity part;
  for (const auto& entry : hashes_) {
    if (entry.first.first == group) part.hashes_.insert(entry);
  }
  return part;
}

std::map<std::string, std::string> RunIdentity::hashes(std::string_view group) const {
  std::map<std::string, std::string> named;
  for (const auto& [entry, hash] : hashes_) {
    if (entry.first == group) named[entry.second] = hash;
  }
  return named;
}

std::optional<std::string> RunIdentity::difference(const RunIdentity& other) const {
  const auto in_words = [](const std::pair<std::string, std::string>& entry) {
    return entry.second.empty() ? entry.first : fmt::format("{} of the {}", entry.second, entry.first);
  };
  for (const auto& [entry, hash] : hashes_) {
    const auto theirs = other.hashes_.find(entry);
    if (theirs == other.hashes_.end() || theirs->second != hash) return in_words(entry);
  }
  for (const auto& [entry, hash] : other.hashes_) {
    if (!hashes_.contains(entry)) return in_words(entry);
  }
  return std::nullopt;
}

std::string RunIdentity::text() const {
  std::string text;
  for (const auto& [entry, hash] : hashes_) text += fmt::format("{} {}: {}\n", entry.first, entry.second, hash);
  return text;
}

RunIdentity RunIdentity::from_text(std::string_view text) {
  RunIdentity identity;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const std::size_t colon = std::min(line.rfind(": "), line.size());
    const std::string_view name = line.substr(0, colon);
    const std::size_t space = std::min(name.find(' '), name.size());
    identity.hashes_[{std::string(name.substr(0, space)), std::string(name.substr(std::min(space + 1, name.size())))}] =
        line.substr(std::min(colon + 2, line.size()));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return identity;
}

std::string identity_difference(std::string_view one, std::string_view other) {
  const auto what = RunIdentity::from_text(one).difference(RunIdentity::from_text(other));
  return what ? fmt::format("it was made with other {}", *what) : "";
}

}  // namespace layersweep::sweep
