"""Classes of tokens, by which keep shares can be told: part, sentiment, truth, frequency, position, part of speech."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import xarray as xr

from . import layout
from .speech import SPEECH, Tagger

Codes = npt.NDArray[np.int8]

NO_CLASS = -1
_FREQUENCIES = (1, 10, 100, 1000, 10_000)
_POSITIONS = (0, 5, 10, 20, 40, 80, 160, 320)


@dataclass(frozen=True)
class TokenClasses:
    """One way to divide the tokens: `codes(tokens)` gives for a slice of the file's tokens the index into `labels`, or
    NO_CLASS (special tokens, except in the division by part)."""

    name: str
    title: str
    labels: tuple[str, ...]
    codes: Callable[[slice], Codes]


def token_classes(dataset: xr.Dataset, name: str) -> TokenClasses:
    """`name` is one of `known_classes(dataset)`. "speech" needs the extra `pos`."""
    if name not in known_classes(dataset):
        raise ValueError(f"this file has no token classes {name!r}, only {', '.join(known_classes(dataset))}")
    if name in _FLAGGED:
        return _flagged(dataset, name)
    if name == "frequency":
        return _by_frequency(dataset)
    if name == "position":
        return _by_position(dataset)
    return _by_speech(dataset)


def known_classes(dataset: xr.Dataset) -> list[str]:
    """Names for `token_classes`; "speech" only where the tagger is installed and the tokens are words."""
    names = [name for name, (variable, _) in _FLAGGED.items() if variable in dataset]
    names += ["frequency", "position"]
    if Tagger.is_installed() and dataset.attrs.get("task") != "counting":
        names.append("speech")
    return names


def words_of(dataset: xr.Dataset, examples: slice) -> tuple[list[list[str]], list[npt.NDArray[np.int64]]]:
    """Words put together from their pieces, example by example; and of each word's tokens the number of the word within
    the example (−1 for special tokens)."""
    tokens = _tokens_of(dataset, examples)
    texts = dataset["token_text"][tokens].values
    numbers = dataset["word_index"][tokens].values
    parts = dataset["token_part"][tokens].values
    counts = dataset["token_count"][examples].values
    sentences: list[list[str]] = []
    indices: list[npt.NDArray[np.int64]] = []
    first = 0
    for count in counts:
        words: list[str] = []
        index = np.full(count, -1, np.int64)
        before: tuple[int, int] | None = None
        for t in range(count):
            place = first + t
            if numbers[place] < 0:
                before = None
                continue
            # Question and passage count their words anew.
            key = (int(parts[place] == layout.QUESTION), int(numbers[place]))
            piece = str(texts[place]).removeprefix("##")
            if key == before:
                words[-1] += piece
            else:
                words.append(piece)
            before = key
            index[t] = len(words) - 1
        sentences.append(words)
        indices.append(index)
        first += int(count)
    return sentences, indices


_FLAGGED = {
    "part": ("token_part", "part of the text"),
    "sentiment": ("token_sentiment", "sentiment of the token's word"),
    "truth": ("token_truth", "whether the answer depends on the token"),
}


def _tokens_of(dataset: xr.Dataset, examples: slice) -> slice:
    starts, counts = dataset["token_start"], dataset["token_count"]
    first, last = examples.start or 0, (examples.stop or dataset.sizes["example"]) - 1
    return slice(int(starts[first]), int(starts[last]) + int(counts[last]))


def _special(dataset: xr.Dataset, tokens: slice) -> npt.NDArray[np.bool_]:
    return np.asarray(dataset["token_part"][tokens].values == layout.SPECIAL)


def _flagged(dataset: xr.Dataset, name: str) -> TokenClasses:
    variable, title = _FLAGGED[name]
    array = dataset[variable]
    values = [int(value) for value in np.atleast_1d(array.attrs["flag_values"])]
    labels = tuple(meaning.replace("_", " ") for meaning in str(array.attrs["flag_meanings"]).split())
    table = np.full(256, NO_CLASS, np.int8)
    table[values] = np.arange(len(values))
    # −1 as uint8 is 255, the other type's missing value: both end in the table's last cell.
    return TokenClasses(name, title, labels, lambda tokens: table[array[tokens].values.astype(np.uint8)])


def _binned(edges: tuple[int, ...], unit: str) -> tuple[str, ...]:
    labels = [f"{low:,}" if high == low + 1 else f"{low:,}–{high - 1:,}" for low, high in zip(edges, edges[1:], strict=False)]
    return tuple(f"{label}{unit}" for label in [*labels, f"{edges[-1]:,} +"])


def _by_frequency(dataset: xr.Dataset) -> TokenClasses:
    """How often the token's vocabulary entry stands in this file."""
    ids = dataset["token_id"]
    # Of the ids that there are: a table of all would be as long as the largest.
    known, counts = np.zeros(0, np.int32), np.zeros(0, np.int64)
    for first in range(0, dataset.sizes["token"], 1 << 22):
        part, times = np.unique(ids[first : first + (1 << 22)].values, return_counts=True)
        known, place = np.unique(np.concatenate([known, part]), return_inverse=True)
        counts = np.bincount(place, np.concatenate([counts, times])).astype(np.int64)
    bins = (np.searchsorted(_FREQUENCIES, counts, side="right") - 1).astype(np.int8)

    def codes(tokens: slice) -> Codes:
        found = bins[np.searchsorted(known, ids[tokens].values)]
        return np.where(_special(dataset, tokens), np.int8(NO_CLASS), found)

    return TokenClasses("frequency", "how often the token stands in the file", _binned(_FREQUENCIES, " ×"), codes)


def _by_position(dataset: xr.Dataset) -> TokenClasses:
    def codes(tokens: slice) -> Codes:
        places = dataset[layout.TOKEN_POSITION][tokens].values
        found = (np.searchsorted(_POSITIONS, places, side="right") - 1).astype(np.int8)
        return np.where(_special(dataset, tokens), np.int8(NO_CLASS), found)

    return TokenClasses("position", "position in the example, from 0", _binned(_POSITIONS, ""), codes)


def _by_speech(dataset: xr.Dataset) -> TokenClasses:
    tagger = Tagger()
    owners = dataset[layout.TOKEN_EXAMPLE]

    @cache  # tagging is slow, and every mode asks for the same tokens
    def codes_of(start: int, stop: int) -> Codes:
        if start == stop:
            return np.zeros(0, np.int8)
        examples = slice(int(owners[start]), int(owners[stop - 1]) + 1)
        pieces = []
        for words, index in zip(*words_of(dataset, examples), strict=True):
            tags = np.array([*tagger.tag(words), NO_CLASS], np.int8)  # the last one is for index −1
            pieces.append(tags[index])
        whole = _tokens_of(dataset, examples)
        return np.concatenate(pieces)[start - whole.start : stop - whole.start]

    def codes(tokens: slice) -> Codes:
        return codes_of(tokens.start or 0, tokens.stop if tokens.stop is not None else dataset.sizes["token"])

    return TokenClasses("speech", "part of speech (HanTa)", SPEECH, codes)
