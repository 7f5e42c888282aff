#include "data/notes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace layersweep::data {
namespace {

constexpr std::size_t places_told = 3;

}  // namespace

Notes::Kind& Notes::kind(std::string_view what) {
  const auto known = std::ranges::find(kinds_, what, &Kind::what);
  return known != kinds_.end() ? *known : kinds_.emplace_back(std::string(what));
}

void Notes::add(std::string_view what, std::string_view place) {
  Kind& noted = kind(what);
  ++noted.count;
  if (noted.first_places.size() < places_told) noted.first_places.emplace_back(place);
}

void Notes::add(const Notes& other) {
  for (const Kind& from : other.kinds_) {
    Kind& noted = kind(from.what);
    noted.count += from.count;
    for (const std::string& place : from.first_places) {
      if (noted.first_places.size() < places_told) noted.first_places.push_back(place);
    }
  }
}

std::vector<std::string> Notes::lines() const {
  std::vector<std::string> told;
  for (const Kind& noted : kinds_) {
    const bool more = noted.count > std::ssize(noted.first_places);
    told.push_back(
        fmt::format("{}: {} ({}{})", noted.what, noted.count, fmt::join(noted.first_places, ", "), more ? ", …" : ""));
  }
  return told;
}

std::string Notes::text() const {
  auto all = nlohmann::json::array();
  for (const Kind& noted : kinds_) all.push_back({noted.what, noted.count, noted.first_places});
  return all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::optional<Notes> Notes::from_text(std::string_view text) {
  Notes notes;
  try {
    for (const auto& noted : nlohmann::json::parse(text)) {
      notes.kinds_.push_back(
          {noted.at(0).get<std::string>(), noted.at(1).get<std::int64_t>(), noted.at(2).get<std::vector<std::string>>()});
    }
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
  return notes;
}

}  // namespace layersweep::data
