#!/usr/bin/env python3
"""Exact match and F1 against the functions of SQuAD's evaluate-v1.1.py and evaluate-v2.0.py, written out here, on the
development set with right, nearly right and wrong answers.

    official_scores_test.py SCORE_ANSWERS          exit code 77 where LAYERSWEEP_DATA has no squad/
"""

import collections
import json
import os
import pathlib
import random
import re
import string
import subprocess
import sys


def normalize_answer(s):
    def remove_articles(text):
        return re.sub(r"\b(a|an|the)\b", " ", text)

    def white_space_fix(text):
        return " ".join(text.split())

    def remove_punc(text):
        exclude = set(string.punctuation)
        return "".join(ch for ch in text if ch not in exclude)

    return white_space_fix(remove_articles(remove_punc(s.lower())))


def f1_score(prediction, ground_truth):  # version 1.1
    prediction_tokens = normalize_answer(prediction).split()
    ground_truth_tokens = normalize_answer(ground_truth).split()
    common = collections.Counter(prediction_tokens) & collections.Counter(ground_truth_tokens)
    num_same = sum(common.values())
    if num_same == 0:
        return 0
    precision = 1.0 * num_same / len(prediction_tokens)
    recall = 1.0 * num_same / len(ground_truth_tokens)
    return (2 * precision * recall) / (precision + recall)


def compute_f1(a_gold, a_pred):  # version 2.0
    gold_toks = normalize_answer(a_gold).split()
    pred_toks = normalize_answer(a_pred).split()
    common = collections.Counter(gold_toks) & collections.Counter(pred_toks)
    num_same = sum(common.values())
    if len(gold_toks) == 0 or len(pred_toks) == 0:
        # If either is no-answer, then F1 is 1 if they agree, 0 otherwise
        return int(gold_toks == pred_toks)
    if num_same == 0:
        return 0
    precision = 1.0 * num_same / len(pred_toks)
    recall = 1.0 * num_same / len(gold_toks)
    return (2 * precision * recall) / (precision + recall)


def expected(prediction, golds, version):
    f1 = f1_score
    if version == "2.0":  # get_raw_scores
        golds = [gold for gold in golds if normalize_answer(gold)] or [""]
        f1 = lambda a_pred, a_gold: compute_f1(a_gold, a_pred)
    return (max(normalize_answer(prediction) == normalize_answer(gold) for gold in golds), max(f1(prediction, gold) for gold in golds))


# Where normalisation is easily done otherwise; Unicode spaces, letters and marks next to articles.
HARD = ["", " ", "the", "The An a", "a.m.", "an_a the_b", "the-cat", "naïve the\u00a0a", "e\u0301a a\u0301 the\u0301", "A\u2003b\u3000c",
        "ÀÉÎ İstanbul ΑΒΓ", "1,000 the 1000", "“the” ‘a’", "a電影 the電影", "²a the²", "\x1cthe\x1d a", "ǅ THE ﬁ", "$5,000.00", "and/or the", "a" * 300]


def cases(questions):
    rng = random.Random(3)
    yield from ((first, [second]) for first in HARD for second in HARD)
    yield from ((text, ["first", "the second", "A"]) for text in HARD)
    # Golds of which nothing is left, alone, beside others, and none at all.
    yield from ((text, golds) for text in ["some words", "", "the", "A.", "-", "words"]
                for golds in ([""], ["The"], ["a", "the"], ["The", "words"], ["...", "some words", ""]))
    for passage, golds in questions:
        gold = rng.choice(golds)
        words = gold.split()
        yield gold, golds
        yield "The " + gold.upper() + ".", golds
        yield " ".join(words[: rng.randint(0, len(words))]), golds
        begin = rng.randrange(len(passage))
        yield passage[begin: begin + rng.randint(0, 60)], golds


def main():
    folder = pathlib.Path(os.environ.get("LAYERSWEEP_DATA", "/nowhere")) / "squad"
    files = [folder / name for name in ("dev-v1.1.json", "dev-v1.1.xquad.json") if (folder / name).exists()]
    if not files:
        print("LAYERSWEEP_DATA has no development set of SQuAD")
        return 77
    data = json.loads(files[0].read_text(encoding="utf-8"))["data"]
    questions = [(paragraph["context"], [answer["text"] for answer in question["answers"]])
                 for article in data for paragraph in article["paragraphs"] for question in paragraph["qas"]]
    asked = [(*case, version) for case in cases(questions) for version in ("1.1", "2.0")]
    lines = "".join(json.dumps(case) + "\n" for case in asked)
    answers = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(answers) == len(asked) > 8000, (len(answers), len(asked))
    wrong, partly = 0, 0
    # What tells the scripts apart must be among the cases.
    assert sum(expected(*one) != expected(*two) for one, two in zip(asked[::2], asked[1::2])) > 20
    for case, line in zip(asked, answers):
        exact, f1 = line.split()
        exact_expected, f1_expected = expected(*case)
        partly += 0 < f1_expected < 1
        if int(exact) != exact_expected or abs(float(f1) - f1_expected) > 1e-12:
            wrong += 1
            print("differs:", case, line, exact_expected, f1_expected)
    assert partly > 800, partly
    print(f"{len(asked)} answers, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
