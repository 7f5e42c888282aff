#include "text/longest_match.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.hpp"

namespace layersweep::text {
namespace {

constexpr std::int32_t root = 0;

std::vector<std::u32string> back_to_front(std::vector<std::u32string> texts) {
  for (std::u32string& text : texts) std::ranges::reverse(text);
  return texts;
}

}  // namespace

PatternTree::PatternTree(const std::vector<std::u32string>& patterns) : nodes_(1) {
  const auto size = [&](std::size_t p) { return patterns[p].size(); };
  std::vector<std::size_t> sorted(patterns.size());
  std::iota(sorted.begin(), sorted.end(), 0);
  std::ranges::stable_sort(sorted, {}, [&](std::size_t p) { return std::u32string_view(patterns[p]); });

  // Of a node, its depth and the sorted patterns that begin with its text: those that are it, then those of each child.
  struct Beginning {
    std::size_t depth, begin, end;
  };
  std::vector<Beginning> beginnings{{0, 0, sorted.size()}};
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    auto [depth, begin, end] = beginnings[n];
    nodes_[n].first_child = static_cast<std::int32_t>(nodes_.size());
    if (begin < end && size(sorted[begin]) == depth) nodes_[n].pattern = static_cast<std::int32_t>(sorted[begin]);
    while (begin < end && size(sorted[begin]) == depth) ++begin;
    while (begin < end) {
      const char32_t next = patterns[sorted[begin]][depth];
      const std::size_t first = begin;
      while (begin < end && patterns[sorted[begin]][depth] == next) ++begin;
      nodes_.push_back({.last = next, .parent = static_cast<std::int32_t>(n)});
      beginnings.push_back({depth + 1, first, begin});
    }
  }
  base::ensure(nodes_.size() < std::numeric_limits<std::int32_t>::max(), "patterns are below 2 GiB together");
  nodes_.front().pattern = no_pattern;
  nodes_.push_back({.first_child = static_cast<std::int32_t>(nodes_.size())});
}

std::int32_t PatternTree::child(std::int32_t node, char32_t next) const {
  const auto begin = nodes_.begin() + (*this)[node].first_child, end = nodes_.begin() + (*this)[node + 1].first_child;
  const auto found = std::ranges::lower_bound(begin, end, next, {}, &Node::last);
  return found != end && found->last == next ? static_cast<std::int32_t>(found - nodes_.begin()) : no_node;
}

std::int32_t PatternTree::longest_beginning(std::u32string_view text) const {
  std::int32_t longest = no_pattern, node = root;
  for (const char32_t c : text) {
    node = child(node, c);
    if (node == no_node) break;
    if ((*this)[node].pattern != no_pattern) longest = (*this)[node].pattern;
  }
  return longest;
}

PatternAutomaton::PatternAutomaton(const std::vector<std::u32string>& patterns)
    : tree_(patterns), next_shorter_(patterns.size(), no_pattern) {
  for (const std::u32string& pattern : patterns) sizes_.push_back(pattern.size());
  shorter_.assign(static_cast<std::size_t>(tree_.size()), root);
  longest_.assign(static_cast<std::size_t>(tree_.size()), no_pattern);
  for (std::int32_t node = 1; node < tree_.size(); ++node) {  // whatever is shorter comes first
    const PatternTree::Node& own = tree_[node];
    if (own.parent != root) shorter_[node] = after(shorter_[own.parent], own.last);
    longest_[node] = own.pattern != no_pattern ? own.pattern : longest_[shorter_[node]];
    if (own.pattern != no_pattern) next_shorter_[own.pattern] = longest_[shorter_[node]];
  }
}

// Each step to a shorter text is paid for by a character that made it longer.
std::int32_t PatternAutomaton::after(std::int32_t state, char32_t next) const {
  while (true) {
    const std::int32_t longer = tree_.child(state, next);
    if (longer != PatternTree::no_node) return longer;
    if (state == root) return root;
    state = shorter_[state];
  }
}

PatternFinder::PatternFinder(std::vector<std::u32string> patterns) : automaton_(back_to_front(std::move(patterns))) {}

std::vector<std::int32_t> PatternFinder::longest_at(std::u32string_view text) const {
  std::vector<std::int32_t> longest(text.size());
  std::int32_t state = root;
  for (std::size_t place = text.size(); place-- > 0;) {
    state = automaton_.after(state, text[place]);
    longest[place] = automaton_.longest(state);
  }
  return longest;
}

}  // namespace layersweep::text
