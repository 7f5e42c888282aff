// Texts to values and back, one overload set over the types that settings have. What cannot be read is a BadValue that
// says what is allowed; the reader of the file adds key, value and place.
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "config/names.hpp"

namespace layersweep::config {

/// The text is not a value of the setting; `allowed` completes "must be …".
struct BadValue {
  std::string allowed;
};

/// Closed at both ends, unless `above` excludes the lower one. Lists: holds for each element.
struct Limits {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool above = false;

  bool hold(double value) const { return (above ? value > least : value >= least) && value <= most; }
  std::string text() const;  ///< "above 0", "from 0 to 1", "of at least 1"; empty without limits
};

/// Splits at commas and trims blanks; an empty text has no elements.
std::vector<std::string_view> split_list(std::string_view text);
/// "a", "a or b", "a, b or c".
std::string alternatives(const std::vector<std::string_view>& names);

template <class T>
struct Value;  // type(), read(text, limits), write(value)

template <class T>
concept Number = std::floating_point<T> ||(std::integral<T> && !std::same_as<T, bool>);

template <Number T>
struct Value<T> {
  static std::string type() { return std::integral<T> ? "whole number" : "number"; }
  static T read(std::string_view text, const Limits& limits) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole_text = error == std::errc() && end == text.data() + text.size();
    // A limit beyond 2^53 would be lost in a double; none is set.
    const bool good = whole_text && std::isfinite(static_cast<double>(value)) && limits.hold(static_cast<double>(value));
    if (!good) throw BadValue{limits.text().empty() ? "a " + type() : "a " + type() + " " + limits.text()};
    return value;
  }
  static std::string write(T value) { return fmt::format("{}", value); }
};

template <>
struct Value<bool> {
  static std::string type() { return "true or false"; }
  static bool read(std::string_view text, const Limits&) {
    if (text != "true" && text != "false") throw BadValue{type()};
    return text == "true";
  }
  static std::string write(bool value) { return value ? "true" : "false"; }
};

template <>
struct Value<std::filesystem::path> {
  static std::string type() { return "path"; }
  /// A leading ~ becomes the home folder.
  static std::filesystem::path read(std::string_view text, const Limits&);
  static std::string write(const std::filesystem::path& value) { return value.string(); }
};

template <class E>
requires std::is_enum_v<E>
struct Value<E> {
  static std::string type() {
    std::vector<std::string_view> names;
    for (const auto& [value, name] : terms::Names<E>::table) names.emplace_back(name);
    return alternatives(names);
  }
  static E read(std::string_view text, const Limits&) {
    for (const auto& [value, name] : terms::Names<E>::table) {
      if (name == text) return value;
    }
    throw BadValue{type()};
  }
  static std::string write(E value) { return std::string(terms::name_of(value)); }
};

/// A comma-separated list: at least one element, none twice.
template <class T>
struct Value<std::vector<T>> {
  static std::string type() { return "list of " + Value<T>::type() + (Number<T> ? "s" : ""); }
  static std::vector<T> read(std::string_view text, const Limits& limits) {
    std::vector<T> values;
    std::set<T> seen;
    for (const std::string_view element : split_list(text)) {
      try {
        values.push_back(Value<T>::read(element, limits));
      } catch (const BadValue& bad) {
        throw BadValue{"a comma-separated list; each element " + bad.allowed};
      }
      if (!seen.insert(values.back()).second) throw BadValue{"a list in which nothing stands twice"};
    }
    if (values.empty()) throw BadValue{"a comma-separated list with at least one element"};
    return values;
  }
  static std::string write(const std::vector<T>& values) {
    std::string text;
    for (const T& value : values) text += (text.empty() ? "" : ",") + Value<T>::write(value);
    return text;
  }
};

}  // namespace layersweep::config
