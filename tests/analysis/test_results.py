"""Opening: what is joined, what is lazy, and what is said about files that cannot be used."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import h5py
import layersweep_analysis as la
import make_results
import numpy as np
import pytest


@pytest.mark.parametrize("name", ["sst", "squad", "counting"])
def test_the_fixtures_are_valid_results(made: Path, tmp_path: Path, name: str) -> None:
    program = os.environ.get("LAYERSWEEP_PROGRAM")
    if not program:
        pytest.skip("LAYERSWEEP_PROGRAM does not name the layersweep program")
    path = made / f"{name}.h5"
    if name == "sst":  # the groups of later steps are not part of what is compared with the specification
        path = tmp_path / "sst.h5"
        make_results.sst(path, with_groups=False)
    done = subprocess.run([program, "validate", path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_one_call_joins_texts_tokens_and_masks(made: Path) -> None:
    with la.open_results(made / "sst.h5", "input") as dataset, h5py.File(made / "sst.h5") as raw:
        assert dataset.attrs["mode"] == "input"
        assert dataset["keep_probability"].dims == ("seed", "point", "token")
        assert dataset["keep_probability"].dtype == np.float32 and dataset["token_id"].dtype == np.int32
        np.testing.assert_array_equal(dataset["keep_probability"], raw["input/keep_probability"])
        assert list(dataset["token_text"].values[:2]) == ["[CLS]", b"".join(raw["token_text"][1]).decode()]
        for example in range(dataset.sizes["example"]):
            tokens = np.flatnonzero(dataset["token_example"].values == example)
            assert tokens[0] == raw["token_start"][example] and tokens.size == raw["token_count"][example]
            np.testing.assert_array_equal(dataset["token_position"][tokens], np.arange(tokens.size))


def test_masks_stay_in_the_file_until_they_are_asked_for(made: Path) -> None:
    dataset = la.open_results(made / "sst.h5")
    assert dataset.attrs["mode"] == "hidden"
    assert dataset["chosen_seed"].variable._in_memory
    assert not dataset["keep_probability"].variable._in_memory
    dataset["keep_probability"][0, 1, 5:9].values
    assert not dataset["keep_probability"].variable._in_memory


def test_groups_and_settings(made: Path) -> None:
    with la.open_file(made / "sst.h5") as file:
        assert list(file.modes) == ["input", "hidden"]
        assert file.statistics is not None and file.evaluation is not None
        assert sorted(file.explainers) == ["gradient_x_input", "random"]
        assert file.settings["probe.epsilon"] == "0.1"
    with la.open_file(made / "squad.h5") as file:
        assert file.statistics is None and file.is_question_answering


@pytest.mark.parametrize("size", [1, 7, 40, 10_000])
def test_blocks_are_whole_examples_and_cover_the_file(made: Path, size: int) -> None:
    dataset = la.open_results(made / "sst.h5")
    starts = [*dataset["token_start"].values, dataset.sizes["token"]]
    found = list(la.blocks(dataset, size))
    assert [e for examples, _ in found for e in range(examples.start, examples.stop)] == list(range(dataset.sizes["example"]))
    for examples, tokens in found:
        assert (tokens.start, tokens.stop) == (starts[examples.start], starts[examples.stop])
        assert tokens.stop - tokens.start <= size or examples.stop - examples.start == 1


def message_of(path: Path) -> str:
    with pytest.raises(la.ResultsError) as caught:
        la.open_file(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    return str(caught.value)


def test_files_that_cannot_be_used_get_one_clear_message(made: Path, tmp_path: Path) -> None:
    assert "there is no file" in message_of(tmp_path / "none.h5")
    text = tmp_path / "text.h5"
    text.write_text("no HDF5")
    assert "not a results file" in message_of(text)
    with h5py.File(tmp_path / "other.h5", "w"):
        pass
    assert "not a results file of layersweep" in message_of(tmp_path / "other.h5")
    for name, attribute, value, said in (
        ("unfinished.h5", "complete", 0, "unfinished"),
        ("newer.h5", "layersweep_layout", 2, "layout version 2"),
    ):
        shutil.copy(made / "counting.h5", tmp_path / name)
        with h5py.File(tmp_path / name, "r+") as file:
            file.attrs[attribute] = np.int32(value)
        assert said in message_of(tmp_path / name)
    shutil.copy(made / "counting.h5", tmp_path / "results.h5.part")
    assert "unfinished" in message_of(tmp_path / "results.h5.part")
    with pytest.raises(la.ResultsError, match="no masks of mode 'input'"):
        la.open_results(made / "counting.h5", "input")


def test_places_that_lie_outside_the_file_are_refused(made: Path, tmp_path: Path) -> None:
    def message_after(damage: Callable[[h5py.File], None]) -> str:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.h5"  # one that was refused may still be open
        shutil.copy(made / "sst.h5", path)
        with h5py.File(path, "r+") as file:
            damage(file)
        return message_of(path)

    def set_cell(name: str, place: int, value: int) -> Callable[[h5py.File], None]:
        return lambda file: file[name].__setitem__(place, value)

    def counts(file: h5py.File) -> None:
        first, second, *rest = file["token_count"][...]
        file["token_count"][...] = [first + second + 1, -1, *rest]

    def attribution(file: h5py.File) -> None:
        group = file["explain/random"]
        points = group["attribution"].shape[0]
        del group["attribution"]
        group["attribution"], group["token"] = np.zeros((points, 5), np.float32), np.zeros(5, np.int32)
        group["token"].make_scale("token")
        group["attribution"].dims[0].attach_scale(file["point"])
        group["attribution"].dims[1].attach_scale(group["token"])

    assert "token_start is not the running sum" in message_after(set_cell("token_start", 3, 0))
    assert "token_count does not add up" in message_after(counts)
    assert "hidden/chosen_seed" in message_after(set_cell("hidden/chosen_seed", 1, 2))
    assert "input/chosen_seed" in message_after(set_cell("input/chosen_seed", 1, -2))
    assert "token has 5 places in the group explain/random" in message_after(attribution)


def test_folders_stand_for_the_results_in_them(sweep: Path, tmp_path: Path) -> None:
    assert [path.parent.name for path in la.find_results([sweep])] == [f"probe.epsilon={e}" for e in ("0.05", "0.1", "0.2")]
    run = sweep / "probe.epsilon=0.1"
    assert la.find_results([run, run / "results.h5"]) == [run / "results.h5"]
    with pytest.raises(la.ResultsError, match="holds no results.h5"):
        la.find_results([tmp_path])
