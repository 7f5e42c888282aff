#include "store/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <set>

#include "base/error.hpp"

namespace layersweep::store {
namespace {

constexpr std::int64_t largest_int32 = std::numeric_limits<std::int32_t>::max();

void check_range(std::string_view what, std::int64_t value) {
  if (value > largest_int32 || value < std::numeric_limits<std::int32_t>::min()) {
    throw base::InputError(fmt::format("{} {} does not fit the results file", what, value),
                           "it holds whole numbers of 32 bits",
                           "Choose a smaller one, or extract fewer splits or texts at a time (extract.splits, task.limit)");
  }
}

bool present(Presence presence, const Contents& contents, const ModeEntry& mode) {
  switch (presence) {
    case Presence::always:
      return true;
    case Presence::classification:
      return contents.output == terms::OutputKind::classes;
    case Presence::question_answering:
      return contents.output == terms::OutputKind::span;
    case Presence::sentiment:
      return contents.task.token_sentiment;
    case Presence::truth:
      return contents.task.token_truth;
    case Presence::curves:
      return !mode.steps.empty();
  }
  return false;
}

std::int64_t at_least_one(std::size_t bytes) { return static_cast<std::int64_t>(std::max<std::size_t>(bytes, 1)); }

template <class Entries, class Text = std::identity>
std::int64_t longest(const Entries& entries, Text text = {}) {
  std::size_t bytes = 0;
  for (const auto& entry : entries) bytes = std::max(bytes, std::invoke(text, entry).size());
  return at_least_one(bytes);
}

// clang-format off
constexpr DimensionSpec all_dimensions[] = {
    {"example", "texts of the extracted splits", [](auto& file, auto&) { return file.examples; }},
    {"token", "tokens of all examples, one after another", [](auto& file, auto&) { return file.tokens; }},
    {"point", "probe points", [](auto& file, auto&) { return std::ssize(file.points); }},
    {"seed", "probe seeds", [](auto& file, auto&) { return std::ssize(file.seeds); }},
    {"class", "classes", [](auto& file, auto&) { return file.classes; }},
    {"example_id_length", "bytes of the longest text", [](auto& file, auto&) { return at_least_one(file.example_id_bytes); }},
    {"token_text_length", "bytes of the longest text", [](auto& file, auto&) { return at_least_one(file.token_text_bytes); }},
    {"point_name_length", "bytes of the longest text", [](auto& file, auto&) { return longest(file.points, &PointEntry::name); }},
    {"step", "recorded validations", [](auto&, auto& mode) { return std::ssize(mode.steps); }},
    {"token_part", "parts of a text", [](auto&, auto&) { return std::ssize(terms::Names<terms::TokenPart>::table); }},
    {"hidden", "features of the widest point",
     [](auto& file, auto&) { return std::ranges::max(file.points, {}, &PointEntry::width).width; }},
    {"quantile", "quantiles", [](auto& file, auto&) { return std::ssize(file.statistics.value().quantiles); }},
    {"point_other", "probe points", [](auto& file, auto&) { return std::ssize(file.points); }},
    {"method", "methods that are compared", [](auto& file, auto&) { return std::ssize(file.explanations.value().methods); }},
    {"share", "shares of tokens", [](auto& file, auto&) { return std::ssize(file.explanations.value().shares); }},
    {"method_name_length", "bytes of the longest text", [](auto& file, auto&) { return longest(file.explanations.value().methods); }},
};
// clang-format on

const ModeEntry& mode_of(std::string_view path, const Contents& contents) {
  static const ModeEntry none;
  const auto found = std::ranges::find(contents.modes, path.substr(0, path.find('/')), &ModeEntry::name);
  return found == contents.modes.end() ? none : *found;
}

std::int64_t dimension_size(std::string_view name, const Contents& contents, const ModeEntry& mode) {
  const auto found = std::ranges::find(all_dimensions, name, &DimensionSpec::name);
  base::ensure(found != std::end(all_dimensions), fmt::format("there is no dimension {}", name));
  return found->size(contents, mode);
}

}  // namespace

void check_contents(const Contents& contents) {
  base::ensure(contents.examples > 0 && contents.tokens > 0, "a results file without examples or tokens");
  base::ensure(!contents.points.empty() && !contents.seeds.empty() && !contents.modes.empty(),
               "a results file without points, seeds or modes");
  base::ensure(contents.classes > 0 || contents.output != terms::OutputKind::classes, "a results file without classes");
  std::set<std::string> names;
  for (const ModeEntry& mode : contents.modes) {
    base::ensure(std::ranges::find(mode_names(), mode.name) != mode_names().end() && names.insert(mode.name).second,
                 "a mode of a results file that is unknown or there twice");
    base::ensure(std::ranges::is_sorted(mode.steps, std::less_equal()),
                 "training steps of a results file that do not ascend");
    for (const std::int64_t step : mode.steps) check_range("training step", step);
  }
  check_range("number of tokens", contents.tokens);
  check_range("number of examples", contents.examples);
  for (const std::int64_t seed : contents.seeds) check_range("probe seed", seed);
  if (!contents.explanations) return;
  for (const std::string& method : contents.explanations->methods) {
    base::ensure(std::ranges::find(explained_methods(), method) != explained_methods().end(),
                 "a method of a results file that is unknown");
  }
}

std::span<const DimensionSpec> dimensions() { return all_dimensions; }

PlannedVariable plan_variable(std::string_view path, const Contents& contents) {
  PlannedVariable variable{find_variable(path), std::string(path), {}};
  base::ensure(variable.spec != nullptr, fmt::format("the layout has no variable {}", path));
  const ModeEntry& mode = mode_of(path, contents);
  for (const std::string_view name : variable.spec->dimensions) {
    variable.shape.push_back(dimension_size(name, contents, mode));
  }
  return variable;
}

std::vector<PlannedGroup> plan_groups(const Contents& contents) {
  std::vector<PlannedGroup> groups;
  const auto add = [&](Place place, std::string name, std::string title) {
    std::vector<PlannedVariable> planned;
    for (const VariableSpec& spec : variables()) {
      if (spec.place == place && present(spec.presence, contents, mode_of(name, contents))) {
        planned.push_back(plan_variable(path_in(name, spec.name), contents));
      }
    }
    groups.push_back({std::move(name), std::move(title), std::move(planned)});
  };
  add(Place::root, "", "");
  for (const ModeEntry& mode : contents.modes) add(Place::mode, mode.name, fmt::format("probes of the {} mode", mode.name));
  if (contents.statistics) {
    add(Place::statistics, std::string(statistics_group),
        fmt::format("hidden states of the unmodified model on the split {}", contents.statistics->split));
  }
  if (!contents.explanations) return groups;
  groups.push_back({std::string(explain_group), "attributions of single texts by other methods, beside the probes", {}});
  for (const std::string& method : contents.explanations->methods) {
    add(Place::explain, path_in(explain_group, method), fmt::format("attributions by {}", method));
  }
  add(Place::evaluation, std::string(evaluation_group), "how faithful the attributions are, and how near to a known truth");
  return groups;
}

std::vector<PlannedVariable> plan_variables(const Contents& contents) {
  std::vector<PlannedVariable> planned;
  for (PlannedGroup& group : plan_groups(contents)) std::ranges::move(group.variables, std::back_inserter(planned));
  return planned;
}

std::string scale_path(std::string_view variable, std::string_view dimension) {
  const std::size_t slash = variable.find('/');
  if (slash == std::string_view::npos) return std::string(dimension);
  // A group's own scale stands before one of that name in the root.
  std::string own = path_in(variable.substr(0, slash), dimension);
  const VariableSpec* spec = find_variable(own);
  return spec != nullptr && spec->is_coordinate() ? own : std::string(dimension);
}

std::vector<std::int64_t> chunk_shape(const VariableSpec& spec, const std::vector<std::int64_t>& shape) {
  constexpr std::int64_t target_bytes = 512 << 10;
  const auto cell = static_cast<std::int64_t>(type_bytes(spec.type));
  const std::int64_t longest = target_bytes / cell;
  std::vector<std::int64_t> chunk = shape;
  if (shape.size() > 1 && (spec.dimensions.back() == "token" || spec.dimensions.back() == "example")) {
    std::ranges::fill(chunk, 1);
    chunk.back() = std::min(shape.back(), longest);
    return chunk;
  }
  const std::int64_t row = std::accumulate(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies());
  chunk.front() = std::clamp<std::int64_t>(longest / std::max<std::int64_t>(row, 1), 1, shape.front());
  return chunk;
}

std::vector<std::int32_t> coordinate_values(std::string_view path, const Contents& contents) {
  const auto narrowed = [](const std::vector<std::int64_t>& wide) {
    return std::vector<std::int32_t>(wide.begin(), wide.end());
  };
  if (path == "seed") return narrowed(contents.seeds);
  const PlannedVariable variable = plan_variable(path, contents);
  if (variable.spec->name == "step") return narrowed(mode_of(path, contents).steps);
  std::vector<std::int32_t> values(static_cast<std::size_t>(variable.shape.front()));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

const std::vector<double>& real_coordinate_values(std::string_view path, const Contents& contents) {
  return path.starts_with(evaluation_group) ? contents.explanations->shares : contents.statistics->quantiles;
}

std::vector<RootText> root_texts(const Provenance& from) {
  std::vector<RootText> texts{
      {"Conventions", "CF-1.8"},
      {"title", from.title},
      {"source", fmt::format("layersweep {}", from.layersweep_version)},
      {"history", fmt::format("{}: {}{}{}", from.created, from.command, from.earlier_history.empty() ? "" : "\n",
                              from.earlier_history)},
      {"references",
       "De Cao, Schlichtkrull, Aziz, Titov: How do decisions emerge across layers in neural models? "
       "Interpretation with differentiable masking. EMNLP 2020, arXiv:2004.14992"},
      {"comment",
       "Dimensions are named slowest first (row-major); R, Julia, MATLAB and Octave show them reversed. Example e owns the "
       "tokens token_start[e] … token_start[e] + token_count[e] - 1 of the dimension token. Missing values: NaN, -1 "
       "(int32), "
       "255 (uint8). A mask is keep_probability > 0.5."},
      {"task", from.task},
      {"experiment", from.experiment},
      {"command", from.command},
      {"layersweep_version", from.layersweep_version},
      {"commit", from.commit},
      {"libraries", from.libraries},
      {"hosts", from.hosts},
      {"processor", from.processor},
      {"created", from.created},
      {"weights_sha256", from.weights_sha256},
      {"vocabulary_sha256", from.vocabulary_sha256},
      {"data_sha256", from.data_sha256},
  };
  for (const auto& [name, text] : from.more) {
    const bool taken = find_variable(name) != nullptr ||
                       std::ranges::any_of(root_attributes(), [&](const auto& known) { return known.name == name; });
    base::ensure(!taken, "a further text of the provenance takes a name of the layout");
    texts.push_back({name, text});
  }
  return texts;
}

}  // namespace layersweep::store
