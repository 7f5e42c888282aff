"""What the method is asked: how much is kept, by which tokens, up to which layer, how surely, and where it is worst.

All helpers take what `open_results` returns, read it block by block, and so need the memory of one block (some 10 MB) plus
their answer, however large the file is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from . import layout
from .results import blocks
from .tokens import TokenClasses, token_classes

Floats = npt.NDArray[np.float64]


def shown_seeds(dataset: xr.Dataset) -> npt.NDArray[np.int64]:
    """Of each point the probe seed to look at, an index into `seed`: the chosen one; where none was accepted the first
    whose training ended in order."""
    chosen = dataset["chosen_seed"].values.astype(np.int64)
    trained = dataset["status"].values == layout.TRAINED
    return np.where(chosen >= 0, chosen, np.argmax(trained, axis=0))


def accepted_points(dataset: xr.Dataset) -> npt.NDArray[np.bool_]:
    """Which points have a chosen seed."""
    return np.asarray(dataset["chosen_seed"].values >= 0)


def at_shown_seeds(dataset: xr.Dataset, variable: str) -> xr.DataArray:
    """A variable of (seed, point[, example]) at the shown seeds; not for keep_probability of large files."""
    array = dataset[variable]
    rows = [array[{"seed": int(seed), "point": p}].values for p, seed in enumerate(shown_seeds(dataset))]
    dims = [str(name) for name in array.dims if name != "seed"]
    coords = {name: dataset[name] for name in dims if name in dataset.coords}
    return xr.DataArray(np.stack(rows), dims=dims, coords=coords, name=variable, attrs=array.attrs)


def keep_share(dataset: xr.Dataset, by: str | None = None) -> xr.DataArray:
    """Share of tokens that the hard masks keep, over (class, point), at the shown seeds.

    `by` names token classes: part, sentiment, truth, frequency, position, speech (see `known_classes`). Without it all
    tokens are one class. The coordinate `count` tells how many tokens a class has.
    """
    if by is None:
        return tally(dataset, []).overall
    return tally(dataset, [token_classes(dataset, by)]).shares[by]


def first_dropped(dataset: xr.Dataset, accepted_only: bool = True) -> xr.DataArray:
    """Of each token the first point at which it can be dropped; −1 where every mask keeps it.

    Points without an accepted seed say nothing and are passed over, unless `accepted_only` is False.
    """
    result = np.full(dataset.sizes["token"], -1, np.int32)
    usable = accepted_points(dataset) | (not accepted_only)
    points = dataset["point"].values
    for _, tokens in blocks(dataset):
        for p in reversed(np.flatnonzero(usable)):
            row = _row(dataset, int(p), tokens)
            result[tokens][row <= layout.KEEP_THRESHOLD] = points[p]  # NaN compares false
    return xr.DataArray(result, dims="token", name="first_dropped", attrs={"long_name": "first point at which it is dropped"})


def agreement(dataset: xr.Dataset) -> pd.DataFrame:
    """How far accepted seeds agree: a row per point with intersection over union, rank correlation, Fleiss' kappa."""
    columns = {name: dataset[f"agreement_{name}"].values for name in ("iou", "spearman", "kappa")}
    names = dataset["point_name"].values
    return pd.DataFrame(
        {"point_name": names, "accepted_seeds": (dataset["accepted"].values == 1).sum(axis=0), **columns},
        index=pd.Index(dataset["point"].values, name="point"),
    )


def mask_iou(first: xr.Dataset, second: xr.Dataset) -> xr.DataArray:
    """Intersection over union of the hard masks of two modes or runs on the same tokens, over (point)."""
    if first.sizes["token"] != second.sizes["token"] or first.sizes["point"] != second.sizes["point"]:
        raise ValueError("the two do not have the same tokens and points")
    points = first.sizes["point"]
    both, either = np.zeros(points), np.zeros(points)
    for _, tokens in blocks(first):
        for p in range(points):
            a = _row(first, p, tokens) > layout.KEEP_THRESHOLD
            b = _row(second, p, tokens) > layout.KEEP_THRESHOLD
            both[p] += np.count_nonzero(a & b)
            either[p] += np.count_nonzero(a | b)
    share = np.divide(both, either, out=np.full(points, np.nan), where=either > 0)
    return xr.DataArray(share, dims="point", coords={"point": first["point"]}, name="mask_iou")


def top_examples(dataset: xr.Dataset, by: str = "kl", point: int | None = None, count: int = 10, largest: bool = True) -> pd.DataFrame:
    """The examples with the largest (or smallest) `by`: kl, keep_share, flipped, score, token_count or another variable
    over examples; of those over points at `point`, or else by the mean over points. Texts are put together from words.
    """
    values = example_values(dataset, by, point)
    order = np.argsort(-values if largest else values, kind="stable")
    order = order[~np.isnan(values[order])][:count]
    ids = dataset["example_id"].values
    return pd.DataFrame(
        {
            "example_id": [str(ids[e]) for e in order],
            by: values[order],
            "label": [int(dataset["label"][int(e)]) for e in order],
            "prediction": [int(dataset["prediction"][int(e)]) for e in order],
            "text": [text_of(dataset, int(e)) for e in order],
        },
        index=pd.Index(order, name="example"),
    )


def example_values(dataset: xr.Dataset, variable: str, point: int | None = None) -> Floats:
    """A variable over examples as numbers, NaN where missing; see `top_examples`."""
    array = at_shown_seeds(dataset, variable) if "seed" in dataset[variable].dims else dataset[variable]
    values = array.values.astype(np.float64)
    if "_FillValue" in array.attrs and array.dtype.kind in "iu":
        values[array.values == array.attrs["_FillValue"]] = np.nan
    if "point" not in array.dims:
        return np.asarray(values, np.float64)
    if point is not None:
        return np.asarray(values[int(np.flatnonzero(dataset["point"].values == point)[0])], np.float64)
    known = ~np.isnan(values)
    total = np.where(known, values, 0).sum(axis=0)
    mean: Floats = np.divide(total, known.sum(axis=0), out=np.full(total.shape, np.nan), where=known.any(axis=0))
    return mean


def text_of(dataset: xr.Dataset, example: int) -> str:
    """An example as one line: its tokens, apart where the text has a gap; without the special tokens."""
    first = int(dataset["token_start"][example])
    tokens = slice(first, first + int(dataset["token_count"][example]))
    text, end = "", -1
    columns = (dataset[name][tokens].values for name in ("token_text", "char_start", "char_end"))
    for piece, start, stop in zip(*columns, strict=True):
        if start < 0:
            end = -1
            continue
        joined = start == end
        text += str(piece).removeprefix("##") if joined else f"{' ' if text else ''}{piece}"
        end = stop
    return text


def tokens_of(dataset: xr.Dataset, example: int) -> pd.DataFrame:
    """An example's tokens, a row each, with keep_probability at every point (column names are the points' numbers)."""
    first = int(dataset["token_start"][example])
    tokens = slice(first, first + int(dataset["token_count"][example]))
    table = pd.DataFrame({"token": dataset["token_text"][tokens].values})
    for p, number in enumerate(dataset["point"].values):
        table[int(number)] = _row(dataset, p, tokens)
    return table


@dataclass(frozen=True)
class Tally:
    """What one pass over all masks gives."""

    overall: xr.DataArray  #: keep share over (class = "all", point)
    shares: dict[str, xr.DataArray]  #: by name of the token classes, over (class, point)


def tally(dataset: xr.Dataset, divisions: Sequence[TokenClasses], examples: int | None = None) -> Tally:
    """Keep shares by several token classes in one pass; `examples` limits it to so many, spread evenly over the file."""
    sizes = [len(division.labels) + 1 for division in divisions]  # the first cell: no class
    cells = int(np.prod(sizes, dtype=np.int64))
    points = dataset.sizes["point"]
    kept, known = np.zeros((points, cells), np.int64), np.zeros((points, cells), np.int64)
    for _, tokens in _sample(dataset, examples):
        joint = np.zeros(tokens.stop - tokens.start, np.int32)
        for division, size in zip(divisions, sizes, strict=True):
            joint = joint * size + (division.codes(tokens).astype(np.int32) + 1)
        everything = np.bincount(joint, minlength=cells)
        for p in range(points):
            row = _row(dataset, p, tokens)
            missing = np.isnan(row)
            kept[p] += np.bincount(joint[row > layout.KEEP_THRESHOLD], minlength=cells)
            known[p] += np.bincount(joint[~missing], minlength=cells) if missing.any() else everything
    shape = (points, *sizes)
    kept, known = kept.reshape(shape), known.reshape(shape)
    every = tuple(range(1, len(shape)))
    overall = _shares(dataset, kept.sum(axis=every)[None], known.sum(axis=every)[None], ("all",), "all tokens")
    shares = {}
    for d, division in enumerate(divisions):
        others = tuple(axis for axis in every if axis != d + 1)
        kept_here, known_here = (counts.sum(axis=others)[:, 1:].T for counts in (kept, known))
        shares[division.name] = _shares(dataset, kept_here, known_here, division.labels, division.title)
    return Tally(overall, shares)


def _sample(dataset: xr.Dataset, examples: int | None) -> list[tuple[slice, slice]]:
    total = dataset.sizes["example"]
    if examples is None or examples >= total:
        return list(blocks(dataset))
    starts = np.append(dataset["token_start"].values, dataset.sizes["token"])
    pieces = min(16, examples)  # stretches of neighbours: single examples would read a chunk each
    firsts = np.linspace(0, total - examples // pieces, pieces).astype(int)
    return [(slice(f, f + examples // pieces), slice(int(starts[f]), int(starts[f + examples // pieces]))) for f in firsts]


def _row(dataset: xr.Dataset, p: int, tokens: slice) -> npt.NDArray[np.float32]:
    """keep_probability of one point's shown seed."""
    seed = int(shown_seeds(dataset)[p])
    return np.asarray(dataset["keep_probability"][seed, p, tokens].values, np.float32)


def _shares(
    dataset: xr.Dataset, kept: npt.NDArray[np.int64], known: npt.NDArray[np.int64], labels: tuple[str, ...], title: str
) -> xr.DataArray:
    there = known.max(axis=1) > 0  # classes that no token of the file has say nothing
    kept, known, labels = kept[there], known[there], tuple(np.array(labels)[there])
    share = np.divide(kept, known, out=np.full(kept.shape, np.nan), where=known > 0)
    return xr.DataArray(
        share,
        dims=("class", "point"),
        coords={"class": [str(label) for label in labels], "point": dataset["point"], "count": ("class", known.max(axis=1))},
        name="keep_share",
        attrs={"long_name": "share of tokens kept", "by": title},
    )
