// What a task must provide, and which tasks there are. Everything else asks here; a task is a value of config::TaskName with
// its row of settings (config/options.cpp), a file, and a line in tasks.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "config/experiment.hpp"
#include "data/corpus.hpp"
#include "data/examples.hpp"
#include "data/prepare.hpp"
#include "jobs/tasks/texts.hpp"
#include "model/family.hpp"
#include "plan/lengths.hpp"
#include "store/contents.hpp"

namespace layersweep::jobs {

/// What was done to a text, or is to be known of it.
struct Remark {
  std::string kind;  ///< the same for all texts of which it holds: "texts cut to 64 tokens"; empty: of no account in a file
  std::string of_text;  ///< completing "text 3 …"
};

struct ReadText {
  std::vector<data::Example> windows;  ///< one, but for a question on a passage that needs several
  std::vector<Remark> remarks;         ///< mostly none
};

/// How single texts are read.
struct Reading {
  const text::Tokenizer* tokenizer = nullptr;  ///< null for a task whose tokens are digits
  data::WindowSettings windows;                ///< max_length is at most what the model reads
  bool may_answer_none = false;
};

class Task {
 public:
  virtual ~Task() = default;

  /// The texts of a run with their tokens, of which `token_folder` keeps those made from files. Independent, but a rank that
  /// comes first makes what the others find, and may make it for long. Throws InputError.
  virtual Texts texts(const config::Experiment& experiment, const std::filesystem::path& token_folder,
                      const data::OnText& on_text) const = 0;
  /// Number and lengths of the texts without having them, where that can be. Throws InputError.
  virtual plan::TextLengths lengths(const config::Experiment& experiment) const = 0;

  /// What a model trained for the task puts out.
  virtual terms::OutputKind output() const { return terms::OutputKind::classes; }
  /// The family of the task's own model, which is trained from nothing; null: models come from encoder.folder.
  virtual const model::Family* own_family() const { return nullptr; }
  /// Columns of the results file that only some tasks have.
  virtual store::TaskColumns columns() const { return {}; }

  /// One text, pair, or question with its passage, as a model of the task takes it. Cuts what a run would cut, with a
  /// remark. Throws InputError where it is none of the task's.
  virtual ReadText read(const data::TextInput& input, const Reading& reading) const;
  /// Tokens that are read at most of one text outside of a run, whatever the model could read.
  virtual std::int64_t usual_length() const { return model::ModelDescription::unlimited; }
  /// What labels mean to a model with this head; none where it has no names.
  virtual std::vector<std::string> class_names(const model::Head& head) const { return head.class_names; }
  /// "very positive"; of what was asked and answered; empty where the class has no name.
  virtual std::string class_name(const data::Example& example, const model::Head& head, std::int64_t label) const;

  /// A text of `length` random tokens, for timing.
  virtual data::Example random_text(base::RandomStream& random, std::int64_t length) const;
};

const Task& task_of(config::TaskName name);
/// The task that reads any text for a model that puts out this.
const Task& task_of(terms::OutputKind output);

/// The family of the model that is trained, or taken as it is. Throws InputError where encoder.folder holds none.
const model::Family& family_of(const config::Experiment& experiment);

// The tasks; the list is in tasks.cpp.
const Task& counting_task();
const Task& sst_task();
const Task& squad_task();
const Task& text_task();

}  // namespace layersweep::jobs
