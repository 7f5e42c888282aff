#include "jobs/agreement.hpp"

namespace layersweep::jobs {

void write_agreement(store::ResultsWriter& writer, const std::string& mode, const std::vector<std::uint8_t>& accepted,
                     const std::vector<stats::Agreement>& agreements) {
  const std::size_t points = agreements.size();
  std::vector<float> iou, spearman, kappa;
  for (std::size_t p = 0; p < points; ++p) {
    std::vector<std::uint8_t> here;
    for (std::size_t cell = p; cell < accepted.size(); cell += points) here.push_back(accepted[cell] == 1 ? 1 : 0);
    const stats::AgreementFigures figures = agreements[p].among(here);
    iou.push_back(static_cast<float>(figures.iou));
    spearman.push_back(static_cast<float>(figures.spearman));
    kappa.push_back(static_cast<float>(figures.kappa));
  }
  writer.write_from_first_rank<float>(mode + "/agreement_iou", iou);
  writer.write_from_first_rank<float>(mode + "/agreement_spearman", spearman);
  writer.write_from_first_rank<float>(mode + "/agreement_kappa", kappa);
}

}  // namespace layersweep::jobs
