#!/usr/bin/env python3
"""Writes the fixtures of tests/text for Unigram tokenizers: small ones with the components of XLM-R, ALBERT, DeBERTa, CamemBERT and
T5, what Hugging Face `tokenizers` makes of hostile texts with them, and normalizers.json, what each normalizer makes of every
character.

    python3 scripts/make_unigram_fixtures.py        needs: tokenizers 0.23.3
"""

import hashlib
import json
import random
import struct

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

import charsmap
import hostile_text
from make_tokenizer_fixtures import ALPHABET, FOLDER, dump_lines, expectation

MAP = {"\ufb01": "fi", "½": "1⁄2", "\u00a0": " ", "\t": " ", "\n": " ", "\r": " ", "\u3000": " ", "\u200b": "", "\u00ad": "",
       "\u0001": "", "\u212b": "Å", "e\u0301": "é", "A\u0300": "À", "©": "(c)", "\u0958": "\u0915\u093c", "①": "1", "…": "...",
       "ｶﾞ": "ガ", "ｶ": "カ", "²": "2", "№": "No", "가\u0301": "가", "\u0600": "#", "\u09be": "+", "中": "中国中"}
FOLDING = MAP | {chr(c): chr(c + 32) for c in range(65, 91)}
WORDS = ["the", "film", "movie", "good", "un", "watch", "able", "perform", "ance", "s", "ing", "ab", "ba", "aba", "abab", "é", "▁▁",
         "The", "I", "don", "'", "(c)", "...", "1⁄2", "中国", "カ", "한국어", "е", "xx", "xxx"]
TEXTS = ["▁", " ▁ ▁", "a▁b", "abababababab", "xxxxxxxxx", "aabbaabbab", "½ ½½x", "\u200b\u200bthe film", "the\u200b\u200bfilm", "©\u200d© ©\u200dx",
         "e\u0301e\u0301 e\u0323\u0301", "A\u0301film", "\u0600a \u0600\u0301", "क्क़\u0301 \u0958\u0301", "가\u0301 \u1100가\u0301", "  two  blanks   three ",
         "\r\nline\r\n\r\n", "\t\tthe\t", "中中a中", "ﬁﬁlm", "ｶﾞｶﾞ ｶ", "\u09c7\u09be \u0b47\u0b3e", "``quoted'' ''", "<mask>the <mask> film<mask>",
         " <mask>", "<unk>x <unk>", "zﬀ\U0001f600\U0001f600 ξξξ", "\u0301the", "…\u0301", "a\u0301b\u0300²\u0301"]


def spelled():
    """The pieces with their scores: single precision written out in double, as SentencePiece has them, and many of them equal."""
    rng = random.Random(7)
    texts = list(dict.fromkeys(["▁" + w for w in WORDS if w[0] != "▁"] + WORDS + list(ALPHABET[:90]) + ["▁"]))
    scores = [struct.unpack("f", struct.pack("f", -rng.uniform(2, 12)))[0] for _ in range(12)]
    return [(text, rng.choice(scores)) for text in texts]


def template(special, single, pair):
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=[(t, special.index(t)) for t in special if t in pair])


def precompiled(replacements):
    return normalizers.Precompiled(charsmap.charsmap(replacements))


def replace(pattern, content):
    return normalizers.Replace(Regex(pattern), content)


def make(special, normalizer, pre_tokenizer, post_processor, byte_fallback=False):
    pieces = [(token, 0.0) for token in special] + spelled()
    if byte_fallback:
        pieces += [(f"<0x{byte:02X}>", -20.5) for byte in range(256) if byte != 0xCE]  # so that not all can be spelled
    tokenizer = Tokenizer(models.Unigram(pieces, special.index(next(t for t in special if t.lower().strip("<[]>") == "unk")), byte_fallback))
    tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.post_processor = normalizer, pre_tokenizer, post_processor
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False, lstrip="mask" in t.lower()) for t in special])
    return tokenizer


def tokenizers_to_test():
    one_of = normalizers.Sequence
    metaspace = pre_tokenizers.Metaspace
    roberta = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    bert = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
    t5 = ["<pad>", "</s>", "<unk>"]
    of_roberta = template(roberta, "<s> $A </s>", "<s> $A </s> </s> $B </s>")
    of_bert = template(bert, "[CLS]:0 $A:0 [SEP]:0", "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1")
    of_t5 = template(t5, "$A </s>", "$A </s> $B </s>")
    return {
        "xlm_roberta": make(roberta, one_of([precompiled(MAP), replace(" {2,}", " ")]), metaspace(), of_roberta),
        "albert": make(bert, one_of([normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(),
                                     normalizers.StripAccents(), normalizers.Lowercase(), precompiled(FOLDING),
                                     replace(" {2,}", " ")]), metaspace(), of_bert),
        "deberta": make(bert, one_of([replace(r"\s{2,}|[\n\r\t]", " "), normalizers.NFC(), normalizers.Strip(False, True)]),
                        metaspace(prepend_scheme="first"), of_bert),
        "camembert": make(roberta, one_of([normalizers.NFKC(), normalizers.Nmt(), normalizers.Strip(), normalizers.Prepend("▁"),
                                           replace(r"[ ]+", "▁")]), metaspace(prepend_scheme="never"), of_roberta, True),
        "t5": make(t5, one_of([precompiled(MAP), normalizers.Strip(False, True), replace(" {2,}", "▁"), normalizers.NFD()]),
                   metaspace(split=False), of_t5),
    }


def cases(place, tokenizer):
    rng = random.Random(5 + place)
    texts = TEXTS + hostile_text.CURATED[place % 3::3] + list(hostile_text.random_texts(11 + place, 20, TEXTS))
    pairs = [(rng.choice(texts), rng.choice(texts)) for _ in range(14)]
    for case in [(text, None, None) for text in texts] + [(text, None, rng.randint(3, 12)) for text, _ in pairs[:8]] + [
            (first, second, rng.choice([None, 5, 7, 9, 12, 16])) for first, second in pairs]:
        found = expectation(tokenizer, *case)
        encoding = tokenizer.encode(*case[:2])
        yield found | {"source": [-1 if s is None else s for s in encoding.sequence_ids], "segment": encoding.type_ids}


def every_character(normalize):
    digest = hashlib.sha256()
    points = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    for begin in range(0, len(points), 256):
        block = points[begin:begin + 256]
        for form in ("a{}", "a\u0345\U0001d165{}\U0001d165", "{}e\u0301", "©\u200d{}", "\u0915\u094d{}e\u20d0", "©{}\u200d©\u0301"):
            digest.update(normalize("".join(form.replace("{}", c) for c in block)).encode())
    return digest.hexdigest()


def main():
    for place, (name, tokenizer) in enumerate(tokenizers_to_test().items()):
        (FOLDER / name).mkdir(parents=True, exist_ok=True)
        (FOLDER / name / "tokenizer.json").write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False,
                                                                 separators=(",", ":")) + "\n", encoding="utf-8")
        # Read back, as a score may lose its last bit on the way.
        dump_lines(FOLDER / f"{name}.jsonl", cases(place, Tokenizer.from_file(str(FOLDER / name / "tokenizer.json"))))
    alone = {name: getattr(normalizers, name)() for name in ("NFC", "NFD", "NFKC", "NFKD", "StripAccents", "Lowercase", "Nmt")}
    alone |= {"Strip": normalizers.Strip(), "Precompiled": precompiled(FOLDING), "Replace": replace(r"\s{2,}|[\n\r\t]", "_")}
    rows = [{"normalizer": json.loads(made.__getstate__()), "sha256": every_character(made.normalize_str)} for made in alone.values()]
    dump_lines(FOLDER / "normalizers.jsonl", rows)


if __name__ == "__main__":
    main()
