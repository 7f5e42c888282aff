#!/usr/bin/env python3
"""Print how explainers compare: a table per point from /evaluation of one results file, or the mean over several runs.

usage: explainer_table.py RESULTS.h5…      needs h5py and numpy
"""

import sys

import h5py
import numpy as np

FIGURES = {
    "truth_kl": "KL to truth",
    "truth_js": "JS to truth",
    "truth_f1": "F1",
    "aopc_comprehensiveness": "compreh.",
    "aopc_comprehensiveness_shuffled_head": "shuffled head",
    "aopc_sufficiency": "suffic.",
    "aopc_sufficiency_shuffled_head": "shuffled head",
    "seconds": "ms a text",
}


def main(paths):
    if not paths:
        sys.exit(__doc__)
    files = [h5py.File(path) for path in paths]
    for file, path in zip(files, paths):
        if "evaluation" not in file:
            sys.exit(f"{path} holds no explanations: run it with explain.methods")
    methods = [b"".join(row).rstrip(b"\0").decode() for row in files[0]["evaluation/method_name"][:]]
    points = [b"".join(row).rstrip(b"\0").decode() for row in files[0]["point_name"][:]]
    figures = [name for name in FIGURES if name in files[0]["evaluation"]]
    cells = {name: np.stack([file[f"evaluation/{name}"][:] for file in files]) for name in figures}
    if "seconds" in cells:
        cells["seconds"] = cells["seconds"] * 1000
    print(f"mean over {len(files)} run{'s' if len(files) > 1 else ''}, ± standard deviation over runs")
    for point, name in enumerate(points):
        print(f"\npoint {point}, {name}\n{'':22}" + "".join(f"{FIGURES[name]:>16}" for name in figures))
        for row, method in enumerate(methods):
            line = f"{method:22}"
            for figure in figures:
                values = cells[figure][:, row, point]
                spread = f" ±{values.std():.3f}" if len(files) > 1 and np.isfinite(values).all() else ""
                line += f"{values.mean():.3f}{spread}".rjust(16)
            print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
