#include "jobs/explain_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/log.hpp"
#include "comm/agreement.hpp"
#include "config/print.hpp"
#include "data/text_file.hpp"
#include "device/processor.hpp"
#include "device/threads.hpp"
#include "jobs/extract.hpp"
#include "jobs/opened_run.hpp"
#include "jobs/provenance.hpp"
#include "jobs/text_reader.hpp"
#include "sweep/failed_unit.hpp"
#include "sweep/run_folder.hpp"
#include "sweep/unit_files.hpp"

namespace layersweep::jobs {
namespace {

using Path = std::filesystem::path;

std::vector<UnitResult> load_units(const OpenedRun& run) {
  std::vector<std::int64_t> widths;
  for (const encoder::Point& point : run.encoder->points()) widths.push_back(point.width);
  const std::string identity = config::identity_hash(run.experiment);
  std::vector<UnitResult> units;
  for (const sweep::Unit& unit : sweep::units_of(run.experiment.probe)) {
    const Path folder = sweep::RunFolder::unit_of(run.path, unit);
    if (auto trained = sweep::load_unit(folder, unit, widths, identity)) {
      units.push_back({unit, std::move(*trained)});
    } else if (sweep::failure_of(folder)) {
      units.push_back({unit, nothing_trained(unit, widths)});
    } else {
      throw base::InputError(fmt::format("the unit {} of {} is not trained yet", unit.name(), run.path.string()), {},
                             run.how_to_go_on());
    }
  }
  return units;
}

// What is wrong with a row is told with its line; of what was cut only the first is, and their number.
data::Corpus read_texts(const Path& input, const TextReader& reader) {
  const std::vector<data::TextRow> rows = data::read_text_file(input);
  std::vector<data::Example> examples;
  std::int64_t cut = 0;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const data::TextRow& row = rows[r];
    ReadText read;
    try {
      read = reader.read(row.input);
    } catch (const base::InputError& error) {
      throw base::InputError(fmt::format("{}, line {}: {}", input.string(), row.line, error.what()));
    }
    if (read.windows.size() == 1 && !read.remark.empty() && cut++ == 0) {
      base::world_warning("the text of line {} {}", row.line, read.remark);
    }
    const std::int32_t label = label_of(row, input, reader.classes());
    for (std::size_t w = 0; w < read.windows.size(); ++w) {
      data::Example& example = read.windows[w];
      example.id = id_of(row, data::Split::test) + (w == 0 ? "" : fmt::format("#{}", w + 1));
      example.label = label;
      example.question = static_cast<std::int32_t>(r);
      examples.push_back(std::move(example));
    }
  }
  if (cut > 1) base::world_warning("and so {} more texts", cut - 1);
  return data::Corpus::pack(examples);
}

}  // namespace

void explain_file(const comm::Communicator& world, const Path& run, const Path& input, const Path& output,
                  const std::string& command) {
  device::flush_denormals();
  comm::run_together(world, [&] {
    std::error_code unreadable;
    if (std::filesystem::equivalent(output, sweep::RunFolder::results_of(run), unreadable)) {
      throw base::InputError(fmt::format("{} holds the results of the run itself", output.string()), {},
                             "Give another name for the masks of the new texts, as in --output masks.h5");
    }
  });
  const OpenedRun opened = comm::run_together(world, [&] { return open_run(run); });
  const config::Experiment& experiment = opened.experiment;
  const int threads = thread_count(world, experiment.run);
  device::use_threads(threads);
  const auto units = comm::run_together(world, [&] { return load_units(opened); });
  const TextReader reader = comm::run_together(world, [&] { return TextReader(experiment, opened.model); });
  Texts texts{data::Corpus::pack({}),
              data::Corpus::pack({}),
              comm::run_together(world, [&] { return read_texts(input, reader); }),
              reader.tokenizer(),
              base::sha256_of_file(input),
              {}};
  const sweep::Team team{
      world, experiment.run.shards,
      experiment.run.deterministic ? comm::GradientReducer::Mode::deterministic : comm::GradientReducer::Mode::plain,
      experiment.run.deadline_seconds};
  const store::Provenance provenance = provenance_of(experiment, world, texts, opened.model, command, threads, std::nullopt);
  extract_as_judged({team, experiment, *opened.encoder, texts, {config::Split::test}, provenance, output}, units,
                    sweep::RunFolder::results_of(run));
  base::world_info("masks of {} texts: {}", texts.test.size(), output.string());
}

}  // namespace layersweep::jobs
