// What Tokenizer::open takes and what it refuses.
#include <gtest/gtest.h>

#include <functional>

#include "base/error.hpp"
#include "tests/text/tokenizer_support.hpp"
#include "text/components.hpp"
#include "text/tokenizer.hpp"

namespace layersweep::text {
namespace {

using nlohmann::json;

json fixture_json(const std::string& name) {
  return json::parse(test::read_file(test::tokenizer_fixtures() / name / "tokenizer.json"));
}

/// The error of opening a folder with the uncased tokenizer.json, or another one, after `change`; empty when it opens.
std::string error_after(const std::function<void(json&)>& change, const std::string& fixture = "uncased") {
  const test::TemporaryFolder folder;
  json root = fixture_json(fixture);
  change(root);
  test::write_file(folder.path() / "tokenizer.json", root.dump());
  try {
    Tokenizer::open(folder.path());
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "";
}

TEST(TokenizerFiles, KnowsItsVocabulary) {
  const Tokenizer tokenizer = Tokenizer::open(test::tokenizer_fixtures() / "uncased");
  const json vocabulary = fixture_json("uncased").at("model").at("vocab");
  EXPECT_EQ(tokenizer.vocabulary_size(), static_cast<std::int32_t>(vocabulary.size()));
  for (const auto& [token, id] : vocabulary.items()) {
    EXPECT_EQ(tokenizer.token_id(token), id.get<std::int32_t>());
    EXPECT_EQ(tokenizer.token_text(id.get<std::int32_t>()), token);
  }
  EXPECT_EQ(tokenizer.token_id("no such token"), std::nullopt);
  EXPECT_THROW(tokenizer.token_text(tokenizer.vocabulary_size()), base::InputError);
  EXPECT_THROW(tokenizer.token_text(-1), base::InputError);
  const SpecialTokens& special = tokenizer.special();
  EXPECT_EQ(tokenizer.token_text(special.mask), "[MASK]");
  EXPECT_EQ(tokenizer.token_text(special.pad), "[PAD]");
  EXPECT_EQ(tokenizer.token_text(special.unknown), "[UNK]");
}

TEST(TokenizerFiles, AddedTokensBeyondTheVocabularyHaveRows) {
  const Tokenizer tokenizer = Tokenizer::open(test::tokenizer_fixtures() / "added");
  const json root = fixture_json("added");
  EXPECT_GT(tokenizer.vocabulary_size(), static_cast<std::int32_t>(root.at("model").at("vocab").size()));
  EXPECT_EQ(tokenizer.token_text(tokenizer.vocabulary_size() - 1), root.at("added_tokens").back().at("content"));
}

TEST(TokenizerFiles, VocabularyFileGivesTheSameAsTokenizerJson) {
  // transformers 5 saves tokenizer.json only, older encoders may have vocab.txt only.
  const test::TemporaryFolder folder;
  const json root = fixture_json("uncased");
  std::vector<std::string> lines(root.at("model").at("vocab").size());
  for (const auto& [token, id] : root.at("model").at("vocab").items()) lines.at(id.get<std::size_t>()) = token;
  std::string text;
  for (const std::string& line : lines) text += line + "\r\n";
  test::write_file(folder.path() / "vocab.txt", text);
  const Tokenizer from_vocabulary = Tokenizer::open(folder.path());
  const Tokenizer from_json = Tokenizer::open(test::tokenizer_fixtures() / "uncased");
  for (const char* sentence : {"The [MASK] film isn't unwatchable.", "Crème brûlée 中文", "[CLS][SEP] [UNK]", ""}) {
    EXPECT_EQ(from_vocabulary.tokenize(sentence).id, from_json.tokenize(sentence).id) << sentence;
  }
}

TEST(TokenizerFiles, AddedTokensAreThoseOfTransformers) {
  const json fixture = json::parse(test::read_file(test::tokenizer_fixtures() / "added_tokens.json"));
  std::string vocabulary;
  for (const json& token : fixture.at("vocabulary")) vocabulary += token.get<std::string>() + "\n";
  ASSERT_GT(fixture.at("cases").size(), 10u);
  for (const json& expected : fixture.at("cases")) {
    SCOPED_TRACE(expected.at("name"));
    const test::TemporaryFolder folder;
    test::write_file(folder.path() / "vocab.txt", vocabulary);
    for (const auto& [name, content] : expected.at("files").items()) test::write_file(folder.path() / name, content.dump());
    const Tokenizer tokenizer = Tokenizer::open(folder.path());
    for (std::size_t t = 0; t < fixture.at("texts").size(); ++t) {
      const auto text = fixture.at("texts")[t].get<std::string>();
      EXPECT_EQ(tokenizer.tokenize(text).id, expected.at("ids")[t].get<std::vector<std::int32_t>>()) << text;
    }
  }
}

std::string refusal_of(const std::map<std::string, std::string>& files) {
  const test::TemporaryFolder folder;
  for (const auto& [name, content] : files) test::write_file(folder.path() / name, content);
  try {
    Tokenizer::open(folder.path());
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "opened";
}

TEST(TokenizerFiles, VocabularyAndMergesGiveTheSameAsTransformers) {
  const json fixture = json::parse(test::read_file(test::tokenizer_fixtures() / "byte_pair_files.json"));
  ASSERT_GE(fixture.at("cases").size(), 4u);
  for (const json& expected : fixture.at("cases")) {
    SCOPED_TRACE(expected.at("config").dump());
    const test::TemporaryFolder folder;
    test::write_file(folder.path() / "vocab.json", fixture.at("vocab").dump());
    test::write_file(folder.path() / "merges.txt", fixture.at("merges").get<std::string>());
    test::write_file(folder.path() / "tokenizer_config.json", expected.at("config").dump());
    const Tokenizer tokenizer = Tokenizer::open(folder.path());
    for (std::size_t t = 0; t < fixture.at("texts").size(); ++t) {
      const TokenizedText found = tokenizer.tokenize(fixture.at("texts")[t].get<std::string>());
      EXPECT_EQ(found.id, expected.at("ids")[t].get<std::vector<std::int32_t>>()) << fixture.at("texts")[t];
      for (std::size_t i = 0; i < found.id.size(); ++i) {
        if (found.source[i] < 0) continue;
        EXPECT_EQ(json({found.char_start[i], found.char_end[i]}), expected.at("offsets")[t][i]) << fixture.at("texts")[t];
      }
    }
  }
}

TEST(TokenizerFiles, VocabularyAndMergesThatCouldMeanMoreThanOneAreRefused) {
  const std::string vocabulary = R"({"<|endoftext|>": 0, "a": 1})", merges = "#version: 0.2\n";
  const std::string gpt2 = R"({"tokenizer_class": "GPT2TokenizerFast"})";
  const auto said = [&](const std::string& config) {
    return refusal_of({{"vocab.json", vocabulary}, {"merges.txt", merges}, {"tokenizer_config.json", config}});
  };
  EXPECT_EQ(said(gpt2), "opened");
  EXPECT_NE(said("{}").find("Save tokenizer.json"), std::string::npos) << said("{}");
  EXPECT_NE(said(R"({"tokenizer_class": "CLIPTokenizer"})").find("CLIPTokenizer"), std::string::npos);
  EXPECT_NE(said(R"({"tokenizer_class": "RobertaTokenizer"})").find("<s>"), std::string::npos);
  EXPECT_NE(said(R"({"tokenizer_class": "GPT2Tokenizer", "add_bos_token": true})").find("add_bos_token"), std::string::npos);
  const std::string lone = refusal_of({{"vocab.json", vocabulary}, {"tokenizer_config.json", gpt2}});
  EXPECT_NE(lone.find("merges.txt"), std::string::npos) << lone;
}

TEST(TokenizerFiles, AddedTokensThatWouldGetAnotherIdAreRefused) {
  const std::string vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ngood\n";
  EXPECT_EQ(refusal_of({{"vocab.txt", vocabulary}, {"added_tokens.json", R"({"<e>": 6})"}}), "opened");
  const std::string hole = refusal_of({{"vocab.txt", vocabulary}, {"added_tokens.json", R"({"<e>": 9})"}});
  EXPECT_NE(hole.find("<e> has id 9"), std::string::npos) << hole;
  EXPECT_NE(hole.find("added_tokens.json"), std::string::npos) << hole;
  const std::string other = refusal_of({{"vocab.txt", vocabulary}, {"added_tokens.json", R"({"good": 6})"}});
  EXPECT_NE(other.find("but 5 in the vocabulary"), std::string::npos) << other;
  EXPECT_NE(refusal_of({{"vocab.txt", vocabulary}, {"added_tokens.json", R"({"<e>": "six"})"}}), "opened");
}

TEST(TokenizerFiles, AModelOfSentencePieceAloneIsRefusedSayingWhatToSave) {
  const std::string told = refusal_of({{"spiece.model", "\n"}});
  for (const char* part : {"spiece.model", "SentencePiece", "save_pretrained"})
    EXPECT_NE(told.find(part), std::string::npos);
}

TEST(TokenizerFiles, AByteOrderMarkInTheVocabularyIsRefusedByName) {
  const std::string told = refusal_of({{"vocab.txt", "\xEF\xBB\xBF[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"}});
  EXPECT_NE(told.find("byte order mark"), std::string::npos) << told;
}

/// What is said while a folder opens with the uncased tokenizer.json, its lowercasing as given, and tokenizer_config.json.
std::string warnings_of(bool lowercase, const std::string& config) {
  const test::TemporaryFolder folder;
  json root = fixture_json("uncased");
  root["normalizer"]["lowercase"] = lowercase;
  test::write_file(folder.path() / "tokenizer.json", root.dump());
  if (!config.empty()) test::write_file(folder.path() / "tokenizer_config.json", config);
  testing::internal::CaptureStderr();
  Tokenizer::open(folder.path());
  return testing::internal::GetCapturedStderr();
}

TEST(TokenizerFiles, WarnsWhereTransformersWouldReadItOtherwise) {
  EXPECT_EQ(warnings_of(true, ""), "");
  EXPECT_EQ(warnings_of(false, R"({"do_lower_case": false})"), "");
  EXPECT_EQ(warnings_of(false, R"({"tokenizer_class": "PreTrainedTokenizerFast"})"), "");
  for (const char* config : {"", "{}", R"({"tokenizer_class": "BertTokenizer"})", R"({"do_lower_case": null})"}) {
    EXPECT_NE(warnings_of(false, config).find("do_lower_case = false, which is used; transformers would use true"),
              std::string::npos)
        << config;
  }
  EXPECT_NE(warnings_of(true, R"({"do_lower_case": false})").find("tokenizer_config.json says so"), std::string::npos);
}

TEST(TokenizerFiles, FingerprintFollowsWhateverChangesTokens) {
  const auto fingerprint_after = [](const std::function<void(json&)>& change) {
    const test::TemporaryFolder folder;
    json root = fixture_json("uncased");
    change(root);
    test::write_file(folder.path() / "tokenizer.json", root.dump());
    return Tokenizer::open(folder.path()).fingerprint();
  };
  const std::string original = fingerprint_after([](json&) {});
  EXPECT_EQ(original.size(), 64u);
  EXPECT_EQ(original, Tokenizer::open(test::tokenizer_fixtures() / "uncased").fingerprint());
  // Token shards of all versions are named by it.
  EXPECT_EQ(original, "0804a8db15989854645781f3d73810f51450c4259f0b5dda6c0539d81c41f5e6");
  EXPECT_EQ(original, fingerprint_after([](json& root) { root.erase("padding"); }));
  EXPECT_EQ(original, fingerprint_after([](json& root) { root["truncation"] = nullptr; }));
  EXPECT_NE(original, fingerprint_after([](json& root) { root["normalizer"]["lowercase"] = false; }));
  EXPECT_NE(original, fingerprint_after([](json& root) { root["normalizer"]["clean_text"] = false; }));
  EXPECT_NE(original, fingerprint_after([](json& root) { root["model"]["max_input_chars_per_word"] = 99; }));
  EXPECT_NE(original, fingerprint_after([](json& root) { root["model"]["vocab"]["new"] = 5000; }));
  EXPECT_NE(original, fingerprint_after([](json& root) { root["added_tokens"][4]["lstrip"] = true; }));
}

TEST(TokenizerFiles, ComponentsThatAreNotKnownAreRefusedByName) {
  struct Case {
    const char* component;
    json value;
    const char* said;
  };
  const std::vector<Case> cases{
      {"normalizer", {{"type", "Transliterate"}}, "its normalizer is Transliterate, not BertNormalizer"},
      {"pre_tokenizer",
       {{"type", "UnicodeScripts"}},
       "its pre-tokenizer is UnicodeScripts, not BertPreTokenizer or ByteLevel"},
      {"pre_tokenizer",
       {{"type", "Sequence"}, {"pretokenizers", {{{"type", "FixedLength"}}}}},
       "its pre-tokenizer is FixedLength, not BertPreTokenizer"},
      {"model", {{"type", "WordLevel"}, {"vocab", {{"a", 1}}}}, "its model is WordLevel, not BPE or Unigram"},
      {"model", {{"vocab", {{"a", 0}}}}, "its model is none, not BPE or Unigram"},
      {"post_processor", {{"type", "Odd"}}, "its post-processor is Odd, not BertProcessing or ByteLevel"}};
  for (const auto& [component, value, said] : cases) {
    const std::string error = error_after([&, name = component, &part = value](json& root) { root[name] = part; });
    for (const char* part : {"tokenizer.json", said, "Use a model with"}) {
      EXPECT_NE(error.find(part), std::string::npos) << error;
    }
  }
}

TEST(TokenizerFiles, RefusesWhatItDoesNotKnowAndSaysWhy) {
  const std::vector<std::pair<const char*, std::function<void(json&)>>> cases{
      {"template", [](json& root) { root["post_processor"]["pair"].erase(3); }},
      {"[MASK]",
       [](json& root) {
         root["model"]["vocab"].erase("[MASK]");
         root["added_tokens"].erase(4);
       }},
      {"[UNK]",
       [](json& root) {
         root["model"]["vocab"].erase("[UNK]");
         root["added_tokens"].erase(1);
       }},
      {"vocab", [](json& root) { root["model"].erase("vocab"); }},
      {"-1", [](json& root) { root["model"]["vocab"]["a"] = -1; }},
      {"1.5", [](json& root) { root["model"]["vocab"]["a"] = 1.5; }},
      {"id 7", [](json& root) { root["model"]["vocab"]["new"] = 7; }},
      {"[MASK]", [](json& root) { root["added_tokens"][4]["id"] = 17; }},
      {"normalisation", [](json& root) {
         root["added_tokens"].push_back({{"id", 9999}, {"content", "\u200b"}, {"normalized", true}});
       }}};
  EXPECT_EQ(error_after([](json&) {}), "");
  for (const auto& [word, change] : cases)
    EXPECT_NE(error_after(change).find(word), std::string::npos) << error_after(change);
}

TEST(TokenizerFiles, RefusesWhatUnigramComponentsCannotBe) {
  const auto normalizer = [](const json& value) { return [value](json& root) { root["normalizer"] = value; }; };
  const auto map = [&](const std::string& base64) {
    return normalizer({{"type", "Precompiled"}, {"precompiled_charsmap", base64}});
  };
  const auto regex = [&](const std::string& pattern) {
    return normalizer({{"type", "Replace"}, {"pattern", {{"Regex", pattern}}}, {"content", " "}});
  };
  const std::vector<std::pair<const char*, std::function<void(json&)>>> cases{
      {"\"▁the\" twice, as 5 and 6", [](json& root) { root["model"]["vocab"][6][0] = "▁the"; }},
      {"no unk_id", [](json& root) { root["model"]["unk_id"] = nullptr; }},
      {"its unk_id is 4000", [](json& root) { root["model"]["unk_id"] = 4000; }},
      {"-1 is not a token id", [](json& root) { root["model"]["unk_id"] = -1; }},
      {"damaged", [](json& root) { root["model"]["vocab"][6][1] = "low"; }},
      {"not base64", map("a?==")},
      {"precompiled_charsmap of its normalizer Precompiled is damaged", map("")},
      {"precompiled_charsmap of its normalizer Precompiled is damaged", map("////fw==")},
      {"precompiled_charsmap of its normalizer Precompiled is damaged", map("BAAAAAAA")},
      {"empty pattern", normalizer({{"type", "Replace"}, {"pattern", {{"String", ""}}}, {"content", " "}})},
      {"regular expression \"(a)b\"", regex("(a)b")},
      {"regular expression \"ab\"", regex("ab")},
      {"regular expression \"a+?\"", regex("a+?")},
      {"regular expression \"[^a]\"", regex("[^a]")},
      {"regular expression \"a{2,3}\"", regex("a{2,3}")},
      {"prepend_scheme often", [](json& root) { root["pre_tokenizer"]["prepend_scheme"] = "often"; }},
      {"add_prefix_space = false", [](json& root) { root["pre_tokenizer"]["add_prefix_space"] = false; }},
      {"replacement", [](json& root) { root["pre_tokenizer"]["replacement"] = "__"; }}};
  EXPECT_EQ(error_after([](json&) {}, "xlm_roberta"), "");
  EXPECT_EQ(error_after(
                [](json& root) {
                  root["pre_tokenizer"].update({{"add_prefix_space", true}, {"str_rep", "_"}});
                },
                "t5"),
            "");
  for (const auto& [said, change] : cases) {
    const std::string error = error_after(change, "xlm_roberta");
    EXPECT_NE(error.find(said), std::string::npos) << said << ": " << error;
  }
}

// A map that a bit was changed in may still be one; it never leads out of the file.
TEST(TokenizerFiles, DamagedCharacterMapsAreRefusedOrRead) {
  std::size_t refused = 0;
  const json root = fixture_json("xlm_roberta");
  const json& part = root.at("normalizer").at("normalizers").at(0);
  const auto whole = part.at("precompiled_charsmap").get<std::string>();
  for (std::size_t place = 0; place < whole.size(); place += 3) {
    json damaged = part;
    std::string text = whole;
    text[place] = text[place] == 'z' ? '9' : 'z';
    damaged["precompiled_charsmap"] = text;
    try {
      read_normalizer({"", damaged})->normalize(align(U"the ﬁlm½\u212b", 0, 9));
    } catch (const base::InputError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 5u);
}

TEST(TokenizerFiles, BytePairsThatWouldNotBeFollowedAreRefused) {
  const auto pattern = [](json& root) -> json& { return root["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]; };
  const std::vector<std::pair<const char*, std::function<void(json&)>>> cases{
      {"merge 2 of \"a\" and \"nowhere\" needs \"nowhere\"",
       [](json& root) {
         root["model"]["merges"][1] = {"a", "nowhere"};
       }},
      {"merge 1 of \"z\" and \"@\" needs \"z@\"",
       [](json& root) {
         root["model"]["merges"][0] = {"z", "@"};
       }},
      {"merge 1 is not of two tokens", [](json& root) { root["model"]["merges"][0] = "a b c"; }},
      {"merge 1 is not of two tokens", [](json& root) { root["model"]["merges"][0] = 7; }},
      {"dropout", [](json& root) { root["model"]["dropout"] = 0.1; }},
      {"unk_token <none>", [](json& root) { root["model"]["unk_token"] = "<none>"; }},
      {"byte_fallback",
       [](json& root) {
         root["model"]["byte_fallback"] = true;
         root["model"]["end_of_word_suffix"] = "</w>";
       }},
      {"no token has id 2,",
       [](json& root) {
         root["model"]["vocab"].erase("!");
         root["model"]["merges"] = json::array();
       }},
      {"id 7", [](json& root) { root["model"]["vocab"]["new"] = 7; }},
      {"behavior \"Sideways\"", [](json& root) { root["pre_tokenizer"]["pretokenizers"][0]["behavior"] = "Sideways"; }},
      {"follows from special tokens",
       [](json& root) {
         json& steps = root["post_processor"]["processors"];
         std::swap(steps[0], steps[1]);
       }},
      {"(a)\\1", [&](json& root) { pattern(root) = "(a)\\1"; }}};
  EXPECT_EQ(error_after([](json&) {}, "llama3"), "");
  EXPECT_EQ(error_after(
                [](json& root) {
                  for (json& merge : root["model"]["merges"]) {
                    merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
                  }
                },
                "llama3"),
            "");
  for (const auto& [words, change] : cases) {
    const std::string error = error_after(change, "llama3");
    EXPECT_NE(error.find(words), std::string::npos) << words << ": " << error;
  }
}

TEST(TokenizerFiles, RefusesMissingAndForeignFiles) {
  const test::TemporaryFolder folder;
  EXPECT_THROW(Tokenizer::open(folder.path() / "absent"), base::InputError);
  EXPECT_THROW(Tokenizer::open(folder.path()), base::InputError);
  test::write_file(folder.path() / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n\xC3\x28\n");
  EXPECT_THROW(Tokenizer::open(folder.path()), base::InputError);
  test::write_file(folder.path() / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n");
  EXPECT_EQ(Tokenizer::open(folder.path()).vocabulary_size(), 6);
  test::write_file(folder.path() / "tokenizer_config.json", R"({"tokenizer_class": "RobertaTokenizer"})");
  EXPECT_THROW(Tokenizer::open(folder.path()), base::InputError);
  test::write_file(folder.path() / "tokenizer_config.json", R"({"do_lower_case": "yes"})");
  EXPECT_THROW(Tokenizer::open(folder.path()), base::InputError);
}

// Not by the end of the stack.
TEST(TokenizerFiles, RefusesWhatNestsTooDeep) {
  const std::string whole = fixture_json("uncased").dump();
  const std::string head = whole.substr(0, whole.size() - 1);
  const test::TemporaryFolder folder;
  const auto open_with = [&](const std::string& value) {
    test::write_file(folder.path() / "tokenizer.json", head + ",\"x\":" + value + "}");
    Tokenizer::open(folder.path());
  };
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_NO_THROW(open_with(nested(90)));
  EXPECT_NO_THROW(open_with("\"" + std::string(1000, '[') + "\\\"[\""));  // a text that only looks so
  EXPECT_THROW(open_with(nested(1'000'000)), base::InputError);
  EXPECT_THROW(open_with("[\"\\\\\"," + nested(1'000'000) + "]"), base::InputError);
}

TEST(TokenizerFiles, DamagedFilesGiveInputErrorsOnly) {
  const std::string whole = test::read_file(test::tokenizer_fixtures() / "uncased" / "tokenizer.json");
  const test::TemporaryFolder folder;
  const auto open_damaged = [&](const std::string& text) {
    test::write_file(folder.path() / "tokenizer.json", text);
    try {
      Tokenizer::open(folder.path());
      return true;
    } catch (const base::InputError&) {
      return false;
    }
  };
  for (std::size_t length = 0; length + 2 < whole.size(); length += 101) EXPECT_FALSE(open_damaged(whole.substr(0, length)));
  // One byte changed may leave a valid file; anything but an InputError then escapes and fails the test.
  for (std::size_t place = 0; place < whole.size(); place += 29) {
    std::string damaged = whole;
    damaged[place] = static_cast<char>(damaged[place] ^ (1 << (place % 7)));
    open_damaged(damaged);
  }
}

}  // namespace
}  // namespace layersweep::text
