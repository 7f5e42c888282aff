#!/usr/bin/env python3
"""Writes tests/data/fixtures/squad/windows.jsonl: how Hugging Face `tokenizers` cuts passages into windows.

    python3 scripts/make_squad_fixtures.py        needs: tokenizers 0.23.3

Truncation "only_second" with a stride, as Hugging Face's run_qa.py has it, over the small tokenizer of
tests/text/fixtures/uncased.
"""

import json
import pathlib
import random

from tokenizers import Tokenizer

TESTS = pathlib.Path(__file__).resolve().parent.parent / "tests"
TARGET = TESTS / "data/fixtures/squad/windows.jsonl"
WORDS = ["the", "film", "movie", "good", "unwatchable", "performance", "isn't", "café", "電影", "brulee,", "(don)", "2"]


def windows(tokenizer, question, passage, longest, stride):
    tokenizer.enable_truncation(longest, stride=stride, strategy="only_second")
    first = tokenizer.encode(question, passage)
    found = []
    for encoding in [first, *first.overflowing]:
        inside = [s is not None for s in encoding.sequence_ids]
        found.append({"id": encoding.ids, "segment": encoding.type_ids,
                      "start": [o[0] if known else -1 for o, known in zip(encoding.offsets, inside)],
                      "end": [o[1] if known else -1 for o, known in zip(encoding.offsets, inside)]})
    return found


def main():
    tokenizer = Tokenizer.from_file(str(TESTS / "text/fixtures/uncased/tokenizer.json"))
    tokenizer.no_padding()
    rng = random.Random(7)
    lines = []
    for _ in range(40):
        question = " ".join(rng.choices(WORDS, k=rng.randint(0, 3)))
        passage = " ".join(rng.choices(WORDS, k=rng.randint(0, 40)))
        tokenizer.no_truncation()
        asked = len(tokenizer.encode(question, add_special_tokens=False).ids)
        # Where the reference and we do the same: it refuses questions that fill the window, and strides that do.
        longest = rng.randint(max(8, 2 * asked + 3), 2 * asked + 40)
        stride = rng.randint(0, (longest - 3 - asked) // 2)
        lines.append({"question": question, "passage": passage, "longest": longest, "stride": stride,
                      "windows": windows(tokenizer, question, passage, longest, stride)})
    TARGET.parent.mkdir(exist_ok=True)
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    TARGET.write_text(text)


if __name__ == "__main__":
    main()
