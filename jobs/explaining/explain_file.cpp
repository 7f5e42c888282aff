#include "jobs/explaining/explain_file.hpp"

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
#include "jobs/explaining/opened_run.hpp"
#include "jobs/explaining/text_reader.hpp"
#include "jobs/provenance.hpp"
#include "jobs/steps/extract/extract.hpp"
#include "sweep/failed_unit.hpp"
#include "sweep/run_folder.hpp"
#include "sweep/unit_files.hpp"

namespace layersweep::jobs {
namespace {

using Path = std::filesystem::path;

std::vector<UnitResult> load_units(const OpenedRun& run) {
  const std::vector<std::int64_t> widths = probe::widths_of(*run.encoder);
  std::vector<UnitResult> units;
  for (const plan::Unit& unit : plan::units_of(run.experiment.probe)) {
    const Path folder = sweep::RunFolder::unit_of(run.path, unit);
    if (auto trained = sweep::load_unit(folder, unit, widths, run.identity)) {
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

// What is wrong with a row is told with its line; what was passed over, cut or is to be known is told in one summary.
data::Corpus read_texts(const Path& input, const TextReader& reader) {
  data::Notes notes;
  for (const std::string& key : reader.unread_keys())
    notes.add("keys of the model's config.json that play no part here", key);
  const std::vector<data::TextRow> rows = data::read_text_file(input, notes);
  data::LabelPlaces labels;
  data::add_labels(rows, input, labels);
  const data::LabelClasses class_of = data::classes_by_label(labels, reader.classes());
  std::vector<data::Example> examples;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const data::TextRow& row = rows[r];
    ReadText read;
    try {
      read = reader.read(row.input);
    } catch (const base::InputError& error) {
      throw base::InputError(fmt::format("{}, line {}: {}", input.string(), row.line, error.what()));
    }
    for (const Remark& remark : read.remarks) {
      if (!remark.kind.empty()) notes.add(remark.kind, fmt::format("{}:{}", input.filename().string(), row.line));
    }
    const std::int32_t label = label_of(row, class_of);
    for (std::size_t w = 0; w < read.windows.size(); ++w) {
      data::Example& example = read.windows[w];
      example.id = id_of(row, terms::Split::test) + (w == 0 ? "" : fmt::format("#{}", w + 1));
      example.label = label;
      example.question = static_cast<std::int32_t>(r);
      examples.push_back(std::move(example));
    }
  }
  for (const std::string& line : notes.lines()) base::world_warning("{}", line);
  return data::Corpus::pack(examples);
}

}  // namespace

void explain_file(const comm::Communicator& world, const MasksOfFile& request) {
  const auto& [run, encoder, input, output, command] = request;
  device::flush_denormals();
  comm::run_together(world, [&] {
    std::error_code unreadable;
    if (std::filesystem::equivalent(request.output, sweep::RunFolder::results_of(request.run), unreadable)) {
      throw base::InputError(fmt::format("{} holds the results of the run itself", output.string()), {},
                             "Give another name for the masks of the new texts, as in --output masks.h5");
    }
  });
  const OpenedRun opened = comm::run_together(world, [&] {
    return open_run(request.run, request.encoder, world.rank() == 0 ? ModelCheck::here : ModelCheck::elsewhere);
  });
  const config::Experiment& experiment = opened.experiment;
  const int threads = thread_count(world, experiment.run);
  device::use_threads(threads);
  const auto units = comm::run_together(world, [&] { return load_units(opened); });
  const TextReader reader = comm::run_together(world, [&] { return TextReader(experiment, opened.model); });
  const Texts texts{.train = data::Corpus::pack({}),
                    .dev = data::Corpus::pack({}),
                    .test = comm::run_together(world, [&] { return read_texts(request.input, reader); }),
                    .tokenizer = reader.tokenizer(),
                    .data_sha256 = comm::run_together(world, [&] { return base::sha256_of_file(request.input); })};
  const sweep::Ranks ranks(world.with_limit(experiment.run.deadline_seconds), sweep::sharing_of(experiment.run));
  const ModelRecord record{sweep::RunIdentity::from_text(opened.identity).hashes(opened.model_group), reader.unread_keys()};
  extract({.ranks = ranks,
           .experiment = experiment,
           .model = *opened.encoder,
           .texts = texts,
           .units = units,
           .splits = {terms::Split::test},
           .provenance = provenance_of(experiment, world, texts, record, {command, threads, {}}),
           .file = output,
           .judged = sweep::RunFolder::results_of(run)});
  base::world_info("masks of {} texts: {}", texts.test.size(), output.string());
}

}  // namespace layersweep::jobs
