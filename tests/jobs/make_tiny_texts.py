#!/usr/bin/env python3
"""Writes questions in the form of SQuAD, trees in that of SST and pairs of texts, in the words w0 … w58 of the tiny encoders.

    make_tiny_texts.py FOLDER

squad/{train,dev}-v1.1.json: the answer is the word behind the one that is asked for; some passages need several windows of 32
tokens. unanswerable/squad/{train,dev}-v2.0.json: the same, but two questions of three have no answer. own/{train,dev,test}.*: pairs labelled same or other, by whether the second text begins with the first's last word.
"""
import json
import pathlib
import random
import sys

folder = pathlib.Path(sys.argv[1])
rng = random.Random(5)


def words(count):
    return [f"w{rng.randrange(59)}" for _ in range(count)]


def question(number):
    passage = words(rng.choice([6, 12, 20, 50]))
    place = rng.randrange(len(passage) - 1)
    asked = passage[place]
    start = len(" ".join(passage[:place + 1])) + 1
    return " ".join(passage), {"id": f"q{number}", "question": f"{asked} {words(1)[0]}",
                               "answers": [{"text": passage[place + 1], "answer_start": start}]}


def write_squad(name, articles, first, version="1.1"):
    data = []
    number = first
    for article in range(articles):
        paragraphs = []
        for _ in range(6):
            passage, asked = question(number)
            if version == "2.0":
                asked["is_impossible"] = number % 3 != 0
                if asked["is_impossible"]:
                    asked["answers"] = []
            number += 1
            paragraphs.append({"context": passage, "qas": [asked]})
        data.append({"title": f"{pathlib.Path(name).name} {article}", "paragraphs": paragraphs})
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"version": version, "data": data}))


def pair():
    first, second = words(rng.randint(1, 6)), words(rng.randint(1, 6))
    same = rng.random() < 0.5
    return " ".join(first), " ".join([first[-1]] * same + second), "same" if same else "other"


(folder / "sst").mkdir(parents=True, exist_ok=True)
for split, count in (("train", 40), ("dev", 12), ("test", 12)):
    (folder / "sst" / f"{split}.txt").write_text("".join(
        f"({i % 5} " + " ".join(f"(2 {word})" for word in words(rng.randint(2, 9))) + ")\n" for i in range(count)))
write_squad("squad/train-v1.1.json", 5, 0)
write_squad("squad/dev-v1.1.json", 2, 1000)
own = folder / "own"
own.mkdir(parents=True, exist_ok=True)
(own / "train.tsv").write_text("label\ttext\tsecond_text\n" + "".join(f"{c}\t{a}\t{b}\n" for a, b, c in (pair() for _ in range(40))))
for split in ("dev", "test"):
    (own / f"{split}.jsonl").write_text("".join(json.dumps({"text": a, "second_text": b, "label": c}) + "\n"
                                               for a, b, c in (pair() for _ in range(12))))
(folder / "new.jsonl").write_text("".join(json.dumps({"text": a, "second_text": b, "id": f"n{i}"}) + "\n"
                                         for i, (a, b, _) in enumerate(pair() for _ in range(9))))
(folder / "questions.jsonl").write_text("".join(
    json.dumps({"question": q["question"], "passage": p}) + "\n" for p, q in (question(i) for i in range(9))))
write_squad("unanswerable/squad/train-v2.0.json", 20, 0, "2.0")
write_squad("unanswerable/squad/dev-v2.0.json", 2, 1000, "2.0")
