#include "store/schema.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "base/error.hpp"

namespace layersweep::store {
namespace {

using enum Type;
using enum Place;
using enum Presence;

const std::vector<Flag> no_yes{{0, "no"}, {1, "yes"}};

std::vector<VariableSpec> make_variables() {
  // clang-format off
  return {
      // Coordinates come first, so that tools list the dimensions in this order.
      {root, "example", int32, {"example"}, always,
       "number of the example in this file, from 0"},
      {root, "token", int32, {"token"}, always,
       "number of the token in this file, from 0; examples follow one another"},
      {root, "point", int32, {"point"}, always,
       "probe point, from 0 (input embeddings) upwards"},
      {root, "seed", int32, {"seed"}, always,
       "seed of the probe"},
      {root, "class", int32, {"class"}, classification,
       "class of the output, from 0"},

      {root, "example_id", character, {"example", "example_id_length"}, always,
       "name of the example within its task"},
      {root, "split", uint8, {"example"}, always,
       "part of the data the example belongs to", {.flags = flags_of<terms::Split>(), .always_known = true}},
      {root, "token_count", int32, {"example"}, always,
       "number of tokens of the example"},
      {root, "token_start", int32, {"example"}, always,
       "first token of the example, an index into the dimension token", {.merge = Merge::token_index}},
      {root, "label", int32, {"example"}, always,
       "class given by the data; missing where there is none"},
      {root, "prediction", int32, {"example"}, always,
       "class predicted by the unmodified model; missing in question answering"},
      {root, "score", float32, {"example"}, always,
       "the task's own score of the prediction: 1 right, 0 wrong; question answering: F1 of the answer's words", {.range = Range::share}},
      {root, "logits", float32, {"example", "class"}, classification,
       "output of the unmodified model", {.merge = Merge::output}},
      {root, "question", int32, {"example"}, question_answering,
       "number of the question within its split; windows of one long passage are examples of one question"},
      {root, "exact_match", uint8, {"example"}, question_answering,
       "whether the predicted answer equals a given one", {.flags = no_yes}},
      {root, "gold_start", int32, {"example"}, question_answering,
       "first token of the given answer, counted within the example"},
      {root, "gold_end", int32, {"example"}, question_answering,
       "last token of the given answer, counted within the example"},
      {root, "predicted_start", int32, {"example"}, question_answering,
       "first token of the predicted answer, counted within the example"},
      {root, "predicted_end", int32, {"example"}, question_answering,
       "last token of the predicted answer, counted within the example"},

      {root, "token_id", int32, {"token"}, always,
       "number of the token in the vocabulary", {.always_known = true}},
      {root, "token_text", character, {"token", "token_text_length"}, always,
       "token as the vocabulary spells it"},
      {root, "token_part", uint8, {"token"}, always,
       "what the token is in its text", {.flags = flags_of<terms::TokenPart>(), .always_known = true}},
      {root, "word_index", int32, {"token"}, always,
       "word of the text the token belongs to, from 0; missing for special tokens"},
      {root, "char_start", int32, {"token"}, always,
       "first character of the token in the text, in Unicode code points; missing for special tokens"},
      {root, "char_end", int32, {"token"}, always,
       "one past the last character of the token, in Unicode code points; missing for special tokens"},
      {root, "token_sentiment", int32, {"token"}, sentiment,
       "sentiment of the token's word given by the data; missing for special tokens", {.flags = {{0, "very_negative"}, {1, "negative"}, {2, "neutral"}, {3, "positive"}, {4, "very_positive"}}}},
      {root, "token_truth", uint8, {"token"}, truth,
       "whether the right answer depends on the token", {.flags = no_yes}},
      {root, "start_logits", float32, {"token"}, question_answering,
       "output of the unmodified model for the answer's first token", {.merge = Merge::output}},
      {root, "end_logits", float32, {"token"}, question_answering,
       "output of the unmodified model for the answer's last token", {.merge = Merge::output}},

      {root, "point_name", character, {"point", "point_name_length"}, always,
       "name of the probe point", {.merge = Merge::anew}},
      {root, "width", int32, {"point"}, always,
       "features per token at the point", {.merge = Merge::anew, .always_known = true}},

      {mode, "step", int32, {"step"}, curves,
       "training step at which the probes were evaluated"},
      {mode, "keep_probability", float32, {"seed", "point", "token"}, always,
       "attribution: probability that the token's gate is not 0 when only the states at the point are known", {.range = Range::share}},
      {mode, "kl", float32, {"seed", "point", "example"}, always,
       "divergence (nats) of the output under the hard mask (keep_probability > 0.5) from the unmodified output"},
      {mode, "keep_share", float32, {"seed", "point", "example"}, always,
       "share of the example's tokens that the hard mask keeps, special tokens included", {.range = Range::share}},
      {mode, "flipped", uint8, {"seed", "point", "example"}, always,
       "whether the hard mask changes the prediction (question answering: the answer)", {.flags = no_yes}},
      {mode, "kl_mean", float32, {"seed", "point"}, always,
       "mean divergence (nats) under hard masks on the dev examples that decided acceptance", {.judged = true}},
      {mode, "kl_p95", float32, {"seed", "point"}, always,
       "95th percentile of the same", {.judged = true}},
      {mode, "kl_max", float32, {"seed", "point"}, always,
       "largest of the same", {.judged = true}},
      {mode, "flipped_share", float32, {"seed", "point"}, always,
       "share of flipped predictions on the same examples", {.range = Range::share, .judged = true}},
      {mode, "keep_share_mean", float32, {"seed", "point"}, always,
       "mean keep share on the same examples", {.range = Range::share, .judged = true}},
      {mode, "alpha", float32, {"seed", "point"}, always,
       "multiplier of the constraint at the end of training", {.judged = true}},
      {mode, "accepted", uint8, {"seed", "point"}, always,
       "whether kl_mean is at most epsilon and flipped_share at most flip_limit (attributes of the file)", {.flags = no_yes, .judged = true}},
      {mode, "status", uint8, {"seed", "point"}, always,
       "how training ended", {.flags = flags_of<terms::Status>(), .judged = true}},
      {mode, "steps", int32, {"seed", "point"}, always,
       "training steps done", {.judged = true}},
      {mode, "f1_truth", float32, {"seed", "point"}, always,
       "F1 of the hard masks against token_truth over the texts of the test split; missing where no truth is known or test was not extracted", {.range = Range::share}},
      {mode, "random_keep_share", float32, {"seed", "point"}, always,
       "keep share that random masks need for the same kl_mean with the same replacement vectors; missing where not computed", {.range = Range::share, .judged = true}},
      {mode, "chosen_seed", int32, {"point"}, always,
       "accepted seed with the smallest keep_share_mean, an index into the dimension seed; missing where none is accepted; in /input one seed serves all points", {.merge = Merge::anew, .judged = true}},
      {mode, "agreement_iou", float32, {"point"}, always,
       "intersection over union of the hard masks of two accepted seeds, mean over pairs", {.range = Range::share, .merge = Merge::anew, .judged = true}},
      {mode, "agreement_spearman", float32, {"point"}, always,
       "rank correlation of keep_probability within a text between two accepted seeds, mean over texts and pairs", {.range = Range::correlation, .merge = Merge::anew, .judged = true}},
      {mode, "agreement_kappa", float32, {"point"}, always,
       "Fleiss' kappa of the hard masks of all accepted seeds", {.range = Range::correlation, .merge = Merge::anew, .judged = true}},
      {mode, "training_kl", float32, {"step", "seed", "point"}, curves,
       "mean divergence (nats) at the step, on dev examples under hard masks"},
      {mode, "training_keep_share", float32, {"step", "seed", "point"}, curves,
       "keep share at the step, on the same examples", {.range = Range::share}},
      {mode, "training_flipped", float32, {"step", "seed", "point"}, curves,
       "share of flipped predictions at the step, on the same examples", {.range = Range::share}},
      {mode, "training_alpha", float32, {"step", "seed", "point"}, curves,
       "multiplier at the step"},

      {statistics, "token_part", int32, {"token_part"}, always,
       "part of its text that a token belongs to", {.flags = flags_of<terms::TokenPart>()}},
      {statistics, "hidden", int32, {"hidden"}, always,
       "feature of a state, from 0; a point has width(point) of them, and missing values beyond"},
      {statistics, "quantile", float64, {"quantile"}, always,
       "share of the tokens whose state is at most as long", {.range = Range::share}},
      {statistics, "point_other", int32, {"point_other"}, always,
       "probe point that another one is compared with"},

      {statistics, "count", float64, {"point", "token_part"}, always,
       "number of tokens", {.merge = Merge::first}},
      {statistics, "mean", float64, {"point", "token_part", "hidden"}, always,
       "mean of a feature over tokens", {.merge = Merge::first}},
      {statistics, "variance", float64, {"point", "token_part", "hidden"}, always,
       "variance of a feature over tokens, divided by their number", {.range = Range::not_negative, .merge = Merge::first}},
      {statistics, "norm_quantile", float64, {"point", "token_part", "quantile"}, always,
       "Euclidean length of states, to within 1.1 %; exact at quantiles 0 and 1", {.range = Range::not_negative, .merge = Merge::first}},
      {statistics, "cosine_to_next", float64, {"point"}, always,
       "mean cosine between the states of a token at this point and the next, special tokens left out; missing between unequal widths", {.range = Range::cosine, .merge = Merge::first}},
      {statistics, "anisotropy", float64, {"point"}, always,
       "mean cosine between the states of two tokens of different texts, special tokens left out", {.range = Range::cosine, .merge = Merge::first}},
      {statistics, "cka", float64, {"point", "point_other"}, always,
       "linear centred kernel alignment of two points over a sample of tokens, special tokens left out", {.merge = Merge::first}},

      {explain, "attribution", float32, {"point", "token"}, always,
       "how much the token matters when the states at the point are replaced; its unit is the method's (docs/explainers.md); missing where not explained", {.merge = Merge::explanation}},
      {explain, "seconds", float32, {"point"}, always,
       "time of one processor team to explain one text at the point, mean over texts; probes: their share of a pass that serves all points", {.units = "s", .range = Range::not_negative, .merge = Merge::anew}},

      {evaluation, "method", int32, {"method"}, always,
       "number of the method, from 0"},
      {evaluation, "share", float64, {"share"}, always,
       "share of a text's tokens, special ones left out, that counts as its explanation"},
      {evaluation, "method_name", character, {"method", "method_name_length"}, always,
       "name of the method: its group in /explain; probe_input and probe_hidden are the chosen seeds of /input and /hidden", {.merge = Merge::anew}},
      {evaluation, "comprehensiveness", float32, {"method", "point", "share"}, always,
       "probability that the prediction loses without the tokens of largest attribution, mean over texts", {.range = Range::difference, .merge = Merge::anew}},
      {evaluation, "sufficiency", float32, {"method", "point", "share"}, always,
       "probability that the prediction loses with only the tokens of largest attribution, mean over texts", {.range = Range::difference, .merge = Merge::anew}},
      {evaluation, "aopc_comprehensiveness", float32, {"method", "point"}, always,
       "mean of comprehensiveness over shares", {.range = Range::difference, .merge = Merge::anew}},
      {evaluation, "aopc_sufficiency", float32, {"method", "point"}, always,
       "mean of sufficiency over shares", {.range = Range::difference, .merge = Merge::anew}},
      {evaluation, "aopc_comprehensiveness_shuffled_head", float32, {"method", "point"}, always,
       "aopc_comprehensiveness by what the method says of the model with a shuffled head, a control; missing for probes, which would have to be trained for it, and where not computed", {.range = Range::difference, .merge = Merge::anew}},
      {evaluation, "aopc_sufficiency_shuffled_head", float32, {"method", "point"}, always,
       "aopc_sufficiency of the same control", {.range = Range::difference, .merge = Merge::anew}},
      {evaluation, "seconds", float32, {"method", "point"}, always,
       "as in the group of the method", {.units = "s", .range = Range::not_negative, .merge = Merge::anew}},
      {evaluation, "truth_kl", float32, {"method", "point"}, truth,
       "divergence (nats) of the absolute attribution, made to add up to 1, from the uniform distribution over true tokens, KL[truth, attribution], mean over texts; infinite where a true token gets nothing", {.merge = Merge::anew}},
      {evaluation, "truth_js", float32, {"method", "point"}, truth,
       "Jensen-Shannon divergence (nats) of the same", {.merge = Merge::anew}},
      {evaluation, "truth_f1", float32, {"method", "point"}, truth,
       "F1 of as many tokens of largest absolute attribution as are true, mean over texts", {.range = Range::share, .merge = Merge::anew}},
      {evaluation, "clean_probability", float32, {"example"}, always,
       "probability of the prediction by the unmodified model; missing where not explained", {.range = Range::share, .merge = Merge::output}},
      {evaluation, "kept_probability", float32, {"method", "point", "share", "example"}, always,
       "probability of the same prediction with only the tokens of largest attribution", {.range = Range::share, .merge = Merge::explanation}},
      {evaluation, "dropped_probability", float32, {"method", "point", "share", "example"}, always,
       "probability of the same prediction without them", {.range = Range::share, .merge = Merge::explanation}},
  };
  // clang-format on
}

constexpr std::array<std::string_view, 2> modes{"input", "hidden"};
constexpr std::array<std::string_view, 13> methods{
    "probe_input", "probe_hidden",         "leave_one_out",        "exact_erasure", "greedy_erasure", "diffmask",
    "reinforce",   "integrated_gradients", "gradient_times_input", "schulz",        "guan",           "attention",
    "random"};

}  // namespace

std::string_view type_name(Type type) {
  switch (type) {
    case float32:
      return "float32";
    case float64:
      return "float64";
    case int32:
      return "int32";
    case uint8:
      return "uint8";
    case character:
      return "char";
  }
  throw base::InternalError("a type without a name");
}

std::size_t type_bytes(Type type) {
  switch (type) {
    case float64:
      return 8;
    case float32:
    case int32:
      return 4;
    case uint8:
    case character:
      return 1;
  }
  throw base::InternalError("a type without a size");
}

double fill_of(Type type) {
  switch (type) {
    case float32:
    case float64:
      return std::numeric_limits<double>::quiet_NaN();
    case int32:
      return -1;
    case uint8:
      return 255;
    case character:
      return 0;
  }
  throw base::InternalError("a type without a fill value");
}

std::span<const VariableSpec> variables() {
  static const std::vector<VariableSpec> all = make_variables();
  return all;
}

std::string Range::text() const {
  if (std::isinf(lowest)) return "";
  return fmt::format("{} … {}", lowest, std::isinf(highest) ? "∞" : fmt::to_string(highest));
}

std::span<const std::string_view> mode_names() { return modes; }
std::span<const std::string_view> explained_methods() { return methods; }

std::vector<std::string> explain_groups() {
  std::vector<std::string> groups;
  for (const std::string_view method : methods) groups.push_back(path_in(explain_group, method));
  return groups;
}

std::vector<std::string> groups_of(Place place) {
  switch (place) {
    case root:
      return {""};
    case mode:
      return {modes.begin(), modes.end()};
    case statistics:
      return {std::string(statistics_group)};
    case explain:
      return explain_groups();
    case evaluation:
      return {std::string(evaluation_group)};
  }
  throw base::InternalError("a place without groups");
}

std::string path_in(std::string_view group, std::string_view name) {
  return group.empty() ? std::string(name) : fmt::format("{}/{}", group, name);
}

std::span<const AttributeSpec> root_attributes() {
  static const std::vector<AttributeSpec> all{
      {"Conventions", character, "CF-1.8"},
      {"title", character, "one line: task, encoder, modes"},
      {"source", character, "the program and its version"},
      {"history", character, "when, and by which command"},
      {"references", character, "the paper of the method"},
      {"comment", character, "how to read the file, the order of dimensions in column-major tools included"},
      {"layersweep_layout", int32, "version of this specification: 1"},
      {"task", character, "name of the task"},
      {"epsilon", float64, "limit used: largest accepted kl_mean"},
      {"flip_limit", float64, "limit used: largest accepted flipped_share"},
      {"experiment", character, "the resolved description: an experiment file that gives this run again"},
      {"command", character, "the command as typed"},
      {"layersweep_version", character, "version of the program"},
      {"commit", character, "its commit"},
      {"libraries", character, "the libraries it ran with, and their versions"},
      {"hosts", character, "the machines it ran on"},
      {"processor", character, "what computed"},
      {"created", character, "when the file was written, universal time"},
      {"weights_sha256", character, "hash of the encoder's weights"},
      {"vocabulary_sha256", character, "hash of its vocabulary"},
      {"data_sha256", character, "hash of the data"},
      {"complete", int32, "1, written last; 0 in an unfinished file"},
  };
  return all;
}

const VariableSpec* find_variable(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  const std::size_t slash = path.rfind('/');
  const std::string_view group = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  for (const VariableSpec& spec : variables()) {
    if (spec.name != name) continue;
    const std::vector<std::string> groups = groups_of(spec.place);
    if (std::ranges::find(groups, group) != groups.end()) return &spec;
  }
  return nullptr;
}

}  // namespace layersweep::store
