// The vectorised inner loops of the frozen pass, in fp32, on rows of floats. One table per instruction set; the processor
// chooses at run time. Matrices are row-major; a stride counts floats from one row to the next.
#pragma once

#include <cstdint>
#include <vector>

namespace layersweep::model {

/// One row's attention: Q queries over K keys (those beyond K are padding and get no weight), all heads.
/// `padded_keys(K)` is the width of a row of probabilities.
struct AttentionShape {
  std::int64_t queries, keys, heads, head_width;
  std::int64_t query_stride, key_stride;  ///< of q; of k and v
  std::int64_t out_stride;                ///< of the mixed values and their gradient
  std::int64_t probability_width;         ///< at least padded_keys(keys), the same for all rows of a call
};

struct Kernels {
  const char* name;
  std::int64_t lanes;  ///< floats per vector

  /// x += bias, n rows of `width`.
  void (*add_bias)(float* x, const float* bias, std::int64_t n, std::int64_t width);

  /// x = gelu(x + bias), exact (erf to 1.5e-7). With `derivative` also gelu'(x + bias).
  void (*bias_gelu)(float* x, const float* bias, std::int64_t n, std::int64_t width, float* derivative);

  /// x *= factor, elementwise.
  void (*multiply)(float* x, const float* factor, std::int64_t count);

  /// out = weight·normalised + offset, where normalised is that of x + bias + residual over each row. `normalised` (n x
  /// width) and `inverse_deviation` (n) are what the backward pass needs, or both null. `out` may be x.
  void (*add_norm)(const float* x, const float* bias, const float* residual, std::int64_t residual_stride,
                   const float* weight, const float* offset, float epsilon, std::int64_t n, std::int64_t width, float* out,
                   float* normalised, float* inverse_deviation);

  /// Gradient of add_norm with respect to x (and to residual: it is the same).
  void (*norm_backward)(const float* gradient, std::int64_t gradient_stride, const float* weight, const float* normalised,
                        const float* inverse_deviation, std::int64_t n, std::int64_t width, float* out);

  /// mixed = softmax(q kᵀ / sqrt(head_width)) v; probabilities (heads x queries x probability_width) are kept for backward.
  void (*attention)(const AttentionShape& shape, const float* q, const float* k, const float* v, float* probabilities,
                    float* mixed, float* scratch);

  /// Writes the gradients of q, k and v over `tokens` ≥ keys rows of k and v (those of padding are 0).
  void (*attention_backward)(const AttentionShape& shape, const float* q, const float* k, const float* v,
                             const float* probabilities, const float* mixed_gradient, std::int64_t tokens, float* q_gradient,
                             float* k_gradient, float* v_gradient, float* scratch);
  std::int64_t (*attention_scratch)(const AttentionShape& shape);  ///< floats

  /// One step of a gated recurrence (Cho et al. 2014) over n rows of `width`. `input` (n rows of `features`) meets
  /// input_weight, transposed: features x 3·width; many features are better multiplied beforehand: `product` (n x 3·width,
  /// or null) is added. `memory` is state·Wᵀ without its bias, n x 3·width. Updates `state`. With `kept` (n x 5·width) the
  /// gates and the old state are stored for the backward step.
  void (*gru_step)(const float* input, std::int64_t features, const float* input_weight, const float* product,
                   const float* input_bias, const float* memory, const float* memory_bias, std::int64_t n,
                   std::int64_t width, float* state, float* kept);

  /// `gradient` is that of the new state; on return the part of the old state's that does not pass through the product.
  /// `memory_gradient` (n x 3·width) is that of `memory`, `product_gradient` that of input·input_weight (or null);
  /// `input_gradient` (n rows of `features`) is written, where `features` is not 0.
  void (*gru_step_backward)(const float* kept, std::int64_t features, const float* input_weight, std::int64_t n,
                            std::int64_t width, float* gradient, float* memory_gradient, float* product_gradient,
                            float* input_gradient);
};

/// The widest table that this processor runs.
const Kernels& kernels();
/// All tables that this processor runs, for tests; the first is the one for any processor.
std::vector<const Kernels*> runnable_kernels();

}  // namespace layersweep::model
