"""The main plots as vector files for papers (PDF, SVG; also PNG), by matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from . import layout
from .questions import text_of, tokens_of, top_examples
from .report.charts import short_name
from .report.compare_view import compare_lines, labels_of, same_points
from .report.summary import ModeSummary, summarise
from .results import ResultsFile, example_numbers, no_example

FORMATS = ("pdf", "svg", "png")

_COLOURS = ("#0b5cad", "#c2570c", "#1a7f5a", "#9d2f7e", "#6e5bd0", "#8a6a00", "#c02b3c", "#4d5966")
_MARKS = "os^Dvp*X"
_STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#dddddd",
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "pdf.fonttype": 42,  # text that editors and journals can read; type 3 fonts are refused by some
    "svg.fonttype": "none",
    "svg.hashsalt": "layersweep",  # the same file for the same results
}
_COLUMN = 3.3  # inches: one column of a paper


def write_figures(files: Sequence[ResultsFile], folder: Path, kind: str = "pdf", examples: Sequence[str] = ()) -> list[Path]:
    """All plots that the files have data for, one file each; of several files those that compare them. `examples` are ids of
    texts to be drawn as tokens × layers (of one file without it the text with the largest divergence). Returns what was
    written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with matplotlib.rc_context(_STYLE):
        for name, figure in _figures(files, examples):
            path = folder / f"{name}.{kind}"
            undated: dict[str, Any] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}[kind]
            figure.savefig(path, bbox_inches="tight", metadata=undated, dpi=200)
            written.append(path)
    return written


def _figures(files: Sequence[ResultsFile], examples: Sequence[str]) -> Iterator[tuple[str, Figure]]:
    for name in examples:
        if not any(example_numbers(file.root, [name]) for file in files):
            raise no_example(files[0].root, name)
    labels = labels_of(files)[0] if len(files) > 1 else [""]
    runs = [summarise(file) for file in files]
    lines = compare_lines(files, labels, runs)
    for name, title, values, percent in _CURVES:
        yield name, _curve(lines, title, values, percent)
    if len({float(file.root.attrs["epsilon"]) for file in files}) > 1 and all(same_points(files[0], file) for file in files):
        yield "trade", _trade(lines)
    for file, label, modes in zip(files, labels, runs, strict=True):
        prefix = f"{_file_name(label)}-" if label else ""
        for mode in modes:
            for example in _examples(mode, examples, one_run=len(files) == 1):
                identifier = str(mode.dataset["example_id"].values[example])
                yield f"{prefix}{mode.name}-{_file_name(identifier)}", _heatmap(mode, example)
    if len(files) == 1:
        for mode in runs[0]:
            for division, shares in mode.tally.shares.items():
                if shares.sizes["class"] > 1:
                    yield f"{mode.name}-{division}", _classes(mode, division)
        if files[0].statistics is not None and "cka" in files[0].statistics:
            yield "cka", _cka(files[0])


_Values = Callable[[ModeSummary], Any]
_CURVES: tuple[tuple[str, str, _Values, bool], ...] = (
    ("keep-share", "tokens kept", lambda mode: mode.kept, True),
    ("kl", "KL on dev (nats)", lambda mode: mode.kl_dev, False),
    ("flips", "changed predictions on dev", lambda mode: mode.flipped_dev, True),
)


def _axes(width: float = _COLUMN, height: float = 2.2) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height))  # no pyplot: nothing to show, nothing to close
    return figure, figure.add_subplot()


def _points(axes: Axes, mode: ModeSummary) -> None:
    names = [short_name(str(name)) for name in mode.dataset["point_name"].values]
    every = max(1, len(names) // 12)
    axes.set_xticks(range(0, len(names), every), names[::every])
    axes.set_xlabel("input of layer" if any(str(n).startswith("layer") for n in mode.dataset["point_name"].values) else "probe point")


def _line(axes: Axes, values: Any, n: int, label: str, accepted: Any) -> None:
    colour = _COLOURS[n % len(_COLOURS)]
    axes.plot(values, color=colour, marker=_MARKS[n % len(_MARKS)], markevery=[], label=label)  # the mark is for the legend
    for good, face in ((accepted, colour), (~accepted, "white")):
        places = np.flatnonzero(good)
        axes.plot(places, np.asarray(values)[places], _MARKS[n % len(_MARKS)], color=colour, markerfacecolor=face)


def _curve(lines: Sequence[tuple[ResultsFile, str, ModeSummary]], title: str, values: _Values, percent: bool) -> Figure:
    figure, axes = _axes()
    deepest = max(lines, key=lambda line: len(line[2].kept))[2]
    for n, (_, label, mode) in enumerate(lines):
        _line(axes, values(mode), n, label or mode.name, mode.accepted)
    _points(axes, deepest)
    if percent:
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    elif len({mode.dataset.attrs["epsilon"] for _, _, mode in lines}) == 1:
        axes.axhline(float(deepest.dataset.attrs["epsilon"]), color="#b42318", linestyle=":", label="ε")
    axes.set_ylim(bottom=0)
    axes.set_ylabel(title)
    if len(lines) > 1 or not percent:
        axes.legend()
    return figure


def _trade(lines: Sequence[tuple[ResultsFile, str, ModeSummary]]) -> Figure:
    """A path over ε for each point, a panel for each mode."""
    names = list(dict.fromkeys(mode.name for _, _, mode in lines))
    figure = Figure(figsize=(_COLUMN * len(names), 2.6))
    panels = figure.subplots(1, len(names), squeeze=False, sharey=True)[0]
    for axes, name in zip(panels, names, strict=True):
        members = sorted((line for line in lines if line[2].name == name), key=lambda line: float(line[0].root.attrs["epsilon"]))
        points = members[0][2].dataset["point_name"].values
        colours = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(points)))
        for p, point in enumerate(points):
            kl, kept = ([float(getattr(mode, key)[p]) for _, _, mode in members] for key in ("kl_dev", "kept"))
            axes.plot(kl, kept, "o-", color=colours[p], label=short_name(str(point)))
        axes.set_xlabel("KL on dev (nats)")
        axes.set_title(f"{name} masks")
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    panels[0].set_ylabel("tokens kept")
    panels[-1].legend(title="point", ncols=1 + len(points) // 12, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _classes(mode: ModeSummary, division: str) -> Figure:
    figure, axes = _axes()
    shares = mode.tally.shares[division]
    largest = np.sort(np.argsort(-shares["count"].values, kind="stable")[: len(_COLOURS)])
    for n, c in enumerate(largest):
        _line(axes, shares.values[c], n, str(shares["class"].values[c]), mode.accepted)
    _points(axes, mode)
    axes.set_ylim(-0.02, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_ylabel("tokens kept")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _examples(mode: ModeSummary, wanted: Sequence[str], one_run: bool) -> list[int]:
    if wanted or not one_run:
        return example_numbers(mode.dataset, wanted)
    return [int(e) for e in top_examples(mode.dataset, "kl", count=1).index]


def _heatmap(mode: ModeSummary, example: int) -> Figure:
    table = tokens_of(mode.dataset, example)
    values = table.drop(columns="token").to_numpy().T
    names = [str(name) for name in mode.dataset["point_name"].values]
    figure, axes = _axes(max(_COLUMN, 0.2 * len(table) + 1), 0.2 * len(names) + 0.6)
    mesh = axes.pcolormesh(values, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=0.6)
    kept = np.argwhere(values > layout.KEEP_THRESHOLD)
    axes.plot(kept[:, 1] + 0.5, kept[:, 0] + 0.5, ".", color="white", markersize=2.5)
    axes.set_xticks(np.arange(len(table)) + 0.5, [str(token) for token in table["token"]], rotation=90)
    axes.set_yticks(np.arange(len(names)) + 0.5, names)
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    axes.invert_yaxis()
    axes.grid(False)
    bar = figure.colorbar(mesh, ax=axes, pad=0.02, format=PercentFormatter(1))
    bar.set_label("keep probability (dot: kept)")
    axes.set_xlabel(text_of(mode.dataset, example) if len(table) < 40 else str(mode.dataset["example_id"].values[example]), fontsize=7)
    return figure


def _cka(file: ResultsFile) -> Figure:
    assert file.statistics is not None
    figure, axes = _axes(_COLUMN, _COLUMN * 0.85)
    names = [short_name(str(name)) for name in file.root["point_name"].values]
    mesh = axes.pcolormesh(file.statistics["cka"].values, cmap="viridis", vmin=0, vmax=1)
    axes.set_xticks(np.arange(len(names)) + 0.5, names, fontsize=6)
    axes.set_yticks(np.arange(len(names)) + 0.5, names, fontsize=6)
    axes.grid(False)
    figure.colorbar(mesh, ax=axes, label="linear CKA")
    return figure


def _file_name(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-._=" else "-" for c in text).strip("-")
