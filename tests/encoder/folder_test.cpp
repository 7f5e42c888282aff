// Model folders: what is understood, what is refused and how it is named, and that saving is the inverse of opening.
#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "encoder/bert_folder.hpp"
#include "encoder/open.hpp"
#include "encoder/support.hpp"

namespace layersweep {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

struct StoredTensor {
  tensors::Dtype dtype;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;
};

// A copy of the tiny BERT that a test can damage.
class Folder {
 public:
  Folder() {
    fs::copy(test::encoder_fixtures() / "tiny-bert", path(), fs::copy_options::recursive);
    const auto file = tensors::SafetensorsFile::open(path() / "model.safetensors");
    for (const std::string& name : file.names()) {
      const auto bytes = file.data(name);
      weights[name] = {file.info(name).dtype, file.info(name).shape, {bytes.begin(), bytes.end()}};
    }
    std::ifstream stream(path() / "config.json");
    config = nlohmann::json::parse(stream);
  }
  fs::path path() const { return root_.path() / "model"; }
  void write() const {
    std::ofstream(path() / "config.json") << config;
    std::vector<tensors::TensorToWrite> list;
    for (const auto& [name, tensor] : weights) list.push_back({name, tensor.dtype, tensor.shape, tensor.bytes});
    tensors::write_safetensors(path() / "model.safetensors", list);
  }
  std::string refusal() const {
    write();
    try {
      encoder::open_encoder(path());
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "(opened)";
  }
  encoder::BertModel read() const {
    write();
    return encoder::read_bert_model(path());
  }
  // Every weight under another name.
  template <class Rename>
  void rename(Rename rename) {
    std::map<std::string, StoredTensor> renamed;
    for (auto& [name, tensor] : weights) renamed[rename(name)] = std::move(tensor);
    weights = std::move(renamed);
  }

  nlohmann::json config;
  std::map<std::string, StoredTensor> weights;

 private:
  test::TemporaryFolder root_;
};

void expect_equal(const encoder::BertWeights& a, const encoder::BertWeights& b) {
  const auto left = encoder::named_weights(a), right = encoder::named_weights(b);
  ASSERT_EQ(left.size(), right.size());
  for (std::size_t i = 0; i < left.size(); ++i) EXPECT_TRUE(left[i].value.equal(right[i].value)) << left[i].name;
}

encoder::BertModel original() { return encoder::read_bert_model(test::encoder_fixtures() / "tiny-bert"); }

const std::string query = "bert.encoder.layer.1.attention.self.query.weight";

TEST(BertFolder, ConfigsThatAreNotOursAreRefusedByKey) {
  const std::vector<std::pair<std::string, nlohmann::json>> changes = {{"model_type", "roberta"},
                                                                       {"model_type", nullptr},
                                                                       {"hidden_act", "relu"},
                                                                       {"position_embedding_type", "relative_key"},
                                                                       {"is_decoder", true},
                                                                       {"hidden_size", 33},
                                                                       {"hidden_size", "wide"},
                                                                       {"num_hidden_layers", 0},
                                                                       {"num_attention_heads", -1},
                                                                       {"vocab_size", 1.5},
                                                                       {"layer_norm_eps", -1e-3},
                                                                       {"hidden_dropout_prob", 1.0},
                                                                       {"intermediate_size", 1L << 40},
                                                                       {"num_labels", 7}};
  for (const auto& [key, value] : changes) {
    Folder folder;
    folder.config[key] = value;
    EXPECT_THAT(folder.refusal(), HasSubstr(key)) << value;
  }
  for (const char* key :
       {"hidden_size", "num_hidden_layers", "intermediate_size", "vocab_size", "max_position_embeddings"}) {
    Folder folder;
    folder.config.erase(key);
    EXPECT_THAT(folder.refusal(), HasSubstr(key));
  }
}

TEST(BertFolder, FilesThatAreMissingOrDamagedAreNamed) {
  Folder folder;
  std::ofstream(folder.path() / "config.json") << "{";
  EXPECT_THROW(encoder::open_encoder(folder.path()), base::InputError);
  folder.write();
  fs::remove(folder.path() / "model.safetensors");
  EXPECT_THROW(encoder::open_encoder(folder.path()), base::InputError);
  std::ofstream(folder.path() / "pytorch_model.bin") << "x";
  try {
    encoder::open_encoder(folder.path());
    FAIL() << "opened";
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("pytorch_model.bin"));
  }
  EXPECT_THROW(encoder::open_encoder(folder.path() / "nowhere"), base::InputError);
}

TEST(BertFolder, TensorsThatDoNotFitAreNamed) {
  {
    Folder folder;
    folder.weights.erase(query);
    EXPECT_THAT(folder.refusal(), HasSubstr(query));
  }
  {
    Folder folder;
    folder.weights["bert.encoder.layer.2.output.dense.bias"] = folder.weights.at("bert.encoder.layer.1.output.dense.bias");
    EXPECT_THAT(folder.refusal(), HasSubstr("bert.encoder.layer.2.output.dense.bias"));
  }
  {
    Folder folder;
    folder.weights.at(query).shape = {64, 16};
    EXPECT_THAT(folder.refusal(), testing::AllOf(HasSubstr(query), HasSubstr("[64, 16]"), HasSubstr("[32, 32]")));
  }
  {
    Folder folder;
    folder.weights.at(query).dtype = tensors::Dtype::i32;
    EXPECT_THAT(folder.refusal(), testing::AllOf(HasSubstr(query), HasSubstr("I32")));
  }
  {
    Folder folder;
    const float infinite = std::numeric_limits<float>::infinity();
    std::memcpy(folder.weights.at(query).bytes.data(), &infinite, 4);
    EXPECT_THAT(folder.refusal(), testing::AllOf(HasSubstr(query), HasSubstr("finite")));
  }
  {
    Folder folder;
    folder.weights["encoder.layer.1.attention.self.query.weight"] = folder.weights.at(query);
    EXPECT_THAT(folder.refusal(), HasSubstr("ambiguous"));
  }
  {
    Folder folder;
    folder.config["num_hidden_layers"] = 1;
    EXPECT_THAT(folder.refusal(), HasSubstr("bert.encoder.layer.1."));
  }
}

TEST(BertFolder, AHeadIsRequiredForAClassifier) {
  Folder folder;
  folder.weights.erase("classifier.weight");
  EXPECT_THAT(folder.refusal(), HasSubstr("no classification head"));
}

TEST(BertFolder, HeadsOfTwoKindsAreKeptApart) {
  const fs::path qa = test::encoder_fixtures() / "tiny-qa";
  const auto span = encoder::read_bert_model(qa);
  EXPECT_EQ(span.config.output, encoder::OutputKind::span);
  EXPECT_FALSE(span.weights.pooler.defined());

  // A published folder keeps the pooler of pre-training; another head is made for a body, or dropped.
  test::TemporaryFolder root;
  const auto classifier = encoder::read_bert_body(qa, {.classes = 4, .class_names = {"a", "b", "c", "d"}}, 0);
  EXPECT_TRUE(classifier.weights.word.equal(span.weights.word));
  encoder::write_bert(root.path() / "classifier", classifier.config, classifier.weights, qa);
  const auto again = encoder::read_bert_model(root.path() / "classifier");
  EXPECT_EQ(again.config.output, encoder::OutputKind::classes);
  EXPECT_EQ(again.config.class_names, classifier.config.class_names);
  expect_equal(again.weights, classifier.weights);

  const encoder::Head span_head{.output = encoder::OutputKind::span};
  const auto back = encoder::read_bert_body(root.path() / "classifier", span_head, 0);
  EXPECT_FALSE(back.weights.classifier.equal(span.weights.classifier));  // a fresh one
  const auto kept = encoder::read_bert_body(qa, span_head, 0);
  expect_equal(kept.weights, span.weights);
  encoder::write_bert(root.path() / "span", kept.config, kept.weights, root.path() / "classifier");
  const auto saved = encoder::read_bert_model(root.path() / "span");
  EXPECT_EQ(saved.config.output, encoder::OutputKind::span);
  expect_equal(saved.weights, span.weights);

  // The classifier's weights under a config that names question answering.
  fs::copy_file(root.path() / "span" / "config.json", root.path() / "classifier" / "config.json",
                fs::copy_options::overwrite_existing);
  try {
    encoder::open_encoder(root.path() / "classifier");
    FAIL() << "opened";
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("classifier."));
  }
}

TEST(BertFolder, OlderNamesAreUnderstood) {
  Folder folder;
  folder.rename([](std::string name) {
    if (name.starts_with("bert.")) name = name.substr(5);
    for (const auto& [end, old_end] :
         {std::pair{"LayerNorm.weight", "LayerNorm.gamma"}, {"LayerNorm.bias", "LayerNorm.beta"}}) {
      if (name.ends_with(end)) name = name.substr(0, name.size() - std::string(end).size()) + old_end;
    }
    return name;
  });
  folder.weights["embeddings.position_ids"] = {tensors::Dtype::i64, {1, 2}, std::vector<std::byte>(16)};
  folder.weights["cls.predictions.bias"] = {tensors::Dtype::f32, {1}, std::vector<std::byte>(4)};
  expect_equal(folder.read().weights, original().weights);
}

TEST(BertFolder, HalfPrecisionIsConverted) {
  for (const auto& [dtype, type, error] :
       {std::tuple{tensors::Dtype::f16, at::kHalf, 1e-3}, {tensors::Dtype::bf16, at::kBFloat16, 8e-3}}) {
    Folder folder;
    for (auto& [name, tensor] : folder.weights) {
      const at::Tensor half = at::from_blob(tensor.bytes.data(), tensor.shape, at::kFloat).to(type).contiguous();
      const auto* bytes = static_cast<const std::byte*>(half.const_data_ptr());
      tensor.dtype = dtype;
      tensor.bytes = {bytes, bytes + half.nbytes()};
    }
    const auto read = encoder::named_weights(folder.read().weights);
    const auto expected = encoder::named_weights(original().weights);
    for (std::size_t i = 0; i < read.size(); ++i) {
      EXPECT_EQ(read[i].value.scalar_type(), at::kFloat);
      EXPECT_LT(test::relative_difference(read[i].value, expected[i].value), error) << read[i].name;
    }
  }
}

TEST(BertBody, AFreshHeadIsAFunctionOfTheSeed) {
  const auto folder = test::encoder_fixtures() / "tiny-bert";
  const auto own = encoder::read_bert_body(folder, {.classes = 3}, 0);  // as many classes as the folder's head has: kept
  expect_equal(own.weights, original().weights);
  const auto fresh = encoder::read_bert_body(folder, {.classes = 5}, 1),
             same = encoder::read_bert_body(folder, {.classes = 5}, 1);
  const auto other = encoder::read_bert_body(folder, {.classes = 5}, 2);
  EXPECT_EQ(fresh.config.classes, 5);
  expect_equal(fresh.weights, same.weights);
  EXPECT_FALSE(fresh.weights.classifier.equal(other.weights.classifier));
  EXPECT_TRUE(fresh.weights.pooler.equal(original().weights.pooler));
  EXPECT_NEAR(fresh.weights.classifier.std().item<double>(), 0.02, 0.005);  // initializer_range, of 160 values

  Folder without;
  for (const char* name : {"bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias"}) {
    without.weights.erase(name);
  }
  without.write();
  const auto body = encoder::read_bert_body(without.path(), {.classes = 5}, 1);
  EXPECT_TRUE(body.weights.classifier.equal(fresh.weights.classifier));
  EXPECT_TRUE(body.weights.word.equal(original().weights.word));
}

TEST(BertFolder, SavingIsTheInverseOfOpening) {
  const test::TemporaryFolder folder;
  const auto source = test::encoder_fixtures() / "tiny-bert";
  auto model = encoder::read_bert_body(source, {.classes = 4}, 9);
  encoder::write_bert(folder.path() / "saved", model.config, model.weights, source);
  const auto again = encoder::read_bert_model(folder.path() / "saved");
  EXPECT_EQ(again.config.classes, 4);
  expect_equal(again.weights, model.weights);
  EXPECT_TRUE(
      encoder::open_encoder(folder.path() / "saved")->mask_state().equal(model.weights.word[4]));  // has the tokenizer

  const auto written = tensors::SafetensorsFile::open(folder.path() / "saved" / "model.safetensors");
  const auto expected = tensors::SafetensorsFile::open(source / "model.safetensors");  // by transformers
  std::vector<std::string> names = written.names(), expected_names = expected.names();
  EXPECT_THAT(names, testing::UnorderedElementsAreArray(expected_names));
}

TEST(BertFolder, ValuesThatAreNotFiniteAreRefused) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const float value : {std::nanf(""), infinity, -infinity}) {
    Folder folder;
    auto& bytes = folder.weights.at("bert.embeddings.word_embeddings.weight").bytes;
    std::memcpy(&bytes.at(bytes.size() / 2), &value, sizeof value);
    EXPECT_THAT(folder.refusal(), HasSubstr("not finite"));
  }
}

TEST(OpenEncoder, TextsThatDoNotFitAreRefused) {
  const auto bert = encoder::open_encoder(test::encoder_fixtures() / "tiny-bert");
  EXPECT_THROW(bert->clean(test::random_batch({25}, 64)), base::InputError);  // 24 positions
  encoder::Batch batch = test::random_batch({3}, 64);
  batch.token_ids[0][1] = 64;
  EXPECT_THROW(bert->clean(batch), base::InputError);
}

}  // namespace
}  // namespace layersweep
