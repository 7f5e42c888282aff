// What the work in a run folder is of: its settings, its texts and the files of its models, each by a hash. Whatever was
// trained or found carries it, and is used with an equal one only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace layersweep::sweep {

class RunIdentity {
 public:
  /// Replaces the entries of a group: "settings" and "texts" have one, of an empty name; "encoder" and "model" one for each
  /// file of that model.
  void set(std::string_view group, const std::map<std::string, std::string>& hashes);
  void set(std::string_view group, const std::string& hash) { set(group, {{"", hash}}); }
  /// That group alone.
  RunIdentity group(std::string_view group) const;
  /// Its hashes by name.
  std::map<std::string, std::string> hashes(std::string_view group) const;

  bool empty() const { return hashes_.empty(); }
  /// What differs first, in words: "settings", "config.json of the encoder"; nothing where they are equal.
  std::optional<std::string> difference(const RunIdentity& other) const;

  /// A line for each entry, and back; a line of another form is an entry without a hash.
  std::string text() const;
  static RunIdentity from_text(std::string_view text);

 private:
  std::map<std::pair<std::string, std::string>, std::string> hashes_;  // of (group, name)
};

/// Why what carries one identity cannot be used where the other holds, both as text: "it was made with other
/// settings".
std::string identity_difference(std::string_view one, std::string_view other);

}  // namespace layersweep::sweep
