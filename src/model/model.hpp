// The seam that carries the method: a frozen model as a ladder of points. The staircase pass, its per-point reference,
// explainers and statistics are written once, on this interface. Which families of models there are: family.hpp.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "model/batch.hpp"
#include "model/head.hpp"
#include "model/output.hpp"

namespace layersweep::model {

/// A place in the model where hidden states can be read and replaced. A transformer of L layers has the word embeddings
/// (before positions, segments and norm), the input of each layer, which is the embeddings where nothing lies between, and
/// the output of the last (before a final norm).
struct Point {
  std::string name;
  std::int64_t width = 0;  ///< features per token
  double cost = 0;         ///< multiply-adds per token to advance from this point to the next (the last: to the output)
};

/// What the unmodified model knows: states at all points, and its output.
struct Clean {
  std::vector<at::Tensor> states;  ///< per point B x T x width(point)
  at::Tensor logits;               ///< B x classes; spans: B x 2 x T (model/output.hpp)
};

/// Rows of states on their way up. Several rows may belong to one example (copies, masked variants).
struct Rows {
  at::Tensor states;   ///< R x T x width; or R x P x width of the tokens read after an advance with Need::read_out
  at::Tensor example;  ///< R int64: the example of the batch each row belongs to, which gives its length
};

/// What the caller does with the rows after an advance: where the head reads few tokens (read_out.hpp), the last layer
/// computes just these.
enum class Need { all_tokens, read_out };

class Model {
 public:
  virtual ~Model() = default;

  /// In order; point p + 1 is above point p.
  virtual const std::vector<Point>& points() const = 0;
  /// What it decides.
  virtual const Head& head() const = 0;
  const Output& output() const { return output_of(head().output); }
  /// Where it computes: batches and rows are given, and states and logits answered, in that memory.
  virtual at::Device device() const { return at::kCPU; }

  /// States and output of the unmodified model; records no gradient.
  virtual Clean clean(const Batch& batch) const = 0;

  /// Rows at `point` to rows at `point + 1`. Differentiable with respect to `rows.states`; the model's weights never
  /// receive a gradient. `need` other than all_tokens is honoured where `point + 1` is the last point.
  virtual Rows advance(int point, const Rows& rows, const Batch& batch, Need need) const = 0;

  /// Rows at the last point, as Need::read_out left them, to logits, R x classes or R x 2 x T. A binary output has two
  /// classes with logits (0, x), so one divergence serves all models. Differentiable.
  virtual at::Tensor read_out(const Rows& rows, const Batch& batch) const = 0;

  /// Selects from rows with all tokens at the last point what Need::read_out would have left (copies joining late).
  virtual Rows narrow_to_read_out(const Rows& rows, const Batch& batch) const = 0;

  /// The state that stands for "no token" at point 0 ([MASK] embedding), width(0); undefined where the model has none.
  virtual at::Tensor mask_state() const = 0;
};

}  // namespace layersweep::model
