// What cells of several variables say together.
#include <algorithm>
#include <cmath>
#include <optional>

#include "store/attributes.hpp"
#include "store/cell_reader.hpp"
#include "store/findings.hpp"
#include "store/schema.hpp"

namespace layersweep::store {
namespace {

// Figures are stored in float32; a limit met in float64 may be missed by one rounding.
constexpr double limit_slack = 1e-6;

class RelationCheck {
 public:
  RelationCheck(hid_t file, Findings& findings) : file_(file), findings_(findings) {}

  void run() {
    check_ragged();
    check_classes();
    check_places("/char_start", "/char_end");
    check_answers();
    for (const std::string_view mode : mode_names()) {
      if (has_object(file_, fmt::format("/{}", mode))) check_mode(fmt::format("/{}", mode));
    }
  }

 private:
  std::int64_t size(const std::string& scale) const { return shape_of(open_dataset(file_, scale).id()).front(); }

  void check_ragged() {
    count_ = read_all<std::int32_t>(file_, "/token_count");
    const auto start = read_all<std::int32_t>(file_, "/token_start");
    const std::int64_t tokens = size("/token");
    std::int64_t next = 0;
    for (std::size_t example = 0; example < count_.size(); ++example) {
      if (count_[example] < 0 || start[example] != next) {
        return findings_.add("/token_start",
                             fmt::format("example {} starts at token {} instead of {}, or its count is missing", example,
                                         start[example], next));
      }
      next += count_[example];
    }
    findings_.require(next == tokens, "/token_count", fmt::format("the counts add up to {} tokens of {}", next, tokens));
  }

  void check_classes() {
    if (!has_object(file_, "/class")) return;
    const std::int64_t classes = size("/class");
    for (const std::string path : {"/label", "/prediction"}) {
      bool right = true;
      for_each_part<std::int32_t>(file_, path, [&](std::span<const std::int32_t> cells) {
        right &= std::ranges::all_of(cells, [&](std::int32_t c) { return c >= -1 && c < classes; });
      });
      findings_.require(right, path, fmt::format("cells lie outside the {} classes", classes));
    }
  }

  // Both missing, or in this order.
  void check_places(const std::string& first_path, const std::string& last_path) {
    const Handle first = open_dataset(file_, first_path);
    const Handle last = open_dataset(file_, last_path);
    std::int64_t next = 0;
    for (const Slab& part : pieces(whole(shape_of(first.id())), max_bytes_per_call / 4)) {
      std::vector<std::int32_t> from(static_cast<std::size_t>(part.cells()));
      std::vector<std::int32_t> to(from.size());
      read_slab(first.id(), Type::int32, part, std::as_writable_bytes(std::span(from)));
      read_slab(last.id(), Type::int32, part, std::as_writable_bytes(std::span(to)));
      for (std::size_t i = 0; i < from.size(); ++i, ++next) {
        const bool right = from[i] < 0 ? from[i] == -1 && to[i] == -1 : to[i] >= from[i];
        if (!right) return findings_.add(last_path, fmt::format("cell {} ends before it starts", next));
      }
    }
  }

  void check_answers() {
    if (!has_object(file_, "/start_logits")) return;
    for (const std::string path : {"/gold_start", "/gold_end", "/predicted_start", "/predicted_end"}) {
      const auto token = read_all<std::int32_t>(file_, path);
      for (std::size_t example = 0; example < token.size(); ++example) {
        if (token[example] >= -1 && token[example] < count_[example]) continue;
        findings_.add(path, fmt::format("token {} does not lie in example {}", token[example], example));
        break;
      }
    }
  }

  void check_mode(const std::string& group) {
    group_ = group;
    accepted_ = read_all<std::uint8_t>(file_, group + "/accepted");
    keep_share_ = read_all<float>(file_, group + "/keep_share_mean");
    points_ = static_cast<std::size_t>(size("/point"));
    seeds_ = accepted_.size() / points_;
    check_acceptance();
    check_choice();
  }

  void check_acceptance() {
    const std::string where = group_ + "/accepted";
    const auto status = read_all<std::uint8_t>(file_, group_ + "/status");
    const auto kl_mean = read_all<float>(file_, group_ + "/kl_mean");
    const auto flipped = read_all<float>(file_, group_ + "/flipped_share");
    const double epsilon = read_number_attribute(file_, "epsilon")->front();
    const double flip_limit = read_number_attribute(file_, "flip_limit")->front();
    for (std::size_t i = 0; i < accepted_.size(); ++i) {
      const std::string cell = fmt::format("seed {}, point {}", i / points_, i % points_);
      const bool trained = status[i] == static_cast<std::uint8_t>(terms::Status::trained);
      if (accepted_[i] == 1) {
        const bool possible = status[i] != static_cast<std::uint8_t>(terms::Status::not_trained) &&
                              status[i] != static_cast<std::uint8_t>(terms::Status::failed);
        findings_.require(possible, where, cell + " is accepted, but was not trained or failed");
        findings_.require(kl_mean[i] <= epsilon * (1 + limit_slack), where,
                          cell + fmt::format(" is accepted with kl_mean {} above epsilon {}", kl_mean[i], epsilon));
        findings_.require(
            flipped[i] <= flip_limit * (1 + limit_slack), where,
            cell + fmt::format(" is accepted with flipped_share {} above flip_limit {}", flipped[i], flip_limit));
      }
      if (accepted_[i] == 0 && trained && kl_mean[i] <= epsilon * (1 - limit_slack) &&
          flipped[i] <= flip_limit * (1 - limit_slack)) {
        findings_.add(where, cell + " keeps both limits, but is not accepted");
      }
    }
  }

  bool is_accepted(std::size_t seed, std::size_t point) const { return accepted_[seed * points_ + point] == 1; }

  void check_choice() {
    const std::string where = group_ + "/chosen_seed";
    const auto chosen = read_all<std::int32_t>(file_, where);
    std::optional<std::int32_t> serving;  // all points, in the input mode
    for (std::size_t point = 0; point < points_; ++point) {
      const std::int32_t seed = chosen[point];
      if (seed == -1) {
        if (group_ == "/hidden") check_none_accepted(where, point);
        continue;
      }
      if (seed < 0 || seed >= static_cast<std::int32_t>(seeds_) || !is_accepted(static_cast<std::size_t>(seed), point)) {
        findings_.add(where, fmt::format("{} at point {} is no accepted seed", seed, point));
        continue;
      }
      if (group_ == "/input") {
        findings_.require(serving.value_or(seed) == seed, where, "several seeds are chosen, where one serves all points");
        serving = seed;
      } else {
        check_smallest(where, point, static_cast<std::size_t>(seed));
      }
    }
  }

  void check_none_accepted(const std::string& where, std::size_t point) {
    for (std::size_t seed = 0; seed < seeds_; ++seed) {
      findings_.require(!is_accepted(seed, point), where,
                        fmt::format("none is chosen at point {}, but seed {} is accepted", point, seed));
    }
  }

  void check_smallest(const std::string& where, std::size_t point, std::size_t chosen) {
    const float kept = keep_share_[chosen * points_ + point];
    for (std::size_t seed = 0; seed < seeds_; ++seed) {
      const bool smaller = is_accepted(seed, point) && keep_share_[seed * points_ + point] < kept * (1 - limit_slack);
      findings_.require(!smaller, where,
                        fmt::format("{} at point {} keeps more than seed {}, which is accepted", chosen, point, seed));
    }
  }

  hid_t file_;
  Findings& findings_;
  std::vector<std::int32_t> count_;  // of tokens, per example
  std::string group_;
  std::vector<std::uint8_t> accepted_;  // seed by point
  std::vector<float> keep_share_;
  std::size_t points_ = 0;
  std::size_t seeds_ = 0;
};

}  // namespace

void check_relations(hid_t file, Findings& findings) { RelationCheck(file, findings).run(); }

}  // namespace layersweep::store
