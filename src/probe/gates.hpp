// The gate networks: phi = 10·tanh(w2·tanh(W1·x + c1) + c2) + bias, both maps weight-normalised (W = g·v/‖v‖ per row).
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "probe/parameters.hpp"

namespace layersweep::probe {

/// Gate logits of the probes of these points: per point S x B x T, undefined for the others.
/// `blocks` are the layout's views of them (leaves of autograd, or plain); `states` are the clean states, per point B x T x
/// width. x is the state at the probe's point; in input mode the state at point 0 stands before it.
std::vector<at::Tensor> gate_logits(const ProbeLayout& layout, const std::vector<at::Tensor>& blocks,
                                    const std::vector<at::Tensor>& states, PointRange probes = {});

}  // namespace layersweep::probe
