"""Tidy tables for pandas, R or a spreadsheet: CSV or Parquet, written block by block so that memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xarray as xr
from pyarrow import csv as pa_csv
from pyarrow import parquet

from . import layout
from .questions import shown_seeds
from .results import ResultsFile, blocks

TABLES = ("tokens", "examples", "probes")
FORMATS = ("csv", "parquet")

_TOKENS_PER_BLOCK = 1 << 17


@dataclass(frozen=True)
class Selection:
    """What of a file goes into the tables; None: everything."""

    modes: Sequence[str] | None = None
    points: Sequence[int] | None = None
    splits: Sequence[str] | None = None
    all_seeds: bool = False  #: every trained probe, not only the chosen one of each point


def export(file: ResultsFile, table: str, out: Path, kind: str, selection: Selection) -> int:
    """Writes one table, returns its number of rows.

    tokens: a row for each (mode, seed, point, token); examples: for each (mode, seed, point, example); probes: for each
    (mode, seed, point). An unfinished table does not keep the name `out`.
    """
    part = out.with_name(out.name + ".part")
    rows = 0
    writer: Any = None
    try:
        for batch in _TABLES[table](file, selection):
            if writer is None:
                opened = parquet.ParquetWriter(part, batch.schema) if kind == "parquet" else pa_csv.CSVWriter(part, batch.schema)
                writer = opened
            writer.write_table(batch)
            rows += batch.num_rows
    except BaseException:
        if writer is not None:
            writer.close()
        part.unlink(missing_ok=True)
        raise
    if writer is None:
        return 0
    writer.close()
    part.replace(out)
    return rows


def _probes(file: ResultsFile, selection: Selection) -> Iterator[pa.Table]:
    for mode, dataset in _modes(file, selection):
        cells = [(s, p) for p in _points(dataset, selection) for s in range(dataset.sizes["seed"])]
        seeds, points = (np.array(column, np.int64) for column in zip(*cells, strict=True))
        columns = {**_names(dataset, mode, seeds, points), "chosen": dataset["chosen_seed"].values[points] == seeds}
        for name, array in dataset.data_vars.items():
            if array.dims == ("seed", "point"):
                columns[str(name)] = _values(array, array.values[seeds, points])
        yield pa.table(columns)


def _examples(file: ResultsFile, selection: Selection) -> Iterator[pa.Table]:
    for mode, dataset in _modes(file, selection):
        kept = np.flatnonzero(_in_splits(dataset, selection))
        fixed = {name: _values(dataset[name], dataset[name].values[kept]) for name in _example_variables(dataset)}
        fixed = {"example_id": pa.array(dataset["example_id"].values[kept].astype(str)), **fixed}
        for seed, point in _cells(dataset, selection):
            columns = _names(dataset, mode, np.full(kept.size, seed), np.full(kept.size, point))
            for name in ("kl", "keep_share", "flipped"):
                columns[name] = _values(dataset[name], dataset[name][seed, point].values[kept])
            yield pa.table({**fixed, **columns})


def _tokens(file: ResultsFile, selection: Selection) -> Iterator[pa.Table]:
    for mode, dataset in _modes(file, selection):
        wanted = _in_splits(dataset, selection)
        ids = dataset["example_id"].values.astype(str)
        for examples, tokens in blocks(dataset, _TOKENS_PER_BLOCK):
            owners = dataset[layout.TOKEN_EXAMPLE][tokens].values
            kept = np.flatnonzero(wanted[owners])
            if not kept.size:
                continue
            # The texts repeat over points and examples: as dictionaries they are coded once a block.
            fixed = {
                "example_id": pa.DictionaryArray.from_arrays(owners[kept] - examples.start, ids[examples]).dictionary_decode(),
                "position": dataset[layout.TOKEN_POSITION][tokens].values[kept],
                "token": pa.array(dataset["token_text"][tokens].values[kept].astype(str)),
            }
            for name in _token_variables(dataset):
                fixed[name] = _values(dataset[name], dataset[name][tokens].values[kept])
            for seed, point in _cells(dataset, selection):
                probability = dataset["keep_probability"][seed, point, tokens].values[kept]
                columns = _names(dataset, mode, np.full(kept.size, seed), np.full(kept.size, point))
                columns["keep_probability"] = pa.array(probability, from_pandas=True)
                columns["kept"] = pa.array(probability > layout.KEEP_THRESHOLD, mask=np.isnan(probability))
                yield pa.table({**fixed, **columns})


_TABLES = {"tokens": _tokens, "examples": _examples, "probes": _probes}


def _modes(file: ResultsFile, selection: Selection) -> list[tuple[str, xr.Dataset]]:
    return [(mode, dataset) for mode, dataset in file.modes.items() if selection.modes is None or mode in selection.modes]


def _points(dataset: xr.Dataset, selection: Selection) -> list[int]:
    return [p for p in range(dataset.sizes["point"]) if selection.points is None or p in selection.points]


def _cells(dataset: xr.Dataset, selection: Selection) -> list[tuple[int, int]]:
    shown = shown_seeds(dataset)
    return [
        (seed, point)
        for point in _points(dataset, selection)
        for seed in (range(dataset.sizes["seed"]) if selection.all_seeds else [int(shown[point])])
    ]


def _in_splits(dataset: xr.Dataset, selection: Selection) -> npt.NDArray[np.bool_]:
    split = dataset["split"]
    if selection.splits is None:
        return np.ones(split.size, np.bool_)
    meanings = str(split.attrs["flag_meanings"]).split()
    codes = [int(value) for value in np.atleast_1d(split.attrs["flag_values"])]
    return np.isin(split.values, [code for code, name in zip(codes, meanings, strict=True) if name in selection.splits])


def _names(dataset: xr.Dataset, mode: str, seeds: npt.NDArray[Any], points: npt.NDArray[Any]) -> dict[str, Any]:
    names = pa.array(dataset["point_name"].values.astype(str))
    return {
        "mode": pa.repeat(mode, len(points)),
        "seed": dataset["seed"].values[seeds],
        "point": dataset["point"].values[points],
        "point_name": names.take(pa.array(points)),
    }


def _example_variables(dataset: xr.Dataset) -> list[str]:
    left_out = {"token_start", "example"}
    return [
        str(name)
        for name, array in dataset.data_vars.items()
        if array.dims == ("example",) and array.dtype.kind in "iuf" and name not in left_out
    ]


def _token_variables(dataset: xr.Dataset) -> list[str]:
    left_out = {layout.TOKEN_EXAMPLE, layout.TOKEN_POSITION}
    return [
        str(name)
        for name, array in dataset.data_vars.items()
        if array.dims == ("token",) and array.dtype.kind in "iuf" and name not in left_out
    ]


def _values(array: xr.DataArray, values: npt.NDArray[Any]) -> pa.Array:
    """With missing ones as null, and categories by their words."""
    if "flag_meanings" in array.attrs:
        codes = np.atleast_1d(array.attrs["flag_values"])
        table = np.full(256, -1, np.int32)
        table[codes] = np.arange(codes.size)
        index = table[values.astype(np.uint8)]  # −1 and 255 are missing: both the last cell
        meanings = str(array.attrs["flag_meanings"]).split()
        words = pa.array([False, True] if meanings == ["no", "yes"] else meanings)
        return words.take(pa.array(index, mask=index < 0))
    if array.dtype.kind == "f":
        return pa.array(values, from_pandas=True)
    fill = array.attrs.get("_FillValue")
    return pa.array(values, mask=None if fill is None else values == fill)
