"""The charts and tables of one run, for the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from markupsafe import Markup

from .. import layout
from ..questions import agreement, top_examples
from ..results import ResultsFile
from .charts import STYLES, Axis, Series, legend, line_chart, matrix, number, short_name
from .summary import Cell, ModeSummary, acceptance, asked, found, summarise

Floats = npt.NDArray[np.float64]

_SENTIMENT_STYLES = (6, 1, 7, 2, 0)  # red and orange, grey, green and blue: an order

SHARE = Axis("", low=0.0, high=1.0, percent=True)


@dataclass(frozen=True)
class Table:
    """Numbers behind a chart, or a small table of its own."""

    head: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Figure:
    title: str
    chart: Markup
    legend: Markup = Markup("")
    note: str = ""
    table: Table | None = None


@dataclass(frozen=True)
class ModeView:
    name: str
    seeds: list[int]
    rows: list[tuple[str, list[Cell]]]
    accepted: int
    by_class: list[Figure]
    training: list[Figure]
    agreement: Table | None
    top: list[tuple[str, list[tuple[str, str, str]]]]  #: title; of each example id, value, text


@dataclass(frozen=True)
class RunView:
    label: str
    asked: str
    found: list[str]  #: a paragraph a mode
    tiles: list[tuple[str, str, str]]  #: value, name, explanation
    curves: list[Figure]
    modes: list[ModeView]
    statistics: list[Figure] = field(default_factory=list)
    explainers: list[Figure] = field(default_factory=list)
    provenance: list[tuple[str, str]] = field(default_factory=list)
    experiment: str = ""


def view_of(file: ResultsFile, label: str, speech: bool) -> tuple[RunView, list[ModeSummary]]:
    modes = summarise(file, speech)
    attributes = file.root.attrs
    view = RunView(
        label=label,
        asked=asked(file),
        found=[" ".join(found(file, mode)) for mode in modes],
        tiles=_tiles(file, modes),
        curves=_curves(file, modes),
        modes=[_mode_view(mode) for mode in modes],
        statistics=_statistics(file),
        explainers=_explainers(file),
        provenance=[(name, str(attributes[key])) for key, name in layout.PROVENANCE if str(attributes.get(key, ""))]
        + [("File", str(file.path))],
        experiment=file.experiment,
    )
    return view, modes


def figure(
    title: str, x: Axis, y: Axis, series: Sequence[Series], limit: tuple[str, float] | None = None, note: str = "", names: Sequence[str] = ()
) -> Figure:
    """A chart over points with its legend and its numbers."""
    rows = [[name, *(number(line.values[i], y.percent) for line in series)] for i, name in enumerate(names or x.labels)]
    described = f"{title}: " + "; ".join(_describe(line, x, y.percent) for line in series)
    return Figure(
        title=title,
        chart=line_chart(described, x, y, series, limit),
        legend=legend(series) if len(series) > 1 else Markup(""),
        note=note,
        table=Table([x.title or "point", *(line.name for line in series)], rows),
    )


def points_axis(root: xr.Dataset) -> tuple[Axis, list[str]]:
    names = [str(name) for name in root["point_name"].values]
    layers = any(name.startswith("layer ") for name in names)
    return Axis("input of layer" if layers else "probe point", [short_name(name) for name in names]), names


def listed(values: Floats | Sequence[float]) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in values]


def _describe(line: Series, x: Axis, percent: bool) -> str:
    known = [(i, v) for i, v in enumerate(line.values) if v is not None]
    if not known:
        return f"{line.name}: no values"
    (i, first), (j, last) = known[0], known[-1]
    return f"{line.name} from {number(first, percent)} at {x.labels[i]} to {number(last, percent)} at {x.labels[j]}"


def _tiles(file: ResultsFile, modes: list[ModeSummary]) -> list[tuple[str, str, str]]:
    root = file.root
    score = root["score"].values
    seeds = root.sizes["seed"]
    tiles = []
    for mode in modes:
        total = len(mode.accepted)
        tiles.append((f"{mode.accepted.sum()} of {total}", f"points accepted, {mode.name}", f"{seeds} probe seed{'s' if seeds > 1 else ''}"))
        good = np.flatnonzero(mode.accepted)
        if good.size:
            fewest = int(good[np.nanargmin(mode.kept[good])])
            name = str(mode.dataset["point_name"].values[fewest])
            tiles.append((number(mode.kept[fewest], True), f"fewest tokens kept, {mode.name}", f"at {name}"))
    metric = "mean F1 of the answers" if file.is_question_answering else "of predictions right"
    tiles.append((number(float(np.nanmean(score)), True) if np.isfinite(score).any() else "–", metric, "of the unmasked model"))
    tiles.append((f"{root.sizes['example']:,}", "examples", f"{root.sizes['token']:,} tokens"))
    return tiles


def _curves(file: ResultsFile, modes: list[ModeSummary]) -> list[Figure]:
    x, names = points_axis(file.root)
    kept, kl, flips = [], [], []
    for m, mode in enumerate(modes):
        hollow = [bool(v) for v in ~mode.accepted]
        others = [name for name in mode.splits if name != "dev"]
        kept.append(Series(f"{mode.name}", listed(mode.kept), m, hollow))
        if np.isfinite(mode.random_kept).any():
            kept.append(Series(f"random masks, {mode.name}", listed(mode.random_kept), m, quiet=True))
        kl.append(Series(f"{mode.name}, dev", listed(mode.kl_dev), m, hollow))
        flips.append(Series(f"{mode.name}, dev", listed(mode.flipped_dev), m, hollow))
        for name in others:
            kl.append(Series(f"{mode.name}, {name}", listed(mode.splits[name]["kl"]), m, quiet=True))
            flips.append(Series(f"{mode.name}, {name}", listed(mode.splits[name]["flipped"]), m, quiet=True))
    epsilon, limit = float(file.root.attrs["epsilon"]), float(file.root.attrs["flip_limit"])
    changed = "Changed answers" if file.is_question_answering else "Changed predictions"
    note = "Hollow: no accepted probe." if any((~mode.accepted).any() for mode in modes) else ""
    return [
        figure("Tokens kept", x, SHARE, kept, note=note, names=names),
        figure("Divergence (KL, nats)", x, Axis("", low=0.0), kl, (f"ε = {epsilon:g}", epsilon), names=names),
        figure(changed, x, SHARE, flips, (f"limit {limit:.0%}", limit) if limit < 1 else None, names=names),
    ]


def _mode_view(mode: ModeSummary) -> ModeView:
    dataset = mode.dataset
    names = [str(name) for name in dataset["point_name"].values]
    return ModeView(
        name=mode.name,
        seeds=[int(seed) for seed in dataset["seed"].values],
        rows=list(zip(names, acceptance(mode), strict=True)),
        accepted=int(mode.accepted.sum()),
        by_class=[_class_figure(mode, name, shares) for name, shares in mode.tally.shares.items() if shares.sizes["class"] > 1],
        training=_training(dataset),
        agreement=_agreement(dataset),
        top=_top(dataset),
    )


def _class_figure(mode: ModeSummary, name: str, shares: xr.DataArray) -> Figure:
    x, names = points_axis(mode.dataset)
    hollow = [bool(v) for v in ~mode.accepted]
    counts = shares["count"].values
    keep = np.sort(np.argsort(-counts, kind="stable")[:STYLES])  # no more lines than the eye tells apart
    styles = _SENTIMENT_STYLES if name == "sentiment" else range(STYLES)
    series = [Series(str(shares["class"].values[c]), listed(shares.values[c]), styles[n], hollow) for n, c in enumerate(keep)]
    every = [Series(str(label), listed(shares.values[c])) for c, label in enumerate(shares["class"].values)]
    made = figure(f"Tokens kept, by {shares.attrs['by']}", x, SHARE, series, names=names)
    head = ["point", *(f"{line.name} (n = {counts[c]:,})" for c, line in enumerate(every))]
    table = Table(head, [[label, *(number(line.values[i], True) for line in every)] for i, label in enumerate(names)])
    notes = []
    if name == "speech" and mode.speech_examples:
        notes.append(f"From {mode.speech_examples:,} examples spread over the file.")
    if len(keep) < len(counts):
        notes.append(f"The {len(keep)} largest classes of {len(counts)}; the numbers below have all.")
    return Figure(made.title, made.chart, made.legend, " ".join(notes), table)


def _training(dataset: xr.Dataset) -> list[Figure]:
    """Of a few points the course of the shown seeds."""
    if "training_kl" not in dataset or dataset.sizes.get("step", 0) < 2:
        return []
    steps = [f"{int(step):,}" for step in dataset["step"].values]
    points = np.unique(np.linspace(0, dataset.sizes["point"] - 1, 5).astype(int))
    seeds = np.maximum(dataset["chosen_seed"].values, 0)
    figures = []
    for variable, title, axis in (
        ("training_keep_share", "Tokens kept in the course of training", SHARE),
        ("training_kl", "Divergence in the course of training (KL, nats)", Axis("", low=0.0)),
    ):
        values = dataset[variable].values
        series = [
            Series(str(dataset["point_name"].values[p]), listed(values[:, int(seeds[p]), p]), n) for n, p in enumerate(points)
        ]
        figures.append(figure(title, Axis("training step", steps), axis, series))
    return figures


def _agreement(dataset: xr.Dataset) -> Table | None:
    table = agreement(dataset)
    if dataset.sizes["seed"] < 2 or not np.isfinite(table[["iou", "spearman", "kappa"]].to_numpy()).any():
        return None
    rows = [
        [str(r.point_name), str(r.accepted_seeds), number(r.iou), number(r.spearman), number(r.kappa)]
        for r in table.itertuples()
    ]
    return Table(["point", "accepted seeds", "intersection over union", "rank correlation", "Fleiss' kappa"], rows)


def _top(dataset: xr.Dataset) -> list[tuple[str, list[tuple[str, str, str]]]]:
    wanted = (
        ("Largest divergence", "kl", True, False),
        ("Most tokens needed", "keep_share", True, True),
        ("Fewest tokens needed", "keep_share", False, True),
    )
    lists = []
    for title, variable, largest, percent in wanted:
        table: pd.DataFrame = top_examples(dataset, variable, count=5, largest=largest)
        entries = [
            (row["example_id"], number(float(row[variable]), percent), _shortened(row["text"])) for _, row in table.iterrows()
        ]
        lists.append((f"{title}, mean over points", entries))
    return lists


def _shortened(text: str, length: int = 140) -> str:
    return text if len(text) <= length else text[: length - 1].rsplit(" ", 1)[0] + " …"


def _statistics(file: ResultsFile) -> list[Figure]:
    group = file.statistics
    if group is None:
        return []
    x, names = points_axis(file.root)
    figures = []
    lines = [
        Series(title, listed(group[name].values), n)
        for n, (name, title) in enumerate((("cosine_to_next", "cosine to the next point"), ("anisotropy", "anisotropy")))
        if name in group
    ]
    if lines:
        figures.append(figure("How the hidden states turn from point to point", x, Axis("", high=1.0), lines, names=names))
    if "norm_quantile" in group:
        figures.append(_norms(file, group["norm_quantile"], x, names))
    if "cka" in group:
        values = group["cka"].values
        shown = [[float(v) for v in row] for row in values]
        table = Table(["point", *x.labels], [[names[i], *(number(v) for v in row)] for i, row in enumerate(shown)])
        described = f"Similarity of the points' representations (linear CKA), {len(names)} by {len(names)}; numbers in the table below"
        note = "Darker: more alike; 1 on the diagonal."
        figures.append(Figure("Similarity of representations (linear CKA)", matrix(described, x.labels, shown), note=note, table=table))
    return figures


def _norms(file: ResultsFile, norms: xr.DataArray, x: Axis, names: list[str]) -> Figure:
    """The median norm by part of the text."""
    levels = norms["quantile"].values if "quantile" in norms.coords else np.linspace(0, 1, norms.shape[-1])
    middle = int(np.argmin(np.abs(np.asarray(levels) - 0.5)))
    parts = str(file.root["token_part"].attrs["flag_meanings"]).split()
    series: list[Series] = []
    for part in range(norms.shape[1]):
        values = norms.values[:, part, middle]
        if np.isfinite(values).any():
            series.append(Series(parts[part], listed(values), len(series)))
    return figure("Median length of the hidden states, by part of the text", x, Axis("", low=0.0), series, names=names)


# Measures of /evaluation over (method, point): name, title, what is better.
_MEASURES = (
    ("aopc_comprehensiveness", "Comprehensiveness (AOPC)", "Probability lost without the most important tokens: more is better."),
    ("aopc_sufficiency", "Sufficiency (AOPC)", "Probability lost with only the most important tokens: less is better."),
    ("aopc_comprehensiveness_shuffled_head", "Comprehensiveness (AOPC) of explanations of a shuffled head",
     "A control: a method that looks at what the model decides loses less here than for the model itself."),
    ("truth_f1", "F1 against the known truth", "As many tokens as are true: more is better."),
    ("seconds", "Time for a text (seconds)", ""),
)


def _explainers(file: ResultsFile) -> list[Figure]:
    """Faithfulness measures, a chart each, where the file has them."""
    group = file.evaluation
    if group is None or "method_name" not in group:
        return []
    x, names = points_axis(file.root)
    methods = [str(name).replace("_", " ") for name in group["method_name"].values]
    figures = []
    for name, title, note in _MEASURES:
        if name in group and np.isfinite(group[name].values).any():
            values = group[name].transpose("method", "point").values
            series = [Series(method, listed(values[m]), m) for m, method in enumerate(methods)]
            figures.append(figure(title, x, Axis(""), series, note=note, names=names))
    return figures
