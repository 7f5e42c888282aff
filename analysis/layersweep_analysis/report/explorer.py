"""Which texts the page carries, and their tokens, masks and attributions as the page's script wants them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from .. import layout
from ..questions import at_shown_seeds, example_values, shown_seeds
from ..results import ResultsFile, blocks, example_numbers
from .pack import Pack
from .summary import class_names, split_names

Ints = npt.NDArray[np.int64]

# Bytes before compression that texts and masks may take in the page, so that it stays below 5 MB whatever they hold.
_BYTES = 3_600_000
_TOP = 25  # of each order in the page, always there


@dataclass(frozen=True)
class Source:
    """One row of shades per point: the masks of a run's mode, or an explainer's attributions."""

    label: str
    dataset: xr.Dataset
    attribution: xr.DataArray | None = None  #: (point, token); None: masks


def sources_of(file: ResultsFile, prefix: str = "") -> list[Source]:
    masks = [Source(f"{prefix}{name} masks", dataset) for name, dataset in file.modes.items()]
    any_mode = next(iter(file.modes.values()))
    others = [
        Source(f"{prefix}{name.replace('_', ' ')}", any_mode, group["attribution"])
        for name, group in file.explainers.items()
        if "attribution" in group and group["attribution"].dims == ("point", "token")
    ]
    return masks + others


def corpus(
    pack: Pack, label: str, file: ResultsFile, sources: Sequence[Source], wanted: Sequence[str], share: float
) -> dict[str, Any]:
    """Texts of one file with the shades of `sources`, which are over the same tokens. Those of the ids `wanted`
    that it has are among them; `share` of the page's room is for it."""
    root = file.root
    examples = _choose(file, sources, wanted, int(_BYTES * share))
    counts = root["token_count"].values
    picked = _Picked(root, examples)
    vocabulary, codes = np.unique(picked.read(root["token_text"]).astype(str), return_inverse=True)
    splits = split_names(root)
    content: dict[str, Any] = {
        "label": label,
        "total": int(root.sizes["example"]),
        "points": [str(name) for name in root["point_name"].values],
        "classes": class_names(file),
        "splits": {str(code): name for code, name in splits.items()},
        "ids": [str(name) for name in root["example_id"][examples].values],
        "vocabulary": [str(word) for word in vocabulary],
        "counts": pack.add(counts[examples].astype(np.int32)),
        "split": pack.add(root["split"][examples].values.astype(np.uint8)),
        "labelled": pack.add(root["label"][examples].values.astype(np.int32)),
        "predicted": pack.add(root["prediction"][examples].values.astype(np.int32)),
        "score": pack.add(root["score"][examples].values.astype(np.float32)),
        "tokens": pack.add(codes.astype(np.uint16 if len(vocabulary) < 65536 else np.int32)),
        "parts": pack.add(picked.read(root["token_part"]).astype(np.uint8)),
        "spaces": pack.add(_spaces(picked)),
        "sources": [_shades(pack, source, examples, picked) for source in sources],
    }
    if file.is_question_answering:
        for name in ("gold_start", "gold_end", "predicted_start", "predicted_end"):
            content[name] = pack.add(root[name][examples].values.astype(np.int32))
    return content


class _Picked:
    """The tokens of chosen examples, read in long stretches: single reads would decompress a whole chunk each."""

    def __init__(self, root: xr.Dataset, examples: Ints) -> None:
        self.root = root
        starts, counts = root["token_start"].values, root["token_count"].values
        self._pieces: list[tuple[slice, Ints]] = []
        for block, tokens in blocks(root):
            here = examples[(examples >= block.start) & (examples < block.stop)]
            if here.size:
                first, last = int(starts[here[0]]), int(starts[here[-1]] + counts[here[-1]])
                index = np.concatenate([np.arange(starts[e], starts[e] + counts[e]) for e in here]) - first
                self._pieces.append((slice(first, last), index))

    def read(self, array: xr.DataArray) -> npt.NDArray[Any]:
        """A variable over (token)."""
        return np.concatenate([array[tokens].values[index] for tokens, index in self._pieces])


def _choose(file: ResultsFile, sources: Sequence[Source], wanted: Sequence[str], room: int) -> Ints:
    """All examples where they fit; else those asked for, the first of each order, and an even sample of the rest."""
    root = file.root
    counts = root["token_count"].values.astype(np.int64)
    points = root.sizes["point"]
    cost = counts * (6 + points * len(sources)) + 40 + 5 * points * len(sources)
    asked = example_numbers(root, wanted)
    if cost.sum() <= room:
        return np.arange(counts.size)
    chosen: dict[int, None] = dict.fromkeys(asked)
    for dataset in file.modes.values():
        for variable in ("kl", "keep_share", "flipped"):
            values = example_values(dataset, variable)
            known = np.flatnonzero(~np.isnan(values))
            order = known[np.argsort(-values[known], kind="stable")]
            ends = order[:_TOP], (order[-_TOP:] if variable == "keep_share" else order[:0])
            chosen.update(dict.fromkeys(int(e) for end in ends for e in end))
    spent = int(cost[list(chosen)].sum())
    order = np.random.default_rng(0).permutation(counts.size)  # a fixed draw: the same file gives the same page
    rest = order[~np.isin(order, list(chosen))]
    fitting = rest[np.cumsum(cost[rest]) + spent <= room]
    return np.sort(np.concatenate([np.array(list(chosen), np.int64), fitting]))


def _spaces(picked: _Picked) -> npt.NDArray[np.uint8]:
    """Whether a token starts after a gap in the text (1), or continues it (0)."""
    start, end = picked.read(picked.root["char_start"]), picked.read(picked.root["char_end"])
    before = np.concatenate([[-1], end[:-1]])
    joined = (start >= 0) & (before >= 0) & (start == before)
    return np.asarray(~joined, np.uint8)


def _shades(pack: Pack, source: Source, examples: Ints, picked: _Picked) -> dict[str, Any]:
    dataset = source.dataset
    seeds = shown_seeds(dataset)
    content: dict[str, Any] = {"label": source.label, "signed": source.attribution is not None}
    if source.attribution is not None:
        attribution = source.attribution
        relative = [_relative(picked.read(attribution[p]), dataset, examples) for p in range(attribution.shape[0])]
        return content | {"shades": pack.add(np.concatenate(relative))}
    masks = dataset["keep_probability"]
    rows = [_quantised(picked.read(masks[int(seed), p])) for p, seed in enumerate(seeds)]
    kl = at_shown_seeds(dataset, "kl").values[:, examples]
    return content | {
        "shades": pack.add(np.concatenate(rows)),
        "accepted": [int(chosen >= 0) for chosen in dataset["chosen_seed"].values],
        "seeds": [int(dataset["seed"][int(seed)]) for seed in seeds],
        "kl": pack.add(kl.astype(np.float32)),
        "flipped": pack.add(at_shown_seeds(dataset, "flipped").values[:, examples].astype(np.uint8)),
    }


def _quantised(probability: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Half percents, 255 where missing; what is kept is above 100 and what is dropped is not, whatever rounding says."""
    steps = np.rint(np.nan_to_num(probability) * 200)
    kept = probability > layout.KEEP_THRESHOLD
    steps = np.where(kept, np.maximum(steps, 101), np.minimum(steps, 100))
    return np.where(np.isnan(probability), 255, steps).astype(np.uint8)


def _relative(attribution: npt.NDArray[Any], dataset: xr.Dataset, examples: Ints) -> npt.NDArray[np.int8]:
    """Hundredths of the largest of the example, −128 where missing."""
    counts = dataset["token_count"].values[examples].astype(np.int64)
    firsts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    size = np.nan_to_num(np.abs(attribution))
    largest = np.repeat(np.maximum.reduceat(size, firsts), counts)
    scaled = np.rint(np.divide(100 * np.nan_to_num(attribution), largest, out=np.zeros_like(size), where=largest > 0))
    return np.where(np.isnan(attribution), -128, scaled).astype(np.int8)
