// layersweep explain: new texts get the masks that extraction wrote for the same texts.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "app/explanation_page.hpp"
#include "base/error.hpp"
#include "config/options.hpp"
#include "data/counting.hpp"
#include "jobs/explaining/text_reader.hpp"
#include "program.hpp"
#include "store/results_file.hpp"

namespace layersweep::app {
namespace {

namespace fs = std::filesystem;
using test::Outcome;
using test::shell;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Json = nlohmann::json;

std::vector<Json> json_lines(const std::string& text) {
  std::vector<Json> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) values.push_back(Json::parse(line));
  return values;
}

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

// Words of the tiny encoder's vocabulary; the second text is longer than the 24 tokens it reads.
std::string sentence(int number) {
  std::string text;
  const int words = number == 1 ? 30 : 3 + number * 5 % 11;
  for (int w = 0; w < words; ++w) text += (w == 0 ? "w" : " w") + std::to_string((number * 17 + w * w * 5) % 59);
  return text;
}

std::string tree(const std::string& text, int label) {
  std::string leaves;
  std::istringstream words(text);
  for (std::string word; words >> word;) leaves += " (2 " + word + ")";
  return "(" + std::to_string(label) + leaves + ")\n";
}

class Explain : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new test::TemporaryFolder;
    std::string train, dev, test;
    for (int t = 0; t < 5; ++t) test += tree(sentence(t), t);
    for (int t = 5; t < 10; ++t) dev += tree(sentence(t), t % 5);
    for (int t = 10; t < 30; ++t) train += tree(sentence(t), t % 5);
    write(path("data/sst/train.txt"), train);
    write(path("data/sst/dev.txt"), dev);
    write(path("data/sst/test.txt"), test);
    // Large steps, and an epsilon that lets many masks pass.
    run_sst("sst",
            "modes = hidden, input\nseeds = 3, 5\nepsilon = 0.008\nmax_steps = 24\nlearning_rate = 0.1\n"
            "warm_up = 0\nvalidate_every = 2\n");
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }

  static fs::path path(const std::string& name) { return folder_->path() / name; }
  static std::string sst_text() {
    return "[task]\nname = sst\nmax_length = 24\ndata = " + path("data").string() +
           "\n[encoder]\nfolder = " + (test::source_dir() / "tests/model/fixtures/tiny-bert").string() + "\n";
  }
  static void run_sst(const std::string& name, const std::string& probe) {
    write(path(name + ".ini"), sst_text() + "[finetune]\nepochs = 0\n[probe]\nbatch = 8\n" + probe +
                                   "[extract]\nsplits = test\n[run]\nthreads = 1\nfolder = " + path(name).string() + "\n");
    const Outcome trained = shell("$L run " + path(name + ".ini").string());
    ASSERT_EQ(trained.exit_code, 0) << trained.error;
  }
  static std::string explain(const std::string& run) { return "$L explain " + path(run).string(); }

  static test::TemporaryFolder* folder_;
};

test::TemporaryFolder* Explain::folder_ = nullptr;

// The answers (one per example of the file) against the results; `seed_of` gives the index of a point's seed.
template <class SeedOf>
void expect_as_in(const store::ResultsFile& file, const std::string& mode, const std::vector<Json>& answers,
                  SeedOf seed_of) {
  const auto examples = static_cast<std::size_t>(file.size("example")),
             tokens = static_cast<std::size_t>(file.size("token"));
  const auto points = static_cast<std::size_t>(file.size("point"));
  const auto classes = static_cast<std::size_t>(file.size("class"));
  const auto start = file.read<std::int32_t>("token_start"), count = file.read<std::int32_t>("token_count");
  const auto prediction = file.read<std::int32_t>("prediction"), seeds = file.read<std::int32_t>("seed");
  const auto logits = file.read<float>("logits"), kl = file.read<float>(mode + "/kl");
  const auto keep = file.read<float>(mode + "/keep_probability"), share = file.read<float>(mode + "/keep_share");
  const auto flipped = file.read<std::uint8_t>(mode + "/flipped"), accepted = file.read<std::uint8_t>(mode + "/accepted");
  const auto token_text = file.read_text("token_text"), names = file.read_text("point_name");
  ASSERT_EQ(answers.size(), examples);
  for (std::size_t e = 0; e < examples; ++e) {
    const Json& answer = answers[e];
    const auto from = static_cast<std::size_t>(start[e]), length = static_cast<std::size_t>(count[e]);
    EXPECT_EQ(answer.at("mode"), mode);
    EXPECT_EQ(answer.at("prediction"), prediction[e]);
    ASSERT_EQ(answer.at("tokens").size(), length);
    for (std::size_t t = 0; t < length; ++t) EXPECT_EQ(answer["tokens"][t], token_text[from + t]);
    // Extraction sums over other batches, in another order; figures are of order 1.
    for (std::size_t c = 0; c < classes; ++c) {
      EXPECT_NEAR(answer.at("logits").at(c).get<float>(), logits[e * classes + c], 1e-5);
    }
    ASSERT_EQ(answer.at("points").size(), points);
    for (std::size_t p = 0; p < points; ++p) {
      const Json& mask = answer["points"][p];
      const std::size_t s = seed_of(p), cell = s * points + p;
      EXPECT_EQ(mask.at("name"), names[p]);
      EXPECT_EQ(mask.at("seed"), seeds[s]);
      EXPECT_EQ(mask.at("accepted"), accepted[cell] == 1);
      EXPECT_EQ(mask.at("flipped"), flipped[cell * examples + e] == 1);
      EXPECT_FLOAT_EQ(mask.at("keep_share").get<float>(), share[cell * examples + e]);
      EXPECT_NEAR(mask.at("kl").get<float>(), kl[cell * examples + e], 1e-5);
      ASSERT_EQ(mask.at("keep_probability").size(), length);
      for (std::size_t t = 0; t < length; ++t) {
        EXPECT_NEAR(mask["keep_probability"][t].get<float>(), keep[cell * tokens + from + t], 1e-5)
            << e << " " << p << " " << t;
      }
    }
  }
}

std::string lines_of_test_split() {
  std::string lines;
  for (int t = 0; t < 5; ++t) lines += sentence(t) + "\n";
  return lines;
}

TEST_F(Explain, GivesTheMasksOfTheResultsForEveryModeAndSeed) {
  const auto file = store::ResultsFile::open(path("sst/results.h5"));
  for (const std::string mode : {"input", "hidden"}) {
    for (const std::size_t s : {0, 1}) {
      const Outcome outcome =
          shell(explain("sst") + " --json --mode " + mode + " --seed " + (s == 0 ? "3" : "5"), lines_of_test_split());
      ASSERT_EQ(outcome.exit_code, 0) << outcome.error;
      EXPECT_EQ(outcome.error, "warning: text 2 has 32 tokens, of which the first 24 are read\n");
      expect_as_in(file, mode, json_lines(outcome.out), [s](std::size_t) { return s; });
    }
  }
}

TEST_F(Explain, TakesTheChosenSeedsOfTheFirstMode) {
  // The first of these seeds starts with masks that hurt at two points, the second at one of these; one step mends nothing.
  run_sst("judged", "modes = hidden, input\nseeds = 17, 30\nepsilon = 1e-7\nmax_steps = 1\ncalibrate = false\n");
  const auto file = store::ResultsFile::open(path("judged/results.h5"));
  const auto chosen = file.read<std::int32_t>("hidden/chosen_seed");
  for (const int seed : {-1, 0, 1}) ASSERT_THAT(chosen, testing::Contains(seed));
  const Outcome outcome = shell(explain("judged") + " --json", lines_of_test_split());
  ASSERT_EQ(outcome.exit_code, 0) << outcome.error;
  expect_as_in(file, "hidden", json_lines(outcome.out),
               [&](std::size_t p) { return static_cast<std::size_t>(std::max(chosen[p], 0)); });
  EXPECT_THAT(shell(explain("judged") + " --text w1").out, HasSubstr("seed 17, not accepted\n"));
}

TEST_F(Explain, SaysTheSameToPeople) {
  const Outcome outcome = shell(explain("sst") + " --text 'w1 w2' --text '' ");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.error;
  EXPECT_EQ(outcome.error, "warning: text 2 has no words: only the special tokens around it are read\n");
  const auto answers = json_lines(shell(explain("sst") + " --json --text 'w1 w2' --text ''").out);
  ASSERT_EQ(answers.size(), 2u);
  std::size_t from = 0;
  for (const Json& answer : answers) {
    from = outcome.out.find("prediction: " + std::to_string(answer.at("prediction").get<int>()), from);
    ASSERT_NE(from, std::string::npos);
    for (const Json& mask : answer.at("points")) {
      const auto figures = mask.at("keep_probability").get<std::vector<float>>();
      const auto kept = std::count_if(figures.begin(), figures.end(), [](float p) { return p > 0.5F; });
      const std::string line =
          fmt::format("KL {:7.4f}  kept {} of {}  prediction {}  seed {}{}\n", std::max(mask.at("kl").get<float>(), 0.0F),
                      kept, figures.size(), mask.at("flipped").get<bool>() ? "flips" : "stays", mask.at("seed").get<int>(),
                      mask.at("accepted").get<bool>() ? "" : ", not accepted");
      from = outcome.out.find(line, from);
      ASSERT_NE(from, std::string::npos) << line << "in\n" << outcome.out;
    }
  }
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("[CLS]"), HasSubstr("\nw2 "), Not(HasSubstr("\x1b["))));
}

std::string without_hidden_text(std::string html) {
  return std::regex_replace(html, std::regex("<span class=\"unseen\">[^<]*</span>"), "");
}

// The texts of all cells that open with this tag, in order.
std::vector<std::string> cells(const std::string& html, const std::string& tag) {
  std::vector<std::string> found;
  const std::regex cell("<" + tag + "( [^>]*)?>([^<]*)</" + tag + ">");
  for (std::sregex_iterator it(html.begin(), html.end(), cell), end; it != end; ++it) found.push_back((*it)[2]);
  return found;
}

TEST_F(Explain, MakesAPage) {
  const std::string texts = " --text 'w1 <w2> & w3' --text w4";
  const Outcome outcome = shell(explain("sst") + texts + " --html " + path("page.html").string());
  ASSERT_EQ(outcome.exit_code, 0) << outcome.error;
  EXPECT_EQ(outcome.out, path("page.html").string() + ": 2 texts\n");
  std::ifstream file(path("page.html"));
  const std::string page(std::istreambuf_iterator<char>(file), {});
  EXPECT_THAT(page, AllOf(StartsWith("<!DOCTYPE html>"), HasSubstr(">w1 &lt;w2&gt; &amp; w3</h2>"), Not(HasSubstr("<w2>"))));
  for (const char* outside : {"<script", "http:", "https:", "url(", "<link", "<img"}) {
    EXPECT_THAT(page, Not(HasSubstr(outside))) << "a page that needs nothing else";
  }
  std::vector<std::string> figures, heads;
  for (const Json& answer : json_lines(shell(explain("sst") + texts + " --json").out)) {
    const Json& points = answer.at("points");
    heads.push_back("token");
    for (const Json& mask : points) heads.push_back(mask.at("name"));
    for (std::size_t t = 0; t < answer.at("tokens").size(); ++t) {
      heads.push_back(answer["tokens"][t]);
      for (const Json& mask : points) figures.push_back(fmt::format("{:.2f}", mask["keep_probability"][t].get<float>()));
    }
    for (const char* head : {"point", "KL (nats)", "kept", "prediction", "probe seed"}) heads.push_back(head);
    for (const Json& mask : points) {
      heads.push_back(mask.at("name"));
      const auto keep = mask.at("keep_probability").get<std::vector<float>>();
      const auto kept = std::count_if(keep.begin(), keep.end(), [](float p) { return p > 0.5F; });
      figures.push_back(fmt::format("{:.4f}", std::max(mask.at("kl").get<float>(), 0.0F)));
      figures.push_back(fmt::format("{} of {}", kept, keep.size()));
      figures.push_back(mask.at("flipped").get<bool>() ? "flips" : "stays");
      figures.push_back(
          fmt::format("{}{}", mask.at("seed").get<int>(), mask.at("accepted").get<bool>() ? "" : ", not accepted"));
    }
  }
  EXPECT_EQ(cells(without_hidden_text(page), "td"), figures);
  EXPECT_EQ(cells(page, "th"), heads);
  // All that is kept says so to those who do not see it.
  const std::regex kept("kept\">([0-9.]+)<span class=\"unseen\"> kept</span></td>");
  for (std::sregex_iterator it(page.begin(), page.end(), kept), end; it != end; ++it) {
    EXPECT_GE(std::stod((*it)[1]), 0.5);
  }
  EXPECT_EQ(shell(explain("sst") + " --text w1 --json --html x.html").exit_code, 2);
  const Outcome nowhere = shell(explain("sst") + " --text w1 --html /nowhere/x.html");
  EXPECT_EQ(nowhere.exit_code, 1);
  EXPECT_THAT(nowhere.error, HasSubstr("/nowhere/x.html"));
}

// WCAG 2: relative luminance of "#rrggbb".
double luminance(const std::string& colour) {
  const auto channel = [&](std::size_t at) {
    const double value = std::stoi(colour.substr(at, 2), nullptr, 16) / 255.0;
    return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

TEST(ExplanationPage, IsReadableInLightAndDark) {
  const std::string page = explanation_page({}, terms::Mode::hidden, "a run");
  const std::regex shade("--s([0-5]): (#[0-9a-f]{6}); --i\\1: (#[0-9a-f]{6});");
  std::vector<double> backgrounds;
  for (std::sregex_iterator it(page.begin(), page.end(), shade), end; it != end; ++it) {
    const double ground = luminance((*it)[2]), ink = luminance((*it)[3]);
    EXPECT_GE((std::max(ground, ink) + 0.05) / (std::min(ground, ink) + 0.05), 4.5) << it->str();
    backgrounds.push_back(ground);
  }
  ASSERT_EQ(backgrounds.size(), 12u) << "six for light and six for dark screens";
  EXPECT_TRUE(std::is_sorted(backgrounds.rbegin() + 6, backgrounds.rend())) << "light: ever darker";
  EXPECT_TRUE(std::is_sorted(backgrounds.begin() + 6, backgrounds.end())) << "dark: ever brighter";
}

TEST_F(Explain, ColoursOnATerminalUnlessToldNotTo) {
  const std::string command = explain("sst") + " --text w1";
  EXPECT_THAT(shell(command + " --colour always").out, HasSubstr("\x1b[48;5;"));
  if (shell("command -v script").exit_code != 0) GTEST_SKIP() << "no script(1) to make a terminal";
  const auto on_terminal = [&](const std::string& setting, const std::string& option) {
    return shell("export L; TERM=xterm " + setting + " script -qec '" + command + option + "' /dev/null").out;
  };
  EXPECT_THAT(on_terminal("", ""), HasSubstr("\x1b[48;5;"));
  EXPECT_THAT(on_terminal("NO_COLOR=1", ""), AllOf(HasSubstr("[CLS]"), Not(HasSubstr("\x1b["))));
  EXPECT_THAT(on_terminal("", " --colour never"), AllOf(HasSubstr("[CLS]"), Not(HasSubstr("\x1b["))));
}

TEST_F(Explain, ShowsARunThatIsUnderWay) {
  fs::copy(path("sst"), path("underway"), fs::copy_options::recursive);
  fs::remove(path("underway/results.h5"));
  fs::remove(path("underway/units/hidden-3/done.json"));
  const auto answers = json_lines(shell(explain("underway") + " --json --text w1").out);
  ASSERT_EQ(answers.size(), 1u);
  for (const Json& mask : answers[0].at("points")) {
    EXPECT_EQ(mask.at("seed"), 5);
    EXPECT_TRUE(mask.at("accepted").is_null());
  }
  EXPECT_THAT(shell(explain("underway") + " --text w1").out, HasSubstr("seed 5, not judged yet\n"));
  const Outcome missing = shell(explain("underway") + " --seed 3 --text w1");
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.error, AllOf(HasSubstr("seed 3 are not trained yet"), HasSubstr("`layersweep run ")));
}

TEST_F(Explain, RefusesWithTheRemedy) {
  const std::string probes = "[probe]\nmodes = input\nseeds = 1\n";
  write(path("untrained/experiment.ini"), sst_text() + "[finetune]\nepochs = 0\n" + probes);
  write(path("no-model/experiment.ini"), sst_text() + "[finetune]\nepochs = 1\n" + probes);
  write(path("no-encoder/experiment.ini"),
        "[task]\nname = sst\ndata = x\n[finetune]\nepochs = 0\n[encoder]\nfolder = not/there\n");
  struct Case {
    std::string arguments;
    int exit_code;
    std::vector<std::string> parts;
  };
  const std::vector<Case> cases{
      {path("nowhere").string(), 1, {"is not a run folder", "there is no such folder", "run.folder"}},
      {path("data").string(), 1, {"is not a run folder", "no experiment.ini"}},
      {path("untrained").string(), 1, {"no probes of input mode are trained yet", "layersweep run"}},
      {path("untrained").string() + " --mode hidden", 1, {"has no probes of hidden mode", "probe.modes"}},
      {path("untrained").string() + " --seed 1", 1, {"seed 1 are not trained yet", "layersweep run"}},
      {path("no-model").string(), 1, {"model", "not trained yet", "layersweep run"}},
      {path("no-encoder").string(), 1, {"not/there", "relative path"}},
      {path("sst").string() + " --seed 4", 1, {"no probe seed 4", "3, 5"}},
      {path("sst").string() + " --seed four", 2, {"whole number"}},
      {path("sst").string() + " --mode output", 2, {"input or hidden"}},
      {path("sst").string() + " --colour blue", 2, {"auto, always or never"}},
  };
  for (const Case& wrong : cases) {
    const Outcome outcome = shell("cd / && $L explain " + wrong.arguments + " --text w1");
    EXPECT_EQ(outcome.exit_code, wrong.exit_code) << wrong.arguments << "\n" << outcome.error;
    EXPECT_EQ(outcome.out, "") << wrong.arguments;
    EXPECT_THAT(outcome.error, AllOf(StartsWith("error: "), EndsWith("\n")));
    EXPECT_EQ(std::ranges::count(outcome.error, '\n'), 1) << outcome.error;
    for (const std::string& part : wrong.parts) EXPECT_THAT(outcome.error, HasSubstr(part)) << wrong.arguments;
  }
}

TEST_F(Explain, ReadsCountingTexts) {
  write(path("counting.ini"),
        "[task]\nname = counting\nlimit = 40\n[finetune]\nepochs = 1\n"
        "[probe]\nmodes = input\nbatch = 16\nmax_steps = 8\nlearning_rate = 0.1\nwarm_up = 0\nvalidate_every = 8\n"
        "[extract]\nsplits = dev\n[run]\nthreads = 1\nfolder = " +
            path("counting").string() + "\n");
  const Outcome trained = shell("$L run " + path("counting.ini").string());
  ASSERT_EQ(trained.exit_code, 0) << trained.error;
  const auto corpus = data::counting_corpus(0, terms::Split::dev);
  std::string lines;
  for (std::int64_t e = 0; e < 40; ++e) {
    const auto query = corpus.query().subspan(static_cast<std::size_t>(2 * e), 2);
    lines += fmt::format("{} {} : {}\n", query[0], query[1], corpus.text(e));
  }
  const Outcome outcome = shell(explain("counting") + " --json --seed 0", lines);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.error;
  EXPECT_EQ(outcome.error, "");
  expect_as_in(store::ResultsFile::open(path("counting/results.h5")), "input", json_lines(outcome.out),
               [](std::size_t) { return std::size_t{0}; });

  const Outcome wrong = shell(explain("counting") + " --text '1 2 : 1' --text '3 7'");
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.out, HasSubstr("prediction: ")) << "the text before it is answered";
  EXPECT_THAT(wrong.error, AllOf(StartsWith("error: text 2: "), HasSubstr("\"3 7 : 3 1 7 3\"")));
  EXPECT_THAT(shell(explain("counting") + " --text '1 2 : 0 1 2 3 4 5 6 7 8 9 0'").error, HasSubstr("has 11 digits"));
}

TEST(CountingText, HasTwoDigitsAColonAndASequence) {
  config::Experiment experiment;
  experiment.task.name = config::TaskName::counting;
  const jobs::TextReader reader(experiment, {});
  const data::Example read = reader.read({"  3 7 :\t3 1  7 3 ", {}}).windows.at(0);
  EXPECT_THAT(read.query, testing::ElementsAre(3, 7));
  EXPECT_THAT(read.token_id, testing::ElementsAre(3, 1, 7, 3));
  for (const char* text : {"", "3 7", "3 7 :", ": 1", "3 : 1", "3 3 : 1", "3 7 : 3 12", "3 7 : 1 : 2", "3 7 9 : 1", "three",
                           "3 7: 1", "3 7 : 1 -2", "3 7 : \xc2\xb2"}) {
    EXPECT_THROW(reader.read({text, {}}), base::InputError) << text;
  }
}

TEST(HelpOfSettings, NamesEverySetting) {
  const std::string text = shell("$L help settings").out;
  for (const std::string& key : config::option_keys()) EXPECT_THAT(text, HasSubstr("  " + key + " ("));
}

}  // namespace
}  // namespace layersweep::app
