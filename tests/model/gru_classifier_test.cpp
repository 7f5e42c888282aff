// The recurrent classifier: against PyTorch's nn.GRU (stored by scripts/make_model_fixtures.py), against LibTorch's, and
// its folder.
#include "model/families/gru_classifier.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "model/bert.hpp"
#include "model/open.hpp"
#include "model/support.hpp"
#include "model/trainable.hpp"
#include "text/tokenizer.hpp"

namespace layersweep {
namespace {

using model::Need;
using model::Rows;
using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr double tolerance = 1e-5;  // fp32 in another order

fs::path tiny() { return test::encoder_fixtures() / "tiny-gru"; }
fs::path tiny_bert() { return test::encoder_fixtures() / "tiny-bert"; }

// What PyTorch computed.
struct Reference {
  tensors::SafetensorsFile file = tensors::SafetensorsFile::open(test::encoder_fixtures() / "tiny-gru.safetensors");
  model::Batch batch = test::batch_of(tensor("token_ids"), tensor("lengths"));

  at::Tensor tensor(const std::string& name) const { return test::tensor_of(file, name); }
  // The stored gradients are those of this.
  static at::Tensor score(const at::Tensor& logits) {
    return (logits * at::arange(1, logits.numel() + 1).view(logits.sizes()).sin()).sum();
  }
};

TEST(GruClassifier, StatesAndLogitsEqualPyTorch) {
  const Reference reference;
  const auto model = model::open_model(tiny());
  const model::Clean clean = model->clean(reference.batch);
  ASSERT_EQ(clean.states.size(), 2u);
  ASSERT_EQ(model->points().size(), 2u);
  EXPECT_TRUE(clean.states[0].equal(reference.tensor("states.0")));
  EXPECT_LT(test::relative_difference(clean.states[1], reference.tensor("states.1")), tolerance);  // 0 on padding in both
  EXPECT_LT(test::relative_difference(clean.logits, reference.tensor("logits")), tolerance);
  for (std::size_t point = 0; point < 2; ++point) EXPECT_EQ(model->points()[point].width, clean.states[point].size(2));
  EXPECT_EQ(model->head().classes, clean.logits.size(1));
  EXPECT_TRUE(model->mask_state().equal(model::read_gru_classifier(tiny()).weights.word[4]));
}

TEST(GruClassifier, GradientsEqualPyTorch) {
  const Reference reference;
  const auto model = model::open_model(tiny());
  for (const Need need : {Need::read_out, Need::all_tokens}) {
    const at::Tensor words = reference.tensor("states.0").requires_grad_();
    Rows rows = model->advance(0, {words, at::arange(words.size(0))}, reference.batch, need);
    if (need == Need::all_tokens) rows = model->narrow_to_read_out(rows, reference.batch);
    Reference::score(model->read_out(rows, reference.batch)).backward();
    EXPECT_LT(test::relative_difference(words.grad(), reference.tensor("gradient.states.0")), tolerance);
  }
  model::GruClassifierWeights weights = model::read_gru_classifier(tiny()).weights;
  for (at::Tensor* tensor : model::dense_tensors(weights)) tensor->requires_grad_();
  const at::Tensor last = model::gru_last_state(weights.gru, reference.tensor("states.0"), reference.batch.lengths);
  Reference::score(at::linear(last, weights.head, weights.head_bias)).backward();
  for (const model::NamedWeight& weight : model::named_weights(weights)) {
    if (weight.name == "emb.weight") continue;
    EXPECT_LT(test::relative_difference(weight.value.grad(), reference.tensor("gradient." + weight.name)), tolerance)
        << weight.name;
  }
}

// Every state has a say here, and rows fill more than one block.
TEST(Gru, StatesAndAllGradientsEqualLibTorch) {
  at::manual_seed(3);
  const std::int64_t rows = 150, tokens = 7;
  const at::Tensor lengths = std::get<0>(at::randint(1, tokens + 1, {rows}, at::kLong).sort(0, /*descending=*/true));
  for (const auto& [features, width] : {std::pair<std::int64_t, std::int64_t>{2, 10}, {20, 33}}) {
    const at::Tensor input = at::randn({rows, tokens, features});
    const std::vector<at::Tensor> values = {at::randn({3 * width, features}), at::randn({3 * width, width}),
                                            at::randn({3 * width}), at::randn({3 * width})};
    const at::Tensor weight = at::randn({rows, tokens, width});
    std::vector<at::Tensor> results[2];
    for (const bool ours : {true, false}) {
      std::vector<at::Tensor> leaves = {input.clone().requires_grad_()};
      for (const at::Tensor& value : values) leaves.push_back((value * 0.3).requires_grad_());
      at::Tensor states;
      if (ours) {
        states = model::gru_states({leaves[1], leaves[3], leaves[2], leaves[4]}, leaves[0], lengths);
      } else {
        const auto [steps, sizes] = at::_pack_padded_sequence(leaves[0], lengths, /*batch_first=*/true);
        const auto out = at::gru(steps, sizes, at::zeros({1, rows, width}), {leaves[1], leaves[2], leaves[3], leaves[4]},
                                 true, 1, 0, false, false);
        states = std::get<0>(at::_pad_packed_sequence(std::get<0>(out), sizes, true, 0, tokens));
      }
      (states * weight).sum().backward();
      results[ours] = {states.detach()};
      for (const at::Tensor& leaf : leaves) results[ours].push_back(leaf.grad());
    }
    for (std::size_t r = 0; r < results[0].size(); ++r) {
      EXPECT_LT(test::relative_difference(results[1][r], results[0][r]), tolerance) << features << " features, result " << r;
    }
  }
}

TEST(GruClassifier, AdvancingFromAnyPointIsTheCleanPass) {
  at::manual_seed(2);
  const auto model = model::open_model(tiny());
  const model::Batch batch = test::random_batch({4, 1, 7, 3, 7}, 64);
  const model::Clean clean = model->clean(batch);
  for (const Need need : {Need::read_out, Need::all_tokens}) {
    const Rows up = model->advance(0, {clean.states[0], at::arange(5)}, batch, need);
    if (need == Need::all_tokens) {
      EXPECT_TRUE(up.states.equal(clean.states[1]));
      EXPECT_THROW(model->read_out(up, batch), base::InternalError) << "the head reads one token";
    } else {
      EXPECT_TRUE(model->read_out(up, batch).equal(clean.logits));
    }
  }
  const Rows top{clean.states[1], at::arange(5)};
  EXPECT_TRUE(model->read_out(model->narrow_to_read_out(top, batch), batch).equal(clean.logits));
  // Copies know their example by its number.
  const at::Tensor example = at::tensor({3, 0, 3}, at::kLong);
  const Rows copies = model->advance(0, {clean.states[0].index_select(0, example), example}, batch, Need::read_out);
  EXPECT_LT(test::relative_difference(model->read_out(copies, batch), clean.logits.index_select(0, example)), tolerance);
}

TEST(GruClassifier, ATextDoesNotDependOnOthersOrOnPadding) {
  at::manual_seed(5);
  const auto model = model::open_model(tiny());
  const model::Batch batch = test::random_batch({4, 1, 7, 3}, 64);
  const at::Tensor together = model->clean(batch).logits;
  for (std::int64_t row = 0; row < 4; ++row) {
    const at::Tensor ids = batch.token_ids.narrow(0, row, 1).narrow(1, 0, batch.lengths[row].item<std::int64_t>());
    const at::Tensor alone = model->clean(test::batch_of(ids, batch.lengths.narrow(0, row, 1))).logits;
    EXPECT_LT(test::relative_difference(together.narrow(0, row, 1), alone), tolerance) << row;
  }
  model::Batch unknown = test::random_batch({3}, 64);
  unknown.token_ids[0][1] = 64;
  EXPECT_THROW(model->clean(unknown), base::InputError);
}

void expect_equal(const model::GruClassifierWeights& a, const model::GruClassifierWeights& b) {
  const auto left = model::named_weights(a), right = model::named_weights(b);
  for (std::size_t i = 0; i < left.size(); ++i) EXPECT_TRUE(left[i].value.equal(right[i].value)) << left[i].name;
}

TEST(GruClassifierBody, StandsOnTheWordsOfABert) {
  const auto fresh = model::read_gru_classifier_body(tiny_bert(), {.classes = 5}, 1);
  EXPECT_TRUE(fresh.weights.word.equal(test::read_bert(tiny_bert()).weights.word));
  EXPECT_EQ(fresh.config.state, 32);
  expect_equal(fresh.weights, model::read_gru_classifier_body(tiny_bert(), {.classes = 5}, 1).weights);
  const auto other = model::read_gru_classifier_body(tiny_bert(), {.classes = 5}, 2);
  EXPECT_FALSE(other.weights.gru.state.equal(fresh.weights.gru.state));
  EXPECT_LE(fresh.weights.gru.state.abs().max().item<double>(), 1 / std::sqrt(32.0));
  EXPECT_THROW(model::read_gru_classifier_body(tiny_bert(), {.output = terms::OutputKind::span}, 1), base::InputError);
}

TEST(GruClassifierBody, GoesOnFromAModel) {
  const auto own = model::read_gru_classifier(tiny());
  expect_equal(model::read_gru_classifier_body(tiny(), {.classes = 5}, 1).weights, own.weights);
  const auto other_head = model::read_gru_classifier_body(tiny(), {.classes = 3, .class_names = {"a", "b", "c"}}, 1);
  EXPECT_TRUE(other_head.weights.gru.state.equal(own.weights.gru.state));
  EXPECT_EQ(other_head.weights.head.size(0), 3);
  EXPECT_EQ(other_head.config.head.class_names.at(2), "c");
}

TEST(GruClassifierFolder, SavingIsTheInverseOfOpening) {
  const test::TemporaryFolder folder;
  const auto model = model::read_gru_classifier_body(tiny_bert(), {.classes = 2, .class_names = {"bad", "good"}}, 3);
  model::write_gru_classifier(folder.path() / "saved", model, tiny_bert());
  expect_equal(model::read_gru_classifier(folder.path() / "saved").weights, model.weights);
  const auto described = model::describe_model(folder.path() / "saved");
  EXPECT_EQ(described.head.output, terms::OutputKind::classes);
  EXPECT_EQ(described.head.classes, 2);
  EXPECT_EQ(described.head.class_names, model.config.head.class_names);
  EXPECT_EQ(described.longest_text, text::Tokenizer::unlimited);
  EXPECT_EQ(text::Tokenizer::open(folder.path() / "saved").fingerprint(), text::Tokenizer::open(tiny_bert()).fingerprint());
  EXPECT_THROW(model::open_model(folder.path() / "saved", {.arithmetic = model::Arithmetic::fast_bf16}), base::InputError);
}

// A copy of the tiny model that a test can damage.
class Damaged {
 public:
  Damaged() {
    fs::copy(tiny(), path(), fs::copy_options::recursive);
    std::ifstream stream(path() / "config.json");
    config = nlohmann::json::parse(stream);
    weights = model::read_gru_classifier(tiny()).weights;
  }
  fs::path path() const { return root_.path() / "model"; }
  void write() const {
    std::ofstream(path() / "config.json") << config;
    std::vector<tensors::TensorToWrite> list;
    for (const model::NamedWeight& weight : model::named_weights(weights)) {
      if (without != "" && weight.name.starts_with(without)) continue;
      list.push_back(tensors::tensor_to_write<float>(
          weight.name == renamed ? "other.weight" : weight.name, weight.value.sizes().vec(),
          {weight.value.const_data_ptr<float>(), static_cast<std::size_t>(weight.value.numel())}));
    }
    tensors::write_safetensors(path() / "model.safetensors", list, {});
  }
  std::string refusal() const {
    write();
    try {
      model::open_model(path());
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "(opened)";
  }

  nlohmann::json config;
  model::GruClassifierWeights weights;
  std::string without, renamed;

 private:
  test::TemporaryFolder root_;
};

TEST(GruClassifierFolder, DamageIsNamed) {
  EXPECT_EQ(Damaged().refusal(), "(opened)");
  for (const char* key : {"vocab_size", "embedding_size", "hidden_size"}) {
    Damaged folder;
    folder.config.erase(key);
    EXPECT_THAT(folder.refusal(), HasSubstr(key));
    for (const nlohmann::json& value : {nlohmann::json("wide"), nlohmann::json(0), nlohmann::json(1L << 40)}) {
      folder.config[key] = value;
      EXPECT_THAT(folder.refusal(), HasSubstr(key)) << value;
    }
  }
  {
    Damaged folder;
    folder.config["hidden_size"] = 11;
    EXPECT_THAT(folder.refusal(), testing::AllOf(HasSubstr("gru."), HasSubstr("[30, 12]"), HasSubstr("[33, 12]")));
  }
  {
    Damaged folder;
    folder.without = "gru.bias_hh_l0";
    EXPECT_THAT(folder.refusal(), testing::AllOf(HasSubstr("gru.bias_hh_l0"), HasSubstr("missing")));
  }
  {
    Damaged folder;
    folder.renamed = "classifier.bias";
    EXPECT_THAT(folder.refusal(), HasSubstr("classifier.bias"));
  }
  {
    Damaged folder;
    folder.weights.gru.state[3][4] = std::numeric_limits<float>::infinity();
    EXPECT_THAT(folder.refusal(), testing::AllOf(HasSubstr("gru.weight_hh_l0"), HasSubstr("finite")));
  }
  {
    Damaged folder;
    fs::remove(folder.path() / "vocab.txt");
    folder.write();
    EXPECT_FALSE(model::open_model(folder.path())->mask_state().defined());
    EXPECT_THROW(text::Tokenizer::open(folder.path()), base::InputError);
  }
}

// Word vectors of any origin: the rest is trained.
TEST(GruClassifierFolder, MayHoldWordEmbeddingsAlone) {
  Damaged folder;
  folder.without = "gru.";
  EXPECT_THAT(folder.refusal(), HasSubstr("finetune.epochs"));
  folder.weights.head = at::zeros({7, 10});
  folder.weights.head_bias = at::zeros({7});
  folder.write();
  const auto model = model::family_in(folder.path()).trainable(folder.path(), {.classes = 5}, 1);
  model->save(folder.path() / "trained");
  const auto trained = model::read_gru_classifier(folder.path() / "trained");
  EXPECT_TRUE(trained.weights.word.equal(folder.weights.word));
  EXPECT_TRUE(trained.weights.gru.state.equal(model::random_gru_classifier_weights(trained.config, 1).gru.state));
}

}  // namespace
}  // namespace layersweep
