#include "stats/hidden_statistics.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace layersweep::stats {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Several sums side by side, so that the additions of one need not wait for each other; always the same ones.
constexpr std::int64_t lanes = 8;

double squared_norm(const float* row, std::int64_t width) {
  double sums[lanes] = {};
  std::int64_t i = 0;
  for (; i + lanes <= width; i += lanes) {
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      const auto x = static_cast<double>(row[i + lane]);
      sums[lane] += x * x;
    }
  }
  double total = 0;
  for (; i < width; ++i) total += static_cast<double>(row[i]) * static_cast<double>(row[i]);
  for (const double sum : sums) total += sum;
  return total;
}

double product(const float* a, const float* b, std::int64_t width) {
  double sums[lanes] = {};
  std::int64_t i = 0;
  for (; i + lanes <= width; i += lanes) {
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      sums[lane] += static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
    }
  }
  double total = 0;
  for (; i < width; ++i) total += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace

HiddenStatistics::Point::Point(std::int64_t point_width)
    : width(point_width), moments(token_parts, Moments(point_width)), norms(token_parts), anisotropy(point_width) {}

void HiddenStatistics::Point::add(const Tokens& tokens, const float* states, const float* next) {
  std::array<std::vector<const float*>, token_parts> rows;
  std::vector<const float*> words;
  std::vector<double> lengths;
  for (std::size_t text = 0; text + 1 < tokens.text.size(); ++text) {
    words.clear();
    lengths.clear();
    for (std::int64_t token = tokens.text[text]; token < tokens.text[text + 1]; ++token) {
      const auto at = static_cast<std::size_t>(token);
      const float* row = states + tokens.row[at] * width;
      const std::uint8_t part = tokens.part[at];
      const double length = std::sqrt(squared_norm(row, width));
      rows[part].push_back(row);
      norms[part].add(length);
      if (part == special_part) continue;
      words.push_back(row);
      lengths.push_back(length);
      if (next == nullptr) continue;
      const float* above = next + tokens.row[at] * width;
      const double lengths_product = length * std::sqrt(squared_norm(above, width));
      if (!(lengths_product > 0)) continue;
      cosines += product(row, above, width) / lengths_product;
      cosine_count += 1;
    }
    anisotropy.add_text(words, lengths);
  }
  for (std::size_t part = 0; part < token_parts; ++part) moments[part].add(rows[part]);
}

HiddenStatistics::HiddenStatistics(const std::vector<std::int64_t>& widths) {
  for (const std::int64_t width : widths) points_.emplace_back(width);
}

void HiddenStatistics::add(const Tokens& tokens, const std::vector<at::Tensor>& states) {
  base::ensure(states.size() == points_.size(), "states of another model");
  at::parallel_for(0, std::ssize(points_), 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t p = first; p < last; ++p) {
      Point& point = points_[static_cast<std::size_t>(p)];
      const at::Tensor& here = states[static_cast<std::size_t>(p)];
      const bool has_next = p + 1 < std::ssize(points_) && points_[static_cast<std::size_t>(p + 1)].width == point.width;
      point.add(tokens, here.const_data_ptr<float>(),
                has_next ? states[static_cast<std::size_t>(p + 1)].const_data_ptr<float>() : nullptr);
    }
  });
}

void HiddenStatistics::merge(const HiddenStatistics& other) {
  for (std::size_t p = 0; p < points_.size(); ++p) {
    Point& point = points_[p];
    const Point& more = other.points_[p];
    for (std::size_t part = 0; part < token_parts; ++part) {
      point.moments[part].merge(more.moments[part]);
      point.norms[part].merge(more.norms[part]);
    }
    point.anisotropy.merge(more.anisotropy);
    point.cosines += more.cosines;
    point.cosine_count += more.cosine_count;
  }
}

Figures HiddenStatistics::figures() const {
  std::int64_t hidden = 0;
  for (const Point& point : points_) hidden = std::max(hidden, point.width);
  Figures figures;
  const auto append = [&](std::vector<double>& to, const std::vector<double>& values) {
    to.insert(to.end(), values.begin(), values.end());
    to.insert(to.end(), static_cast<std::size_t>(hidden - std::ssize(values)), nan);
  };
  for (const Point& point : points_) {
    for (std::size_t part = 0; part < token_parts; ++part) {
      figures.count.push_back(static_cast<double>(point.moments[part].count()));
      append(figures.mean, point.moments[part].mean());
      append(figures.variance, point.moments[part].variance());
      for (const double q : quantiles) figures.norm_quantile.push_back(point.norms[part].quantile(q));
    }
    figures.cosine_to_next.push_back(point.cosine_count > 0 ? point.cosines / point.cosine_count : nan);
    figures.anisotropy.push_back(point.anisotropy.expected_cosine());
  }
  return figures;
}

Packed HiddenStatistics::packed() const {
  Packed out;
  for (const Point& point : points_) {
    for (const Moments& moments : point.moments) moments.pack_into(out);
    for (const NormHistogram& norms : point.norms) norms.pack_into(out);
    point.anisotropy.pack_into(out);
    pack(out, point.cosines);
    pack(out, point.cosine_count);
  }
  return out;
}

HiddenStatistics HiddenStatistics::unpack(const std::vector<std::int64_t>& widths, std::span<const double> packed) {
  HiddenStatistics statistics(widths);
  Unpacker in(packed);
  for (Point& point : statistics.points_) {
    for (Moments& moments : point.moments) moments = Moments::unpack(point.width, in);
    for (NormHistogram& norms : point.norms) norms = NormHistogram::unpack(in);
    point.anisotropy = Anisotropy::unpack(point.width, in);
    point.cosines = in.number();
    point.cosine_count = in.number();
  }
  base::ensure(in.is_at_end(), "packed statistics of another model");
  return statistics;
}

}  // namespace layersweep::stats
