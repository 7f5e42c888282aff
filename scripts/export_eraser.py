#!/usr/bin/env python3
"""Print explanations of a results file as the JSON lines that the ERASER benchmark scores (DeYoung et al., ACL 2020).

A line per explained text: soft_rationale_predictions are the attributions of its tokens, special ones included;
hard_rationale_predictions the tokens that SHARE keeps. Scores name the predicted class, and put the rest of the probability
on "other": all that comprehensiveness, sufficiency and their AOPC read.

--data-dir writes the texts too, for rationale_benchmark/metrics.py --data_dir OUT --split SPLIT --results predictions.jsonl:
OUT/docs/<docid>, the tokens of a text on one line, and OUT/<split>.jsonl with its label and, where the task knows them
(counting), the tokens that the right answer depends on as evidence. Where none are known, hard_rationale_predictions are left
out, because that scorer divides by the number of true rationales; what it then says of soft predictions means nothing.
"""

import argparse
import hashlib
import json
import math
import os
import pathlib
import sys
import urllib.parse

import h5py
import numpy as np

SPLITS = ("train", "dev", "test")


def texts_of(rows):
    return [b"".join(row).rstrip(b"\0").decode() for row in rows]


def spans(tokens):
    """[3, 4, 7] as half-open spans 3..5, 7..8."""
    result = []
    for token in sorted(tokens):
        if result and result[-1][1] == token:
            result[-1][1] = token + 1
        else:
            result.append([token, token + 1])
    return [{"start_token": start, "end_token": end} for start, end in result]


def docid_of(name):
    """The id of a text as a name for a file, the same for the same id."""
    safe = urllib.parse.quote(name, safe="#:@=+,")
    if not safe or safe.startswith("."):
        safe = "%2E" + safe[1:]
    # File systems take 255 bytes.
    return safe if len(safe) <= 200 else safe[:150] + "-" + hashlib.sha256(name.encode()).hexdigest()[:32]


def words_of(file, tokens):
    """The tokens of a text as the scorer's loader reads them back: none empty, no white space within."""
    return ["".join("_" if c.isspace() else c for c in token) or "_" for token in texts_of(file["token_text"][tokens])]


def annotation(file, text, name, tokens, words):
    """A line of ERASER's <split>.jsonl."""
    docid = docid_of(name)
    truth = spans(np.flatnonzero(file["token_truth"][tokens] == 1).tolist()) if "token_truth" in file else []
    question = file["token_part"][tokens] == 2
    return {
        "annotation_id": name,
        "query": " ".join(word for word, asks in zip(words, question) if asks),
        "evidences": [[{"text": " ".join(words[span["start_token"]:span["end_token"]]), "docid": docid, **span,
                        "start_sentence": 0, "end_sentence": 1}] for span in truth],
        "classification": str(int(file["label"][text])),
        "docids": [docid],
    }


def write_data(folder, file, chosen, ids, split):
    names = [ids[text] for text in chosen]
    twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    if twice:
        sys.exit(f"several explained texts have the id {min(twice)}: choose those of one split with --split")
    (folder / "docs").mkdir(parents=True, exist_ok=True)
    lines = {}
    for text, name in zip(chosen, names):
        tokens = slice(file["token_start"][text], file["token_start"][text] + file["token_count"][text])
        words = words_of(file, tokens)
        (folder / "docs" / docid_of(name)).write_text(" ".join(words) + "\n", encoding="utf-8")
        lines.setdefault(SPLITS[split[text]], []).append(json.dumps(annotation(file, text, name, tokens, words)) + "\n")
    for name, of_split in lines.items():
        (folder / f"{name}.jsonl").write_text("".join(of_split), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="needs h5py and numpy")
    parser.add_argument("results", metavar="RESULTS.h5")
    parser.add_argument("method", metavar="METHOD", help="a name of /explain, as leave_one_out or probe_hidden")
    parser.add_argument("point", metavar="POINT", type=int)
    parser.add_argument("share", metavar="SHARE", type=float, nargs="?", default=0.2, help="one of explain.shares (default: 0.2)")
    parser.add_argument("--split", choices=SPLITS, help="texts of this split only, where several are explained")
    parser.add_argument("--data-dir", metavar="OUT", type=pathlib.Path, help="write the texts and their labels for the scorer too")
    asked = parser.parse_args()
    path, method, point, share = asked.results, asked.method, asked.point, asked.share
    file = h5py.File(path)
    if "evaluation" not in file:
        sys.exit(f"{path} holds no explanations: run it with explain.methods")
    methods = texts_of(file["evaluation/method_name"][:])
    if method not in methods:
        sys.exit(f"{path} has no method {method}; it has {', '.join(methods)}")
    row = methods.index(method)
    shares = file["evaluation/share"][:].tolist()
    if share not in shares:
        sys.exit(f"{path} has no share {share}; it has {', '.join(map(str, shares))}")
    clean = file["evaluation/clean_probability"][:]
    points = file["evaluation/kept_probability"].shape[1]
    if not 0 <= point < points:
        sys.exit(f"{path} has no point {point}; it has 0 to {points - 1}")
    kept = file["evaluation/kept_probability"][row, point]
    dropped = file["evaluation/dropped_probability"][row, point]
    attribution = file[f"explain/{method}/attribution"][point]
    ids = texts_of(file["example_id"][:])
    special = file["token_part"][:] == 0
    start, count, prediction = file["token_start"][:], file["token_count"][:], file["prediction"][:]
    split = file["split"][:]
    at = shares.index(share)
    chosen = [text for text in np.flatnonzero(~np.isnan(kept[0])) if asked.split in (None, SPLITS[split[text]])]
    # Before the first line, so that the folder is whole whoever reads the lines.
    if asked.data_dir:
        write_data(asked.data_dir, file, chosen, ids, split)
    scorer_takes_hard = not asked.data_dir or "token_truth" in file
    for text in chosen:
        name = str(int(prediction[text]))

        def scores(probability):
            return {name: float(probability), "other": 1 - float(probability)}

        tokens = slice(start[text], start[text] + count[text])
        ranked = np.flatnonzero(~special[tokens])
        order = ranked[np.argsort(-attribution[tokens][ranked], kind="stable")]
        first = order[: math.ceil(share * len(ranked) - 1e-9)]
        rationale = {"docid": docid_of(ids[text]), "soft_rationale_predictions": [float(value) for value in attribution[tokens]]}
        if scorer_takes_hard:
            rationale["hard_rationale_predictions"] = spans(first.tolist())
        print(json.dumps({
            "annotation_id": ids[text],
            "rationales": [rationale],
            "classification": name,
            "classification_scores": scores(clean[text]),
            "comprehensiveness_classification_scores": scores(dropped[at, text]),
            "sufficiency_classification_scores": scores(kept[at, text]),
            "thresholded_scores": [{"threshold": threshold,
                                    "comprehensiveness_classification_scores": scores(dropped[s, text]),
                                    "sufficiency_classification_scores": scores(kept[s, text])}
                                   for s, threshold in enumerate(shares)]}))


if __name__ == "__main__":
    try:
        main()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has enough (| head). The interpreter would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
