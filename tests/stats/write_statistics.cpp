// write_statistics FOLDER: random states of texts to FOLDER/states.safetensors, and what the accumulators make of them,
// batch by batch in three parts that are packed, unpacked and merged, to FOLDER/figures.safetensors.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <filesystem>

#include "stats/hidden_statistics.hpp"
#include "stats/linear_cka.hpp"
#include "tensors/safetensors.hpp"

namespace {

using namespace layersweep;

const std::vector<std::int64_t> widths{6, 6, 3};
constexpr std::int64_t texts = 40, longest = 9, batch = 4, parts = 3;

// As models make them: a common direction, and one feature far from 0 that hardly varies.
at::Tensor states_of(std::int64_t point) {
  const at::Tensor states = at::randn({texts, longest, widths[static_cast<std::size_t>(point)]});
  states.select(2, 1).mul_(0.01).add_(300);
  return states.mul_(0.5 + static_cast<double>(point)).contiguous();
}

template <class T>
tensors::TensorToWrite named(std::string name, std::vector<std::int64_t> shape, const std::vector<T>& values) {
  return tensors::tensor_to_write<T>(std::move(name), std::move(shape), values);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path folder = argv[1];
  at::manual_seed(3);
  std::vector<at::Tensor> states;
  for (std::int64_t point = 0; point < std::ssize(widths); ++point) states.push_back(states_of(point));
  states[1].add_(states[0], 2);
  states[0][5][2].zero_();  // a state without a direction
  const at::Tensor length = at::randint(3, longest + 1, {texts}, at::kLong);
  const at::Tensor part = at::randint(1, 4, {texts, longest}, at::kByte);  // part 4 does not occur
  part.select(1, 0).zero_();

  std::vector<stats::HiddenStatistics> statistics(parts, stats::HiddenStatistics(widths));
  std::vector<stats::SampledStates> samples(parts, stats::SampledStates(widths));
  for (std::int64_t first = 0; first < texts; first += batch) {
    stats::Tokens tokens;
    std::vector<at::Tensor> pieces;
    for (const at::Tensor& all : states) pieces.push_back(all.narrow(0, first, batch).contiguous());
    for (std::int64_t text = 0; text < batch; ++text) {
      tokens.text.push_back(std::ssize(tokens.row));
      for (std::int64_t token = 0; token < length[first + text].item<std::int64_t>(); ++token) {
        tokens.row.push_back(text * longest + token);
        tokens.part.push_back(part[first + text][token].item<std::uint8_t>());
        if (tokens.part.back() == stats::special_part) continue;
        std::vector<const float*> rows;
        for (std::size_t p = 0; p < widths.size(); ++p) {
          rows.push_back(pieces[p].const_data_ptr<float>() + tokens.row.back() * widths[p]);
        }
        samples[static_cast<std::size_t>(first / batch % parts)].add(rows);
      }
    }
    tokens.text.push_back(std::ssize(tokens.row));
    statistics[static_cast<std::size_t>(first / batch % parts)].add(tokens, pieces);
  }

  stats::HiddenStatistics all(widths);
  for (const stats::HiddenStatistics& one : statistics) all.merge(stats::HiddenStatistics::unpack(widths, one.packed()));
  stats::Figures figures = all.figures();

  std::vector<double> mean(15, 0.0);
  std::int64_t count = 0;
  for (const stats::SampledStates& sample : samples) {
    const std::vector<double> sums = sample.sums();
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += sums[i];
    count += sample.count();
  }
  for (double& value : mean) value /= static_cast<double>(count);
  for (stats::SampledStates& sample : samples) sample.centre(mean);
  const auto squared = [&](std::size_t p, std::size_t q) {
    std::vector<float> sum(static_cast<std::size_t>(widths[p] * widths[q]), 0.0F), one(sum.size());
    for (const stats::SampledStates& sample : samples) {
      sample.cross_product(p, q, one);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += one[i];
    }
    return stats::squared_norm(sum);
  };
  for (std::size_t p = 0; p < widths.size(); ++p) {
    for (std::size_t q = 0; q < widths.size(); ++q) {
      figures.cka.push_back(stats::linear_cka(squared(p, q), squared(p, p), squared(q, q)));
    }
  }

  std::vector<tensors::TensorToWrite> inputs;
  for (std::size_t p = 0; p < states.size(); ++p) {
    inputs.push_back(
        tensors::tensor_to_write<float>(fmt::format("states.{}", p), states[p].sizes().vec(),
                                        {states[p].const_data_ptr<float>(), static_cast<std::size_t>(states[p].numel())}));
  }
  inputs.push_back(
      tensors::tensor_to_write<std::int64_t>("length", {texts}, {length.const_data_ptr<std::int64_t>(), texts}));
  inputs.push_back(tensors::tensor_to_write<std::uint8_t>("part", {texts, longest},
                                                          {part.const_data_ptr<std::uint8_t>(), texts * longest}));
  tensors::write_safetensors(folder / "states.safetensors", std::move(inputs));
  const std::vector<double> quantiles(stats::quantiles.begin(), stats::quantiles.end());
  const auto k = static_cast<std::int64_t>(stats::token_parts), q = std::ssize(quantiles);
  tensors::write_safetensors(
      folder / "figures.safetensors",
      {named("quantile", {q}, quantiles), named("count", {3, k}, figures.count), named("mean", {3, k, 6}, figures.mean),
       named("variance", {3, k, 6}, figures.variance), named("norm_quantile", {3, k, q}, figures.norm_quantile),
       named("cosine_to_next", {3}, figures.cosine_to_next), named("anisotropy", {3}, figures.anisotropy),
       named("cka", {3, 3}, figures.cka)});
  return 0;
}
