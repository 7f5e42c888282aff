// The longest of many patterns at a place of a text, in time linear in the text, whatever the patterns are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace layersweep::text {

constexpr std::int32_t no_pattern = -1;

/// Patterns as a tree: a node for each of their beginnings, the empty one first. Patterns are told by their numbers; empty
/// ones are never found, of equal ones the first is.
class PatternTree {
 public:
  struct Node {
    char32_t last = 0;  ///< character of its text
    std::int32_t parent = no_node;
    std::int32_t pattern = no_pattern;  ///< that is its text
    std::int32_t first_child = 0;       ///< children lie side by side, up to the first of the next node
  };
  static constexpr std::int32_t no_node = -1;

  explicit PatternTree(const std::vector<std::u32string>& patterns);

  std::int32_t size() const { return static_cast<std::int32_t>(nodes_.size()) - 1; }
  const Node& operator[](std::int32_t node) const { return nodes_[static_cast<std::size_t>(node)]; }
  std::int32_t child(std::int32_t node, char32_t next) const;

  /// The longest pattern that a text begins with.
  std::int32_t longest_beginning(std::u32string_view text) const;

 private:
  std::vector<Node> nodes_;  // shorter texts first, and one behind the last
};

/// The automaton of Aho and Corasick: reading a text, it knows at each place all patterns that end there. Its states are
/// nodes of a tree, which begins with the first.
class PatternAutomaton {
 public:
  explicit PatternAutomaton(const std::vector<std::u32string>& patterns);

  std::int32_t after(std::int32_t state, char32_t next) const;
  /// The longest pattern that what was read ends with.
  std::int32_t longest(std::int32_t state) const { return longest_[static_cast<std::size_t>(state)]; }
  /// The longest other one that a pattern ends with.
  std::int32_t next_shorter(std::int32_t pattern) const { return next_shorter_[static_cast<std::size_t>(pattern)]; }
  std::size_t size_of(std::int32_t pattern) const { return sizes_[static_cast<std::size_t>(pattern)]; }

 private:
  PatternTree tree_;
  std::vector<std::int32_t> shorter_;  // of each node, that of the longest other end of its text
  std::vector<std::int32_t> longest_;
  std::vector<std::int32_t> next_shorter_;
  std::vector<std::size_t> sizes_;
};

/// The automaton over patterns back to front, reading a text from its end.
class PatternFinder {
 public:
  explicit PatternFinder(std::vector<std::u32string> patterns);

  /// For each place of a text, the longest pattern that begins there.
  std::vector<std::int32_t> longest_at(std::u32string_view text) const;

 private:
  PatternAutomaton automaton_;
};

}  // namespace layersweep::text
