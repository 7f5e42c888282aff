#include "data/counting.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace layersweep::data {
namespace {

constexpr terms::Split kSplits[] = {terms::Split::train, terms::Split::dev, terms::Split::test};

std::vector<std::int32_t> tokens_of(const Corpus& corpus, std::int64_t example) {
  const auto tokens = corpus.token_id().subspan(corpus.token_start()[example], corpus.length(example));
  return {tokens.begin(), tokens.end()};
}

TEST(Counting, HasTenThousandExamplesWithTheTruthByDefinition) {
  std::int64_t total = 0;
  for (const terms::Split split : kSplits) {
    const Corpus corpus = counting_corpus(3, split);
    ASSERT_EQ(corpus.size(), counting_size(split));
    total += corpus.size();
    for (std::int64_t example = 0; example < corpus.size(); ++example) {
      const std::int32_t n = corpus.query()[2 * example], m = corpus.query()[2 * example + 1];
      const auto tokens = tokens_of(corpus, example);
      ASSERT_NE(n, m);
      ASSERT_THAT(tokens, testing::Each(testing::AllOf(testing::Ge(0), testing::Lt(10))));
      ASSERT_EQ(corpus.label()[example], std::ranges::count(tokens, n) > std::ranges::count(tokens, m));
      for (std::size_t position = 0; position < tokens.size(); ++position) {
        const std::size_t token = corpus.token_start()[example] + position;
        ASSERT_EQ(corpus.truth()[token], tokens[position] == n || tokens[position] == m);
        const std::string_view text =
            corpus.text(example).substr(corpus.char_start()[token], corpus.char_end()[token] - corpus.char_start()[token]);
        ASSERT_EQ(text, std::to_string(tokens[position]));
      }
    }
  }
  EXPECT_EQ(total, 10'000);
}

TEST(Counting, HasTheShareOfEachKindItPromises) {
  const Corpus corpus = counting_corpus(0, terms::Split::train);
  std::map<std::int64_t, int> lengths;
  std::map<std::pair<int, int>, int> queries;
  std::map<int, int> others;  // rank of a symbol among the eight
  double first = 0, second = 0;
  for (std::int64_t example = 0; example < corpus.size(); ++example) {
    const std::int32_t n = corpus.query()[2 * example], m = corpus.query()[2 * example + 1];
    ++lengths[corpus.length(example)];
    ++queries[{n, m}];
    for (const std::int32_t symbol : tokens_of(corpus, example)) {
      first += symbol == n;
      second += symbol == m;
      if (symbol != n && symbol != m) ++others[symbol - (symbol > n) - (symbol > m)];
    }
  }
  const double tokens = static_cast<double>(corpus.token_total());
  // All limits are five standard deviations of a binomial count.
  const auto limit = [](double trials, double p) { return 5 * std::sqrt(trials * p * (1 - p)); };
  EXPECT_EQ(lengths.size(), 10U);
  for (const auto& [length, count] : lengths) EXPECT_NEAR(count, 900, limit(9000, 0.1)) << length;
  EXPECT_EQ(queries.size(), 90U);
  for (const auto& [query, count] : queries) EXPECT_NEAR(count, 100, limit(9000, 1.0 / 90));
  EXPECT_NEAR(first, tokens / 4, limit(tokens, 0.25));
  EXPECT_NEAR(second, tokens / 4, limit(tokens, 0.25));
  EXPECT_EQ(others.size(), 8U);
  for (const auto& [rank, count] : others) EXPECT_NEAR(count, tokens / 16, limit(tokens, 1.0 / 16)) << rank;
}

TEST(Counting, IsAFunctionOfTheSeed) {
  const Corpus one = counting_corpus(1, terms::Split::dev), again = counting_corpus(1, terms::Split::dev),
               other = counting_corpus(2, terms::Split::dev);
  EXPECT_THAT(one.token_id(), testing::ElementsAreArray(again.token_id()));
  EXPECT_THAT(one.query(), testing::ElementsAreArray(again.query()));
  EXPECT_FALSE(std::ranges::equal(one.token_id(), other.token_id()));
  EXPECT_FALSE(std::ranges::equal(one.token_id(), counting_corpus(1, terms::Split::test).token_id()));
}

TEST(Counting, StaysWhatItWas) {
  // Results name only the task's seed, so its data must never change. Worked out by a second implementation in Python.
  const Corpus corpus = counting_corpus(0, terms::Split::train);
  EXPECT_EQ(corpus.id(0), "counting/train/0");
  EXPECT_EQ(corpus.text(0), "5");
  EXPECT_EQ(corpus.text(8999), "9 9 9 6 9 6 7");
  EXPECT_THAT(std::vector(corpus.query().begin() + 2 * 8999, corpus.query().end()), testing::ElementsAre(9, 6));
}

}  // namespace
}  // namespace layersweep::data
