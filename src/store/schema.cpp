#include "store/schema.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>

#include "base/error.hpp"
#include "store/schema_explain.hpp"
#include "store/schema_statistics.hpp"

namespace layersweep::store {
namespace {

using enum Type;
using enum Place;
using enum Presence;

const std::vector<Flag> no_yes{{0, "no"}, {1, "yes"}};

std::vector<VariableSpec> make_variables() {
  // clang-format off
  std::vector<VariableSpec> all{
      // Coordinates come first, so that tools list the dimensions in this order.
      {root, "example", int32, {"example"}, always,
       "number of the example in this file, from 0", "1", {}},
      {root, "token", int32, {"token"}, always,
       "number of the token in this file, from 0; examples follow one another", "1", {}},
      {root, "point", int32, {"point"}, always,
       "probe point, from 0 (input embeddings) upwards", "1", {}},
      {root, "seed", int32, {"seed"}, always,
       "seed of the probe", "1", {}},
      {root, "class", int32, {"class"}, classification,
       "class of the output, from 0", "1", {}},

      {root, "example_id", character, {"example", "example_id_length"}, always,
       "name of the example within its task", "1", {}},
      {root, "split", uint8, {"example"}, always,
       "part of the data the example belongs to", "1", flags_of<terms::Split>()},
      {root, "token_count", int32, {"example"}, always,
       "number of tokens of the example", "1", {}},
      {root, "token_start", int32, {"example"}, always,
       "first token of the example, an index into the dimension token", "1", {}},
      {root, "label", int32, {"example"}, always,
       "class given by the data; missing where there is none", "1", {}},
      {root, "prediction", int32, {"example"}, always,
       "class predicted by the unmodified model; missing in question answering", "1", {}},
      {root, "score", float32, {"example"}, always,
       "the task's own score of the prediction: 1 right, 0 wrong; question answering: F1 of the answer's words", "1", {}},
      {root, "logits", float32, {"example", "class"}, classification,
       "output of the unmodified model", "1", {}},
      {root, "question", int32, {"example"}, question_answering,
       "number of the question within its split; windows of one long passage are examples of one question", "1", {}},
      {root, "exact_match", uint8, {"example"}, question_answering,
       "whether the predicted answer equals a given one", "1", no_yes},
      {root, "gold_start", int32, {"example"}, question_answering,
       "first token of the given answer, counted within the example", "1", {}},
      {root, "gold_end", int32, {"example"}, question_answering,
       "last token of the given answer, counted within the example", "1", {}},
      {root, "predicted_start", int32, {"example"}, question_answering,
       "first token of the predicted answer, counted within the example", "1", {}},
      {root, "predicted_end", int32, {"example"}, question_answering,
       "last token of the predicted answer, counted within the example", "1", {}},

      {root, "token_id", int32, {"token"}, always,
       "number of the token in the vocabulary", "1", {}},
      {root, "token_text", character, {"token", "token_text_length"}, always,
       "token as the vocabulary spells it", "1", {}},
      {root, "token_part", uint8, {"token"}, always,
       "what the token is in its text", "1", flags_of<terms::TokenPart>()},
      {root, "word_index", int32, {"token"}, always,
       "word of the text the token belongs to, from 0; missing for special tokens", "1", {}},
      {root, "char_start", int32, {"token"}, always,
       "first character of the token in the text, in Unicode code points; missing for special tokens", "1", {}},
      {root, "char_end", int32, {"token"}, always,
       "one past the last character of the token, in Unicode code points; missing for special tokens", "1", {}},
      {root, "token_sentiment", int32, {"token"}, sentiment,
       "sentiment of the token's word given by the data; missing for special tokens", "1",
       {{0, "very_negative"}, {1, "negative"}, {2, "neutral"}, {3, "positive"}, {4, "very_positive"}}},
      {root, "token_truth", uint8, {"token"}, truth,
       "whether the right answer depends on the token", "1", no_yes},
      {root, "start_logits", float32, {"token"}, question_answering,
       "output of the unmodified model for the answer's first token", "1", {}},
      {root, "end_logits", float32, {"token"}, question_answering,
       "output of the unmodified model for the answer's last token", "1", {}},

      {root, "point_name", character, {"point", "point_name_length"}, always,
       "name of the probe point", "1", {}},
      {root, "width", int32, {"point"}, always,
       "features per token at the point", "1", {}},

      {mode, "step", int32, {"step"}, curves,
       "training step at which the probes were evaluated", "1", {}},
      {mode, "keep_probability", float32, {"seed", "point", "token"}, always,
       "attribution: probability that the token's gate is not 0 when only the states at the point are known", "1", {}},
      {mode, "kl", float32, {"seed", "point", "example"}, always,
       "divergence (nats) of the output under the hard mask (keep_probability > 0.5) from the unmodified output", "1", {}},
      {mode, "keep_share", float32, {"seed", "point", "example"}, always,
       "share of the example's tokens that the hard mask keeps, special tokens included", "1", {}},
      {mode, "flipped", uint8, {"seed", "point", "example"}, always,
       "whether the hard mask changes the prediction (question answering: the answer)", "1", no_yes},
      {mode, "kl_mean", float32, {"seed", "point"}, always,
       "mean divergence (nats) under hard masks on the dev examples that decided acceptance", "1", {}},
      {mode, "kl_p95", float32, {"seed", "point"}, always,
       "95th percentile of the same", "1", {}},
      {mode, "kl_max", float32, {"seed", "point"}, always,
       "largest of the same", "1", {}},
      {mode, "flipped_share", float32, {"seed", "point"}, always,
       "share of flipped predictions on the same examples", "1", {}},
      {mode, "keep_share_mean", float32, {"seed", "point"}, always,
       "mean keep share on the same examples", "1", {}},
      {mode, "alpha", float32, {"seed", "point"}, always,
       "multiplier of the constraint at the end of training", "1", {}},
      {mode, "accepted", uint8, {"seed", "point"}, always,
       "whether kl_mean is at most epsilon and flipped_share at most flip_limit (attributes of the file)", "1", no_yes},
      {mode, "status", uint8, {"seed", "point"}, always,
       "how training ended", "1", flags_of<terms::Status>()},
      {mode, "steps", int32, {"seed", "point"}, always,
       "training steps done", "1", {}},
      {mode, "f1_truth", float32, {"seed", "point"}, always,
       "F1 of the hard masks against token_truth over the texts of the test split; missing where no truth is known or test was not extracted", "1", {}},
      {mode, "random_keep_share", float32, {"seed", "point"}, always,
       "keep share that random masks need for the same kl_mean with the same replacement vectors; missing where not computed", "1", {}},
      {mode, "chosen_seed", int32, {"point"}, always,
       "accepted seed with the smallest keep_share_mean, an index into the dimension seed; missing where none is accepted; in /input one seed serves all points", "1", {}},
      {mode, "agreement_iou", float32, {"point"}, always,
       "intersection over union of the hard masks of two accepted seeds, mean over pairs", "1", {}},
      {mode, "agreement_spearman", float32, {"point"}, always,
       "rank correlation of keep_probability within a text between two accepted seeds, mean over texts and pairs", "1", {}},
      {mode, "agreement_kappa", float32, {"point"}, always,
       "Fleiss' kappa of the hard masks of all accepted seeds", "1", {}},
      {mode, "training_kl", float32, {"step", "seed", "point"}, curves,
       "mean divergence (nats) at the step, on dev examples under hard masks", "1", {}},
      {mode, "training_keep_share", float32, {"step", "seed", "point"}, curves,
       "keep share at the step, on the same examples", "1", {}},
      {mode, "training_flipped", float32, {"step", "seed", "point"}, curves,
       "share of flipped predictions at the step, on the same examples", "1", {}},
      {mode, "training_alpha", float32, {"step", "seed", "point"}, curves,
       "multiplier at the step", "1", {}},
  };
  // clang-format on
  std::ranges::move(statistics_variables(), std::back_inserter(all));
  std::ranges::move(explain_variables(), std::back_inserter(all));
  return all;
}

constexpr std::array<std::string_view, 2> modes{"input", "hidden"};

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

std::span<const std::string_view> mode_names() { return modes; }

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
  using Kind = AttributeSpec::Kind;
  static const std::vector<AttributeSpec> all{
      {"Conventions", Kind::text, "CF-1.8"},
      {"title", Kind::text, "one line: task, encoder, modes"},
      {"source", Kind::text, "the program and its version"},
      {"history", Kind::text, "when, and by which command"},
      {"references", Kind::text, "the paper of the method"},
      {"comment", Kind::text, "how to read the file, the order of dimensions in column-major tools included"},
      {"layersweep_layout", Kind::int32, "version of this specification: 1"},
      {"task", Kind::text, "name of the task"},
      {"epsilon", Kind::float64, "limit used: largest accepted kl_mean"},
      {"flip_limit", Kind::float64, "limit used: largest accepted flipped_share"},
      {"experiment", Kind::text, "the resolved description: an experiment file that gives this run again"},
      {"command", Kind::text, "the command as typed"},
      {"layersweep_version", Kind::text, "version of the program"},
      {"commit", Kind::text, "its commit"},
      {"libraries", Kind::text, "the libraries it ran with, and their versions"},
      {"hosts", Kind::text, "the machines it ran on"},
      {"processor", Kind::text, "what computed"},
      {"created", Kind::text, "when the file was written, universal time"},
      {"weights_sha256", Kind::text, "hash of the encoder's weights"},
      {"vocabulary_sha256", Kind::text, "hash of its vocabulary"},
      {"data_sha256", Kind::text, "hash of the data"},
      {"complete", Kind::int32, "1, written last; 0 in an unfinished file"},
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
