"""The statistics of a run against numpy, which computes the states of all tokens by itself and sees them at once.

The model is a BERT of two layers from the encoder's fixtures, written down here a second time in double precision; the tokens
are read from the run folder, the figures from the results file. Any number of ranks must leave the same bits.

usage: statistics_test.py LAYERSWEEP MPIEXEC...
"""

import json
import math
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

import h5py
import numpy as np

MODEL = pathlib.Path(__file__).resolve().parent.parent / "model/fixtures/tiny-qa"
# Enough texts for more than one of the stretches in which they are read: 16 batches of 16 texts a shard.
EXPERIMENT = f"""
[task]
name = squad
max_length = 32
overlap = 8
[encoder]
folder = {MODEL}
[finetune]
epochs = 0
[probe]
modes = hidden
seeds = 3
batch = 32
max_steps = 2
warm_up = 1
[extract]
splits = dev
[statistics]
cka_tokens = 1000000
[run]
threads = 1
shards = 4
deterministic = true
"""
TYPES = {"F32": np.float32, "F64": np.float64, "I32": np.int32, "I64": np.int64, "U8": np.uint8}
SPECIAL, TEXT = 0, 1  # of token_part; questions have all parts but text
BIN = 2 ** (1 / 64)
HEADS = 4


def write_questions(folder, name, count):
    rng = random.Random(name)
    articles = []
    for number in range(count):
        words = [f"w{rng.randrange(59)}" for _ in range(rng.choice([4, 9, 17, 40]))]
        asked = {"id": f"{name}{number}", "question": f"{words[0]} {words[2]}", "answers": [{"text": words[0], "answer_start": 0}]}
        articles.append({"title": f"{number}", "paragraphs": [{"context": " ".join(words), "qas": [asked]}]})
    (folder / f"squad/{name}-v1.1.json").write_text(json.dumps({"version": "1.1", "data": articles}))


def tensors_of(path):
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[8 + length + begin : 8 + length + end], TYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return tensors


def normed(model, name, x):
    x = x - x.mean(1, keepdims=True)
    return x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-12) * model[name + ".weight"] + model[name + ".bias"]


def mapped(model, name, x):
    return x @ model[name + ".weight"].T + model[name + ".bias"]


def states_of(model, token, segment):
    """Of one text at all points: its word embeddings, what each layer reads, what the last one gives."""
    word = model["bert.embeddings.word_embeddings.weight"][token]
    x = word + model["bert.embeddings.position_embeddings.weight"][: len(token)]
    x = normed(model, "bert.embeddings.LayerNorm", x + model["bert.embeddings.token_type_embeddings.weight"][segment])
    states = [word, x]
    for layer in ("bert.encoder.layer.0.", "bert.encoder.layer.1."):
        query, key, value = (
            mapped(model, f"{layer}attention.self.{name}", x).reshape(len(token), HEADS, -1).transpose(1, 0, 2)
            for name in ("query", "key", "value")
        )
        weights = np.exp(query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[-1]))
        mixed = (weights / weights.sum(-1, keepdims=True) @ value).transpose(1, 0, 2).reshape(x.shape)
        x = normed(model, layer + "attention.output.LayerNorm", x + mapped(model, layer + "attention.output.dense", mixed))
        inner = mapped(model, layer + "intermediate.dense", x)
        inner = inner * (1 + np.vectorize(math.erf)(inner / math.sqrt(2))) / 2
        x = normed(model, layer + "output.LayerNorm", x + mapped(model, layer + "output.dense", inner))
        states.append(x)
    return states


def expected_cosine(states, text):
    """Mean over all pairs of tokens of different texts, text by text."""
    unit = states / np.linalg.norm(states, axis=1)[:, None]
    sums = np.zeros((text.max() + 1, unit.shape[1]))
    np.add.at(sums, text, unit)
    count = np.bincount(text).astype(np.float64)
    other = ~np.eye(len(count), dtype=bool)
    return (sums @ sums.T)[other].sum() / np.outer(count, count)[other].sum()


def cka(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    return np.linalg.norm(x.T @ y) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))


def check(found, states, part, text):
    close = {"rtol": 1e-4, "atol": 1e-5}  # the program's states are of single precision
    is_word = part != SPECIAL
    words = [h[is_word] for h in states]
    for p, h in enumerate(states):
        for k in range(5):
            rows = h[part == k]
            assert found["count"][p, k] == len(rows) and (len(rows) > 0) == (k != TEXT)
            if len(rows) == 0:
                assert np.isnan(found["mean"][p, k]).all() and np.isnan(found["norm_quantile"][p, k]).all()
                continue
            np.testing.assert_allclose(found["mean"][p, k], rows.mean(0), **close)
            np.testing.assert_allclose(found["variance"][p, k], rows.var(0), **close)
            wanted = np.quantile(np.linalg.norm(rows, axis=1), found["quantile"], method="inverted_cdf")
            ratio = found["norm_quantile"][p, k] / wanted
            assert (ratio < BIN * (1 + 1e-5)).all() and (ratio > (1 - 1e-5) / BIN).all(), ratio
            np.testing.assert_allclose(ratio[[0, -1]], 1, rtol=1e-5)
        np.testing.assert_allclose(found["anisotropy"][p], expected_cosine(words[p], text[is_word]), **close)
        if p + 1 == len(states):
            assert np.isnan(found["cosine_to_next"][p])
            continue
        along = (words[p] * words[p + 1]).sum(1) / np.linalg.norm(words[p], axis=1) / np.linalg.norm(words[p + 1], axis=1)
        np.testing.assert_allclose(found["cosine_to_next"][p], along.mean(), **close)
    np.testing.assert_allclose(found["cka"], [[cka(x, y) for y in words] for x in words], rtol=1e-4)


def main():
    layersweep, *mpiexec = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "small.ini").write_text(EXPERIMENT)
        (folder / "squad").mkdir()
        write_questions(folder, "train", 900)
        write_questions(folder, "dev", 20)

        def run(ranks, to, *more):
            launcher = [*mpiexec, str(ranks)] if ranks > 1 else []
            command = [*launcher, layersweep, "run", str(folder / "small.ini"), "--set", f"run.folder={folder / to}", *more]
            environment = {**os.environ, "LAYERSWEEP_DATA": name}
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
            assert done.returncode == 0, done.stderr

        run(1, "alone")
        with h5py.File(folder / "alone/results.h5") as file:
            found = {name: file["statistics"][name][()] for name in file["statistics"]}
        bits = (folder / "alone/statistics/figures.safetensors").read_bytes()
        for ranks in (2, 4):
            run(ranks, f"on-{ranks}", "--steps", "statistics")
            assert (folder / f"on-{ranks}/statistics/figures.safetensors").read_bytes() == bits, f"{ranks} ranks differ"

        (shard,) = (path for path in (folder / "alone/tokens").iterdir() if "train" in path.name)
        corpus = tensors_of(shard)
        model = {name: value.astype(np.float64) for name, value in tensors_of(MODEL / "model.safetensors").items()}
        start = corpus["token_start"]
        assert len(start) - 1 > 1024, "the texts fit in one stretch"
        texts = [slice(*ends) for ends in zip(start[:-1], start[1:])]
        states = [states_of(model, corpus["token_id"][one], corpus["segment"][one]) for one in texts]
        text = np.repeat(np.arange(len(texts)), np.diff(start))
        check(found, [np.concatenate(point) for point in zip(*states)], corpus["part"], text)

        # A sample of the tokens differs from all of them, but not by much; with none there is no CKA.
        run(1, "sample", "--steps", "statistics", "--set", "statistics.cka_tokens=2000")
        sampled = tensors_of(folder / "sample/statistics/figures.safetensors")["cka"].reshape(found["cka"].shape)
        difference = np.abs(sampled - found["cka"])
        assert 1e-4 < difference.max() < 0.05, difference
        run(1, "none", "--steps", "statistics", "--set", "statistics.cka_tokens=0")
        assert np.isnan(tensors_of(folder / "none/statistics/figures.safetensors")["cka"]).all()


if __name__ == "__main__":
    main()
    print("OK")
