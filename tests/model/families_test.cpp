// Families of transformers against transformers: states at all points and logits, as scripts/make_model_fixtures.py stored
// them; and what a family's list must hold.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "model/bert.hpp"
#include "model/open.hpp"
#include "model/support.hpp"
#include "model/transformer/fast_layer.hpp"

namespace layersweep {
namespace {

// fp32 against fp32 in another order of summation, through two layers.
constexpr double tolerance = 1e-5;

class Reference : public testing::TestWithParam<std::tuple<std::filesystem::path, model::Arithmetic>> {
 protected:
  Reference()
      : folder_(std::get<0>(GetParam())),
        file_(tensors::SafetensorsFile::open(folder_.string() + ".safetensors")),
        model_(model::open_model(folder_, {.arithmetic = std::get<1>(GetParam())})),
        batch_(test::batch_of(test::tensor_of(file_, "token_ids"), test::tensor_of(file_, "lengths"))),
        all_(at::arange(batch_.size())) {
    if (file_.contains("segments")) batch_.segments = test::tensor_of(file_, "segments");
  }

  // Where texts are; what stands beyond their ends is of no account.
  double difference(const at::Tensor& states, const at::Tensor& expected) const {
    const at::Tensor tokens = batch_.mask.unsqueeze(2);
    return test::relative_difference(states * tokens, expected * tokens);
  }
  at::Tensor expected_logits() const {
    const at::Tensor logits = test::tensor_of(file_, "logits");
    return logits.dim() == 2 ? logits : logits.masked_fill(batch_.mask.logical_not().unsqueeze(1), model::beyond_text);
  }

  std::filesystem::path folder_;
  tensors::SafetensorsFile file_;
  std::unique_ptr<model::Model> model_;
  model::Batch batch_;
  at::Tensor all_;
};

INSTANTIATE_TEST_SUITE_P(Tiny, Reference,
                         testing::Combine(testing::ValuesIn(test::reference_folders()),
                                          testing::Values(model::Arithmetic::fast, model::Arithmetic::plain)),
                         [](const auto& instance) {
                           const bool fast = std::get<1>(instance.param) == model::Arithmetic::fast;
                           return test::test_name(std::get<0>(instance.param)) + (fast ? "_fast" : "_plain");
                         });

TEST_P(Reference, StatesAndLogitsAreThoseOfTransformers) {
  const model::Clean clean = model_->clean(batch_);
  ASSERT_EQ(clean.states.size(), model_->points().size());
  double farthest = 0;
  for (std::size_t point = 0; point < clean.states.size() && file_.contains("states.0"); ++point) {
    const double far = difference(clean.states[point], test::tensor_of(file_, "states." + std::to_string(point)));
    EXPECT_LT(far, tolerance) << model_->points()[point].name;
    farthest = std::max(farthest, far);
  }
  EXPECT_FALSE(file_.contains("states." + std::to_string(clean.states.size())));
  const at::Tensor expected = expected_logits(), text = expected.ne(model::beyond_text);
  const double far = test::relative_difference(clean.logits * text, expected * text);
  EXPECT_LT(far, tolerance);
  if (file_.contains("states.0")) RecordProperty("points", fmt::format("{:.1e}", farthest));
  RecordProperty("logits", fmt::format("{:.1e}", far));
}

// Operands of the layers' products are rounded to bf16, that is to 0.004 of themselves.
TEST_P(Reference, Bf16IsNear) {
  const bool fast = std::get<1>(GetParam()) == model::Arithmetic::fast;
  const auto rounded =
      model::open_model(folder_, {.arithmetic = fast ? model::Arithmetic::fast_bf16 : model::Arithmetic::plain_bf16});
  const model::Clean clean = model_->clean(batch_), near = rounded->clean(batch_);
  const double far = difference(near.states.back(), clean.states.back());
  EXPECT_LT(far, 0.05);
  EXPECT_GT(far, 1e-4);
}

TEST_P(Reference, APointAtATimeEndsInTheSameLogits) {
  const model::Clean clean = model_->clean(batch_);
  const int last = static_cast<int>(clean.states.size()) - 1;
  for (int from = 0; from <= last; ++from) {
    model::Rows rows{clean.states[static_cast<std::size_t>(from)], all_};
    for (int point = from; point < last; ++point) {
      rows = model_->advance(point, rows, batch_, point + 1 == last ? model::Need::read_out : model::Need::all_tokens);
    }
    if (from == last) rows = model_->narrow_to_read_out(rows, batch_);
    EXPECT_LT(test::relative_difference(model_->read_out(rows, batch_), clean.logits), tolerance) << "from " << from;
  }
}

// Gradients of the states, against the reference that computes every token of the last layer.
TEST_P(Reference, GradientsAreThoseOfEveryTokenComputed) {
  const auto gradient = [&](const model::Model& model, model::Need need) {
    const at::Tensor states = model.clean(batch_).states.front().clone().requires_grad_();
    model::Rows rows{states, all_};
    for (std::size_t point = 0; point + 1 < model.points().size(); ++point) {
      rows = model.advance(static_cast<int>(point), rows, batch_, need);
    }
    if (need == model::Need::all_tokens) rows = model.narrow_to_read_out(rows, batch_);
    const at::Tensor logits = model.read_out(rows, batch_).masked_fill_(expected_logits().eq(model::beyond_text), 0);
    (logits * at::arange(1, logits.numel() + 1).view(logits.sizes()).sin()).sum().backward();
    return states.grad();
  };
  const auto reference = model::open_model(folder_, {.arithmetic = model::Arithmetic::plain});
  EXPECT_LT(
      test::relative_difference(gradient(*model_, model::Need::read_out), gradient(*reference, model::Need::all_tokens)),
      tolerance);
}

TEST_P(Reference, SavingIsTheInverseOfOpening) {
  const test::TemporaryFolder saved;
  const auto trainable = model::family_in(folder_).trainable(folder_, model_->head(), 0);
  trainable->save(saved.path() / "again");
  const auto again = model::open_model(saved.path() / "again", {.arithmetic = std::get<1>(GetParam())});
  EXPECT_TRUE(again->clean(batch_).logits.equal(model_->clean(batch_).logits));
}

TEST(Families, HaveNamesAndTypesOfTheirOwn) {
  std::set<std::string_view> names, types;
  for (const model::Family* family : model::families()) {
    EXPECT_TRUE(names.insert(family->name()).second) << family->name();
    EXPECT_TRUE(types.insert(family->model_type()).second) << family->model_type();
    EXPECT_EQ(&model::family_named(family->name()), family);
  }
}

TEST(Families, EveryKeyThatTransformersReadsPlaysAPart) {
  std::ifstream stream(test::encoder_fixtures() / "config_keys.json");
  const auto keys = nlohmann::json::parse(stream);
  for (const model::Family* family : model::families()) {
    const auto* transformers = dynamic_cast<const model::TransformerFamily*>(family);
    if (transformers == nullptr) continue;
    const auto& read = keys.at(std::string(family->name()));
    ASSERT_GT(read.size(), 10u);
    const auto known = model::known_keys(transformers->files());
    for (const auto& key : read) {
      EXPECT_NE(std::ranges::find(known, key.get<std::string>()), known.end()) << family->name() << ": " << key;
    }
  }
}

TEST(Families, EveryOneOfTransformersHasAFixture) {
  std::set<std::string_view> compared;
  for (const auto& folder : test::reference_folders()) compared.insert(model::family_in(folder).name());
  for (const model::Family* family : model::families()) {
    if (dynamic_cast<const model::TransformerFamily*>(family) == nullptr) continue;
    EXPECT_TRUE(compared.contains(family->name())) << family->name();
  }
}

TEST(Families, PostNormEncodersWithExactGeluRunOnTheHandWrittenLayer) {
  const std::set<std::string_view> expected{"bert", "distilbert", "roberta", "camembert", "xlm-roberta", "electra"};
  for (const auto& folder : test::reference_folders()) {
    if (folder.parent_path() != test::encoder_fixtures()) continue;
    const auto& files = test::files_of(model::family_in(folder).name());
    EXPECT_EQ(model::has_fast_layer(model::read_spec(files, folder)), expected.contains(files.model_type)) << folder;
  }
}

TEST(Families, AnUnknownTypeIsRefusedWithThoseThatAreKnown) {
  const test::TemporaryFolder folder;
  std::ofstream(folder.path() / "config.json") << R"({"model_type": "t5"})";
  EXPECT_THAT([&] { model::family_in(folder.path()); }, testing::ThrowsMessage<base::InputError>(testing::AllOf(
                                                            testing::HasSubstr("t5"), testing::HasSubstr("distilbert"))));
}

// A later token changes nothing before it; where the model is no decoder, it does.
TEST_P(Reference, ATokenOfADecoderKnowsOnlyThoseBeforeIt) {
  const model::TransformerSpec spec = model::read_spec(test::files_of(model::family_in(folder_).name()), folder_);
  model::Batch batch = test::random_batch({9, 9}, 60);
  batch.segments.zero_();
  const model::Clean before = model_->clean(batch);
  batch.token_ids.select(1, 6).add_(1);
  const model::Clean after = model_->clean(batch);
  for (std::size_t point = 0; point < before.states.size(); ++point) {
    const at::Tensor change = (after.states[point] - before.states[point]).abs().sum(-1);  // B x T
    EXPECT_GT(change.select(1, 6).min().item<float>(), 0) << point;
    if (spec.causal) {
      EXPECT_EQ(change.narrow(1, 0, 6).max().item<float>(), 0) << point;
    }
  }
  EXPECT_EQ((after.states.back() - before.states.back()).select(1, 5).abs().max().item<float>() > 0, !spec.causal);
  EXPECT_FALSE(after.logits.equal(before.logits));
}

struct Refused {
  const char* folder;
  const char* key;
  nlohmann::json value;
};

TEST(Families, WhatIsNotComputedIsRefusedByKey) {
  const nlohmann::json yarn = {{"rope_type", "yarn"}, {"factor", 2.0}}, sections = {{"mrope_section", {1, 2}}};
  for (const auto& [name, key, value] :
       std::vector<Refused>{{"tiny-llama", "rope_parameters", yarn},
                            {"tiny-llama", "rope_parameters", sections},
                            {"tiny-llama", "rope_parameters", {{"rope_type", "llama3"}, {"factor", 2.0}}},
                            {"tiny-llama", "rope_parameters", {{"partial_rotary_factor", 0.5}}},
                            {"tiny-llama", "partial_rotary_factor", 0.5},
                            {"tiny-llama", "hidden_act", "quick_gelu"},
                            {"tiny-llama", "num_key_value_heads", 2},
                            {"tiny-llama", "head_dim", 7},
                            {"tiny-llama", "pad_token_id", -2},
                            {"tiny-mistral", "layer_types", {"full_attention", "sliding_attention"}},
                            {"tiny-mistral", "sliding_window", 0},
                            {"tiny-qwen2", "layer_types", {"full_attention", "sliding_attention"}},
                            {"tiny-qwen2", "layer_types", {"full_attention"}},
                            {"tiny-qwen3", "layer_types", {"full_attention", "chunked_attention"}},
                            {"tiny-gpt2", "scale_attn_weights", false},
                            {"tiny-gpt2", "scale_attn_by_inverse_layer_idx", true},
                            {"tiny-gpt2", "reorder_and_upcast_attn", true},
                            {"tiny-gpt2", "n_ctx", 12},
                            {"tiny-gpt-neox", "rope_parameters", {{"partial_rotary_factor", 0.1}}},
                            {"tiny-gpt-neox", "head_dim", 20},
                            {"tiny-modernbert", "classifier_pooling", "max"},
                            {"tiny-modernbert", "rope_parameters", yarn},
                            {"tiny-modernbert", "rope_scaling", yarn},
                            {"tiny-albert", "inner_group_num", 2},
                            {"tiny-albert", "num_hidden_groups", 3},
                            {"tiny-deberta-v2", "relative_attention", false},
                            {"tiny-deberta-v2", "share_att_key", false},
                            {"tiny-deberta-v2", "position_biased_input", true},
                            {"tiny-deberta-v2", "conv_kernel_size", 3},
                            {"tiny-deberta-v2", "pos_att_type", "p2p|c2p"},
                            {"tiny-deberta-v2", "norm_rel_ebd", "batch_norm"},
                            {"tiny-deberta-v2", "position_buckets", 2},
                            {"tiny-deberta-v2", "embedding_size", 16},
                            {"tiny-electra", "position_embedding_type", "relative_key"},
                            {"tiny-electra", "is_decoder", true},
                            {"tiny-roberta", "pad_token_id", 40},
                            {"tiny-roberta", "pad_token_id", -1}}) {
    const test::TemporaryFolder folder;
    std::filesystem::copy(test::encoder_fixtures() / name, folder.path() / "model");
    std::ifstream stream(folder.path() / "model" / "config.json");
    auto config = nlohmann::json::parse(stream);
    config[key] = value;
    std::ofstream(folder.path() / "model" / "config.json") << config;
    EXPECT_THAT([&] { model::open_model(folder.path() / "model"); },
                testing::ThrowsMessage<base::InputError>(testing::HasSubstr(key)))
        << name << " " << value;
  }
}

// Both spellings of config.json say the same.
TEST(Families, FilesOfTransformers4AreReadLikeThoseOf5) {
  for (const auto& [name, change] : std::vector<std::pair<const char*, nlohmann::json>>{
           {"tiny-llama",
            {{"rope_parameters", nullptr},
             {"dtype", nullptr},
             {"torch_dtype", "float32"},
             {"rope_theta", 500.0},
             {"rope_scaling",
              {{"type", "llama3"},
               {"rope_type", "llama3"},
               {"factor", 4.0},
               {"low_freq_factor", 1.0},
               {"high_freq_factor", 4.0},
               {"original_max_position_embeddings", 24}}}}},
           {"tiny-qwen2", {{"rope_parameters", nullptr}, {"rope_theta", 300.0}, {"layer_types", nullptr}}},
           {"tiny-mistral", {{"rope_parameters", nullptr}, {"rope_theta", 300.0}, {"rope_scaling", nullptr}}},
           {"tiny-gpt-neox", {{"rope_parameters", nullptr}, {"rotary_emb_base", 300}, {"rotary_pct", 0.4}}},
           {"tiny-modernbert",
            {{"rope_parameters", nullptr},
             {"layer_types", nullptr},
             {"global_attn_every_n_layers", 3},
             {"global_rope_theta", 300.0},
             {"local_rope_theta", 40.0}}}}) {
    const test::TemporaryFolder folder;
    const auto source = test::encoder_fixtures() / name;
    std::filesystem::copy(source, folder.path() / "model");
    std::ifstream stream(source / "config.json");
    auto config = nlohmann::json::parse(stream);
    for (const auto& [key, value] : change.items()) {
      config[key] = value;
      if (value.is_null()) config.erase(key);
    }
    std::ofstream(folder.path() / "model" / "config.json") << config;
    model::Batch batch = test::random_batch({9, 4}, 60);
    batch.segments.zero_();
    const at::Tensor logits = model::open_model(source)->clean(batch).logits;
    EXPECT_TRUE(model::open_model(folder.path() / "model")->clean(batch).logits.equal(logits)) << name;
  }
}

TEST(Llama, AnswersToQuestionsAreNotTrained) {
  const auto folder = test::encoder_fixtures() / "tiny-llama";
  EXPECT_THROW(model::family_in(folder).trainable(folder, {.output = terms::OutputKind::span}, 0), base::InputError);
}

}  // namespace
}  // namespace layersweep
