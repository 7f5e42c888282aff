#!/usr/bin/env python3
"""Writes tests/text/fixtures: small tokenizers, and what Hugging Face `tokenizers` makes of hostile texts with them.

    python3 scripts/make_tokenizer_fixtures.py [--encoder DIR --data DIR]        needs: tokenizers 0.23.3

With an encoder (all-MiniLM-L6-v2) and the data sets (sst/, squad/) it also records the hash of all token ids of both data sets.
"""

import argparse
import hashlib
import json
import pathlib
import random
import re

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

import bpe_tokenizers
import hostile_text

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests/text/fixtures"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = ["the", "film", "movie", "good", "un", "##watch", "##able", "perform", "##ance", "##ances", "##s", "##ing", "don", "isn",
          "##un", "creme", "##e", "brulee", "caf", "##é", "##e\u0301", "The", "THE", "I", "##MASK", "MASK", "ss", "straße"]
# Characters that the vocabularies know, so that not everything ends as [UNK].
ALPHABET = ("abcdefghijklmnopqrstuvwxyz0123456789" "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" "éàçñöüßøåéïσςωαά" "абвйжи" "中文電影東京"
            "がかー" "\u3099\u0301\u0323\u0327\u0345\u1100\u1161\u11a8\u1112\u11ab한가" "नम\u094d\u093f" "של\u05c1" "😀❤👩\ufe0f\u200d"
            "\u00ad\ufffd\x01\ue000" "。、—“”…€" "İ\u0307ı" "\U0001d165\U00016e60")


def template():
    return processors.TemplateProcessing(single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
                                         special_tokens=[("[CLS]", SPECIAL.index("[CLS]")), ("[SEP]", SPECIAL.index("[SEP]"))])


def make_tokenizer(alphabet, normalizer, post_processor, added=(), mask_takes_left=False):
    tokens = list(dict.fromkeys(SPECIAL + ["[unused1]"] + list(alphabet) + ["##" + c for c in alphabet] + PIECES))
    tokenizer = Tokenizer(models.WordPiece({token: i for i, token in enumerate(tokens)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = post_processor
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False, lstrip=mask_takes_left and token == "[MASK]")
                                  for token in SPECIAL])
    tokenizer.add_tokens(list(added))
    return tokenizer


ADDED = [
    AddedToken("<ent>", normalized=False, single_word=True), AddedToken("<left>", normalized=False, lstrip=True),
    AddedToken("<right>", normalized=False, rstrip=True), AddedToken("<both>", normalized=False, lstrip=True, rstrip=True),
    AddedToken("<left>ward", normalized=False), AddedToken("NewWord", normalized=True),
    AddedToken("Éclair", normalized=True, single_word=True), AddedToken("new", normalized=True, lstrip=True),
    AddedToken("電影", normalized=True), AddedToken("good", normalized=True, rstrip=True),
]


def tokenizers_to_test():
    def bert(**flags):
        return normalizers.BertNormalizer(**({"clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                                              "lowercase": True} | flags))

    cased = ALPHABET + "ABCDEFGHIJKLMNOPQRSTUVWXYZÉÀÇÜΣΆЙ"
    bert_processing = processors.BertProcessing(("[SEP]", SPECIAL.index("[SEP]")), ("[CLS]", SPECIAL.index("[CLS]")))
    return {
        "uncased": make_tokenizer(ALPHABET, bert(), template()),
        "cased": make_tokenizer(cased, bert(lowercase=False), bert_processing),
        "vocabulary": make_tokenizer(cased, bert(strip_accents=False, handle_chinese_chars=False), template(), mask_takes_left=True),
        "raw": make_tokenizer(cased, bert(clean_text=False, lowercase=False, strip_accents=True), template()),
        "added": make_tokenizer(cased, bert(), template(), ADDED),
    }


def expectation(tokenizer, text, second=None, max_length=None):
    tokenizer.no_truncation()
    if max_length is not None:
        tokenizer.enable_truncation(max_length)
    encoding = tokenizer.encode(text, second)
    inside = [s is not None for s in encoding.sequence_ids]
    case = {"text": text} | ({} if max_length is None else {"max": max_length})
    if second is not None:
        sources = [-1 if s is None else s for s in encoding.sequence_ids]
        case |= {"second": second, "segment": encoding.type_ids, "source": sources}
    return case | {
        "id": encoding.ids, "word": [-1 if w is None else w for w in encoding.word_ids],
        "start": [o[0] if known else -1 for o, known in zip(encoding.offsets, inside)],
        "end": [o[1] if known else -1 for o, known in zip(encoding.offsets, inside)]}


def cases(tokenizer, extra):
    rng = random.Random(5)
    texts = hostile_text.CURATED + list(hostile_text.random_texts(11, 20, extra))
    for text in texts:
        yield expectation(tokenizer, text)
    for _ in range(12):
        yield expectation(tokenizer, rng.choice(texts), max_length=rng.randint(3, 12))
    for _ in range(16):
        first, second = rng.choice(texts), rng.choice(texts)
        yield expectation(tokenizer, first, second, rng.choice([None, 4, 5, 7, 8, 12, 16]))


def write_tokenizer(name, tokenizer):
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    if name == "vocabulary":  # the older form
        vocabulary = sorted(tokenizer.get_vocab(with_added_tokens=False).items(), key=lambda item: item[1])
        (folder / "vocab.txt").write_text("".join(token + "\n" for token, _ in vocabulary), newline="\n")
        config = {"do_lower_case": True, "strip_accents": False, "tokenize_chinese_chars": False,
                  "tokenizer_class": "BertTokenizer", "mask_token": {"__type": "AddedToken", "content": "[MASK]", "lstrip": True, "rstrip": False, "normalized": False,
                                 "single_word": False, "special": True}}
        (folder / "tokenizer_config.json").write_text(json.dumps(config) + "\n")
    else:
        stored = json.loads(tokenizer.to_str())
        # Settings that must be ignored.
        stored["truncation"] = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
        stored["padding"] = {"strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
                             "pad_type_id": 0, "pad_token": "[PAD]"}
        (folder / "tokenizer.json").write_text(json.dumps(stored, ensure_ascii=False, separators=(",", ":")) + "\n")


def utf8_cases():
    rng = random.Random(3)
    curated = ["ff", "80", "c3", "c328", "e28228", "e282", "f09f98", "f09f9828", "eda080", "edbfbf", "c0af", "e08080", "f0808080",
               "f4908080", "f5808080", "f48fbfbf", "e0a0", "f0908d", "61c3a962", "fe8080", "efbfbd", "00c280", "edbf", "f0806180"]
    interesting = bytes.fromhex("0061807fbfc0c1c2dfe0eced9fa0eeeff08f90f3f4f5ff")
    blobs = [bytes.fromhex(b) for b in curated]
    blobs += [bytes(rng.choice(interesting) for _ in range(rng.randint(1, 40))) for _ in range(60)]
    return [{"bytes": b.hex(), "text": b.decode(errors="replace")} for b in blobs]


def code_point_hashes():
    """SHA-256 over what normalisation and word splitting make of every code point, a block of 256 at a time. Each one stands
    behind an "a", and once more between two marks, where its combining class shows."""
    points = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    blocks = [points[i:i + 256] for i in range(0, len(points), 256)]
    found = {}
    for name, flags in {"clean": (1, 0, 0, 0), "chinese": (0, 1, 0, 0), "strip": (0, 0, 1, 0), "lower": (0, 0, 0, 1),
                        "all": (1, 1, 1, 1)}.items():
        normalizer = normalizers.BertNormalizer(*map(bool, flags))
        digest = hashlib.sha256()
        for block in blocks:
            digest.update(normalizer.normalize_str("".join("a" + chr(c) for c in block)).encode())
            digest.update(normalizer.normalize_str("".join(f"a\u0345\U0001d165{chr(c)}\U0001d165" for c in block)).encode())
        found[name] = digest.hexdigest()
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    kinds = {1: "w", 2: "s", 3: "p"}  # words in a?a: one, two, or three with the character itself
    found["split"] = hashlib.sha256("".join(kinds[len(split(f"a{chr(c)}a"))] for c in points).encode()).hexdigest()
    return found


EXPRESSIONS = [r"\p{L}", r"\p{Lu}", r"\p{^Ll}", r"\P{N}", r"[\p{M}\p{Nd}]", r"[^\s\p{P}\p{S}]", r"\s", r"\w", r"[\w]", r"\W", r"[^\W\d]",
               r"\p{Han}", r"[\p{Hiragana}\p{Katakana}]", r"\p{Hangul}", r"[^\p{Latin}\p{Greek}\p{Cyrillic}]", r"(?i:s|[k-m])", r".",
               r"[一-龥À-Ö\x{10000}-\x{1ffff}\u00df]"]


def expression_hashes():
    """SHA-256 over 1 for each code point that an expression matches, and 0 for the others."""
    text = "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)
    found = {}
    for expression in EXPRESSIONS:
        digest, done = hashlib.sha256(), 0
        split = pre_tokenizers.Split(Regex(f"(?:{expression})+"), "removed", invert=True)
        for run, (begin, end) in split.pre_tokenize_str(text):
            digest.update(b"0" * (begin - done) + b"1" * (end - begin))
            done = end
        digest.update(b"0" * (len(text) - done))
        found[expression] = digest.hexdigest()
    return found


def corpus_hashes(encoder, data):
    tokenizer = Tokenizer.from_file(str(encoder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()

    def ids_hash(encodings):
        digest = hashlib.sha256()
        for encoding in encodings:
            digest.update((" ".join(map(str, encoding.ids)) + "\n").encode())
        return digest.hexdigest()

    def entry(texts, max_length=None):
        if max_length:
            tokenizer.enable_truncation(max_length)
        return {"texts": len(texts), "sha256": ids_hash(tokenizer.encode_batch(texts))}

    sentences, passages, questions, pairs = [], [], [], []
    for split in ("train", "dev", "test"):
        for line in (data / f"sst/{split}.txt").read_text(encoding="utf-8").split("\n"):
            if line:
                sentences.append(" ".join(re.findall(r"\(\d ([^()]*)\)", line)))
    for name in ("train-v1.1.part.json", "dev-v1.1.xquad.json"):
        for article in json.loads((data / "squad" / name).read_text(encoding="utf-8"))["data"]:
            for paragraph in article["paragraphs"]:
                passages.append(paragraph["context"])
                for qa in paragraph["qas"]:
                    questions.append(qa["question"])
                    pairs.append((qa["question"], paragraph["context"]))
    in_order = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    vocabulary = hashlib.sha256("".join(token + "\n" for token, _ in in_order).encode()).hexdigest()
    return {"vocabulary": vocabulary, "sst": entry(sentences),
            "squad_passages": entry(passages), "squad_questions": entry(questions), "squad_pairs_128": entry(pairs, 128)}


def dump_lines(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows), encoding="utf-8",
                    newline="\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path)
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, tokenizer in tokenizers_to_test().items():
        write_tokenizer(name, tokenizer)
        extra = [token.content for token in ADDED] + ["newword", "eclair", "ECLAIR", " new "] if name == "added" else []
        dump_lines(FOLDER / f"{name}.jsonl", cases(tokenizer, extra))
    for make in bpe_tokenizers.FIXTURES:
        tokenizer = make()
        write_tokenizer(make.__name__, tokenizer)
        extra = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
        dump_lines(FOLDER / f"{make.__name__}.jsonl", cases(tokenizer, extra + ["\n", "\r\n", "'S", "'\u017ft"]))
    dump_lines(FOLDER / "utf8.jsonl", utf8_cases())
    hashes = {"made_by": f"tokenizers {tokenizers.__version__}", "code_points": code_point_hashes(), "expressions": expression_hashes()}
    hash_file = FOLDER / "hashes.json"
    if arguments.encoder and arguments.data:
        hashes["minilm-l6"] = corpus_hashes(arguments.encoder, arguments.data)
    elif hash_file.exists():
        hashes["minilm-l6"] = json.loads(hash_file.read_text()).get("minilm-l6")
    hash_file.write_text(json.dumps(hashes, indent=1) + "\n")


if __name__ == "__main__":
    main()
