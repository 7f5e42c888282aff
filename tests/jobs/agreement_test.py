"""The agreement of probe seeds in a results file against the definitions, from the masks in the same file.

usage: agreement_test.py LAYERSWEEP MPIEXEC...
"""

import itertools
import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy as np

EXPERIMENT = """
[task]
name = counting
limit = 120
[finetune]
epochs = 1
[probe]
modes = hidden,input
seeds = 3,5,8
seeds_per_unit = 0
epsilon = 100
flip_limit = 1
batch = 32
max_steps = 60
validate_every = 30
warm_up = 2
learning_rate = 3e-2
[run]
threads = 1
"""


def average_ranks(values):
    """Rank 1 for the smallest; equal values share the mean of theirs."""
    return np.array([(values < v).sum() + ((values == v).sum() + 1) / 2 for v in values])


def spearman(a, b):
    a, b = average_ranks(a), average_ranks(b)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return np.corrcoef(a, b)[0, 1]


def fleiss_kappa(masks):
    """Fleiss 1971, equations 1 to 7: raters by subjects, two categories."""
    raters, subjects = masks.shape
    votes = np.stack([raters - masks.sum(0), masks.sum(0)], 1)
    of_subject = ((votes**2).sum(1) - raters) / (raters * (raters - 1))
    by_chance = ((votes.sum(0) / (subjects * raters)) ** 2).sum()
    return (of_subject.mean() - by_chance) / (1 - by_chance) if by_chance < 1 else np.nan


def mean_or_nan(values):
    return np.mean(values) if values else np.nan


def main():
    layersweep, *mpiexec = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "e.ini").write_text(EXPERIMENT)
        subprocess.run([*mpiexec, "2", layersweep, "run", "e.ini", "--set", "run.folder=run"], cwd=folder, check=True, timeout=250)
        file = h5py.File(pathlib.Path(folder, "run", "results.h5"))
        start, count = file["token_start"][:], file["token_count"][:]
        varied = 0
        for mode in ("input", "hidden"):
            group = file[mode]
            for point in range(file["point"].size):
                seeds = np.flatnonzero(group["accepted"][:, point] == 1)
                assert len(seeds) == 3, "with these limits every probe is accepted"
                keep = group["keep_probability"][:, point, :][seeds]
                masks = keep > 0.5
                pairs = list(itertools.combinations(range(len(seeds)), 2))
                iou = [(masks[a] & masks[b]).sum() / (masks[a] | masks[b]).sum() for a, b in pairs if (masks[a] | masks[b]).any()]
                ranks = []
                for a, b in pairs:
                    texts = [spearman(keep[a, s : s + n], keep[b, s : s + n]) for s, n in zip(start, count)]
                    texts = [r for r in texts if r is not None]
                    if texts:
                        ranks.append(np.mean(texts))
                wanted = {"iou": mean_or_nan(iou), "spearman": mean_or_nan(ranks), "kappa": fleiss_kappa(masks)}
                for name, value in wanted.items():
                    found = group[f"agreement_{name}"][point]
                    # Sums of correlations are kept in units of 2^-32, figures in float32.
                    np.testing.assert_allclose(found, value, rtol=2e-6, atol=2e-6, err_msg=f"{mode} {point} {name}")
                varied += int(np.isfinite(list(wanted.values())).all() and wanted["kappa"] < 1)
        assert varied > 0, "all masks were constant: nothing was tested"


main()
