// The enumerations of an experiment and the names of their values, in one table each.
#pragma once

#include <array>
#include <utility>

#include "terms/terms.hpp"

namespace layersweep::config {

enum class TaskName { counting, sst, squad, text };
enum class FinetunedModel { encoder, gru };
enum class Replacement { mask, mean, xavier };
enum class ExplainMethod {
  none,
  leave_one_out,
  exact_erasure,
  greedy_erasure,
  diffmask,
  reinforce,
  integrated_gradients,
  gradient_times_input,
  schulz,
  guan,
  attention,
  random
};
enum class StandIn { learned, mask, mean, zero };
enum class Device { cpu, cuda };
enum class Precision { fp32, tf32, bf16 };

}  // namespace layersweep::config

namespace layersweep::terms {

template <>
struct Names<config::TaskName> {
  using enum config::TaskName;
  static constexpr std::array table{std::pair{counting, "counting"}, std::pair{sst, "sst"}, std::pair{squad, "squad"},
                                    std::pair{text, "text"}};
};
template <>
struct Names<config::FinetunedModel> {
  using enum config::FinetunedModel;
  static constexpr std::array table{std::pair{encoder, "encoder"}, std::pair{gru, "gru"}};
};
template <>
struct Names<config::Replacement> {
  using enum config::Replacement;
  static constexpr std::array table{std::pair{mask, "mask"}, std::pair{mean, "mean"}, std::pair{xavier, "xavier"}};
};
template <>
struct Names<config::ExplainMethod> {
  using enum config::ExplainMethod;
  static constexpr std::array table{std::pair{none, "none"},
                                    std::pair{leave_one_out, "leave_one_out"},
                                    std::pair{exact_erasure, "exact_erasure"},
                                    std::pair{greedy_erasure, "greedy_erasure"},
                                    std::pair{diffmask, "diffmask"},
                                    std::pair{reinforce, "reinforce"},
                                    std::pair{integrated_gradients, "integrated_gradients"},
                                    std::pair{gradient_times_input, "gradient_times_input"},
                                    std::pair{schulz, "schulz"},
                                    std::pair{guan, "guan"},
                                    std::pair{attention, "attention"},
                                    std::pair{random, "random"}};
};
template <>
struct Names<config::StandIn> {
  using enum config::StandIn;
  static constexpr std::array table{std::pair{learned, "learned"}, std::pair{mask, "mask"}, std::pair{mean, "mean"},
                                    std::pair{zero, "zero"}};
};
template <>
struct Names<config::Device> {
  using enum config::Device;
  static constexpr std::array table{std::pair{cpu, "cpu"}, std::pair{cuda, "cuda"}};
};
template <>
struct Names<config::Precision> {
  using enum config::Precision;
  static constexpr std::array table{std::pair{fp32, "fp32"}, std::pair{tf32, "tf32"}, std::pair{bf16, "bf16"}};
};

}  // namespace layersweep::terms
