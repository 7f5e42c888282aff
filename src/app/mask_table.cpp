#include "app/mask_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "app/display_width.hpp"
#include "base/error.hpp"
#include "base/printable.hpp"

namespace layersweep::app {

namespace {

constexpr int figure_width = 4;  // "0.97"
constexpr int widest_name = 6;   // wider names of points go to the legend
constexpr int widest_in_legend = 28;
constexpr int widest_token = 20;  // wider tokens are cut
constexpr int narrowest_table = 40;
constexpr int gap_of_panels = 3;
constexpr std::size_t rows_of_one_panel = 20;  // shorter texts stay in one piece

// From the 256-colour palette, dark to bright; the lightness grows steadily, so it also reads without colour vision.
struct Shade {
  int background;
  int text;
};
constexpr std::array shades{Shade{234, 250}, Shade{22, 255}, Shade{28, 255}, Shade{34, 16}, Shade{40, 16}, Shade{46, 16}};

struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t size() const { return end - begin; }
};

struct Layout {
  int token_width = 0;
  int cell_width = 0;
  std::size_t points_per_block = 1;

  int block_width(std::size_t points) const { return token_width + static_cast<int>(points) * (1 + cell_width); }
};

std::string cell(float keep, int width, Colour colour) {
  const std::string figure = std::isnan(keep) ? "-" : fmt::format("{:.2f}", keep);
  const std::string text = fit_to_width(figure, width, Align::right);
  if (colour == Colour::never || std::isnan(keep)) return text;
  const auto index = static_cast<std::size_t>(std::clamp(keep, 0.0f, 1.0f) * (shades.size() - 1) + 0.5f);
  return fmt::format("\x1b[48;5;{};38;5;{}m{}\x1b[0m", shades[index].background, shades[index].text, text);
}

std::string without_trailing_blanks(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string header(const std::vector<std::string>& names, Range points, const Layout& layout) {
  std::string line(static_cast<std::size_t>(layout.token_width), ' ');
  for (std::size_t p = points.begin; p < points.end; ++p)
    line.append(" ").append(fit_to_width(names[p], layout.cell_width, Align::right));
  return line;
}

// The rows of some points, long texts in panels side by side.
std::string block(const MaskTable& table, Range points, const Layout& layout, Colour colour, int columns) {
  const auto& [tokens, names, keep] = table;
  const int width = layout.block_width(points.size());
  const auto fitting = static_cast<std::size_t>((columns + gap_of_panels) / (width + gap_of_panels));
  const auto ceil_divided = [](std::size_t a, std::size_t b) { return (a + b - 1) / b; };
  const std::size_t at_most = std::max<std::size_t>(1, std::min(fitting, ceil_divided(tokens.size(), rows_of_one_panel)));
  const std::size_t rows = ceil_divided(tokens.size(), at_most);
  const std::size_t panels = rows == 0 ? 1 : ceil_divided(tokens.size(), rows);
  const std::string gap(gap_of_panels, ' ');

  std::string head = header(names, points, layout);
  for (std::size_t panel = 1; panel < panels; ++panel) head += gap + header(names, points, layout);
  std::string text = without_trailing_blanks(head) + "\n";
  for (std::size_t row = 0; row < rows; ++row) {
    std::string line;
    for (std::size_t token = row; token < tokens.size(); token += rows) {
      line += (token == row ? "" : gap) + fit_to_width(tokens[token], layout.token_width, Align::left);
      for (std::size_t p = points.begin; p < points.end; ++p)
        line.append(" ").append(cell(keep[p][token], layout.cell_width, colour));
    }
    text += without_trailing_blanks(line) + "\n";
  }
  return text;
}

// "points: 0 embeddings, 1 layer 1, …", broken between names.
std::string legend(const std::vector<std::string>& names, int columns) {
  const auto cut = [](const std::string& name) {
    return display_width(name) <= widest_in_legend ? name : fit_to_width(name, widest_in_legend, Align::left);
  };
  std::string text, line = "points:";
  for (std::size_t p = 0; p < names.size(); ++p) {
    const std::string item = fmt::format(" {} {}{}", p, cut(names[p]), p + 1 < names.size() ? "," : "");
    if (line != "points:" && display_width(line + item) > columns) {
      text += line + "\n";
      line = "       ";
    }
    line += item;
  }
  return text + line + "\n";
}

int widest(const std::vector<std::string>& texts) {
  int width = 0;
  for (const std::string& text : texts) width = std::max(width, display_width(text));
  return width;
}

std::vector<std::string> all_printable(const std::vector<std::string>& texts) {
  std::vector<std::string> result;
  for (const std::string& text : texts) result.push_back(base::printable(text));
  return result;
}

}  // namespace

std::string render_mask_table(const MaskTable& table, Colour colour, int columns) {
  base::ensure(table.keep.size() == table.points.size(), "a mask table has one row of probabilities per point");
  for (const auto& row : table.keep) {
    base::ensure(row.size() == table.tokens.size(), "a mask table has one probability per token");
  }
  columns = std::max(columns, narrowest_table);
  MaskTable shown{all_printable(table.tokens), all_printable(table.points), table.keep};
  auto& [tokens, names, keep] = shown;

  std::string text;
  if (widest(names) > widest_name) {
    text = legend(names, columns);
    for (std::size_t p = 0; p < names.size(); ++p) names[p] = std::to_string(p);
  }
  Layout layout{.token_width = std::min(widest(tokens), widest_token), .cell_width = std::max(figure_width, widest(names))};
  layout.points_per_block =
      std::max<std::size_t>(1, static_cast<std::size_t>((columns - layout.token_width) / (1 + layout.cell_width)));
  for (std::size_t begin = 0; begin < names.size(); begin += layout.points_per_block) {
    const Range points{begin, std::min(begin + layout.points_per_block, names.size())};
    text.append(begin == 0 ? "" : "\n").append(block(shown, points, layout, colour, columns));
  }
  return text;
}

}  // namespace layersweep::app
