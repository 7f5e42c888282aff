#include "jobs/planned_model.hpp"

#include "model/counting.hpp"

namespace layersweep::jobs {

std::optional<model::GruClassifierConfig> planned_gru(const config::Experiment& experiment) {
  const auto& folder = experiment.encoder.folder;
  if (experiment.finetune.model != config::FinetunedModel::gru && !model::holds_gru(folder)) return std::nullopt;
  return model::read_gru_classifier_config(folder);
}

model::BertConfig planned_bert(const config::Experiment& experiment) {
  model::BertConfig config = model::read_bert_config(experiment.encoder.folder / "config.json");
  const bool questions = experiment.task.name == config::TaskName::squad;
  if (experiment.finetune.epochs > 0) config.output = questions ? model::OutputKind::span : model::OutputKind::classes;
  if (config.output == model::OutputKind::span) config.classes = 2;  // rows of the head
  return config;
}

plan::Model planned_model(const config::Experiment& experiment) {
  if (experiment.task.name == config::TaskName::counting) {
    const model::CountingConfig config;
    return plan::counting_model(config.symbols, config.width, config.features);
  }
  if (const auto gru = planned_gru(experiment)) {
    return plan::gru_model(gru->vocabulary, gru->embedding, gru->state, gru->classes);
  }
  const model::BertConfig c = planned_bert(experiment);
  return plan::bert_model({.layers = c.layers,
                           .hidden = c.hidden,
                           .inner = c.inner,
                           .heads = c.heads,
                           .vocabulary = c.vocabulary,
                           .positions = c.positions,
                           .classes = c.classes,
                           .answers_with_span = c.output == model::OutputKind::span});
}

}  // namespace layersweep::jobs
