"""Opens results files, lazily: nothing but the small tables is read before it is asked for."""

from __future__ import annotations

import configparser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
import xarray as xr

from . import layout
from .printable import printable

Ints = npt.NDArray[np.int32]

_SMALL = 1 << 19  # cells of what is read at once on opening: anything over examples alone, nothing over tokens


class ResultsError(Exception):
    """A file that cannot be used, and why; the message is one line for the user, whatever the names in it."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


@dataclass
class ResultsFile:
    """An open results file.

    `root` holds texts and predictions; `modes` has for each trained mode the root joined with its masks (what
    `open_results` returns). `statistics`, `evaluation` and `explainers` are there where the run computed them.
    """

    path: Path
    root: xr.Dataset
    modes: dict[str, xr.Dataset]
    statistics: xr.Dataset | None = None
    evaluation: xr.Dataset | None = None
    explainers: dict[str, xr.Dataset] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The run folder's name; of a file that lies elsewhere its own."""
        return printable(self.path.resolve().parent.name if self.path.name == "results.h5" else self.path.stem)

    @property
    def experiment(self) -> str:
        """The resolved experiment file; a variable where it is too long for an attribute."""
        text = self.root.attrs.get("experiment")
        return str(text if text is not None else self.root["experiment"].item() if "experiment" in self.root else "")

    @cached_property
    def settings(self) -> dict[str, str]:
        """The resolved experiment as {"probe.epsilon": "0.1", …}."""
        parser = configparser.ConfigParser(interpolation=None, strict=False, comment_prefixes=("#", ";"))
        try:
            parser.read_string(self.experiment)
        except configparser.Error:
            return {}
        return {f"{section}.{key}": value for section in parser.sections() for key, value in parser[section].items()}

    @property
    def is_question_answering(self) -> bool:
        return "start_logits" in self.root

    def close(self) -> None:
        for dataset in (self.root, *self.modes.values(), self.statistics, self.evaluation, *self.explainers.values()):
            if dataset is not None:
                dataset.close()

    def __enter__(self) -> ResultsFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def open_results(path: str | Path, mode: str | None = None) -> xr.Dataset:
    """The masks of one mode joined with texts and tokens: one lazily read Dataset.

    `mode` is "input" or "hidden"; without it the file must hold one mode only, or hidden is taken. Beside the file's own
    variables it has `token_example(token)`, the number of a token's example, and `token_position(token)`, its place in
    it. Integers keep their type: −1 (255 for uint8) is missing.
    """
    with_all = open_file(path)
    name = mode or ("hidden" if "hidden" in with_all.modes else next(iter(with_all.modes)))
    if name not in with_all.modes:
        raise ResultsError(f"{path} has no masks of mode {name!r}, only {', '.join(with_all.modes)}")
    return with_all.modes[name]


def open_file(path: str | Path) -> ResultsFile:
    """All groups of a finished results file. Raises ResultsError where it is none."""
    file = Path(path)
    _check(file)
    root = _open_group(file, None)
    token_count = root["token_count"].values.astype(np.int64)
    if (token_count < 0).any() or token_count.sum() != root.sizes["token"]:
        raise _damaged(file, "token_count does not add up to its tokens")
    if (root["token_start"].values != np.cumsum(token_count) - token_count).any():
        raise _damaged(file, "token_start is not the running sum of token_count")
    root = root.assign(
        {
            layout.TOKEN_EXAMPLE: ("token", np.repeat(np.arange(token_count.size, dtype=np.int32), token_count)),
            layout.TOKEN_POSITION: ("token", _positions(root["token_start"].values, token_count)),
        }
    )
    groups = _group_names(file)
    modes = {mode: _join(root, _open_below(root, file, mode), mode) for mode in layout.MODES if mode in groups}
    if not modes:
        raise ResultsError(f"{file} holds no masks: neither of the groups {' and '.join(layout.MODES)} is there")
    for mode, masks in modes.items():
        chosen = masks["chosen_seed"].values
        if ((chosen < layout.MISSING_INT32) | (chosen >= root.sizes["seed"])).any():
            raise _damaged(file, f"{mode}/chosen_seed holds what is no index into its seeds")
    explain = {group for group in groups if group.startswith(layout.EXPLAIN + "/")}
    return ResultsFile(
        path=file,
        root=root,
        modes=modes,
        statistics=_open_below(root, file, layout.STATISTICS) if layout.STATISTICS in groups else None,
        evaluation=_open_below(root, file, layout.EVALUATION) if layout.EVALUATION in groups else None,
        explainers={name.split("/", 1)[1]: _open_below(root, file, name) for name in groups if name in explain},
    )


def find_results(places: list[str] | list[Path]) -> list[Path]:
    """Results files named by file, run folder, or a folder of run folders (as a sweep leaves it)."""
    found: list[Path] = []
    for place in map(Path, places):
        if place.is_dir():
            inside = [place / "results.h5"] if (place / "results.h5").exists() else sorted(place.glob("**/results.h5"))
            if not inside:
                raise ResultsError(f"the folder {place} holds no results.h5: did its run finish?")
            found += inside
        else:
            found.append(place)
    return list(dict.fromkeys(found))


def example_numbers(root: xr.Dataset, ids: Sequence[str]) -> list[int]:
    """Where the examples of these ids stand; ids that the file does not have are left out."""
    if not ids:
        return []
    known = root["example_id"].values.astype(str)
    return [int(place) for name in ids for place in np.flatnonzero(known == name)]


def no_example(root: xr.Dataset, name: str) -> ResultsError:
    return ResultsError(f"there is no example {name!r}; ids are like {str(root['example_id'][0].values)!r}")


def blocks(dataset: xr.Dataset, tokens_per_block: int = 1 << 20) -> Iterator[tuple[slice, slice]]:
    """Cuts a file into runs of whole examples with about so many tokens: (examples, tokens), to be worked on one by one."""
    starts = dataset["token_start"].values
    examples, tokens = dataset.sizes["example"], dataset.sizes["token"]
    first = 0
    while first < examples:
        wanted = int(np.searchsorted(starts, int(starts[first]) + tokens_per_block, side="right")) - 1
        last = max(first + 1, examples if starts[first] + tokens_per_block >= tokens else wanted)
        yield slice(first, last), slice(int(starts[first]), int(starts[last]) if last < examples else tokens)
        first = last


def _positions(starts: Ints, counts: npt.NDArray[np.int64]) -> Ints:
    positions = np.arange(counts.sum(), dtype=np.int32)
    positions -= np.repeat(starts.astype(np.int32), counts)
    return positions


def _join(root: xr.Dataset, masks: xr.Dataset, mode: str) -> xr.Dataset:
    joined = root.assign(dict(masks.data_vars)).assign_coords(dict(masks.coords))
    joined.attrs["mode"] = mode
    return joined


def _open_group(file: Path, group: str | None) -> xr.Dataset:
    # mask_and_scale would turn every integer with a _FillValue into floating point.
    dataset = xr.open_dataset(file, engine="h5netcdf", group=group, mask_and_scale=False, decode_times=False, cache=False)
    for variable in dataset.variables.values():
        # A read costs milliseconds, however little is read; small tables are asked for again and again.
        if variable.size <= _SMALL and "token" not in variable.dims:
            variable.load()
    return dataset


def _open_below(root: xr.Dataset, file: Path, group: str) -> xr.Dataset:
    """A group whose dimensions are those of the root, where it has them: its variables are indexed by what the root holds."""
    dataset = _open_group(file, group)
    for name, size in dataset.sizes.items():
        if root.sizes.get(name, size) != size:
            raise _damaged(file, f"{name} has {size} places in the group {group}, {root.sizes[name]} in the root")
    return dataset


def _damaged(file: Path, what: str) -> ResultsError:
    return ResultsError(f"{file} is damaged: {what}. `layersweep validate` tells more")


def _group_names(file: Path) -> list[str]:
    import h5py

    names: list[str] = []
    with h5py.File(file, "r") as handle:
        for name, item in handle.items():
            if isinstance(item, h5py.Group):
                names.append(name)
                if name == layout.EXPLAIN:
                    names += [f"{name}/{inner}" for inner, group in item.items() if isinstance(group, h5py.Group)]
    return names


def _check(file: Path) -> None:
    """Finished, and of a version that is known here; else one clear message."""
    import h5py

    if not file.exists():
        raise ResultsError(f"there is no file {file}")
    if file.name.endswith(".part"):
        raise ResultsError(f"{file} is an unfinished results file: run the same `layersweep run` again to finish it")
    try:
        with h5py.File(file, "r") as handle:
            attributes = dict(handle.attrs)
    except OSError as error:
        raise ResultsError(f"{file} is not a results file: {_reason(error)}") from error
    if "layersweep_layout" not in attributes:
        raise ResultsError(f"{file} is HDF5, but not a results file of layersweep (it has no attribute layersweep_layout)")
    version = int(attributes["layersweep_layout"])
    if version > layout.VERSION:
        raise ResultsError(
            f"{file} has layout version {version}, and this package reads up to {layout.VERSION}: "
            "install the package that belongs to the layersweep that wrote it"
        )
    if int(attributes.get("complete", 0)) != 1:
        raise ResultsError(f"{file} is unfinished (complete is not 1): run the same `layersweep run` again to finish it")


def _reason(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "no right to read it"
    text = str(error)
    return "HDF5 cannot open it" if "file signature" in text else text.splitlines()[0]
