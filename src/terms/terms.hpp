// What several rooms and the files of a run name alike: modes, splits, parts of a text, how training ended. The numbers are
// those of the results file and of token shards, and must stay.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace layersweep::terms {

/// The two ways a probe may look at a frozen model (De Cao et al. 2020, section 2).
/// input: the gates of probes 0..k multiply, the masked word embeddings go in at point 0, the whole model runs.
/// hidden: the gates of probe k alone mask the states at point k, only the layers above run.
enum class Mode : std::uint8_t { input = 0, hidden = 1 };

/// The sparsity term of the objective: the mean log probability that a gate is open (published), or the mean
/// probability itself (the expected L0 norm).
enum class Sparsity : std::uint8_t { log, l0 };

enum class Split : std::uint8_t { train = 0, dev = 1, test = 2 };

/// What a token is in its text.
enum class TokenPart : std::uint8_t { special = 0, text = 1, question = 2, passage = 3, answer = 4 };

/// What a model puts out about a text.
enum class OutputKind : std::uint8_t {
  classes,  ///< one of several classes
  span,     ///< the first and the last token of an answer
};

/// How the training of a probe at one point ended.
enum class Status : std::uint8_t {
  not_trained = 0,
  trained = 1,
  not_finite = 2,      ///< a NaN or an infinity stopped it; the last finite snapshot, if any, counts
  alpha_at_bound = 3,  ///< its multiplier ended at its bound: no snapshot met epsilon
  failed = 4,          ///< its unit failed; its cells are unwritten
};

/// The name of every value of an enumeration; specialised for each.
template <class E>
struct Names;

template <>
struct Names<Mode> {
  using enum Mode;
  static constexpr std::array table{std::pair{input, "input"}, std::pair{hidden, "hidden"}};
};
template <>
struct Names<Sparsity> {
  using enum Sparsity;
  static constexpr std::array table{std::pair{log, "log"}, std::pair{l0, "l0"}};
};
template <>
struct Names<Split> {
  using enum Split;
  static constexpr std::array table{std::pair{train, "train"}, std::pair{dev, "dev"}, std::pair{test, "test"}};
};
template <>
struct Names<TokenPart> {
  using enum TokenPart;
  static constexpr std::array table{std::pair{special, "special"}, std::pair{text, "text"}, std::pair{question, "question"},
                                    std::pair{passage, "passage"}, std::pair{answer, "answer"}};
};
template <>
struct Names<Status> {
  using enum Status;
  static constexpr std::array table{std::pair{not_trained, "not_trained"}, std::pair{trained, "trained"},
                                    std::pair{not_finite, "not_finite"}, std::pair{alpha_at_bound, "alpha_at_bound"},
                                    std::pair{failed, "failed"}};
};

/// The name that experiment files, listings, logs and results files use.
template <class E>
constexpr std::string_view name_of(E value) {
  for (const auto& [candidate, name] : Names<E>::table) {
    if (candidate == value) return name;
  }
  return {};
}

}  // namespace layersweep::terms
