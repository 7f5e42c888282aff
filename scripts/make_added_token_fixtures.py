#!/usr/bin/env python3
"""Writes tests/text/fixtures/added_tokens.json: folders whose tokens are added in one of the ways that transformers reads
(added_tokens.json, special_tokens_map.json, tokenizer_config.json), and the ids that transformers gives for a few texts.

    make_added_token_fixtures.py        needs: transformers 5 (no PyTorch)
"""
import json
import os
import pathlib
import tempfile

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
from transformers import AutoTokenizer  # noqa: E402

TARGET = pathlib.Path(__file__).resolve().parent.parent / "tests/text/fixtures/added_tokens.json"
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "film", "bad", "<", "e", ">", "##e", "##>", "Good", "x1", "##x1"]
NEXT = len(VOCABULARY)
TEXTS = ["good <e> Good film <e>bad", "<E> good<e>film", "x1 Good x1x1", "[MASK] x1 <f> < e >", "<e> <e>bad <F>"]
BERT = {"tokenizer_class": "BertTokenizer"}


def added(content, **flags):
    return {"content": content, "lstrip": False, "rstrip": False, "single_word": False, "normalized": False, "special": True, **flags}


CASES = {
    "a vocabulary alone": {},
    "added_tokens.json": {"added_tokens.json": {"<e>": NEXT, "<f>": NEXT + 1}},
    "added_tokens.json with capitals": {"added_tokens.json": {"<E>": NEXT}},
    "added_tokens.json, cased": {"added_tokens.json": {"<E>": NEXT}, "tokenizer_config.json": {**BERT, "do_lower_case": False}},
    "added_tokens.json of a known word": {"added_tokens.json": {"x1": VOCABULARY.index("x1")}},
    "added_tokens.json and special_tokens_map.json": {
        "added_tokens.json": {"<e>": NEXT},
        "special_tokens_map.json": {"additional_special_tokens": ["<e>"], "cls_token": "[CLS]"}},
    "added_tokens.json of extra special tokens": {
        "added_tokens.json": {"<E>": NEXT}, "tokenizer_config.json": {**BERT, "extra_special_tokens": ["<E>"]}},
    "special_tokens_map.json": {
        "special_tokens_map.json": {"additional_special_tokens": ["<e>", "<f>"], "mask_token": "x1"}},
    "special_tokens_map.json with flags": {
        "special_tokens_map.json": {"mask_token": added("[MASK]", lstrip=True), "unk_token": "[UNK]"}},
    "additional_special_tokens": {"tokenizer_config.json": {**BERT, "additional_special_tokens": ["<e>"]}},
    "extra_special_tokens": {"tokenizer_config.json": {**BERT, "extra_special_tokens": ["<e>", "x1"]}},
    "extra_special_tokens by name": {"tokenizer_config.json": {**BERT, "extra_special_tokens": {"entity_token": "<e>"}}},
    "added_tokens_decoder": {
        "tokenizer_config.json": {**BERT, "added_tokens_decoder": {
            str(NEXT): added("<e>", lstrip=True), str(NEXT + 1): added("<f>", normalized=True, special=False)}},
        "added_tokens.json": {"bad": VOCABULARY.index("bad")}},
}


def main():
    cases = []
    for name, files in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
            (pathlib.Path(folder) / "config.json").write_text(json.dumps({"model_type": "bert"}))
            for file, content in files.items():
                (pathlib.Path(folder) / file).write_text(json.dumps(content))
            tokenizer = AutoTokenizer.from_pretrained(folder)
            cases.append({"name": name, "files": files, "ids": [tokenizer(text)["input_ids"] for text in TEXTS]})
    TARGET.write_text(json.dumps({"vocabulary": VOCABULARY, "texts": TEXTS, "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
