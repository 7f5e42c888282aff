#include "store/schema_explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace layersweep::store {
namespace {

using enum Type;

constexpr std::array<std::string_view, 13> methods{
    "probe_input", "probe_hidden",         "leave_one_out",        "exact_erasure", "greedy_erasure", "diffmask",
    "reinforce",   "integrated_gradients", "gradient_times_input", "schulz",        "guan",           "attention",
    "random"};

}  // namespace

std::span<const std::string_view> explained_methods() { return methods; }

std::vector<std::string> explain_groups() {
  std::vector<std::string> groups;
  for (const std::string_view method : methods) groups.push_back(fmt::format("{}/{}", explain_group, method));
  return groups;
}

std::vector<VariableSpec> explain_variables() {
  constexpr Place method = Place::explain;
  constexpr Place place = Place::evaluation;
  constexpr Presence always = Presence::always;
  // clang-format off
  return {
      {method, "attribution", float32, {"point", "token"}, always,
       "how much the token matters when the states at the point are replaced; its unit is the method's (docs/explainers.md); missing where not explained", "1", {}},
      {method, "seconds", float32, {"point"}, always,
       "time of one processor team to explain one text at the point, mean over texts; probes: their share of a pass that serves all points", "s", {}},

      {place, "method", int32, {"method"}, always,
       "number of the method, from 0", "1", {}},
      {place, "share", float64, {"share"}, always,
       "share of a text's tokens, special ones left out, that counts as its explanation", "1", {}},
      {place, "method_name", character, {"method", "method_name_length"}, always,
       "name of the method: its group in /explain; probe_input and probe_hidden are the chosen seeds of /input and /hidden", "1", {}},
      {place, "comprehensiveness", float32, {"method", "point", "share"}, always,
       "probability that the prediction loses without the tokens of largest attribution, mean over texts", "1", {}},
      {place, "sufficiency", float32, {"method", "point", "share"}, always,
       "probability that the prediction loses with only the tokens of largest attribution, mean over texts", "1", {}},
      {place, "aopc_comprehensiveness", float32, {"method", "point"}, always,
       "mean of comprehensiveness over shares", "1", {}},
      {place, "aopc_sufficiency", float32, {"method", "point"}, always,
       "mean of sufficiency over shares", "1", {}},
      {place, "aopc_comprehensiveness_shuffled_head", float32, {"method", "point"}, always,
       "aopc_comprehensiveness by what the method says of the model with a shuffled head, a control; missing for probes, which would have to be trained for it, and where not computed", "1", {}},
      {place, "aopc_sufficiency_shuffled_head", float32, {"method", "point"}, always,
       "aopc_sufficiency of the same control", "1", {}},
      {place, "seconds", float32, {"method", "point"}, always,
       "as in the group of the method", "s", {}},
      {place, "truth_kl", float32, {"method", "point"}, Presence::truth,
       "divergence (nats) of the absolute attribution, made to add up to 1, from the uniform distribution over true tokens, KL[truth, attribution], mean over texts; infinite where a true token gets nothing", "1", {}},
      {place, "truth_js", float32, {"method", "point"}, Presence::truth,
       "Jensen-Shannon divergence (nats) of the same", "1", {}},
      {place, "truth_f1", float32, {"method", "point"}, Presence::truth,
       "F1 of as many tokens of largest absolute attribution as are true, mean over texts", "1", {}},
      {place, "clean_probability", float32, {"example"}, always,
       "probability of the prediction by the unmodified model; missing where not explained", "1", {}},
      {place, "kept_probability", float32, {"method", "point", "share", "example"}, always,
       "probability of the same prediction with only the tokens of largest attribution", "1", {}},
      {place, "dropped_probability", float32, {"method", "point", "share", "example"}, always,
       "probability of the same prediction without them", "1", {}},
  };
  // clang-format on
}

std::optional<std::int64_t> explain_dimension_size(std::string_view name, const Contents& contents) {
  if (!contents.explanations) return std::nullopt;
  if (name == "method") return std::ssize(contents.explanations->methods);
  if (name == "share") return std::ssize(contents.explanations->shares);
  if (name != "method_name_length") return std::nullopt;
  std::size_t longest = 1;
  for (const std::string& method : contents.explanations->methods) longest = std::max(longest, method.size());
  return static_cast<std::int64_t>(longest);
}

}  // namespace layersweep::store
