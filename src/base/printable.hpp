// Text from files, names and other programs in messages: it can neither steer a terminal, forge a line, nor hide.
//
// What would be escaped is, as in Python: \n \r \t; \x1b for other control characters of ASCII and for bytes that are not
// UTF-8; \u202e and \U000e0041 for control characters beyond ASCII, marks that turn the direction of text, and characters
// without any picture (Unicode's Default_Ignorable_Code_Point). Kept are variation selectors (U+FE0F), and the joiners
// U+200C and U+200D between two characters beyond ASCII, where emoji and scripts need them. A backslash stays as it is, so
// that what is printable does not change again; the form is for people, not to be read back.
#pragma once

#include <string>
#include <string_view>

namespace layersweep::base {

std::string printable(std::string_view text);

/// For messages of several lines: their line breaks stay.
std::string printable_lines(std::string_view text);

}  // namespace layersweep::base
