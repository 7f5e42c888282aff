#include "app/explanation_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "app/explanation.hpp"
#include "base/printable.hpp"

namespace layersweep::app {

namespace {

// Six steps of one hue, whose lightness grows steadily, so that they also read without colour vision and in print; the
// figures have a contrast of 4.5 at least (WCAG 2, AA). On dark screens the surest tokens are the brightest.
constexpr std::string_view style = R"(
:root { color-scheme: light dark; --page: #ffffff; --ink: #1a1a1a; --line: #c4c9ce; --mark: #1a1a1a;
  --s0: #ffffff; --i0: #1a1a1a; --s1: #deebf7; --i1: #1a1a1a; --s2: #b5d2ea; --i2: #1a1a1a;
  --s3: #6baed6; --i3: #111111; --s4: #2878b5; --i4: #ffffff; --s5: #08306b; --i5: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --page: #14171a; --ink: #e6edf3; --line: #3a4148; --mark: #e6edf3;
  --s0: #14171a; --i0: #c9d1d9; --s1: #12304a; --i1: #e6edf3; --s2: #174a73; --i2: #ffffff;
  --s3: #1f6fb2; --i3: #ffffff; --s4: #58a6e0; --i4: #0b0f13; --s5: #c6e2ff; --i5: #0b0f13; } }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .5rem; }
th, td { padding: .2rem .6rem; border: 1px solid var(--line); text-align: right; }
th { font-weight: 600; } tbody th, .left { text-align: left; }
.mask tbody th { position: sticky; left: 0; background: var(--page); font-family: ui-monospace, monospace; font-weight: 400; }
.kept { font-weight: 700; text-decoration: underline; }
.s0 { background: var(--s0); color: var(--i0); } .s1 { background: var(--s1); color: var(--i1); }
.s2 { background: var(--s2); color: var(--i2); } .s3 { background: var(--s3); color: var(--i3); }
.s4 { background: var(--s4); color: var(--i4); } .s5 { background: var(--s5); color: var(--i5); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media print { .scroll { overflow: visible; } td { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
)";
constexpr int page_shades = 6;

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : base::printable(text)) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string mask_cell(float keep) {
  if (std::isnan(keep)) return "<td><span aria-hidden=\"true\">–</span><span class=\"unseen\">none</span></td>";
  const int shade = static_cast<int>(std::clamp(keep, 0.0F, 1.0F) * (page_shades - 1) + 0.5F);
  if (keep > 0.5F) return fmt::format("<td class=\"s{} kept\">{:.2f}<span class=\"unseen\"> kept</span></td>", shade, keep);
  return fmt::format("<td class=\"s{}\">{:.2f}</td>", shade, keep);
}

std::string mask_table(const jobs::Explanation& explanation, std::size_t number) {
  std::string html = fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"mask{0}\">\n<table class=\"mask\">\n"
      "<caption id=\"mask{0}\">Probability that the probe at a point keeps a token; kept tokens are underlined</caption>\n"
      "<thead><tr><th scope=\"col\" class=\"left\">token</th>",
      number);
  for (const jobs::PointMask& mask : explanation.points)
    html += fmt::format("<th scope=\"col\">{}</th>", escaped(mask.point));
  html += "</tr></thead>\n<tbody>\n";
  for (std::size_t token = 0; token < explanation.tokens.size(); ++token) {
    html += fmt::format("<tr><th scope=\"row\">{}</th>", escaped(explanation.tokens[token]));
    for (const jobs::PointMask& mask : explanation.points) html += mask_cell(mask.keep_probability[token]);
    html += "</tr>\n";
  }
  return html + "</tbody>\n</table>\n</div>\n";
}

std::string verdict_table(const jobs::Explanation& explanation, std::size_t number) {
  std::string html = fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"effect{0}\">\n<table>\n"
      "<caption id=\"effect{0}\">What happens when all other tokens are replaced</caption>\n"
      "<thead><tr><th scope=\"col\" class=\"left\">point</th><th scope=\"col\">KL (nats)</th><th scope=\"col\">kept</th>"
      "<th scope=\"col\">prediction</th><th scope=\"col\">probe seed</th></tr></thead>\n<tbody>\n",
      number);
  for (const jobs::PointMask& mask : explanation.points) {
    html += fmt::format("<tr><th scope=\"row\">{}</th><td>{:.4f}</td><td>{} of {}</td><td>{}</td><td>{}{}</td></tr>\n",
                        escaped(mask.point), std::max(mask.kl, 0.0F), mask.kept, explanation.tokens.size(),
                        mask.flipped ? "flips" : "stays", mask.seed, verdict_text(mask.verdict));
  }
  return html + "</tbody>\n</table>\n</div>\n";
}

}  // namespace

std::string explanation_page(const std::vector<ExplainedText>& texts, terms::Mode mode, const std::string& run) {
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n"
      "<title>What {0} keeps</title>\n<style>{1}</style>\n</head>\n<body>\n<main>\n<h1>What {0} keeps, {2} mode</h1>\n",
      escaped(run), style, terms::name_of(mode));
  for (std::size_t t = 0; t < texts.size(); ++t) {
    const jobs::Explanation& explanation = texts[t].explanation;
    html += fmt::format("<section aria-labelledby=\"text{0}\">\n<h2 id=\"text{0}\">{1}</h2>\n", t + 1,
                        texts[t].text.empty() ? "(no words)" : escaped(texts[t].text));
    for (const std::string& remark : explanation.remarks) html += fmt::format("<p>This text {}.</p>\n", escaped(remark));
    html += fmt::format("<p>{}: {}</p>\n", explanation.answer.span ? "Answer" : "Prediction",
                        escaped(prediction_text(explanation)));
    html += mask_table(explanation, t + 1) + verdict_table(explanation, t + 1) + "</section>\n";
  }
  return html + "</main>\n</body>\n</html>\n";
}

}  // namespace layersweep::app
