// Model folders: what is understood, what is refused and how it is named, and that saving is the inverse of opening.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "model/bert.hpp"
#include "model/model_files.hpp"
#include "model/open.hpp"
#include "model/support.hpp"

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
      model::open_model(path());
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "(opened)";
  }
  model::TransformerModel read() const {
    write();
    return test::read_bert(path());
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

std::vector<model::NamedWeight> named(const model::TransformerModel& model) {
  return model::named_weights(model.spec, model.weights, test::files_of("bert").names);
}

void expect_equal(const model::TransformerModel& a, const model::TransformerModel& b) {
  const auto left = named(a), right = named(b);
  ASSERT_EQ(left.size(), right.size());
  for (std::size_t i = 0; i < left.size(); ++i) EXPECT_TRUE(left[i].value.equal(right[i].value)) << left[i].name;
}

model::TransformerModel original() { return test::read_bert(test::encoder_fixtures() / "tiny-bert"); }

const std::string query = "bert.encoder.layer.1.attention.self.query.weight";

TEST(BertFolder, ConfigsThatAreNotOursAreRefusedByKey) {
  const std::vector<std::pair<std::string, nlohmann::json>> changes = {{"model_type", "t5"},
                                                                       {"model_type", nullptr},
                                                                       {"hidden_act", "quick_gelu"},
                                                                       {"position_embedding_type", "relative_key"},
                                                                       {"is_decoder", true},
                                                                       {"is_decoder", 1},
                                                                       {"add_cross_attention", true},
                                                                       {"is_encoder_decoder", true},
                                                                       {"pruned_heads", {{"0", {1}}}},
                                                                       {"quantization_config", {{"quant_method", "gptq"}}},
                                                                       {"auto_map", {{"AutoModel", "own.Model"}}},
                                                                       {"id2label", {{"0", "a"}, {"2", "b"}, {"3", "c"}}},
                                                                       {"id2label", {{"0", "a"}, {"1", "b"}, {"2", "a"}}},
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

TEST(BertFolder, KeysThatPlayNoPartAreNamed) {
  Folder folder;
  EXPECT_THAT(folder.read().spec.unread_keys, testing::IsEmpty());
  folder.config["rope_theta"] = 1e4;
  folder.config["attention_window"] = nullptr;
  EXPECT_THAT(folder.read().spec.unread_keys, testing::ElementsAre("attention_window", "rope_theta"));
  EXPECT_EQ(model::describe_model(folder.path()).unread_keys.size(), 2u);
}

TEST(BertFolder, NullIsTheDefault) {
  Folder folder;
  for (const char* key : {"is_decoder", "add_cross_attention", "hidden_act", "layer_norm_eps", "type_vocab_size", "auto_map",
                          "quantization_config", "problem_type", "is_encoder_decoder"}) {
    folder.config[key] = nullptr;
  }
  EXPECT_EQ(folder.refusal(), "(opened)");
}

TEST(BertFolder, HeadsThatAreNotComputedAreRefusedByKeyUnlessAnotherTakesTheirPlace) {
  const std::vector<std::pair<std::string, nlohmann::json>> heads = {{"problem_type", "regression"},
                                                                     {"problem_type", "multi_label_classification"},
                                                                     {"problem_type", "ordinal"},
                                                                     {"architectures", {"BertForTokenClassification"}}};
  for (const auto& [key, value] : heads) {
    Folder folder;
    folder.config[key] = value;
    EXPECT_THAT(folder.refusal(), testing::AllOf(HasSubstr(key), HasSubstr("finetune.epochs"))) << value;
    EXPECT_THROW(model::describe_model(folder.path()), base::InputError);
    EXPECT_EQ(model::describe_model(folder.path(), model::OwnHead::replaceable).longest_text, 24);
    const auto body = test::read_bert_body(folder.path(), {.classes = 3}, 0);
    EXPECT_FALSE(body.weights.classifier.weight.equal(original().weights.classifier.weight))
        << "rows of another kind of head";
    EXPECT_TRUE(body.weights.word.equal(original().weights.word));
    model::write_transformer(test::files_of("bert"), folder.path() / "saved", body, folder.path());
    EXPECT_NO_THROW(model::open_model(folder.path() / "saved"));
  }
  for (const char* problem : {"", "single_label_classification"}) {
    Folder folder;
    folder.config["id2label"] = {{"0", "score"}};
    if (*problem != 0) folder.config["problem_type"] = problem;
    EXPECT_THAT(folder.refusal(), HasSubstr("num_labels is 1"));
  }
}

TEST(BertFolder, AdaptersAreRefusedWithTheRemedy) {
  Folder folder;
  std::ofstream(folder.path() / "adapter_config.json") << "{}";
  EXPECT_THAT(folder.refusal(), testing::AllOf(HasSubstr("adapter"), HasSubstr("merge_and_unload")));
  fs::remove(folder.path() / "config.json");  // as peft saves it
  try {
    model::describe_model(folder.path());
    FAIL() << "opened";
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("merge_and_unload"));
  }
}

// The tiny BERT in two shards, as transformers saves large models.
class Shards : public testing::Test {
 protected:
  Shards() {
    folder_.write();
    fs::remove(folder_.path() / "model.safetensors");
    for (const auto& [name, tensor] : folder_.weights) {
      index["weight_map"][name] =
          name.find("layer.1") != name.npos ? "model-00002-of-00002.safetensors" : "model-00001-of-00002.safetensors";
    }
    for (const auto& [name, tensor] : folder_.weights) {
      shards[index["weight_map"][name].get<std::string>()].push_back({name, tensor.dtype, tensor.shape, tensor.bytes});
    }
  }
  fs::path path() const { return folder_.path(); }
  void write() const {
    std::ofstream(path() / "model.safetensors.index.json") << index;
    for (const auto& [name, tensors] : shards) tensors::write_safetensors(path() / name, tensors);
  }
  std::string refusal() const {
    write();
    try {
      model::open_model(path());
    } catch (const base::InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr("model.safetensors.index.json"));
      return error.what();
    }
    return "(opened)";
  }

  nlohmann::json index;
  std::map<std::string, std::vector<tensors::TensorToWrite>> shards;

 private:
  Folder folder_;
};

constexpr const char* first_shard = "model-00001-of-00002.safetensors";
constexpr const char* second_shard = "model-00002-of-00002.safetensors";

TEST_F(Shards, AreReadAsOneModel) {
  ASSERT_EQ(refusal(), "(opened)");
  expect_equal(test::read_bert(path()), original());
  EXPECT_EQ(model::hashes_of_model(path()).size(), 5u);  // index, two shards, config.json, vocab.txt
}

TEST_F(Shards, ThatAreMissingAreNamed) {
  write();
  fs::remove(path() / second_shard);
  shards.erase(second_shard);
  EXPECT_THAT(refusal(), HasSubstr("model-00002-of-00002.safetensors is missing"));
}

TEST_F(Shards, MustHoldWhatTheIndexSays) {
  index["weight_map"]["bert.extra"] = first_shard;
  EXPECT_THAT(refusal(), HasSubstr("does not hold tensor bert.extra"));
  index["weight_map"].erase("bert.extra");
  index["weight_map"][query] = first_shard;
  EXPECT_THAT(refusal(), HasSubstr("does not hold tensor " + query));
  index["weight_map"].erase(query);
  EXPECT_THAT(refusal(), HasSubstr("does not name tensor " + query));
}

TEST_F(Shards, MustNotHoldATensorTwice) {
  shards.at(first_shard).push_back(shards.at(second_shard).front());
  EXPECT_THAT(refusal(), HasSubstr("both hold tensor"));
}

TEST_F(Shards, MustLieInTheFolder) {
  for (const char* outside : {"../model.safetensors", "/etc/passwd", "", "..", "sub/model.safetensors"}) {
    index["weight_map"][query] = outside;
    EXPECT_THAT(refusal(), HasSubstr("no name of a file beside it"));
  }
  index["weight_map"] = nlohmann::json::object();
  EXPECT_THAT(refusal(), HasSubstr("weight_map"));
}

TEST(BertFolder, FilesThatAreMissingOrDamagedAreNamed) {
  Folder folder;
  std::ofstream(folder.path() / "config.json") << "{";
  EXPECT_THROW(model::open_model(folder.path()), base::InputError);
  folder.write();
  fs::remove(folder.path() / "model.safetensors");
  EXPECT_THROW(model::open_model(folder.path()), base::InputError);
  std::ofstream(folder.path() / "pytorch_model.bin") << "x";
  try {
    model::open_model(folder.path());
    FAIL() << "opened";
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), testing::AllOf(HasSubstr("pytorch_model.bin"), HasSubstr("save_pretrained")));
  }
  EXPECT_THROW(model::open_model(folder.path() / "nowhere"), base::InputError);
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
  const auto span = test::read_bert(qa);
  EXPECT_EQ(span.spec.head.output, terms::OutputKind::span);
  EXPECT_FALSE(span.weights.dense.weight.defined());

  // A published folder keeps the pooler of pre-training; another head is made for a body, or dropped.
  test::TemporaryFolder root;
  const auto classifier = test::read_bert_body(qa, {.classes = 4, .class_names = {"a", "b", "c", "d"}}, 0);
  EXPECT_TRUE(classifier.weights.word.equal(span.weights.word));
  model::write_transformer(test::files_of("bert"), root.path() / "classifier", classifier, qa);
  const auto again = test::read_bert(root.path() / "classifier");
  EXPECT_EQ(again.spec.head.output, terms::OutputKind::classes);
  EXPECT_EQ(again.spec.head.class_names, classifier.spec.head.class_names);
  expect_equal(again, classifier);

  const model::Head span_head{.output = terms::OutputKind::span};
  const auto back = test::read_bert_body(root.path() / "classifier", span_head, 0);
  EXPECT_FALSE(back.weights.classifier.weight.equal(span.weights.classifier.weight));  // a fresh one
  const auto kept = test::read_bert_body(qa, span_head, 0);
  expect_equal(kept, span);
  model::write_transformer(test::files_of("bert"), root.path() / "span", kept, root.path() / "classifier");
  const auto saved = test::read_bert(root.path() / "span");
  EXPECT_EQ(saved.spec.head.output, terms::OutputKind::span);
  expect_equal(saved, span);

  // The classifier's weights under a config that names question answering.
  fs::copy_file(root.path() / "span" / "config.json", root.path() / "classifier" / "config.json",
                fs::copy_options::overwrite_existing);
  try {
    model::open_model(root.path() / "classifier");
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
  expect_equal(folder.read(), original());
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
    const auto read = named(folder.read());
    const auto expected = named(original());
    for (std::size_t i = 0; i < read.size(); ++i) {
      EXPECT_EQ(read[i].value.scalar_type(), at::kFloat);
      EXPECT_LT(test::relative_difference(read[i].value, expected[i].value), error) << read[i].name;
    }
  }
}

TEST(BertBody, AFreshHeadIsAFunctionOfTheSeed) {
  const auto folder = test::encoder_fixtures() / "tiny-bert";
  const auto own = test::read_bert_body(folder, {.classes = 3}, 0);  // as many classes as the folder's head has: kept
  expect_equal(own, original());
  const auto fresh = test::read_bert_body(folder, {.classes = 5}, 1), same = test::read_bert_body(folder, {.classes = 5}, 1);
  const auto other = test::read_bert_body(folder, {.classes = 5}, 2);
  EXPECT_EQ(fresh.spec.head.classes, 5);
  expect_equal(fresh, same);
  EXPECT_FALSE(fresh.weights.classifier.weight.equal(other.weights.classifier.weight));
  EXPECT_TRUE(fresh.weights.dense.weight.equal(original().weights.dense.weight));
  EXPECT_NEAR(fresh.weights.classifier.weight.std().item<double>(), 0.02, 0.005);  // initializer_range, of 160 values

  Folder without;
  for (const char* name : {"bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias"}) {
    without.weights.erase(name);
  }
  without.write();
  const auto body = test::read_bert_body(without.path(), {.classes = 5}, 1);
  EXPECT_TRUE(body.weights.classifier.weight.equal(fresh.weights.classifier.weight));
  EXPECT_TRUE(body.weights.word.equal(original().weights.word));
}

TEST(BertBody, AHeadKeepsItsNames) {
  Folder folder;
  folder.config["id2label"] = {{"0", "neu"}, {"1", "pos"}, {"2", "neg"}};
  folder.write();
  const std::vector<std::string> own{"neu", "pos", "neg"}, sorted{"neg", "neu", "pos"};
  const auto kept = test::read_bert_body(folder.path(), {.classes = 3, .class_names = own}, 0);
  EXPECT_TRUE(kept.weights.classifier.weight.equal(original().weights.classifier.weight));
  EXPECT_EQ(kept.spec.head.class_names, own);
  EXPECT_EQ(test::read_bert_body(folder.path(), {.classes = 3}, 0).spec.head.class_names, own);
  // Under other names the rows would be taken for other classes.
  const auto fresh = test::read_bert_body(folder.path(), {.classes = 3, .class_names = sorted}, 0);
  EXPECT_FALSE(fresh.weights.classifier.weight.equal(original().weights.classifier.weight));
  EXPECT_EQ(fresh.spec.head.class_names, sorted);
}

TEST(BertFolder, SavingIsTheInverseOfOpening) {
  const test::TemporaryFolder folder;
  const auto source = test::encoder_fixtures() / "tiny-bert";
  auto model = test::read_bert_body(source, {.classes = 4}, 9);
  model::write_transformer(test::files_of("bert"), folder.path() / "saved", model, source);
  const auto again = test::read_bert(folder.path() / "saved");
  EXPECT_EQ(again.spec.head.classes, 4);
  expect_equal(again, model);
  EXPECT_TRUE(model::open_model(folder.path() / "saved")->mask_state().equal(model.weights.word[4]));  // has the tokenizer

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
  const auto bert = model::open_model(test::encoder_fixtures() / "tiny-bert");
  EXPECT_THROW(bert->clean(test::random_batch({25}, 64)), base::InputError);  // 24 positions
  model::Batch batch = test::random_batch({3}, 64);
  batch.token_ids[0][1] = 64;
  EXPECT_THROW(bert->clean(batch), base::InputError);
  batch.token_ids[0][1] = -1;
  EXPECT_THROW(bert->clean(batch), base::InputError);
  batch = test::random_batch({3}, 64);
  batch.segments[0][1] = 2;
  EXPECT_THROW(bert->clean(batch), base::InputError);
}

TEST(OpenEncoder, ASecondSegmentNeedsAnEmbedding) {
  Folder folder;
  folder.config["type_vocab_size"] = 1;
  auto& table = folder.weights.at("bert.embeddings.token_type_embeddings.weight");
  table.shape[0] = 1;
  table.bytes.resize(table.bytes.size() / 2);
  folder.write();
  const auto bert = model::open_model(folder.path());
  model::Batch batch = test::random_batch({4}, 64);
  batch.segments.zero_();
  EXPECT_NO_THROW(bert->clean(batch));
  batch.segments[0][3] = 1;
  EXPECT_THAT([&] { bert->clean(batch); }, testing::ThrowsMessage<base::InputError>(HasSubstr("segment 1")));
  const auto described = model::describe_model(folder.path());
  const std::vector<std::int32_t> ids{63, 2}, beyond{64, 2}, first{0, 0}, second{0, 1};
  EXPECT_NO_THROW(model::check_embedded(described, ids, first));
  EXPECT_THAT([&] { model::check_embedded(described, ids, second); },
              testing::ThrowsMessage<base::InputError>(HasSubstr("type_vocab_size")));
  EXPECT_THAT([&] { model::check_embedded(described, beyond, first); },
              testing::ThrowsMessage<base::InputError>(testing::AllOf(HasSubstr("token 64"), HasSubstr("vocab_size"))));
}

TEST(OpenEncoder, AMaskTokenNeedsAnEmbedding) {
  Folder folder;
  std::ofstream vocabulary(folder.path() / "vocab.txt");
  for (int n = 0; n < 64; ++n) vocabulary << "w" << n << '\n';
  vocabulary << "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  vocabulary.close();
  EXPECT_THAT(folder.refusal(), testing::AllOf(HasSubstr("mask token has id 68"), HasSubstr("64 tokens (vocab_size)")));
}

}  // namespace
}  // namespace layersweep
