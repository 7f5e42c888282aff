"""What a run was asked and what it found: the figures and sentences of its part of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from .. import layout
from ..questions import Tally, accepted_points, at_shown_seeds, shown_seeds, tally
from ..results import ResultsFile
from ..tokens import TokenClasses, known_classes, token_classes
from .charts import number

Floats = npt.NDArray[np.float64]

# Tagging costs some 50 µs a word: enough tokens for shares, few enough for seconds.
_SPEECH_TOKENS = 40_000
# Classes of fewer tokens are too small for a sentence about them.
_TOKENS_WORTH_NAMING = 50


@dataclass(frozen=True)
class Cell:
    """One probe in the table of acceptance."""

    state: str  #: "accepted", "refused" or the word of its status
    chosen: bool
    kl: str
    flipped: str
    kept: str


@dataclass(frozen=True)
class ModeSummary:
    """Everything about one mode but its texts; arrays are over points, at the shown seeds."""

    name: str
    dataset: xr.Dataset
    accepted: npt.NDArray[np.bool_]
    kept: Floats  #: mean over all examples in the file
    kl_dev: Floats  #: on the examples that decided acceptance
    flipped_dev: Floats
    random_kept: Floats  #: NaN where not computed
    splits: dict[str, dict[str, Floats]]  #: by split: mean of kl, flipped and keep_share over its examples
    tally: Tally
    speech_examples: int  #: how many examples the shares by part of speech are from; 0: all


def summarise(file: ResultsFile, speech: bool = True) -> list[ModeSummary]:
    """Of every mode: one pass over the masks, and one over a sample of the texts for parts of speech."""
    root = file.root
    divisions = [token_classes(root, name) for name in known_classes(root) if name != "speech"]
    tagged = token_classes(root, "speech") if speech and "speech" in known_classes(root) else None
    return [_summary(dataset, divisions, tagged) for dataset in file.modes.values()]


def _summary(dataset: xr.Dataset, divisions: list[TokenClasses], tagged: TokenClasses | None) -> ModeSummary:
    found = tally(dataset, divisions)
    sampled = 0
    if tagged is not None:
        examples = dataset.sizes["example"]
        affordable = _SPEECH_TOKENS * examples // max(1, dataset.sizes["token"])
        sampled = affordable if affordable < examples else 0
        found.shares.update(tally(dataset, [tagged], sampled or None).shares)
    return ModeSummary(
        name=str(dataset.attrs["mode"]),
        dataset=dataset,
        accepted=accepted_points(dataset),
        kept=at_shown_seeds(dataset, "keep_share").values.mean(axis=1, dtype=np.float64),
        kl_dev=_at_shown(dataset, "kl_mean"),
        flipped_dev=_at_shown(dataset, "flipped_share"),
        random_kept=_at_shown(dataset, "random_keep_share"),
        splits=_split_means(dataset),
        tally=found,
        speech_examples=sampled,
    )


def acceptance(mode: ModeSummary) -> list[list[Cell]]:
    """A row per point, a cell per seed."""
    dataset = mode.dataset
    table = {name: dataset[name].values for name in ("accepted", "status", "kl_mean", "flipped_share", "chosen_seed")}
    meanings = str(dataset["status"].attrs["flag_meanings"]).split()
    kept = np.stack([dataset["keep_share"][s].values.mean(axis=1) for s in range(dataset.sizes["seed"])])
    rows = []
    for p in range(dataset.sizes["point"]):
        row = []
        for s in range(dataset.sizes["seed"]):
            status = int(table["status"][s, p])
            state = "accepted" if table["accepted"][s, p] == 1 else "refused"
            if status != layout.TRAINED and state == "refused":
                state = meanings[status].replace("_", " ") if status < len(meanings) else "unknown"
            row.append(
                Cell(
                    state=state,
                    chosen=int(table["chosen_seed"][p]) == s,
                    kl=number(float(table["kl_mean"][s, p])),
                    flipped=number(float(table["flipped_share"][s, p]), percent=True),
                    kept=number(float(kept[s, p]), percent=True),
                )
            )
        rows.append(row)
    return rows


def asked(file: ResultsFile) -> str:
    """The question of the run as a sentence."""
    root = file.root
    points = root.sizes["point"]
    split = root["split"]
    dev = int((split.values == _split_codes(root).get("dev", 1)).sum())
    limit = f"a divergence of at most {number(float(root.attrs['epsilon']))} nats on average"
    flips = float(root.attrs["flip_limit"])
    if flips < 1:
        limit += f" and at most {number(flips, percent=True)} changed {'answers' if file.is_question_answering else 'predictions'}"
    return (
        f"Which tokens can be replaced, given only what the model knows at each of its {points} points, "
        f"with {limit} on the {dev:,} dev examples?"
    )


def found(file: ResultsFile, mode: ModeSummary) -> list[str]:
    """The answer as sentences, most important first."""
    names = [str(name) for name in mode.dataset["point_name"].values]
    good = np.flatnonzero(mode.accepted)
    points = len(names)
    if good.size == 0:
        return [f"{mode.name.capitalize()} masks: no point has an accepted probe; the figures below are of probes that failed the limits."]
    first, last = int(good[0]), int(good[-1])
    whole = "every point" if good.size == points else f"{good.size} of {points} points"
    text = f"{mode.name.capitalize()} masks: {whole} accepted. "
    if first == last:
        sentences = [text + f"At {names[first]} {number(mode.kept[first], True)} of the tokens are needed."]
    else:
        sentences = [
            text + f"The model needs {number(mode.kept[first], True)} of the tokens at {names[first]} "
            f"and {number(mode.kept[last], True)} at {names[last]}."
        ]
    contrast = _contrast(mode, names, good)
    if contrast:
        sentences.append(contrast)
    if np.isfinite(mode.random_kept[good]).any():
        p = int(good[np.nanargmax(mode.random_kept[good] - mode.kept[good])])
        sentences.append(
            f"Random masks of the same divergence would have to keep {number(mode.random_kept[p], True)} "
            f"at {names[p]}, these keep {number(mode.kept[p], True)}."
        )
    return sentences


def class_names(file: ResultsFile) -> list[str]:
    """Names of the classes where the file tells them (SST's are the words of sentiment), else their numbers."""
    count = file.root.sizes.get("class", 0)
    if "token_sentiment" in file.root:
        words = str(file.root["token_sentiment"].attrs["flag_meanings"]).replace("_", " ").replace("very ", "very~").split()
        if len(words) == count:
            return [word.replace("~", " ") for word in words]
    return [str(c) for c in range(count)]


def split_names(root: xr.Dataset) -> dict[int, str]:
    return {code: name for name, code in _split_codes(root).items()}


def _contrast(mode: ModeSummary, names: Sequence[str], good: npt.NDArray[np.int64]) -> str:
    """The token classes that differ most, where they do."""
    for division, noun in (("truth", "tokens that the answer depends on"), ("sentiment", "words"), ("part", "tokens")):
        shares = mode.tally.shares.get(division)
        if shares is None:
            continue
        shares = shares[shares["count"].values >= _TOKENS_WORTH_NAMING]
        if shares.sizes["class"] < 2:
            continue
        values = shares.values[:, good]
        spread = np.nanmax(values, axis=0) - np.nanmin(values, axis=0)
        p = int(np.nanargmax(spread))
        high, low = int(np.nanargmax(values[:, p])), int(np.nanargmin(values[:, p]))
        labels = [str(label) for label in shares["class"].values]
        at = f"The difference is largest at {names[good[p]]}: "
        if division == "truth":
            yes = labels.index("yes")
            return f"{at}{number(values[yes, p], True)} of the {noun} are kept, {number(values[1 - yes, p], True)} of the others."
        return f"{at}{number(values[high, p], True)} of the {labels[high]} {noun} are kept, {number(values[low, p], True)} of the {labels[low]} ones."
    return ""


def _split_codes(root: xr.Dataset) -> dict[str, int]:
    attributes = root["split"].attrs
    values = [int(value) for value in np.atleast_1d(attributes["flag_values"])]
    return dict(zip(str(attributes["flag_meanings"]).split(), values, strict=True))


def _split_means(dataset: xr.Dataset) -> dict[str, dict[str, Floats]]:
    split = dataset["split"].values
    means: dict[str, dict[str, Floats]] = {name: {} for name, code in _split_codes(dataset).items() if (split == code).any()}
    for variable in ("kl", "flipped", "keep_share"):
        array = at_shown_seeds(dataset, variable)
        values = array.values.astype(np.float64)
        if variable == "flipped":
            values[array.values == layout.MISSING_UINT8] = np.nan
        for name in means:
            part = values[:, split == _split_codes(dataset)[name]]
            known = ~np.isnan(part)
            total = np.where(known, part, 0).sum(axis=1)
            means[name][variable] = np.divide(total, known.sum(axis=1), out=np.full(len(total), np.nan), where=known.any(axis=1))
    return means


def _at_shown(dataset: xr.Dataset, variable: str) -> Floats:
    if variable not in dataset:
        return np.full(dataset.sizes["point"], np.nan)
    return np.asarray(dataset[variable].values[shown_seeds(dataset), np.arange(dataset.sizes["point"])], np.float64)
