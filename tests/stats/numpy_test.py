"""The streamed and merged statistics against numpy, which sees all tokens at once.

usage: numpy_test.py WRITE_STATISTICS
"""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy as np

PARTS, SPECIAL = 5, 0
TYPES = {"F32": np.float32, "F64": np.float64, "I64": np.int64, "U8": np.uint8}


def read(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[8 + length + begin : 8 + length + end], TYPES[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return tensors


def cosines(a, b):
    with np.errstate(invalid="ignore"):
        return a @ b.T / (np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1))


def cka(x, y):
    """By the definition over kernels (Kornblith et al. 2019, equations 2 and 3), not by the form that is used."""
    n = len(x)
    centre = np.eye(n) - 1 / n
    k, l = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre
    return np.trace(k @ l) / np.sqrt(np.trace(k @ k) * np.trace(l @ l))


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], folder], check=True, timeout=60)
        given = read(pathlib.Path(folder, "states.safetensors"))
        found = read(pathlib.Path(folder, "figures.safetensors"))
    length, part = given["length"], given["part"]
    is_token = np.arange(part.shape[1]) < length[:, None]
    is_word = is_token & (part != SPECIAL)
    text = np.broadcast_to(np.arange(len(length))[:, None], part.shape)[is_word]
    states = [given[f"states.{p}"].astype(np.float64) for p in range(3)]
    bin_width = 2 ** (1 / 64)
    for p, h in enumerate(states):
        width = h.shape[-1]
        for k in range(PARTS):
            rows = h[is_token & (part == k)]
            assert found["count"][p, k] == len(rows)
            assert np.isnan(found["mean"][p, k, width:]).all() and np.isnan(found["variance"][p, k, width:]).all()
            if len(rows) == 0:
                assert np.isnan(found["mean"][p, k]).all() and np.isnan(found["norm_quantile"][p, k]).all()
                continue
            np.testing.assert_allclose(found["mean"][p, k, :width], rows.mean(0), rtol=1e-12, atol=1e-12)
            # Of a feature around 300 that varies by 0.01: double precision keeps 1e-16 * (300 / 0.01)^2 of it.
            np.testing.assert_allclose(found["variance"][p, k, :width], rows.var(0), rtol=1e-6)
            norms = np.linalg.norm(rows, axis=1)
            wanted = np.quantile(norms, found["quantile"], method="inverted_cdf")
            np.testing.assert_array_less(found["norm_quantile"][p, k], wanted * bin_width + 1e-12)
            np.testing.assert_array_less(wanted / bin_width - 1e-12, found["norm_quantile"][p, k])
            np.testing.assert_allclose(found["norm_quantile"][p, k, [0, -1]], [norms.min(), norms.max()], rtol=1e-12)
        words = h[is_word]
        pairs = cosines(words, words)
        other = (text[:, None] != text) & np.isfinite(pairs)
        np.testing.assert_allclose(found["anisotropy"][p], pairs[other].mean(), rtol=1e-10)
        if p + 1 < len(states) and states[p + 1].shape == h.shape:
            along = np.diag(cosines(words, states[p + 1][is_word]))
            np.testing.assert_allclose(found["cosine_to_next"][p], np.nanmean(along), rtol=1e-10)
        else:
            assert np.isnan(found["cosine_to_next"][p])
        for q, g in enumerate(states):
            # Products of centred states in fp32.
            np.testing.assert_allclose(found["cka"][p, q], cka(words, g[is_word]), rtol=1e-4)


main()
