#!/usr/bin/env python3
"""Measures the report of a results file as large as one of all of SQuAD: seconds and peak memory.

    .deps/venv/bin/python bench/report_full_squad.py FOLDER [--examples 88000] [--points 26] [--seeds 3] [--modes input,hidden]

Makes FOLDER/full.h5 (once; 15 million tokens, 10 GB of masks) with the layout of docs/results-file.md: the masks of the seeds
that a report shows are noise that compresses as badly as real ones, from a small pool of chunks; those of the others are
left unwritten, so that the file takes 3 GB of disk. Then runs `report` on it in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
import zlib
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "analysis"))
import make_results  # noqa: E402

POOL = 8


def packed(chunk: np.ndarray) -> bytes:
    """As HDF5's shuffle and gzip store it."""
    return zlib.compress(chunk.view(np.uint8).reshape(-1, chunk.itemsize).T.tobytes(), 2)


def tokens_of(counts: np.ndarray) -> dict[str, np.ndarray]:
    """[CLS] question [SEP] passage [SEP], three tokens of the passage being the answer."""
    starts = np.cumsum(counts) - counts
    position = np.arange(counts.sum(), dtype=np.int32) - np.repeat(starts, counts).astype(np.int32)
    left = np.repeat(counts, counts).astype(np.int32) - position
    part = np.where(position < 13, 2, 3).astype(np.uint8)
    part[(position >= 40) & (position < 43)] = 4
    special = (position == 0) | (position == 13) | (left == 1)
    part[special] = 0
    place = np.where(special, -1, position * 6)
    rng = np.random.default_rng(1)
    return {
        "token_id": np.minimum(rng.zipf(1.3, position.size), 28_995).astype(np.int32), "token_part": part,
        "word_index": np.where(special, -1, position), "char_start": place, "char_end": np.where(special, -1, place + 5),
    }  # fmt: skip


def make(path: Path, examples: int, points: int, seeds: int, modes: list[str]) -> None:
    rng = np.random.default_rng(0)
    counts = np.clip(rng.gamma(9, 176 / 9, examples), 48, 384).astype(np.int32)
    tokens, tables = int(counts.sum()), make_results.specification()
    known = tokens_of(counts) | {
        "example": np.arange(examples), "token": np.arange(tokens, dtype=np.int32), "point": np.arange(points),
        "seed": np.arange(seeds), "token_count": counts, "token_start": np.cumsum(counts) - counts,
        "example_id": make_results.characters([f"squad/train/{e}" for e in range(examples)]),
        "split": np.where(np.arange(examples) < examples // 20, 1, 0), "score": rng.random(examples), "width": np.full(points, 1024),
        "exact_match": rng.integers(0, 2, examples), "point_name": make_results.characters(
            ["embeddings", *(f"layer {n} input" for n in range(1, points - 1)), f"layer {points - 2} output"]),
        "gold_start": np.full(examples, 40), "gold_end": np.full(examples, 42),
        "predicted_start": np.full(examples, 40), "predicted_end": np.full(examples, 42),
    }  # fmt: skip
    sizes = {"example": examples, "token": tokens, "point": points, "seed": seeds}
    part = path.with_suffix(".making")
    writer = make_results.Writer(part, make_results.attributes_of("squad", modes, 1.0, 0.25, "runs/full-squad"))
    for variable in tables["Group `/`"]:
        if variable.only not in ("", "question answering"):
            continue
        if variable.name == "token_text":
            words = make_results.characters([f"word{n}" for n in range(28_996)])
            shape = (tokens, words.shape[1])
            dataset = writer.add("/", variable, shape)
            raw = words[known["token_id"][: dataset.chunks[0]] % len(words)]
            for row in range(0, tokens, dataset.chunks[0]):
                dataset.id.write_direct_chunk((row, 0), packed(np.ascontiguousarray(raw)))
        else:
            shape = tuple(sizes.get(name, 0) for name in variable.dimensions)
            writer.add("/", variable, known.get(variable.name, shape))
    for mode in modes:
        accepted = np.ones((seeds, points))
        share = rng.random((seeds, points, examples), np.float32)
        values = {
            "kl": share, "keep_share": share, "flipped": (share > 0.9).astype(np.uint8), "kl_mean": 0.5 * accepted,
            "flipped_share": 0.1 * accepted, "accepted": accepted, "status": accepted, "steps": accepted,
            "chosen_seed": np.arange(points) % seeds,
        }  # fmt: skip
        for variable in tables["Groups `/input` and `/hidden`"]:
            if variable.only:
                continue
            shape = tuple(sizes[name] for name in variable.dimensions)
            dataset = writer.add(mode, variable, values.get(variable.name, shape))
            if variable.name == "keep_probability":
                length = dataset.chunks[2]
                pool = [packed(rng.beta(0.3, 0.6, length).astype(np.float32)) for _ in range(POOL)]
                for p in range(points):
                    for n, token in enumerate(range(0, tokens, length)):
                        dataset.id.write_direct_chunk((p % seeds, p, token), pool[(n + p) % POOL])
    writer.file.close()
    part.rename(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--examples", type=int, default=88_000)
    parser.add_argument("--points", type=int, default=26)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--modes", default="input,hidden")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    path = arguments.folder / "full.h5"
    if not path.exists():
        start = time.monotonic()
        make(path, arguments.examples, arguments.points, arguments.seeds, arguments.modes.split(","))
        print(f"made {path} in {time.monotonic() - start:.0f} s")
    with h5py.File(path) as file:
        modes = [mode for mode in ("input", "hidden") if mode in file]
        masks = sum(file[mode]["keep_probability"].size * 4 for mode in modes)
        print(f"{len(file['example']):,} examples, {len(file['token']):,} tokens, {len(modes)} modes, masks {masks / 2**30:.1f} GiB, "
              f"on disk {path.stat().st_size / 2**30:.1f} GiB")  # fmt: skip
    page = arguments.folder / "report.html"
    command = [sys.executable, "-m", "layersweep_analysis", "report", str(path), f"--out={page}"]
    start = time.monotonic()
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "analysis")})
    seconds = time.monotonic() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{seconds:.0f} s of time, {used.ru_utime + used.ru_stime:.0f} s of processor, peak memory {used.ru_maxrss / 2**20:.2f} GiB, "
          f"page {page.stat().st_size / 1e6:.1f} MB")  # fmt: skip


if __name__ == "__main__":
    main()
