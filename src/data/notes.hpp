// What was passed over, cut or read otherwise than it is written: told in one summary, by kind, with the first places.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace layersweep::data {

class Notes {
 public:
  /// `what` is a kind, as in "blank lines skipped"; `place` says where, as in "dev.tsv:3".
  void add(std::string_view what, std::string_view place);
  /// All of `other`, whose places come after those here.
  void add(const Notes& other);

  bool empty() const { return kinds_.empty(); }
  /// A line for each kind: "blank lines skipped: 5 (dev.tsv:3, dev.tsv:7, dev.tsv:8, …)".
  std::vector<std::string> lines() const;

  /// JSON, and back; nothing for other text.
  std::string text() const;
  static std::optional<Notes> from_text(std::string_view text);

 private:
  struct Kind {
    std::string what;
    std::int64_t count = 0;
    std::vector<std::string> first_places;
  };
  Kind& kind(std::string_view what);

  std::vector<Kind> kinds_;  // a handful, in the order in which they were first met
};

}  // namespace layersweep::data
