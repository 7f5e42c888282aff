"""Several runs side by side: what differs between them, and the curves together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from .. import layout
from ..questions import mask_iou
from ..results import ResultsFile
from .charts import Axis, Series, legend, matrix, number, path_chart
from .run_view import SHARE, Figure, Table, figure, listed, points_axis
from .summary import Floats, ModeSummary

# Pairs of masks are compared token by token up to here: beyond, a page would take minutes.
_TOKENS_COMPARED = 5_000_000
_PAIRS_COMPARED = 8


Line = tuple[ResultsFile, str, ModeSummary]


@dataclass(frozen=True)
class CompareView:
    found: str
    differing: list[str]
    table: Table
    curves: list[Figure]
    trade: list[Figure]  #: (KL, keep share) per point
    trade_legend: Markup
    overlap: list[Figure]


def labels_of(files: Sequence[ResultsFile]) -> tuple[list[str], list[str]]:
    """Names of the runs by as few settings as tell them apart; and all settings in which they differ."""
    keys = dict.fromkeys(key for file in files for key in (*_TELLING, *file.settings) if not key.startswith("run."))
    differing = [key for key in keys if len({file.settings.get(key) for file in files}) > 1]
    used: list[str] = []
    for key in differing:
        more = _labels(files, [*used, key])
        if len(set(more)) > len(set(_labels(files, used))):
            used.append(key)
        if len(set(more)) == len(files):
            break
    labels = _labels(files, used)
    if len(set(labels)) < len(files):
        labels = [file.name for file in files]
    if len(set(labels)) < len(files):
        labels = [f"{n}. {label}" for n, label in enumerate(labels, 1)]
    return labels, differing


def _labels(files: Sequence[ResultsFile], keys: Sequence[str]) -> list[str]:
    return [", ".join(f"{key.split('.')[-1]} {_short(file.settings.get(key, '–'))}" for key in keys) for file in files]


def compare(files: Sequence[ResultsFile], labels: Sequence[str], differing: list[str], runs: Sequence[list[ModeSummary]]) -> CompareView:
    lines = compare_lines(files, labels, runs)
    trade, trade_legend = _trade(lines)
    return CompareView(
        found=_found(lines),
        differing=differing,
        table=_overview(files, labels, runs),
        curves=_curves(lines),
        trade=trade,
        trade_legend=trade_legend,
        overlap=_overlap(lines),
    )


def compare_lines(files: Sequence[ResultsFile], labels: Sequence[str], runs: Sequence[list[ModeSummary]]) -> list[Line]:
    """Every mode of every run with its name in the charts."""
    return [
        (file, f"{label}, {mode.name}" if len(modes) > 1 and label else label or mode.name, mode)
        for file, label, modes in zip(files, labels, runs, strict=True)
        for mode in modes
    ]


def same_texts(first: ResultsFile, second: ResultsFile) -> bool:
    """Whether two files have the same tokens in the same order."""
    a, b = first.root, second.root
    if any(a.attrs.get(key) != b.attrs.get(key) for key in layout.SAME_TEXTS):
        return False
    same = a.sizes["token"] == b.sizes["token"] and a.sizes["example"] == b.sizes["example"]
    return same and bool(np.array_equal(a["token_count"].values, b["token_count"].values))


def same_points(first: ResultsFile, second: ResultsFile) -> bool:
    return [*first.root["point_name"].values] == [*second.root["point_name"].values]


# Settings that make the best names, best first.
_TELLING = ("task.name", "encoder.folder", "probe.modes", "probe.epsilon")

def _short(value: str) -> str:
    return value.rstrip("/").split("/")[-1] if "/" in value else value


def _found(lines: Sequence[Line]) -> str:
    """Which run needs the fewest tokens, on average over its accepted points."""
    usable = [(float(mode.kept[mode.accepted].mean()), label, mode) for _, label, mode in lines if mode.accepted.any()]
    if not usable:
        return "No run has an accepted probe."
    (low, fewest, first), (high, most, last) = (pick(usable, key=lambda entry: entry[0]) for pick in (min, max))
    text = f"On average over accepted points {fewest} needs the fewest tokens, {number(low, True)} "
    text += f"({first.accepted.sum()} of {len(first.accepted)} points accepted)"
    return text + (f"; {most} the most, {number(high, True)} ({last.accepted.sum()} of {len(last.accepted)})." if most != fewest else ".")


def _overview(files: Sequence[ResultsFile], labels: Sequence[str], runs: Sequence[list[ModeSummary]]) -> Table:
    rows = []
    for file, label, modes in zip(files, labels, runs, strict=True):
        for mode in modes:
            good = mode.accepted
            rows.append(
                [
                    label,
                    mode.name,
                    f"{float(file.root.attrs['epsilon']):g}",
                    f"{good.sum()} of {len(good)}",
                    number(float(mode.kept[good].mean()) if good.any() else None, True),
                    number(float(mode.kl_dev[good].mean()) if good.any() else None),
                    number(float(np.nanmean(file.root["score"].values)), True),
                    f"{file.root.sizes['example']:,}",
                ]
            )
    answers = {file.is_question_answering for file in files}
    score = "score" if len(answers) > 1 else "F1 of the answers" if True in answers else "predictions right"
    head = ["run", "mode", "ε", "points accepted", "tokens kept (mean of accepted points)", "KL on dev (same)", score, "examples"]
    return Table(head, rows)


def _curves(lines: Sequence[Line]) -> list[Figure]:
    wanted: tuple[tuple[str, Axis, Callable[[ModeSummary], Floats]], ...] = (
        ("Tokens kept", SHARE, lambda mode: mode.kept),
        ("Divergence on dev (KL, nats)", Axis("", low=0.0), lambda mode: mode.kl_dev),
        ("Changed predictions or answers on dev", SHARE, lambda mode: mode.flipped_dev),
    )
    figures = []
    x, names = points_axis(lines[0][0].root)
    together = all(same_points(lines[0][0], file) for file, _, _ in lines)
    for title, y, values in wanted:
        series = [
            Series(label, listed(values(mode)), n, [bool(v) for v in ~mode.accepted]) for n, (_, label, mode) in enumerate(lines)
        ]
        if together:
            figures.append(figure(title, x, y, series, names=names))
            continue
        # Encoders of different depth: over the share of the way from the embeddings to the output.
        depths = [[p / max(1, len(line.values) - 1) for p in range(len(line.values))] for line in series]
        paths = [
            (line, depth, [str(name) for name in file.root["point_name"].values])
            for line, depth, (file, _, _) in zip(series, depths, lines, strict=True)
        ]
        axis = Axis("depth: embeddings to output of the last layer", low=0.0, high=1.0, percent=True)
        figures.append(Figure(title, path_chart(f"{title} over depth, {len(series)} runs", axis, y, paths), legend(series)))
    return figures


def _trade(lines: Sequence[Line]) -> tuple[list[Figure], Markup]:
    """What each ε buys: per point a path through (KL, keep share), in the order of ε; a path for all that else is equal."""
    if len({float(file.root.attrs["epsilon"]) for file, _, _ in lines}) < 2:
        return [], Markup("")
    if not all(same_points(lines[0][0], file) for file, _, _ in lines):
        return [], Markup("")
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        file, _, mode = line
        others = sorted((k, v) for k, v in file.settings.items() if k != "probe.epsilon" and not k.startswith("run."))
        # Modes count as one setting: two runs of one mode each are to be as one run of two.
        rest = str([(k, v) for k, v in others if k != "probe.modes"])
        groups.setdefault((mode.name, rest), []).append(line)
    names_of_groups = _group_names(groups)
    figures = []
    series: list[Series] = []
    for p, name in enumerate(lines[0][0].root["point_name"].values):
        paths = []
        for n, (key, members) in enumerate(groups.items()):
            members = sorted(members, key=lambda line: float(line[0].root.attrs["epsilon"]))
            kept = [float(mode.kept[p]) for _, _, mode in members]
            kl = [float(mode.kl_dev[p]) for _, _, mode in members]
            hollow = [not bool(mode.accepted[p]) for _, _, mode in members]
            labels = [f"ε = {float(file.root.attrs['epsilon']):g}, KL {number(x)}" for (file, _, _), x in zip(members, kl, strict=True)]
            finite = [i for i in range(len(kl)) if np.isfinite(kl[i]) and np.isfinite(kept[i])]
            if finite:
                line_series = Series(names_of_groups[key], [kept[i] for i in finite], n, [hollow[i] for i in finite])
                paths.append((line_series, [kl[i] for i in finite], [labels[i] for i in finite]))
        series = series or [line for line, _, _ in paths]
        described = f"{name}: share of tokens kept over divergence, a mark for each ε"
        figures.append(Figure(str(name), path_chart(described, Axis("KL on dev (nats)", low=0.0), SHARE, paths)))
    return figures, legend(series) if len(series) > 1 else Markup("")


def _group_names(groups: dict[tuple[str, str], list[Line]]) -> dict[tuple[str, str], str]:
    names = {key: key[0] for key in groups}
    if len(set(names.values())) < len(names):
        # The others of a group differ in ε.
        names = {key: members[0][1] + (" …" if len(members) > 1 else "") for key, members in groups.items()}
    return names


def _overlap(lines: Sequence[Line]) -> list[Figure]:
    """How far the masks of runs and modes on the same tokens agree."""
    first = lines[0][0]
    fitting = [line for line in lines if same_texts(first, line[0]) and same_points(first, line[0])][:_PAIRS_COMPARED]
    if len(fitting) < 2 or first.root.sizes["token"] > _TOKENS_COMPARED:
        return []
    count = len(fitting)
    values = np.eye(count)
    curves: list[Series] = []
    for i in range(count):
        for j in range(i):
            iou = mask_iou(fitting[i][2].dataset, fitting[j][2].dataset).values
            values[i, j] = values[j, i] = float(np.nanmean(iou)) if np.isfinite(iou).any() else np.nan
            curves.append(Series(f"{fitting[j][1]} / {fitting[i][1]}", listed(iou), len(curves)))
    if count == 2:
        x, names = points_axis(first.root)
        title = "Overlap of the masks (intersection over union)"
        return [figure(title, x, SHARE, curves, names=names, note=curves[0].name)]
    numbers = [str(n + 1) for n in range(count)]
    table = Table(["run", *numbers], [[f"{n + 1}. {fitting[n][1]}", *(number(v) for v in row)] for n, row in enumerate(values)])
    described = "Mean intersection over union of the masks of each two runs; numbers in the table below"
    chart = matrix(described, numbers, [[float(v) for v in row] for row in values])
    return [Figure("Overlap of the masks (intersection over union, mean over points)", chart, table=table)]


