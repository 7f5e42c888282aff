"""Makes the trees of tests/data/fixtures/sst: sentences of our own in the form of the Stanford Sentiment Treebank.

Each sentence becomes a random binary tree with random labels. expected.json holds what a reader must find, worked out
from the written lines by regular expressions, not from the sentences.
"""
import json
import pathlib
import random
import re

SENTENCES = {
    "train": [
        ["A", "warm", ",", "patient", "film", "about", "two", "lighthouse", "keepers", "."],
        ["The", "jokes", "-LRB-", "all", "four", "of", "them", "-RRB-", "arrive", "late", "."],
        ["Half", "heist", "\\/", "half", "musical", ",", "and", "wholly", "dull"],
        ["He", "does", "n't", "sing", ",", "he", "murmurs"],
        ["Splendid"],
    ],
    "dev": [
        ["A", "café", "scene", "saves", "the", "naïve", "plot", "🙂", "!"],
        ["It", "runs", "2 1\\/2", "hours", "and", "feels", "like", "4\\/5", "of", "a", "day"],
    ],
    "test": [
        ["Nothing", "here", "is", "new", ",", "yet", "every", "frame", "is", "alive", "-LRB-", "and", "\\/", "or", "-RRB-", "kind", "."],
    ],
}


def tree(words, draw):
    label = draw.randrange(5)
    if len(words) == 1:
        return f"({label} {words[0]})"
    cut = draw.randrange(1, len(words))
    return f"({label} {tree(words[:cut], draw)} {tree(words[cut:], draw)})"


def unescape(word):
    return word.replace("-LRB-", "(").replace("-RRB-", ")").replace("\\/", "/").replace("\\*", "*")


def reading(line):
    leaves = [(int(label), unescape(word)) for label, word in re.findall(r"(\d) ([^()]+)\)", line)]
    words, start = [], 0
    for label, word in leaves:
        words.append([start, start + len(word), label])
        start += len(word) + 1
    return {"text": " ".join(word for _, word in leaves), "label": int(line[1]), "words": words}


folder = pathlib.Path(__file__).parent / "fixtures" / "sst"
folder.mkdir(parents=True, exist_ok=True)
draw = random.Random(7)
expected = {}
for split, sentences in SENTENCES.items():
    lines = [tree(words, draw) for words in sentences]
    (folder / f"{split}.txt").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    expected[split] = [reading(line) for line in lines]
(folder / "expected.json").write_text(json.dumps(expected, ensure_ascii=False) + "\n", encoding="utf-8")
