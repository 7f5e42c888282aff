#include <vector>

#include "explain/methods.hpp"
#include "explain/trials.hpp"

namespace layersweep::explain {

at::Tensor leave_one_out(const Subject& subject, const ExplainerSettings&) {
  const std::vector<std::int64_t> lengths = lengths_of(subject);
  Trials trials(subject);
  for (std::int64_t text = 0; text < subject.texts(); ++text) {
    for (std::int64_t token = 0; token < lengths[static_cast<std::size_t>(text)]; ++token) trials.add(text)[token] = 0;
  }
  const std::vector<float> values = trials.divergences();
  at::Tensor result = missing_attribution(subject);
  auto cells = result.accessor<float, 2>();
  std::size_t row = 0;
  for (std::int64_t text = 0; text < subject.texts(); ++text) {
    for (std::int64_t token = 0; token < lengths[static_cast<std::size_t>(text)]; ++token)
      cells[text][token] = values[row++];
  }
  return result;
}

}  // namespace layersweep::explain
