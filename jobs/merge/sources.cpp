#include "jobs/merge/sources.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "config/load.hpp"
#include "config/options.hpp"
#include "jobs/provenance.hpp"
#include "jobs/steps/explain.hpp"
#include "store/validate.hpp"

namespace layersweep::jobs {
namespace {

// Of the settings these may differ: what a merge adds, and what the hashes of weights and data stand for.
bool must_agree(std::string_view key) {
  static const std::set<std::string, std::less<>> free{"task.data", "probe.modes", "probe.seeds", "probe.seeds_per_unit"};
  const bool decides = key.starts_with("task.") || key.starts_with("probe.");
  return key == "run.precision" || (decides && !free.contains(key));
}

[[noreturn]] void refuse(const MergeSource& a, const MergeSource& b, std::string_view why, std::string_view hint = {}) {
  throw base::InputError(
      fmt::format("{} and {} cannot be merged", a.name, b.name), why,
      hint.empty() ? "Merge files of the same encoder, data and description, which differ in seeds, modes or splits" : hint);
}

std::vector<SplitRange> ranges_of(const store::ResultsFile& file) {
  const auto split = file.read<std::uint8_t>("split");
  const auto count = file.read<std::int32_t>("token_count");
  std::vector<SplitRange> ranges;
  std::int64_t token = 0;
  for (std::size_t example = 0; example < split.size(); ++example) {
    if (ranges.empty() || ranges.back().split != split[example]) {
      const bool again = std::ranges::find(ranges, split[example], &SplitRange::split) != ranges.end();
      if (again) {
        throw base::InputError(fmt::format("{} cannot be merged", file.path().string()),
                               "the examples of a split do not follow one another");
      }
      ranges.push_back({split[example], static_cast<std::int64_t>(example), 0, token, 0});
    }
    ++ranges.back().examples;
    ranges.back().tokens += count[example];
    token += count[example];
  }
  return ranges;
}

MergeSource open_source(const std::filesystem::path& path) {
  auto file = store::ResultsFile::open(path);
  const auto findings = store::validate(path);
  if (!findings.empty()) {
    throw base::InputError(fmt::format("{} cannot be merged", path.string()),
                           fmt::format("{}: {}", findings.front().where, findings.front().problem),
                           "`layersweep validate` tells all that is wrong");
  }
  config::Experiment experiment = config::parse(file.text("experiment").value_or(""), path);
  std::vector<SplitRange> splits = ranges_of(file);
  return {std::move(file), path.string(), base::sha256_of_file(path), std::move(experiment), std::move(splits)};
}

void check_same_text(const MergeSource& a, const MergeSource& b, std::string_view attribute, std::string_view what) {
  if (a.file.text(attribute) != b.file.text(attribute)) {
    refuse(a, b, fmt::format("they are of different {} ({} differs)", what, attribute));
  }
}

// "…e4 config.json", a line for each file of the model.
std::map<std::string, std::string> model_files(const MergeSource& source) {
  std::map<std::string, std::string> hashes;
  std::istringstream lines(source.file.text(model_files_attribute).value_or(""));
  for (std::string hash, name; lines >> hash && std::getline(lines >> std::ws, name);) hashes[name] = hash;
  return hashes;
}

// Files of versions before this attribute say only what weights_sha256 and vocabulary_sha256 do.
void check_same_model(const MergeSource& a, const MergeSource& b) {
  const auto one = model_files(a), other = model_files(b);
  if (one.empty() || other.empty()) return;
  for (const auto* files : {&one, &other}) {
    for (const auto& [name, hash] : *files) {
      const bool same = one.contains(name) && other.contains(name) && one.at(name) == other.at(name);
      if (!same) refuse(a, b, fmt::format("they are of different models ({} differs)", name));
    }
  }
}

template <store::Cell T>
void check_same_cells(const MergeSource& a, const MergeSource& b, std::string_view variable) {
  if (a.file.has(variable) != b.file.has(variable) ||
      (a.file.has(variable) && a.file.read<T>(variable) != b.file.read<T>(variable))) {
    refuse(a, b, fmt::format("{} differs", variable));
  }
}

/// Refuses two whose settings differ, of those whose key `decides`.
template <class Decides>
void check_alike(const MergeSource& a, const MergeSource& b, const Decides& decides, std::string_view hint = {}) {
  for (const config::Option& option : config::options()) {
    if (!decides(option.key)) continue;
    const std::string one = option.write(a.experiment);
    const std::string other = option.write(b.experiment);
    if (one != other) {
      refuse(a, b, fmt::format("their descriptions differ: {} is {} in one, {} in the other", option.key, one, other), hint);
    }
  }
}

void check_fit(const MergeSource& a, const MergeSource& b) {
  check_same_text(a, b, "task", "tasks");
  check_same_model(a, b);
  check_same_text(a, b, "weights_sha256", "encoders");
  check_same_text(a, b, "vocabulary_sha256", "vocabularies");
  check_same_text(a, b, "data_sha256", "data");
  check_alike(a, b, must_agree);
  for (const char* limit : {"epsilon", "flip_limit"}) {
    if (a.file.number(limit) != b.file.number(limit)) refuse(a, b, fmt::format("{} differs", limit));
  }
  check_same_cells<std::int32_t>(a, b, "class");
  check_same_cells<std::int32_t>(a, b, "width");
  if (a.file.read_text("point_name") != b.file.read_text("point_name")) refuse(a, b, "their points differ");
  for (const store::VariableSpec& spec : store::variables()) {
    if (spec.place == store::Place::root && a.file.has(spec.name) != b.file.has(spec.name)) {
      refuse(a, b, fmt::format("only one of them has {}", spec.name));
    }
  }
  for (const SplitRange& range : a.splits) {
    const auto other = std::ranges::find(b.splits, range.split, &SplitRange::split);
    if (other != b.splits.end() && (other->examples != range.examples || other->tokens != range.tokens)) {
      refuse(a, b,
             fmt::format("the split {} has {} texts of {} tokens in one, {} of {} in the other",
                         terms::name_of(static_cast<terms::Split>(range.split)), range.examples, range.tokens,
                         other->examples, other->tokens));
    }
  }
}

template <class T>
void add_new(std::vector<T>& to, const std::vector<T>& from) {
  for (const T& value : from) {
    if (std::ranges::find(to, value) == to.end()) to.push_back(value);
  }
}

// Where `wanted` lies in `values`, or −1.
std::int64_t index_of(std::int64_t wanted, const std::vector<std::int32_t>& values) {
  const auto found = std::ranges::find(values, wanted);
  return found == values.end() ? -1 : found - values.begin();
}

std::vector<std::int32_t> steps_of(const MergeSource& source, const std::string& mode) {
  const std::string path = mode + "/step";
  return source.file.has(path) ? source.file.read<std::int32_t>(path) : std::vector<std::int32_t>();
}

}  // namespace

std::vector<MergeSource> open_sources(const std::vector<std::filesystem::path>& paths) {
  std::vector<MergeSource> sources;
  for (const std::filesystem::path& path : paths) {
    sources.push_back(open_source(path));
    check_fit(sources.front(), sources.back());
  }
  return sources;
}

MergePlan::MergePlan(const std::vector<MergeSource>& sources) : sources_(sources), experiment_(sources.front().experiment) {
  const store::ResultsFile& first = sources.front().file;
  contents_.output = first.has("start_logits") ? terms::OutputKind::span : terms::OutputKind::classes;
  contents_.classes = first.size("class");
  const auto names = first.read_text("point_name");
  const auto widths = first.read<std::int32_t>("width");
  for (std::size_t p = 0; p < names.size(); ++p) contents_.points.push_back({names[p], widths[p]});
  contents_.task = {first.has("token_sentiment"), first.has("token_truth")};
  for (const MergeSource& source : sources) {
    const auto bytes = [&](const char* variable) { return static_cast<std::size_t>(source.file.shape(variable)[1]); };
    contents_.example_id_bytes = std::max(contents_.example_id_bytes, bytes("example_id"));
    contents_.token_text_bytes = std::max(contents_.token_text_bytes, bytes("token_text"));
  }
  add_modes_and_seeds();
  add_splits();
  add_steps();
  add_statistics();
  add_explanations();
}

// They tell of the model and a split, which are those of all sources.
void MergePlan::add_statistics() {
  const MergeSource* first = nullptr;
  for (const MergeSource& source : sources_) {
    if (!source.file.has("statistics/count")) continue;
    if (first == nullptr) {
      first = &source;
      experiment_.statistics = source.experiment.statistics;
      contents_.statistics = {std::string(terms::name_of(experiment_.statistics.split)),
                              source.file.read<double>("statistics/quantile")};
    }
    check_alike(
        *first, source, [](std::string_view key) { return key.starts_with("statistics."); },
        "Run the step statistics with the same settings for all of them");
  }
}

// One explanation is as good as another if all settings that decide it are the same; which texts it is of may differ, and
// whether the control was computed.
void MergePlan::add_explanations() {
  const MergeSource* first = nullptr;
  config::Explain& merged = experiment_.explain;
  std::vector<std::string> held;
  for (const MergeSource& source : sources_) {
    if (!source.file.has("evaluation/method_name")) continue;
    const config::Explain& settings = source.experiment.explain;
    add_new(held, source.file.read_text("evaluation/method_name"));
    if (first == nullptr) {
      first = &source;
      merged = settings;
      continue;
    }
    static const std::set<std::string, std::less<>> free{"explain.methods", "explain.splits", "explain.shuffled_head"};
    check_alike(
        *first, source, [](std::string_view key) { return key.starts_with("explain.") && !free.contains(key); },
        "Explain both alike, or extract one of them without explanations: its `run` command with "
        "--set explain.methods=none");
    add_new(merged.methods, settings.methods);
    add_new(merged.splits, settings.splits);
    merged.shuffled_head |= settings.shuffled_head;
  }
  if (first == nullptr) return;
  contents_.explanations = {compared_methods(experiment_), merged.shares};
  // A mode that was trained where nothing was explained has no row.
  std::erase_if(contents_.explanations->methods,
                [&](const std::string& method) { return std::ranges::find(held, method) == held.end(); });
}

void MergePlan::add_modes_and_seeds() {
  experiment_.probe.seeds.clear();
  for (const MergeSource& source : sources_) {
    add_new(experiment_.probe.modes, source.experiment.probe.modes);
    const auto seeds = source.file.read<std::int32_t>("seed");
    add_new(experiment_.probe.seeds, std::vector<std::int64_t>(seeds.begin(), seeds.end()));
  }
  contents_.seeds = experiment_.probe.seeds;
}

void MergePlan::add_splits() {
  experiment_.extract.splits.clear();
  for (const MergeSource& source : sources_) {
    for (const SplitRange& range : source.splits) {
      if (std::ranges::find(splits_, range.split, &SplitRange::split) != splits_.end()) continue;
      splits_.push_back({range.split, contents_.examples, range.examples, contents_.tokens, range.tokens});
      contents_.examples += range.examples;
      contents_.tokens += range.tokens;
      experiment_.extract.splits.push_back(static_cast<terms::Split>(range.split));
    }
  }
}

void MergePlan::add_steps() {
  for (const std::string_view mode : store::mode_names()) {
    std::set<std::int64_t> steps;
    bool there = false;
    for (const MergeSource& source : sources_) {
      there |= source.file.has(fmt::format("{}/kl", mode));
      for (const std::int32_t step : steps_of(source, std::string(mode))) steps.insert(step);
    }
    if (there) contents_.modes.push_back({std::string(mode), {steps.begin(), steps.end()}});
  }
}

std::vector<Segment> MergePlan::segments(const store::PlannedVariable& variable, std::size_t dimension) const {
  const std::string_view name = variable.spec->dimensions[dimension];
  std::vector<Segment> all;
  const auto one_by_one = [&](const std::vector<std::int64_t>& values, auto values_of) {
    std::vector<std::vector<std::int32_t>> in_source;
    for (const MergeSource& source : sources_) in_source.push_back(values_of(source));
    for (const std::int64_t value : values) {
      Segment segment{std::ssize(all), 1, {}};
      for (const auto& places : in_source) segment.source_start.push_back(index_of(value, places));
      all.push_back(std::move(segment));
    }
  };
  if (name == "seed") {
    one_by_one(contents_.seeds, [](const MergeSource& source) { return source.file.read<std::int32_t>("seed"); });
  } else if (name == "step") {
    const std::string mode = variable.path.substr(0, variable.path.find('/'));
    const auto entry = std::ranges::find(contents_.modes, mode, &store::ModeEntry::name);
    one_by_one(entry->steps, [&](const MergeSource& source) { return steps_of(source, mode); });
  } else if (name == "example" || name == "token") {
    const auto first = name == "token" ? &SplitRange::first_token : &SplitRange::first_example;
    const auto count = name == "token" ? &SplitRange::tokens : &SplitRange::examples;
    for (const SplitRange& range : splits_) {
      Segment segment{range.*first, range.*count, {}};
      for (const MergeSource& source : sources_) {
        const auto found = std::ranges::find(source.splits, range.split, &SplitRange::split);
        segment.source_start.push_back(found == source.splits.end() ? -1 : (*found).*first);
      }
      all.push_back(std::move(segment));
    }
  } else {
    all.push_back({0, variable.shape[dimension], std::vector<std::int64_t>(sources_.size(), 0)});
  }
  return all;
}

}  // namespace layersweep::jobs
