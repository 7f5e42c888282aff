#!/usr/bin/env python3
"""Makes results files for the tests of the analysis package, and a sparse full-size one for its measurement.

    make_results.py FOLDER      sst.h5, squad.h5, counting.h5 as small files with known masks

Types, dimensions and meanings are read from the tables of docs/results-file.md, so that these files follow the
specification; `layersweep validate` accepts them.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

SPECIFICATION = Path(__file__).resolve().parents[2] / "docs" / "results-file.md"
TYPES = {"float32": np.float32, "float64": np.float64, "int32": np.int32, "uint8": np.uint8, "char": "S1"}
CHARACTER = h5py.h5t.C_S1.copy()  # ends with NUL; h5py's own S1 is padded with it, which is another type
FILL = {"float32": np.nan, "float64": np.nan, "int32": -1, "uint8": 255, "char": b""}
ROOT_DIMENSIONS = ("example", "token", "point", "seed", "class")


@dataclass
class Variable:
    name: str
    dimensions: list[str]
    type: str
    only: str
    meaning: str
    flags: list[tuple[int, str]] = field(default_factory=list)


def specification() -> dict[str, list[Variable]]:
    """The variables of the tables, by the heading they stand under."""
    tables: dict[str, list[Variable]] = {}
    heading = ""
    for line in SPECIFICATION.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ").strip()
        row = re.fullmatch(r"\| `(\w+)\((.*?)\)` \| (\w+) \| \S+ \| (.*?) ?\| .*? ?\| .*? ?\| (.*) \|", line)
        if not row:
            continue
        name, dimensions, kind, only, meaning = row.groups()
        flags = []
        listed = re.search(r": (\d+ \w+(?:, \d+ \w+)+)$", meaning)
        if listed:
            flags = [(int(n), word) for n, word in (item.split(" ") for item in listed[1].split(", "))]
            meaning = meaning[: listed.start()]
        tables.setdefault(heading, []).append(Variable(name, dimensions.split(", "), kind, only.strip(), meaning, flags))
    return tables


class Writer:
    """Variables with their attributes, scales and filters as the specification wants them."""

    def __init__(self, path: Path, attributes: dict[str, Any]) -> None:
        self.file = h5py.File(path, "w", libver=("v108", "v108"), track_order=True)
        for name, value in attributes.items():
            self.file.attrs[name] = np.bytes_(value.encode()) if isinstance(value, str) else value

    def add(self, group: str, variable: Variable, values: Any, chunks: tuple[int, ...] | None = None) -> h5py.Dataset:
        """`values` is an array, or a shape to be left unwritten."""
        place = self.file.require_group(group) if group in self.file or group == "/" else self.file.create_group(group, track_order=True)
        shape = values if isinstance(values, tuple) else np.shape(values)
        if chunks is None:
            chunks = tuple(max(1, min(n, 1 << 18)) for n in shape)
            if variable.dimensions[:2] == ["seed", "point"]:
                chunks = (1, 1, *chunks[2:])  # a probe is read without touching the others
        dataset = place.create_dataset(
            variable.name, shape, h5py.Datatype(CHARACTER) if variable.type == "char" else TYPES[variable.type], chunks=chunks, compression="gzip", compression_opts=2, shuffle=True,
            fillvalue=FILL[variable.type], track_order=True,
        )  # fmt: skip
        if variable.type == "char" and not isinstance(values, tuple):  # as it is: h5py would convert to make room for a NUL
            dataset.id.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(values), mtype=CHARACTER)
        elif not isinstance(values, tuple):
            dataset[...] = values
        attributes = {"long_name": np.bytes_(variable.meaning.encode()), "units": np.bytes_(b"1")}
        if variable.type == "char":
            attributes["_Encoding"] = np.bytes_(b"utf-8")
        elif variable.dimensions != [variable.name]:
            attributes["_FillValue"] = np.array([FILL[variable.type]], TYPES[variable.type])
        if variable.flags:
            attributes["flag_values"] = np.array([n for n, _ in variable.flags], TYPES[variable.type])
            attributes["flag_meanings"] = np.bytes_(" ".join(word for _, word in variable.flags).encode())
        if variable.name == "token_count":
            attributes["sample_dimension"] = np.bytes_(b"token")
        for name, value in attributes.items():
            dataset.attrs[name] = value
        self._scales(group, variable, dataset)
        return dataset

    def _scales(self, group: str, variable: Variable, dataset: h5py.Dataset) -> None:
        if variable.dimensions == [variable.name]:
            dataset.make_scale(variable.name)
            return
        for axis, name in enumerate(variable.dimensions):
            near = name if group == "/" or name in ROOT_DIMENSIONS else f"{group}/{name}"
            if near not in self.file:
                scale = self.file.create_dataset(near, (dataset.shape[axis],), ">f4", track_order=True)
                scale.make_scale(f"This is a netCDF dimension but not a netCDF variable.{dataset.shape[axis]:10}")
            dataset.dims[axis].attach_scale(self.file[near])


def characters(texts: list[str]) -> np.ndarray:
    width = max((len(text.encode()) for text in texts), default=1) or 1
    return np.array([text.encode() for text in texts], f"S{width}").view("S1").reshape(len(texts), width)


def attributes_of(task: str, modes: list[str], epsilon: float, flip_limit: float, folder: str) -> dict[str, Any]:
    experiment = (
        f"[task]\nname = {task}\n\n[encoder]\nfolder = models/tiny\n\n[probe]\nmodes = {','.join(modes)}\n"
        f"epsilon = {epsilon:g}\n\n[run]\nfolder = {folder}\n"
    )
    texts = {
        "Conventions": "CF-1.8", "title": f"DiffMask probes of every layer: task {task}", "source": "layersweep 0.1.0",
        "history": "made by a test", "references": "De Cao et al. 2020", "comment": "fixture", "task": task,
        "experiment": experiment, "command": "layersweep run fixture.ini", "layersweep_version": "0.1.0", "commit": "0123abc",
        "libraries": "HDF5 1.10.8", "hosts": "nowhere (rank 0, 1 threads)", "processor": "a processor",
        "created": "2026-01-31T12:00:00Z", "weights_sha256": "00" * 32, "vocabulary_sha256": "11" * 32, "data_sha256": "22" * 32,
    }  # fmt: skip
    numbers = {
        "epsilon": np.float64(epsilon), "flip_limit": np.float64(flip_limit), "layersweep_layout": np.int32(1),
        "complete": np.int32(1),
    }  # fmt: skip
    return texts | numbers


@dataclass
class Texts:
    """Tokens of all examples, one after another."""

    counts: list[int] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def add(self, pieces: list[tuple[str, int]]) -> None:
        """Tokens with their part; "##" continues a word, a special token ends the text before it."""
        at, word, part_before = 0, -1, -1
        for token, part in pieces:
            self.tokens.append(token)
            self.parts.append(part)
            if part == 0:
                at, word = 0, -1
                values = (-1, -1, -1)
            else:
                continued = token.startswith("##") and part_before != 0
                word += not continued
                start = at if continued or word == 0 else at + 1
                at = start + len(token.removeprefix("##"))
                values = (word, start, at)
            self.words.append(values[0])
            self.starts.append(values[1])
            self.ends.append(values[2])
            part_before = part
        self.counts.append(len(pieces))


def write(path: Path, task: str, texts: Texts, root: dict[str, Any], modes: dict[str, dict[str, Any]], points: list[str],
          seeds: list[int], classes: int, epsilon: float, flip_limit: float, folder: str) -> None:  # fmt: skip
    """Fills in what follows from the texts; `root` and `modes` hold the rest. What is in neither is left missing."""
    tables = specification()
    counts = np.array(texts.counts, np.int32)
    vocabulary = {token: n for n, token in enumerate(dict.fromkeys(texts.tokens))}
    known = {
        "example": np.arange(counts.size), "token": np.arange(counts.sum()), "point": np.arange(len(points)), "seed": np.array(seeds),
        "class": np.arange(classes), "token_count": counts, "token_start": np.cumsum(counts) - counts,
        "example_id": characters([f"{task}/{'dev' if s == 1 else 'test'}/{e}" for e, s in enumerate(root["split"])]),
        "token_id": np.array([vocabulary[token] for token in texts.tokens]), "token_text": characters(texts.tokens),
        "token_part": np.array(texts.parts), "word_index": np.array(texts.words), "char_start": np.array(texts.starts),
        "char_end": np.array(texts.ends), "point_name": characters(points), "width": np.full(len(points), 8),
    }  # fmt: skip
    known |= root
    sizes = {name: len(known[name]) for name in ("example", "token", "point", "seed")} | {"class": classes}
    is_answering = classes == 0
    wanted = {"": True, "classification": not is_answering, "question answering": is_answering,
              "SST": "token_sentiment" in root, "counting": "token_truth" in root}  # fmt: skip
    writer = Writer(path, attributes_of(task, list(modes), epsilon, flip_limit, folder))
    for variable in tables["Group `/`"]:
        if wanted[variable.only]:
            shape = tuple(sizes.get(name, 0) for name in variable.dimensions)
            writer.add("/", variable, known[variable.name] if variable.name in known else shape)
    for mode, values in modes.items():
        steps = {"step": len(values["step"])} if "step" in values else {}
        for variable in tables["Groups `/input` and `/hidden`"]:
            if not variable.only or steps:
                shape = tuple((sizes | steps)[name] for name in variable.dimensions)
                writer.add(mode, variable, values.get(variable.name, shape))
    writer.file.close()


def probes(rng: np.random.Generator, keep: np.ndarray, counts: np.ndarray, epsilon: float, refused: list[tuple[int, int]],
           curves: bool = True) -> dict[str, Any]:  # fmt: skip
    """All figures of one mode from its keep_probability(seed, point, token); probes `refused` are above epsilon."""
    seeds, points, _ = keep.shape
    first = np.cumsum(counts) - counts
    share = np.add.reduceat((keep > 0.5).astype(np.float32), first, axis=2) / counts
    kl = rng.gamma(2.0, epsilon / 4, (seeds, points, counts.size)).astype(np.float32)
    kl_mean = np.full((seeds, points), 0.8 * epsilon, np.float32)
    for s, p in refused:
        kl_mean[s, p] = 2 * epsilon
    accepted = kl_mean <= epsilon
    chosen = np.where(accepted.any(axis=0), np.where(accepted, share.mean(axis=2), 9).argmin(axis=0), -1)
    per_point = np.linspace(0.9, 0.6, points, dtype=np.float32)
    values: dict[str, Any] = {
        "keep_probability": keep, "kl": kl, "keep_share": share, "flipped": (kl > 1.5 * epsilon).astype(np.uint8),
        "kl_mean": kl_mean, "kl_p95": 2 * kl_mean, "kl_max": 3 * kl_mean, "flipped_share": np.full((seeds, points), 0.1),
        "alpha": np.full((seeds, points), 5.0), "accepted": accepted.astype(np.uint8), "status": np.ones((seeds, points), np.uint8),
        "steps": np.full((seeds, points), 500), "chosen_seed": chosen, "random_keep_share": np.full((seeds, points), 0.85),
        "agreement_iou": per_point, "agreement_spearman": per_point, "agreement_kappa": per_point,
    }  # fmt: skip
    if curves:
        fall = np.linspace(1, 0, 6, dtype=np.float32)[:, None, None] * np.ones((1, seeds, points), np.float32)
        values |= {"step": np.arange(100, 700, 100), "training_kl": epsilon * (1 + fall), "training_keep_share": 0.3 + 0.7 * fall,
                   "training_flipped": 0.2 * fall, "training_alpha": 10 * fall}  # fmt: skip
    return values


POINTS = ["embeddings", "layer 1 input", "layer 2 input", "layer 2 output"]


def sst(path: Path, epsilon: float = 0.1, with_groups: bool = True, folder: str = "runs/sst") -> None:
    """Two modes, two seeds; sentiment words are kept to the end, others are dropped one point after another."""
    rng = np.random.default_rng(1)
    good, bad, plain = ["lovely", "funny", "witty"], ["dull", "awful"], ["the", "film", "is", "a", "story", "with", "perform"]
    texts, sentiment, labels = Texts(), [], []
    for e in range(24):
        charged = good if e % 3 else bad
        words = list(rng.choice(plain, 4 + e % 5)) + [str(rng.choice(charged))] + list(rng.choice(plain, 2)) + ["."]
        pieces = [("[CLS]", 0)]
        for word in map(str, words):
            pieces += [("perform", 1), ("##ances", 1)] if word == "perform" else [(word, 1)]
        pieces.append(("[SEP]", 0))
        texts.add(pieces)
        sentiment += [-1 if part == 0 else 3 if token in good else 1 if token in bad else 2 for token, part in pieces]
        labels.append(3 if e % 3 else 1)
    counts, tokens = np.array(texts.counts), np.array(sentiment)
    keep = np.empty((2, 4, tokens.size), np.float32)
    for p in range(4):
        keep[:, p] = np.where((tokens == 3) | (tokens == 1), 0.97 - 0.1 * p, np.where(np.arange(tokens.size) % 4 > p, 0.7, 0.05))
    keep[1] = np.clip(keep[1] + 0.04, 0, 1)
    keep[:, :, tokens == -1] = 0.9
    labels_array = np.array(labels)
    predictions = np.where(np.arange(24) % 8 == 0, 2, labels_array)
    root = {
        "split": np.array([1] * 10 + [2] * 14), "label": labels_array, "prediction": predictions,
        "score": (predictions == labels_array).astype(np.float32), "logits": rng.normal(size=(24, 5)), "token_sentiment": tokens,
    }  # fmt: skip
    modes = {
        "input": probes(rng, np.maximum(keep, 0.02), counts, epsilon, []),
        "hidden": probes(rng, keep, counts, epsilon, [(1, 0), (0, 3), (1, 3)]),
    }
    write(path, "sst", texts, root, modes, POINTS, [7, 11], 5, epsilon, 0.25, folder)
    if with_groups:
        add_groups(path, rng)


def squad(path: Path) -> None:
    """Questions and passages of 30 to 120 tokens, hidden mode."""
    rng = np.random.default_rng(2)
    plain = ["river", "town", "year", "was", "in", "the", "of", "large", "built", "people", "##s", ",", "."]
    texts, gold = Texts(), []
    for e in range(8):
        question = [("who", 2), ("built", 2), ("the", 2), ("town", 2), ("?", 2)]
        passage = [(str(word), 3) for word in rng.choice(plain, 20 + 12 * e)]
        place = int(rng.integers(1, len(passage) - 3))
        passage[place : place + 2] = [("king", 4), ("henry", 4)]
        pieces = [("[CLS]", 0), *question, ("[SEP]", 0), *passage, ("[SEP]", 0)]
        gold.append(7 + place)
        texts.add(pieces)
    counts, parts = np.array(texts.counts), np.array(texts.parts)
    likely = np.select([parts == 4, parts == 2, parts == 0], [0.99, 0.8, 0.6], 0.2)
    keep = np.stack([[np.clip(likely - 0.1 * p + rng.normal(0, 0.05, parts.size), 0, 1) for p in range(4)]]).astype(np.float32)
    start = np.array(gold)
    root = {
        "split": np.array([1] * 3 + [2] * 5), "score": np.linspace(0.4, 1, 8, dtype=np.float32), "exact_match": np.arange(8) % 2,
        "gold_start": start, "gold_end": start + 1, "predicted_start": start - np.arange(8) % 2, "predicted_end": start + 1,
        "start_logits": rng.normal(size=parts.size), "end_logits": rng.normal(size=parts.size),
    }  # fmt: skip
    write(path, "squad", texts, root, {"hidden": probes(rng, keep, counts, 1.0, [], curves=False)}, POINTS, [0], 0, 1.0, 0.25, "runs/squad")


def counting(path: Path) -> None:
    """Truth is kept at the second point, all at the first; the only probe of the first failed."""
    rng = np.random.default_rng(3)
    texts, truth = Texts(), []
    for e in range(12):
        digits = rng.integers(0, 10, 3 + e % 6)
        texts.add([(str(digit), 1) for digit in digits])
        truth += list((digits < 3).astype(int))
    counts, true = np.array(texts.counts), np.array(truth)
    keep = np.stack([[np.full(true.size, np.nan), np.where(true == 1, 0.95, 0.1)]]).astype(np.float32)
    values = probes(rng, keep, counts, 0.05, [], curves=False)
    values["status"] = np.array([[4, 1]])
    values["accepted"], values["chosen_seed"] = np.array([[0, 1]]), np.array([-1, 0])
    for name in ("kl", "keep_share"):
        values[name][0, 0] = np.nan
    values["flipped"][0, 0] = 255
    for name in ("kl_mean", "kl_p95", "kl_max", "flipped_share", "alpha"):
        values[name] = np.array([[np.nan, 0.01]], np.float32)
    root = {
        "split": np.array([1] * 6 + [2] * 6), "label": np.arange(12) % 2, "prediction": np.arange(12) % 2, "score": np.ones(12),
        "logits": rng.normal(size=(12, 2)), "token_truth": true,
    }  # fmt: skip
    write(path, "counting", texts, root, {"hidden": values}, ["input embedding", "features"], [5], 2, 0.05, 0.25, "runs/counting")


def add_groups(path: Path, rng: np.random.Generator) -> None:
    """Statistics, attributions and their evaluation."""
    with h5py.File(path) as file:
        points, tokens = file.sizes["point"] if hasattr(file, "sizes") else len(file["point"]), len(file["token"])
    writer = Writer.__new__(Writer)
    writer.file = h5py.File(path, "r+", libver=("v108", "v108"), track_order=True)
    like = np.exp(-np.abs(np.subtract.outer(np.arange(points), np.arange(points))) / 3).astype(np.float32)
    norms = np.sort(rng.gamma(9, 1, (points, 5, 3)), axis=2)
    norms[:, 2:] = np.nan  # no question, passage or answer here
    for name, dimensions, values in (
        ("quantile", ["quantile"], np.array([0.05, 0.5, 0.95])),
        ("cosine_to_next", ["point"], np.append(np.linspace(0.6, 0.9, points - 1), np.nan)),
        ("anisotropy", ["point"], np.linspace(0.1, 0.4, points)),
        ("norm_quantile", ["point", "token_part", "quantile"], norms),
        ("cka", ["point", "point_other"], like),
    ):
        writer.add("statistics", Variable(name, dimensions, "float32", "", name), values.astype(np.float32))
    methods = ["probe_input", "gradient_x_input", "random"]
    for method in methods[1:]:
        values = rng.normal(size=(points, tokens)).astype(np.float32)
        writer.add(f"explain/{method}", Variable("attribution", ["point", "token"], "float32", "", "attribution"), values)
    writer.add("evaluation", Variable("method_name", ["method", "method_name_length"], "char", "", "method"), characters(methods))
    scores = np.sort(rng.random((3, points)), axis=0)[::-1].astype(np.float32)
    for name in ("aopc_comprehensiveness", "aopc_comprehensiveness_shuffled_head", "aopc_sufficiency", "seconds"):
        writer.add("evaluation", Variable(name, ["method", "point"], "float32", "", name), scores)
    writer.file.close()


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    sst(folder / "sst.h5")
    squad(folder / "squad.h5")
    counting(folder / "counting.h5")


if __name__ == "__main__":
    main()
