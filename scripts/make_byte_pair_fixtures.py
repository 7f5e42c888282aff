#!/usr/bin/env python3
"""Writes tests/text/fixtures/byte_pair_files.json: folders with vocab.json, merges.txt and tokenizer_config.json only, and what
transformers gives for a few texts.

    make_byte_pair_fixtures.py        needs: transformers 5 (no PyTorch), tokenizers 0.23.3
"""
import json
import os
import pathlib
import tempfile

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
from transformers import GPT2Tokenizer, RobertaTokenizer  # noqa: E402

import bpe_tokenizers  # noqa: E402

TARGET = pathlib.Path(__file__).resolve().parent.parent / "tests/text/fixtures/byte_pair_files.json"
TEXTS = ["The film isn't good", "  two  blanks ", "the <mask> film<mask>", "<s>\u4e2d\u6587</s> <|endoftext|>x", "", "\n\na\n"]
NAMES = ["<|endoftext|>", "<s>", "<pad>", "</s>", "<unk>", "<mask>"]
CASES = [(GPT2Tokenizer, {}), (GPT2Tokenizer, {"add_prefix_space": True, "pad_token": "<|endoftext|>"}), (RobertaTokenizer, {}),
         (RobertaTokenizer, {"add_prefix_space": True, "trim_offsets": False})]


def main():
    tokenizer = bpe_tokenizers.trained(bpe_tokenizers.byte_level(), bpe_tokenizers.special(*NAMES), size=320)
    model = json.loads(tokenizer.to_str())["model"]
    merges = "#version: 0.2\n" + "".join(" ".join(pair) + "\n" for pair in model["merges"])
    cases = []
    for kind, settings in CASES:
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "vocab.json").write_text(json.dumps(model["vocab"]))
            (pathlib.Path(folder) / "merges.txt").write_text(merges)
            config = {"tokenizer_class": kind.__name__, **settings}
            (pathlib.Path(folder) / "tokenizer_config.json").write_text(json.dumps(config))
            reference = kind.from_pretrained(folder)
            encodings = [reference(text, return_offsets_mapping=True) for text in TEXTS]
            cases.append({"config": config, "ids": [e["input_ids"] for e in encodings],
                          "offsets": [e["offset_mapping"] for e in encodings]})
    TARGET.write_text(json.dumps({"vocab": model["vocab"], "merges": merges, "texts": TEXTS, "cases": cases}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
