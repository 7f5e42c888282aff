#!/usr/bin/env python3
"""Print explanations of a results file as the JSON lines that the ERASER benchmark scores (DeYoung et al., ACL 2020).

usage: export_eraser.py RESULTS.h5 METHOD POINT [SHARE=0.2] >predictions.jsonl      needs h5py and numpy

A line per explained text: soft_rationale_predictions are the attributions of its tokens, special ones included;
hard_rationale_predictions the tokens that SHARE keeps. Scores name the predicted class, and put the rest of the probability
on "other": all that comprehensiveness, sufficiency and their AOPC read.
"""

import json
import math
import sys

import h5py
import numpy as np


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


def main(path, method, point, share=0.2):
    file = h5py.File(path)
    if "evaluation" not in file:
        sys.exit(f"{path} holds no explanations: run it with explain.methods")
    methods = texts_of(file["evaluation/method_name"][:])
    if method not in methods:
        sys.exit(f"{path} has no method {method}; it has {', '.join(methods)}")
    row, point, share = methods.index(method), int(point), float(share)
    shares = file["evaluation/share"][:].tolist()
    if share not in shares:
        sys.exit(f"{path} has no share {share}; it has {', '.join(map(str, shares))}")
    clean = file["evaluation/clean_probability"][:]
    kept = file["evaluation/kept_probability"][row, point]
    dropped = file["evaluation/dropped_probability"][row, point]
    attribution = file[f"explain/{method}/attribution"][point]
    ids = texts_of(file["example_id"][:])
    special = file["token_part"][:] == 0
    start, count, prediction = file["token_start"][:], file["token_count"][:], file["prediction"][:]
    at = shares.index(share)
    for text in np.flatnonzero(~np.isnan(kept[0])):
        name = str(int(prediction[text]))

        def scores(probability):
            return {name: float(probability), "other": 1 - float(probability)}

        tokens = slice(start[text], start[text] + count[text])
        ranked = np.flatnonzero(~special[tokens])
        order = ranked[np.argsort(-attribution[tokens][ranked], kind="stable")]
        first = order[: math.ceil(share * len(ranked) - 1e-9)]
        print(json.dumps({
            "annotation_id": ids[text],
            "rationales": [{"docid": ids[text],
                            "soft_rationale_predictions": [float(value) for value in attribution[tokens]],
                            "hard_rationale_predictions": spans(first.tolist())}],
            "classification": name,
            "classification_scores": scores(clean[text]),
            "comprehensiveness_classification_scores": scores(dropped[at, text]),
            "sufficiency_classification_scores": scores(kept[at, text]),
            "thresholded_scores": [{"threshold": threshold,
                                    "comprehensiveness_classification_scores": scores(dropped[s, text]),
                                    "sufficiency_classification_scores": scores(kept[s, text])}
                                   for s, threshold in enumerate(shares)]}))


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main(*sys.argv[1:])
