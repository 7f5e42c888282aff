#!/usr/bin/env python3
"""Writes src/text/unicode_tables.hpp: how Hugging Face `tokenizers` classifies every Unicode character.

The Rust library mixes tables of several Unicode versions, none of which need be that of the local utf8proc. So each table is
found by asking the library itself about every code point, and the result does not depend on utf8proc's version.

    python3 scripts/make_tokenizer_tables.py [OUTPUT]        needs: tokenizers 0.23.3
"""

import pathlib
import sys
import unicodedata

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

HEAD = """\
// Made by scripts/make_tokenizer_tables.py from tokenizers VERSION; do not edit. For unicode.cpp alone.
#pragma once

#include <cstdint>
#include <string_view>

#include "text/unicode.hpp"

// clang-format off
namespace layersweep::text {

/// The general category of the code points from `first` up to the next run: the first, the third, … have `even`, the others
/// `odd`, places in general_categories.
struct CategoryRun {
  std::uint32_t first : 22;
  std::uint32_t even : 5;
  std::uint32_t odd : 5;
};

/// Every `step`-th code point from `first` to `last` has the lower case `code point + difference`.
struct LowerCaseRun {
  char32_t first;
  char32_t last;
  std::int32_t step;
  std::int32_t difference;
};

"""
CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cn".split()
SCRIPTS = "Han Hiragana Katakana Hangul Latin Greek Cyrillic".split()
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def bert_normalizer(**switched_on):
    flags = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False}
    return normalizers.BertNormalizer(**(flags | switched_on)).normalize_str


def ranges(code_points):
    """Sorted code points as closed ranges. Surrogates cannot occur, so a range may span them."""
    found = []
    for c in sorted(code_points):
        if found and c == (0xE000 if found[-1][1] == 0xD7FF else found[-1][1] + 1):
            found[-1][1] = c
        else:
            found.append([c, c])
    return found


def whitespace():
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    return [c for c in CODE_POINTS if [word for word, _ in split(f"a{chr(c)}a")] == ["a", "a"]]


def punctuation():
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    return [c for c in CODE_POINTS if [word for word, _ in split(f"a{chr(c)}a")] == ["a", chr(c), "a"]]


def numeric():
    pieces = pre_tokenizers.Digits(individual_digits=True).pre_tokenize_str("".join("a" + chr(c) for c in CODE_POINTS))
    return {ord(piece) for piece, _ in pieces if len(piece) == 1} - {ord("a")}  # others stick to the letters


def word_characters():
    """What counts as part of a word beside an added token that must stand alone (\\w of the library's regular expressions)."""
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.add_tokens([AddedToken("<t>", single_word=True, normalized=False)])
    token = tokenizer.token_to_id("<t>")
    texts = [f"{chr(c)}<t>" for c in CODE_POINTS]
    return [c for c, e in zip(CODE_POINTS, tokenizer.encode_batch(texts)) if token not in e.ids]


def normalised():
    """Characters that NFD decomposes or reorders. A character keeps these properties for ever once it is assigned, but Unicode
    adds characters, and newer libraries would treat some that this one does not know. Gaps between them are closed over
    characters that are assigned and inert, to keep the table short."""
    nfd = normalizers.NFD().normalize_str
    last = "\u0345"  # the highest combining class: everything with a lower one, but 0, moves in front of it
    active = {c for c in CODE_POINTS if nfd(chr(c)) != chr(c) or nfd(last + chr(c)) == chr(c) + last} | {ord(last)}

    def is_inert(c):
        text = chr(c)
        return (unicodedata.category(text) not in ("Cn", "Cs") and unicodedata.normalize("NFD", text) == text
                and unicodedata.combining(text) == 0)

    merged = []
    for first, end in ranges(active):
        if merged and all(is_inert(c) for c in range(merged[-1][1] + 1, first)):
            merged[-1][1] = end
        else:
            merged.append([first, end])
    return merged


def matched(expression):
    """The code points that a regular expression for runs of characters matches, such as \\p{Lu}+."""
    split = pre_tokenizers.Split(Regex(expression), "removed", invert=True)
    return {ord(c) for run, _ in split.pre_tokenize_str("".join(map(chr, CODE_POINTS))) for c in run}


def category_runs():
    """(first, even, odd). Upper and lower case often take turns."""
    category = dict.fromkeys(range(0xD800, 0xE000), CATEGORIES.index("Cn"))  # surrogates cannot occur
    for place, name in enumerate(CATEGORIES):
        category |= dict.fromkeys(matched(rf"\p{{{name}}}+"), place)
    assert len(category) == 0x110000
    runs = []
    for c in range(0x110000):
        if runs and category[c] == runs[-1][1 + (c - runs[-1][0]) % 2]:
            continue
        if runs and c == runs[-1][0] + 1:
            runs[-1][2] = category[c]
        else:
            runs.append([c, category[c], category[c]])
    return runs


def lower_case_runs():
    """(first, last, step, difference), after leaving out U+0130, the one character with a longer lower case."""
    lower = bert_normalizer(lowercase=True)
    changed = {c: lower(chr(c)) for c in CODE_POINTS if lower(chr(c)) != chr(c)}
    assert changed.pop(0x130) == "i\u0307"
    assert all(len(text) == 1 for text in changed.values())
    runs = []
    for c, text in sorted(changed.items()):
        difference = ord(text) - c
        if runs and runs[-1][3] == difference:
            first, last, step, _ = runs[-1]
            if c - last == step or (first == last and c - last <= 2):
                runs[-1] = [first, c, c - last, difference]
                continue
        runs.append([c, c, 1, difference])
    return runs


def table(kind, name, meaning, rows):
    lines, line = [], "   "
    for row in rows:
        entry = " {" + ", ".join(v if isinstance(v, str) else str(v) for v in row) + "},"
        if len(line) + len(entry) > 122:
            lines.append(line)
            line = "   "
        line += entry
    lines.append(line)
    return f"constexpr {kind} {name}[] = {{  // {meaning}\n" + "\n".join(lines) + "\n};\n"


def hexed(pairs):
    return [(f"{first:#x}", f"{last:#x}") for first, last in pairs]


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    output = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "src/text/unicode_tables.hpp"
    clean = bert_normalizer(clean_text=True)
    strip = bert_normalizer(strip_accents=True)
    chinese = bert_normalizer(handle_chinese_chars=True)
    range_tables = {
        "removed_ranges": ("dropped by text cleaning", ranges(c for c in CODE_POINTS if clean(chr(c)) == "")),
        "whitespace_ranges": ("separates words", ranges(whitespace())),
        "chinese_ranges": ("each a word of its own", ranges(c for c in CODE_POINTS if chinese(chr(c)) != chr(c))),
        "punctuation_ranges": ("each a word of its own", ranges(punctuation())),
        "nonspacing_mark_ranges": ("dropped when accents are stripped", ranges(c for c in CODE_POINTS if strip(chr(c)) == "")),
        "word_ranges": ("may not touch a single-word added token", ranges(word_characters())),
        "normalised_ranges": ("may have a decomposition or a combining class", normalised()),
    }
    range_tables["numeric_ranges"] = ("digits, and numbers that are letters", ranges(numeric()))
    scripts = {script: ranges(matched(rf"\p{{{script}}}+")) for script in SCRIPTS}
    range_tables |= {f"{script.lower()}_ranges": (f"\\p{{{script}}}", rows) for script, rows in scripts.items()}
    text = HEAD.replace("VERSION", tokenizers.__version__)
    text += "\n".join(table("CodePointRange", name, meaning, hexed(rows)) for name, (meaning, rows) in range_tables.items())
    runs = [(f"{first:#x}", f"{last:#x}", step, difference) for first, last, step, difference in lower_case_runs()]
    text += "\n" + table("LowerCaseRun", "lower_case_runs", "sorted by `last` and disjoint", runs)
    text += "\n" + table("std::string_view", "general_categories", "by their places", [(f'"{name}"',) for name in CATEGORIES])
    categories = [(f"{first:#x}", even, odd) for first, even, odd in category_runs()]
    text += "\n" + table("CategoryRun", "category_runs", "of all code points", categories)
    text += "\n}  // namespace layersweep::text\n"
    output.write_text(text)
    print(output, {name: len(rows) for name, (_, rows) in range_tables.items()}, "lower case runs", len(runs), "runs of categories", len(categories))


if __name__ == "__main__":
    main()
