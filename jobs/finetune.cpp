#include "jobs/finetune.hpp"
namespace layersweep::jobs {
std::filesystem::path finetune(const Context& context, const Texts&) { return context.experiment.encoder.folder; }
}
