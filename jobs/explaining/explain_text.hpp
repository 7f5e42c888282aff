// Masks of new texts from the trained probes of a run; reads the run folder, changes nothing in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/experiment.hpp"
#include "data/examples.hpp"
#include "model/output.hpp"

namespace layersweep::jobs {

/// How a mask came to stand for its point.
enum class Verdict {
  accepted,      ///< the seed meets the constraint on dev
  not_accepted,  ///< it does not; of a point without an accepted seed the first is shown
  open,          ///< the run has no results.h5 yet
};

struct PointMask {
  std::string point;
  std::int64_t seed = 0;
  Verdict verdict = Verdict::open;
  std::vector<float> keep_probability;  ///< per token
  std::int64_t kept = 0;                ///< tokens under the hard mask
  float keep_share = 0;                 ///< of all tokens
  float kl = 0;                         ///< nats, of the output under the hard mask from the clean one
  bool flipped = false;                 ///< whether the hard mask changes the prediction
};

struct Explanation {
  std::vector<std::string> tokens;
  model::Answer answer;    ///< of the unmasked model
  std::string class_name;  ///< empty where the answer is none, or it has no name
  std::vector<PointMask> points;
  std::vector<std::string> remarks;  ///< what was done to the text, each completing "text 3 …"
};

class TextExplainer {
 public:
  /// Opens the model (in `encoder`, where that is given) and the probes of one mode (none given: the experiment's first)
  /// with the chosen seed of each point, or `seed` everywhere. Throws InputError, with the remedy, when `run` is not a run
  /// folder, its model or these probes are not trained yet, or the experiment has no such mode or seed. Independent; needs
  /// no MPI.
  TextExplainer(const std::filesystem::path& run, const std::optional<std::filesystem::path>& encoder,
                std::optional<terms::Mode> mode, std::optional<std::int64_t> seed);
  ~TextExplainer();
  TextExplainer(const TextExplainer&) = delete;
  TextExplainer& operator=(const TextExplainer&) = delete;

  terms::Mode mode() const;

  /// A text or a pair; a question with its passage where the model answers questions; for the counting task
  /// "n m : d d d …". Throws InputError when it is not that.
  Explanation explain(const data::TextInput& input) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace layersweep::jobs
