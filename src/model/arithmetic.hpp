// Which arithmetic runs a model's layers.
#pragma once

namespace layersweep::model {

/// `fast` is the hand-written layer with its own backward pass in fp32, where a model has one, else the same as `plain`;
/// `fast_bf16` the same with the layers' matrix products on operands rounded to bf16 (all else in fp32). `plain` is fp32 in
/// ordinary differentiable tensor operations: on CPUs the reference, which computes every token of the last layer, and what
/// runs elsewhere than on CPUs; `plain_bf16` the same with bf16 as above.
enum class Arithmetic { fast, fast_bf16, plain, plain_bf16 };

constexpr bool is_plain(Arithmetic a) { return a == Arithmetic::plain || a == Arithmetic::plain_bf16; }
constexpr bool is_bf16(Arithmetic a) { return a == Arithmetic::fast_bf16 || a == Arithmetic::plain_bf16; }

}  // namespace layersweep::model
