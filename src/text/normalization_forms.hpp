// Unicode's normalization forms of aligned texts.
#pragma once

#include "text/aligned_text.hpp"

namespace layersweep::text {

enum class Form { nfc, nfd, nfkc, nfkd };

AlignedText in_form(AlignedText text, Form form);

}  // namespace layersweep::text
