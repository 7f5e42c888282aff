// Keys that a JSON object gives twice: the parser keeps the last of them without a word.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace layersweep::base {

/// The first key that an object in `json` holds twice; nothing where there is none, or where what is before it is no JSON.
/// Linear in the text, where a parser's callback is quadratic in the members of an object.
std::optional<std::string> repeated_key(std::string_view json);

}  // namespace layersweep::base
