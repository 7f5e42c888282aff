#include "store/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "base/error.hpp"
#include "store/schema_explain.hpp"
#include "store/schema_statistics.hpp"

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

bool present(Presence presence, const Contents& contents, const ModeEntry* mode) {
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
      return mode != nullptr && !mode->steps.empty();
  }
  return false;
}

std::int64_t dimension_size(std::string_view name, const Contents& contents, const ModeEntry* mode) {
  if (name == "example") return contents.examples;
  if (name == "token") return contents.tokens;
  if (name == "point") return std::ssize(contents.points);
  if (name == "seed") return std::ssize(contents.seeds);
  if (name == "class") return contents.classes;
  if (name == "step" && mode != nullptr) return std::ssize(mode->steps);
  if (name == "example_id_length") return static_cast<std::int64_t>(std::max<std::size_t>(contents.example_id_bytes, 1));
  if (name == "token_text_length") return static_cast<std::int64_t>(std::max<std::size_t>(contents.token_text_bytes, 1));
  if (name == "point_name_length") {
    std::size_t longest = 1;
    for (const PointEntry& point : contents.points) longest = std::max(longest, point.name.size());
    return static_cast<std::int64_t>(longest);
  }
  if (const auto size = statistics_dimension_size(name, contents)) return *size;
  if (const auto size = explain_dimension_size(name, contents)) return *size;
  throw base::InternalError(fmt::format("the dimension {} has no size", name));
}

PlannedVariable plan(const VariableSpec& spec, std::string_view group, const Contents& contents, const ModeEntry* mode) {
  PlannedVariable variable{&spec, path_in(group, spec.name), {}};
  for (const std::string_view name : spec.dimensions) variable.shape.push_back(dimension_size(name, contents, mode));
  return variable;
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

std::vector<PlannedVariable> plan_variables(const Contents& contents) {
  std::vector<PlannedVariable> planned;
  const auto add = [&](Place place, std::string_view group, const ModeEntry* mode) {
    for (const VariableSpec& spec : variables()) {
      if (spec.place == place && present(spec.presence, contents, mode)) {
        planned.push_back(plan(spec, group, contents, mode));
      }
    }
  };
  add(Place::root, "", nullptr);
  for (const std::string_view name : mode_names()) {
    for (const ModeEntry& mode : contents.modes) {
      if (mode.name == name) add(Place::mode, name, &mode);
    }
  }
  if (contents.statistics) add(Place::statistics, statistics_group, nullptr);
  if (contents.explanations) {
    for (const std::string& method : contents.explanations->methods) {
      add(Place::explain, path_in(explain_group, method), nullptr);
    }
    add(Place::evaluation, evaluation_group, nullptr);
  }
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
  for (const ModeEntry& mode : contents.modes) {
    if (path == fmt::format("{}/step", mode.name)) return narrowed(mode.steps);
  }
  const std::string_view name = path.substr(path.find('/') + 1);  // all of it where there is no group
  std::vector<std::int32_t> values(static_cast<std::size_t>(dimension_size(name, contents, nullptr)));
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
