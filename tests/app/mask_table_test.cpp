#include "app/mask_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "app/display_width.hpp"
#include "base/error.hpp"

namespace layersweep::app {
namespace {

TEST(MaskTable, OneRowPerTokenOneColumnPerPoint) {
  const MaskTable table{{"[CLS]", "good", "film"}, {"0", "1"}, {{1.0f, 0.974f, 0.5f}, {std::nanf(""), 0.026f, 0.0f}}};
  EXPECT_EQ(render_mask_table(table, Colour::never, 80),
            "         0    1\n"
            "[CLS] 1.00    -\n"
            "good  0.97 0.03\n"
            "film  0.50 0.00\n");
}

TEST(MaskTable, ColoursGoFromDarkToBright) {
  const MaskTable table{{"a", "b", "c"}, {"0"}, {{0.0f, 0.5f, 1.0f}}};
  EXPECT_EQ(render_mask_table(table, Colour::always, 80),
            "     0\n"
            "a \x1b[48;5;234;38;5;250m0.00\x1b[0m\n"
            "b \x1b[48;5;34;38;5;16m0.50\x1b[0m\n"
            "c \x1b[48;5;46;38;5;16m1.00\x1b[0m\n");
}

TEST(MaskTable, WideCharactersAndCombiningMarksStayAligned) {
  const MaskTable table{{"映画", "😀", "e\u0301te\u0301", "film"}, {"0"}, {{0.1f, 0.2f, 0.3f, 0.4f}}};
  EXPECT_EQ(render_mask_table(table, Colour::never, 80),
            "        0\n"
            "映画 0.10\n"
            "😀   0.20\n"
            "e\u0301te\u0301  0.30\n"
            "film 0.40\n");
}

TEST(MaskTable, LongNamesOfPointsGoToALegend) {
  const MaskTable table{
      {"a"}, {"embeddings", "layer 1", "layer 2", "the output of the last layer of all"}, {{1}, {1}, {1}, {0}}};
  EXPECT_EQ(render_mask_table(table, Colour::never, 45),
            "points: 0 embeddings, 1 layer 1, 2 layer 2,\n"
            "        3 the output of the last laye…\n"
            "     0    1    2    3\n"
            "a 1.00 1.00 1.00 0.00\n");
}

TEST(MaskTable, PointsThatDoNotFitFollowInFurtherBlocks) {
  MaskTable table{{"word"}, {}, {}};
  for (int p = 0; p < 8; ++p) {
    table.points.push_back(std::to_string(p));
    table.keep.push_back({static_cast<float>(p) / 10});
  }
  EXPECT_EQ(render_mask_table(table, Colour::never, 1),
            "        0    1    2    3    4    5    6\n"
            "word 0.00 0.10 0.20 0.30 0.40 0.50 0.60\n"
            "\n"
            "        7\n"
            "word 0.70\n");
}

TEST(MaskTable, LongTextsStandInPanels) {
  MaskTable table{{}, {"0"}, {{}}};
  for (int t = 0; t < 41; ++t) {
    table.tokens.push_back(std::to_string(t));
    table.keep[0].push_back(1);
  }
  const std::string text = render_mask_table(table, Colour::never, 40);
  EXPECT_EQ(text.substr(0, text.find('\n', text.find('\n') + 1)),
            "      0         0         0\n"
            "0  1.00   14 1.00   28 1.00");
  EXPECT_EQ(std::ranges::count(text, '\n'), 15);
}

TEST(MaskTable, KeepsToTheWidthAndShowsEveryCellOnce) {
  for (int columns : {40, 57, 80, 200}) {
    for (std::size_t tokens : {0u, 1u, 19u, 20u, 21u, 64u, 127u}) {
      MaskTable table;
      for (std::size_t t = 0; t < tokens; ++t) table.tokens.push_back("t" + std::string(t % 30, 'x'));
      for (int p = 0; p < 14; ++p) {
        table.points.push_back("point number " + std::to_string(p));
        table.keep.emplace_back(tokens, 0.25f);
      }
      std::istringstream lines(render_mask_table(table, Colour::never, columns));
      std::size_t cells = 0;
      for (std::string line; std::getline(lines, line);) {
        EXPECT_LE(display_width(line), columns) << line;
        for (auto at = line.find("0.25"); at != std::string::npos; at = line.find("0.25", at + 1)) ++cells;
      }
      EXPECT_EQ(cells, tokens * 14) << columns << " columns, " << tokens << " tokens";
    }
  }
}

TEST(MaskTable, TextCannotSteerTheTerminal) {
  const MaskTable table{{"\x1b[2J", "\xff\n", "a\tb", "\u202E"}, {"\x07"}, {{1, 1, 1, 1}}};
  EXPECT_EQ(render_mask_table(table, Colour::never, 80),
            "        \\x07\n"
            "\\x1b[2J 1.00\n"
            "\\xff\\n  1.00\n"
            "a\\tb    1.00\n"
            "\\u202e  1.00\n");
}

TEST(MaskTable, RefusesTablesOfUnequalLengths) {
  EXPECT_THROW(render_mask_table({{"a", "b"}, {"0"}, {{1}}}, Colour::never, 80), base::InternalError);
  EXPECT_THROW(render_mask_table({{"a"}, {"0", "1"}, {{1}}}, Colour::never, 80), base::InternalError);
}

TEST(FitToWidth, CutsBetweenCharacters) {
  EXPECT_EQ(fit_to_width("abc", 5, Align::left), "abc  ");
  EXPECT_EQ(fit_to_width("abc", 5, Align::right), "  abc");
  EXPECT_EQ(fit_to_width("abcdef", 4, Align::left), "abc…");
  EXPECT_EQ(fit_to_width("映画館", 4, Align::left), "映… ");
}

}  // namespace
}  // namespace layersweep::app
