// Names of models on the Hugging Face hub, in a cache laid out as huggingface_hub does.
#include "config/model_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/error.hpp"
#include "config/load.hpp"
#include "support/files.hpp"

namespace layersweep::config {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class ModelFolder : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HOME"}) {
      const char* value = std::getenv(name);
      before_[name] = value == nullptr ? "" : value;
      unsetenv(name);
    }
    setenv("HF_HOME", folder_.path().c_str(), 1);
    for (const char* model : {"models--owner--model", "models--gpt2"}) {
      for (const char* commit : {"1111", "2222"}) std::filesystem::create_directories(hub() / model / "snapshots" / commit);
      std::filesystem::create_directories(hub() / model / "refs" / "pr");
      write(hub() / model / "refs" / "main", "2222");
      write(hub() / model / "refs" / "v1", "1111\n");
      write(hub() / model / "refs" / "pr" / "5", "1111");
      write(hub() / model / "refs" / "gone", "3333");
    }
  }
  void TearDown() override {
    for (const auto& [name, value] : before_) value.empty() ? unsetenv(name) : setenv(name, value.c_str(), 1);
  }
  static void write(const std::filesystem::path& file, const char* text) { std::ofstream(file) << text; }
  std::filesystem::path hub() const { return folder_.path() / "hub"; }
  std::filesystem::path snapshot(const char* model, const char* commit) const {
    return hub() / model / "snapshots" / commit;
  }

  test::TemporaryFolder folder_;
  std::map<const char*, std::string> before_;
};

TEST_F(ModelFolder, IsTheSnapshotOfTheRevision) {
  EXPECT_EQ(model_folder("owner/model"), snapshot("models--owner--model", "2222"));
  EXPECT_EQ(model_folder("owner/model@main"), snapshot("models--owner--model", "2222"));
  EXPECT_EQ(model_folder("owner/model@v1"), snapshot("models--owner--model", "1111"));
  EXPECT_EQ(model_folder("owner/model@pr/5"), snapshot("models--owner--model", "1111"));
  EXPECT_EQ(model_folder("owner/model@1111"), snapshot("models--owner--model", "1111"));
  EXPECT_EQ(model_folder("gpt2"), snapshot("models--gpt2", "2222"));
}

TEST_F(ModelFolder, IsLookedForWhereTheLibraryLooks) {
  const std::filesystem::path found = hub() / "models--gpt2" / "snapshots" / "2222";
  unsetenv("HF_HOME");
  EXPECT_EQ(model_folder("gpt2"), "gpt2");
  setenv("HF_HUB_CACHE", hub().c_str(), 1);
  EXPECT_EQ(model_folder("gpt2"), found);
  unsetenv("HF_HUB_CACHE");
  const auto elsewhere = folder_.path() / "home" / ".cache";
  std::filesystem::create_directories(elsewhere / "huggingface");
  std::filesystem::create_directory_symlink(hub(), elsewhere / "huggingface" / "hub");
  setenv("HOME", (folder_.path() / "home").c_str(), 1);
  EXPECT_EQ(std::filesystem::canonical(model_folder("gpt2")), found);
  unsetenv("HOME");
  setenv("XDG_CACHE_HOME", elsewhere.c_str(), 1);
  EXPECT_EQ(std::filesystem::canonical(model_folder("gpt2")), found);
}

TEST_F(ModelFolder, IsTheFolderOfThatNameFirst) {
  const auto here = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  std::filesystem::create_directories("owner/model");
  EXPECT_EQ(model_folder("owner/model"), "owner/model");
  std::filesystem::current_path(here);
  EXPECT_EQ(model_folder(hub()), hub());
}

TEST_F(ModelFolder, StaysWhatIsNoModelOfTheCache) {
  for (const char* name :
       {"", "owner/other", "owner/model/more", "../models--gpt2", "/gpt2", "owner/", "a b", "owner/..", "@main"}) {
    EXPECT_EQ(model_folder(name), name);
  }
}

TEST_F(ModelFolder, RefusesARevisionThatTheCacheHasNot) {
  for (const char* revision : {"v2", "gone", "", "../../x", "/refs/main", "pr"}) {
    try {
      model_folder(std::string("owner/model@") + revision);
      ADD_FAILURE() << "taken: " << revision;
    } catch (const base::InputError& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr("has no revision"), HasSubstr("knows gone, main, pr/5, v1"),
                                      HasSubstr("hf download owner/model")));
    }
  }
}

TEST_F(ModelFolder, IsWhatAnExperimentRecords) {
  const char* text = "[task]\nname = text\ndata = texts.jsonl\n[encoder]\nfolder = owner/model@v1\n[finetune]\nepochs = 0\n";
  EXPECT_EQ(parse(text).encoder.folder, snapshot("models--owner--model", "1111"));
}

}  // namespace
}  // namespace layersweep::config
