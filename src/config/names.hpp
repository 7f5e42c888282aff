// The spellings of the enumerations of an experiment, in one table each.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "config/experiment.hpp"

namespace layersweep::config {

template <class E>
struct Names;  // specialised for every enumeration of experiment.hpp

template <>
struct Names<TaskName> {
  static constexpr std::array table{std::pair{TaskName::counting, "counting"}, std::pair{TaskName::sst, "sst"},
                                    std::pair{TaskName::squad, "squad"}, std::pair{TaskName::text, "text"}};
};
template <>
struct Names<FinetunedModel> {
  static constexpr std::array table{std::pair{FinetunedModel::encoder, "encoder"}, std::pair{FinetunedModel::gru, "gru"}};
};
template <>
struct Names<Mode> {
  static constexpr std::array table{std::pair{Mode::input, "input"}, std::pair{Mode::hidden, "hidden"}};
};
template <>
struct Names<Sparsity> {
  static constexpr std::array table{std::pair{Sparsity::log, "log"}, std::pair{Sparsity::l0, "l0"}};
};
template <>
struct Names<Replacement> {
  static constexpr std::array table{std::pair{Replacement::mask, "mask"}, std::pair{Replacement::mean, "mean"},
                                    std::pair{Replacement::xavier, "xavier"}};
};
template <>
struct Names<Split> {
  static constexpr std::array table{std::pair{Split::train, "train"}, std::pair{Split::dev, "dev"},
                                    std::pair{Split::test, "test"}};
};
template <>
struct Names<ExplainMethod> {
  static constexpr std::array table{std::pair{ExplainMethod::none, "none"},
                                    std::pair{ExplainMethod::leave_one_out, "leave_one_out"},
                                    std::pair{ExplainMethod::exact_erasure, "exact_erasure"},
                                    std::pair{ExplainMethod::greedy_erasure, "greedy_erasure"},
                                    std::pair{ExplainMethod::diffmask, "diffmask"},
                                    std::pair{ExplainMethod::reinforce, "reinforce"},
                                    std::pair{ExplainMethod::integrated_gradients, "integrated_gradients"},
                                    std::pair{ExplainMethod::gradient_times_input, "gradient_times_input"},
                                    std::pair{ExplainMethod::schulz, "schulz"},
                                    std::pair{ExplainMethod::guan, "guan"},
                                    std::pair{ExplainMethod::attention, "attention"},
                                    std::pair{ExplainMethod::random, "random"}};
};
template <>
struct Names<StandIn> {
  static constexpr std::array table{std::pair{StandIn::learned, "learned"}, std::pair{StandIn::mask, "mask"},
                                    std::pair{StandIn::mean, "mean"}, std::pair{StandIn::zero, "zero"}};
};
template <>
struct Names<Device> {
  static constexpr std::array table{std::pair{Device::cpu, "cpu"}, std::pair{Device::cuda, "cuda"}};
};
template <>
struct Names<Precision> {
  static constexpr std::array table{std::pair{Precision::fp32, "fp32"}, std::pair{Precision::tf32, "tf32"},
                                    std::pair{Precision::bf16, "bf16"}};
};

}  // namespace layersweep::config
