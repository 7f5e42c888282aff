// The Stanford Sentiment Treebank: the sentiment of a sentence in five classes (Socher et al. 2013).
#include "data/sst.hpp"

#include "base/hash.hpp"
#include "jobs/tasks/manifest.hpp"
#include "jobs/tasks/task.hpp"
#include "jobs/tasks/token_shards.hpp"

namespace layersweep::jobs {
namespace {

class Sst final : public Task {
 public:
  Texts texts(const config::Experiment& experiment, const std::filesystem::path& token_folder,
              const data::OnText& on_text) const override {
    const config::Task& task = experiment.task;
    const TokenShards shards(experiment, token_folder);
    std::string hashes;
    const auto split = [&](terms::Split which) {
      const std::string hash = base::sha256_of_file(data::sst_file(task.data, which));
      hashes += hash;
      return shards.open(which, hash,
                         [&] { return data::prepare_sst(task.data, which, shards.tokenizer(), task.max_length, on_text); });
    };
    data::Corpus train = split(terms::Split::train), dev = split(terms::Split::dev), test = split(terms::Split::test);
    return {.train = train,
            .dev = dev,
            .test = test,
            .tokenizer = shards.tokenizer(),
            .data_sha256 = base::sha256_of_text(hashes),
            .head = {.classes = classes}};
  }

  plan::TextLengths lengths(const config::Experiment& experiment) const override {
    const Manifest manifest("sst");
    const auto split = [&](std::string_view which) {
      return manifest.split(which).cut(experiment.task.max_length).first(experiment.task.limit);
    };
    return {split("train"), split("dev"), split("test")};
  }

  store::TaskColumns columns() const override { return {.token_sentiment = true}; }

  std::vector<std::string> class_names(const model::Head& head) const override {
    const std::vector<std::string> names{"very negative", "negative", "neutral", "positive", "very positive"};
    return head.classes == classes ? names : head.class_names;
  }

 private:
  static constexpr std::int64_t classes = 5;
};

}  // namespace

const Task& sst_task() {
  static const Sst task;
  return task;
}

}  // namespace layersweep::jobs
