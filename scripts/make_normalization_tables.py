#!/usr/bin/env python3
"""Writes src/text/normalization_tables.hpp: what the normalizers of Hugging Face `tokenizers` know of every character, found by
asking the library itself, as in make_tokenizer_tables.py.

    python3 scripts/make_normalization_tables.py [OUTPUT]        needs: tokenizers 0.23.3
"""

import pathlib
import sys

import tokenizers
from tokenizers import normalizers

import charsmap
from make_tokenizer_tables import CODE_POINTS, hexed, ranges, table

HEAD = """\
// Made by scripts/make_normalization_tables.py from tokenizers VERSION; do not edit. For unicode.cpp alone.
#pragma once

#include "text/unicode.hpp"
#include "text/unicode_tables.hpp"

// clang-format off
namespace layersweep::text {

using K = ClusterKind;

struct ClusterRange {
  char32_t first;
  char32_t last;
  K kind;
};

"""
MARK = "\u20d0"  # three bytes
KA, VIRAMA, GA = "\u0915", "\u094d", "\uac00"


def cluster_kinds():
    """The kind of each character, but for syllables of Hangul. Precompiled replaces what a cluster of less than six bytes begins
    with and drops the rest of it, and each character of a longer one; so its answer tells where clusters end."""
    def precompiled(*letters):
        return normalizers.Precompiled(charsmap.charsmap(dict.fromkeys(letters, "!"))).normalize_str

    ask = precompiled("a", "\u00a9", KA, GA, "\u1161", "\u11a8", "\u0600")

    def joined_to(before, letter, mark="\u0301"):  # is letter + mark, five bytes, a part of the cluster of what stands before?
        return ask(before + letter + mark).endswith("!" + mark)

    kinds = {}
    for c in CODE_POINTS:
        text = chr(c)
        if 0xAC00 <= c <= 0xD7A3 or text in "a!":
            continue
        if ask("a" + text) == "!":
            kinds[c] = ("joiner" if c == 0x200D else "linker" if joined_to(KA + text, KA) else
                        "extending" if joined_to(KA + text + VIRAMA, KA) else
                        "joining" if joined_to("\u00a9" + text + "\u200d", "\u00a9") else "spacing")
        elif ask("\u00a9\u200d" + text).startswith("!\u200d"):
            kinds[c] = "pictograph"
        elif c > 0x7F and joined_to(text, "a", MARK):
            kinds[c] = "prepended"
        elif joined_to(text + VIRAMA, KA):
            kinds[c] = "consonant"
        elif joined_to(text, GA):
            kinds[c] = "hangul_l"
        elif joined_to(text, "\u1161"):
            kinds[c] = "hangul_v"
        elif joined_to(text, "\u11a8"):
            kinds[c] = "hangul_t"
        elif c < 0x10000 and ask("\u0600" + text) != "!":
            kinds[c] = "control"  # of the others nothing depends on it: with whatever they take along they have six bytes
    for letter in map(ord, "\u00a9" + KA + "\u1161\u11a8"):
        assert letter in kinds, hex(letter)
    return kinds


def cluster_ranges():
    rows = []
    for c, kind in sorted(cluster_kinds().items()):
        if rows and rows[-1][1] == c - 1 and rows[-1][2] == kind:
            rows[-1][1] = c
        else:
            rows.append([c, c, kind])
    return [(f"{first:#x}", f"{last:#x}", "K::" + kind) for first, last, kind in rows]


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    output = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "src/text/normalization_tables.hpp"
    nfd, nfkd, strip = normalizers.NFD().normalize_str, normalizers.NFKD().normalize_str, normalizers.StripAccents().normalize_str
    text = HEAD.replace("VERSION", tokenizers.__version__)
    text += table("CodePointRange", "mark_ranges", "dropped by StripAccents", hexed(ranges(c for c in CODE_POINTS if strip(chr(c)) == "")))
    text += "\n" + table("CodePointRange", "compatible_ranges", "have a compatible decomposition that is not canonical",
                         hexed(ranges(c for c in CODE_POINTS if nfkd(chr(c)) != nfd(chr(c)))))
    text += "\n" + table("ClusterRange", "cluster_ranges", "all but ClusterKind::other and syllables of Hangul", cluster_ranges())
    text += "\n}  // namespace layersweep::text\n"
    output.write_text(text)


if __name__ == "__main__":
    main()
