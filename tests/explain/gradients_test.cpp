// Gradient explainers against Captum (scripts/make_explainer_fixture.py), and the law that integrated gradients add up.
#include "explain/methods.hpp"

#include "explain/support.hpp"

namespace layersweep {
namespace {

// Both in fp32, sums in another order.
constexpr double captum_tolerance = 1e-4;

class Captum : public testing::Test {
 protected:
  Captum()
      : file_(tensors::SafetensorsFile::open(test::source_dir() / "tests" / "explain" / "fixtures" / "captum.safetensors")) {
    test::Frozen frozen = test::tiny_bert();
    lengths_ = read("lengths");
    frozen.batch = test::batch_of(padded(read("token_ids")), lengths_);
    frozen.batch.segments = padded(read("segments"));
    scene_ = std::make_unique<test::Scene>(std::move(frozen));
  }

  at::Tensor read(const std::string& name) const { return test::tensor_of(file_, name); }

  // Texts one after the other to B x T.
  at::Tensor padded(const at::Tensor& joined) const {
    at::Tensor result = at::zeros({lengths_.size(0), lengths_.max().item<std::int64_t>()}, joined.options());
    std::int64_t first = 0;
    for (std::int64_t text = 0; text < lengths_.size(0); ++text) {
      const auto length = lengths_[text].item<std::int64_t>();
      result[text].narrow(0, 0, length).copy_(joined.narrow(0, first, length));
      first += length;
    }
    return result;
  }

  void expect_equal(const at::Tensor& found, const std::string& name) const {
    const at::Tensor expected = padded(read(name));
    const at::Tensor difference = (found - expected).abs() * scene_->frozen.batch.mask;
    EXPECT_LE(difference.max().item<double>(), captum_tolerance * std::max(1.0, expected.abs().max().item<double>()))
        << name;
  }

  explain::Subject subject(int point) const {
    explain::Subject made = scene_->subject(point);
    made.replacement = read("baseline." + std::to_string(point));
    return made;
  }

  tensors::SafetensorsFile file_;
  at::Tensor lengths_;
  std::unique_ptr<test::Scene> scene_;
};

TEST_F(Captum, IntegratedGradients) {
  for (int point = 0; point < 4; ++point) {
    expect_equal(explain::integrated_gradients(subject(point), {.integration_steps = 50}),
                 "integrated_gradients." + std::to_string(point));
  }
}

TEST_F(Captum, GradientTimesInput) {
  for (int point = 0; point < 4; ++point) {
    expect_equal(explain::gradient_times_input(subject(point), {}), "input_x_gradient." + std::to_string(point));
  }
}

TEST_F(Captum, AttentionIsThatOfTransformers) {
  for (const int layer : {1, 2}) {
    expect_equal(explain::attention(subject(layer), {}), "attention." + std::to_string(layer));
  }
  for (const int point : {0, 3}) EXPECT_TRUE(explain::attention(subject(point), {}).isnan().all().item<bool>());
}

TEST(IntegratedGradients, AddUpToTheChangeOfTheScore) {
  at::manual_seed(8);
  for (test::Frozen& frozen : std::vector<test::Frozen>{test::tiny_bert(), test::counting_model(), test::tiny_gru()}) {
    const test::Scene scene(std::move(frozen));
    for (int point = 0; point < static_cast<int>(scene.clean.states.size()); ++point) {
      const explain::Subject subject = scene.subject(point);
      const at::Tensor mask = subject.batch.mask.to(at::kFloat);
      const at::Tensor sum = (explain::integrated_gradients(subject, {.integration_steps = 64}) * mask).sum(-1);
      const at::Tensor text = explain::repeated_texts(subject, 1);
      const auto score = [&](const at::Tensor& gates) {
        return explain::prediction_score(subject, explain::masked_outputs(subject, gates, text), text);
      };
      // The error of 64 nodes on functions as curved as these, and fp32.
      EXPECT_LE((sum - (score(at::ones_like(mask)) - score(at::zeros_like(mask)))).abs().max().item<double>(), 1e-3)
          << scene.frozen.name << " point " << point;
    }
  }
}

TEST(Quadrature, IntegratesPolynomialsExactly) {
  for (const std::int64_t n : {1, 2, 5, 50, 200}) {
    const auto [nodes, weights] = explain::gauss_legendre(n);
    for (const std::int64_t degree : {std::int64_t{0}, n, 2 * n - 1}) {
      double sum = 0;
      for (std::size_t i = 0; i < nodes.size(); ++i) sum += weights[i] * std::pow(nodes[i], degree);
      EXPECT_NEAR(sum, 1.0 / static_cast<double>(degree + 1), 1e-13) << n << " nodes, degree " << degree;
    }
  }
}

}  // namespace
}  // namespace layersweep
