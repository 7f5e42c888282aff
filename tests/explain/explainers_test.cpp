// What every explainer has to do, whatever its method.
#include "explain/explainer.hpp"

#include <set>

#include "base/error.hpp"
#include "explain/support.hpp"
#include "probe/evaluate.hpp"

namespace layersweep {
namespace {

class Explainers : public testing::TestWithParam<explain::Explainer> {
 protected:
  void SetUp() override { at::manual_seed(21); }
  at::Tensor explain(const explain::Subject& subject, std::int64_t steps) const {
    return GetParam().attribute(subject, {.seed = 4, .integration_steps = 8, .search_steps = steps, .samples = 4});
  }
};

const std::set<std::string_view> know_nothing{"attention", "random"};

TEST_P(Explainers, FindTheOnlyTokenThatMatters) {
  if (know_nothing.contains(GetParam().name)) GTEST_SKIP() << GetParam().name << " does not look at the output";
  const test::Scene scene(test::needle_model());
  for (const int point : {0, 1}) {
    explain::Subject subject = scene.subject(point);
    subject.replacement = at::zeros({3});  // decides nothing
    const at::Tensor found = explain(subject, 150);
    for (std::int64_t text = 0; text < found.size(0); ++text) {
      const at::Tensor tokens = found[text].narrow(0, 0, scene.length(text));
      EXPECT_EQ(tokens.argmax().item<std::int64_t>(), test::needle_of(text)) << "text " << text << ": " << tokens;
    }
  }
}

// The padding of longer texts beside it has no influence.
TEST_P(Explainers, ExplainEachTextAlone) {
  for (test::Frozen& frozen : std::vector<test::Frozen>{test::tiny_bert(), test::counting_model()}) {
    const test::Scene scene(std::move(frozen));
    const int point = 1;
    const at::Tensor together = explain(scene.subject(point), 5);
    for (const std::int64_t text : {0, 2}) {
      const test::Scene one = scene.only(text);
      explain::Subject subject = one.subject(point);
      const explain::Subject all = scene.subject(point);
      subject.replacement = all.replacement;
      subject.mean = all.mean;
      subject.deviation = all.deviation;
      const at::Tensor alone = explain(subject, 5)[0];
      const at::Tensor same = together[text].narrow(0, 0, scene.length(text));
      EXPECT_TRUE(at::allclose(same, alone, 1e-3, 1e-4, /*equal_nan=*/true)) << same << alone;
    }
  }
}

TEST_P(Explainers, AreFunctionsOfTheSeed) {
  const test::Scene scene(test::tiny_bert());
  const at::Tensor first = explain(scene.subject(2), 5);
  EXPECT_TRUE(at::allclose(first, explain(scene.subject(2), 5), 0, 0, /*equal_nan=*/true));
}

TEST_P(Explainers, DependOnTheReplacementWhereTheySaySo) {
  const test::Scene scene(test::tiny_bert());
  explain::Subject subject = scene.subject(2);
  subject.epsilon = 0.1;
  const at::Tensor first = explain(subject, 60);
  subject.replacement = subject.replacement + 3;
  const bool same = at::allclose(first, explain(subject, 60), 0, 0, /*equal_nan=*/true);
  EXPECT_EQ(same, !GetParam().uses_replacement);
}

INSTANTIATE_TEST_SUITE_P(All, Explainers, testing::ValuesIn(explain::explainers().begin(), explain::explainers().end()),
                         [](const auto& test) { return std::string(test.param.name); });

// A search that found a mask within ε returns one whose hard form is.
TEST(PerSampleSearch, KeepsTheConstraint) {
  at::manual_seed(2);
  const test::Scene scene(test::counting_model());
  const explain::Subject subject = scene.subject(1);
  for (const std::string_view name : {"diffmask", "reinforce"}) {
    const at::Tensor keep = explain::explainer_named(name).attribute(subject, {.search_steps = 200});
    const at::Tensor hard = probe::hard_gates(keep);
    const at::Tensor divergence = explain::masked_divergence(subject, hard, explain::repeated_texts(subject, 1));
    EXPECT_LE(divergence.max().item<double>(), subject.epsilon + 1e-6) << name;
    EXPECT_LT((hard * subject.batch.mask).sum().item<double>(), subject.batch.lengths.sum().item<double>()) << name;
  }
}

TEST(ExplainerNames, OthersAreRefused) { EXPECT_THROW(explain::explainer_named("magic"), base::InternalError); }

}  // namespace
}  // namespace layersweep
