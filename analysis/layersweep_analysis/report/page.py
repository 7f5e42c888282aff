"""Puts the page together."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files as package_files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from ..printable import printable
from ..results import ResultsFile, example_numbers, no_example
from .compare_view import compare, labels_of, same_points, same_texts
from .explorer import Source, corpus, sources_of
from .pack import Pack
from .run_view import view_of

# Of more runs only the comparison: the page would grow past what a browser likes to open.
_RUNS_IN_FULL = 8


def write_report(files: Sequence[ResultsFile], out: Path, examples: Sequence[str] = (), speech: bool = True) -> None:
    """One HTML page that needs nothing else. `examples` are ids of texts that have to be in it; `speech`: parts of speech,
    where the tagger is installed."""
    _check_examples(files, examples)
    labels, differing = labels_of(files) if len(files) > 1 else ([files[0].name], [])
    views = [view_of(file, label, speech) for file, label in zip(files, labels, strict=True)]
    summaries = [modes for _, modes in views]
    comparison = compare(files, labels, differing, summaries) if len(files) > 1 else None
    environment = Environment(
        loader=PackageLoader("layersweep_analysis.report", "."),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("page.html").render(
        title=_title(files),
        runs=[view for view, _ in views] if len(files) <= _RUNS_IN_FULL else [],
        comparison=comparison,
        question_answering=any(file.is_question_answering for file in files),
        pack=_pack(files, labels, examples),
        style=Markup(_resource("page.css")),
        script=Markup(_resource("page.js")),
        made=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=_version(),
    )
    out.write_text(page, encoding="utf-8")


def _pack(files: Sequence[ResultsFile], labels: Sequence[str], examples: Sequence[str]) -> Markup:
    """Runs on the same tokens and points share one set of texts."""
    groups: list[tuple[ResultsFile, str, list[Source]]] = []
    for file, label in zip(files, labels, strict=True):
        prefix = f"{label}: " if len(files) > 1 else ""
        for first, _, sources in groups:
            if same_texts(first, file) and same_points(first, file):
                sources += sources_of(file, prefix)
                break
        else:
            groups.append((file, label, sources_of(file, prefix)))
    pack = Pack()
    content = [corpus(pack, label, file, sources, examples, 1 / len(groups)) for file, label, sources in groups]
    return Markup(pack.encode({"corpora": content}))  # base64: nothing in it can end the element


def _check_examples(files: Sequence[ResultsFile], examples: Sequence[str]) -> None:
    """Before the long work starts: is each of them in one of the files?"""
    for name in examples:
        if not any(example_numbers(file.root, [name]) for file in files):
            raise no_example(files[0].root, name)


def _title(files: Sequence[ResultsFile]) -> str:
    tasks = list(dict.fromkeys(str(file.root.attrs.get("task", "")) for file in files))
    known = {"sst": "SST sentiment", "squad": "SQuAD question answering", "counting": "the counting task"}
    name = ", ".join(known.get(task, printable(task)) for task in tasks)
    if len(files) > 1:
        return f"{len(files)} runs on {name}, side by side"
    return f"What each layer still needs: {name}"


def _resource(name: str) -> str:
    return package_files("layersweep_analysis.report").joinpath(name).read_text(encoding="utf-8")


def _version() -> str:
    try:
        return version("layersweep-analysis")
    except PackageNotFoundError:
        return "from its sources"
