#include "jobs/planned_model.hpp"

#include "encoder/counting.hpp"

namespace layersweep::jobs {

std::optional<encoder::GruClassifierConfig> planned_gru(const config::Experiment& experiment) {
  const auto& folder = experiment.encoder.folder;
  if (experiment.finetune.model != config::FinetunedModel::gru && !encoder::holds_gru(folder)) return std::nullopt;
  return encoder::read_gru_classifier_config(folder);
}

encoder::BertConfig planned_bert(const config::Experiment& experiment) {
  encoder::BertConfig config = encoder::read_bert_config(experiment.encoder.folder / "config.json");
  const bool questions = experiment.task.name == config::TaskName::squad;
  if (experiment.finetune.epochs > 0) config.output = questions ? encoder::OutputKind::span : encoder::OutputKind::classes;
  if (config.output == encoder::OutputKind::span) config.classes = 2;  // rows of the head
  return config;
}

plan::Model planned_model(const config::Experiment& experiment) {
  if (experiment.task.name == config::TaskName::counting) {
    const encoder::CountingConfig config;
    return plan::counting_model(config.symbols, config.width, config.features);
  }
  if (const auto gru = planned_gru(experiment)) {
    return plan::gru_model(gru->vocabulary, gru->embedding, gru->state, gru->classes);
  }
  const encoder::BertConfig c = planned_bert(experiment);
  return plan::bert_model({.layers = c.layers,
                           .hidden = c.hidden,
                           .inner = c.inner,
                           .heads = c.heads,
                           .vocabulary = c.vocabulary,
                           .positions = c.positions,
                           .classes = c.classes,
                           .answers_with_span = c.output == encoder::OutputKind::span});
}

}  // namespace layersweep::jobs
