"""The program hands over to the package: the same options on both sides, one clear message where it cannot."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = os.environ.get("LAYERSWEEP_PROGRAM")
pytestmark = pytest.mark.skipif(not PROGRAM, reason="LAYERSWEEP_PROGRAM does not name the layersweep program")
COMMANDS = ("report", "figures", "export")


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LAYERSWEEP_PYTHON": sys.executable, **variables}
    return subprocess.run([str(PROGRAM), *arguments], capture_output=True, text=True, timeout=120, env=environment)


@pytest.mark.parametrize("command", COMMANDS)
def test_both_sides_have_the_same_options(command: str) -> None:
    ours = run(command, "--help").stdout
    theirs = subprocess.run(
        [sys.executable, "-m", "layersweep_analysis", command, "--help"], capture_output=True, text=True, timeout=120
    ).stdout
    options = [set(re.findall(r"--[a-z-]+", text)) - {"--help"} for text in (ours, theirs)]
    handled_by_the_program = {"--eraser"} if command == "export" else set()
    assert options[0] - handled_by_the_program == options[1] and options[1]


def test_arguments_arrive_as_they_were_given(made: Path, tmp_path: Path) -> None:
    table = tmp_path / "a table.csv"
    done = run("export", str(made / "squad.h5"), "--table", "examples", f"--out={table}", "--point", "1", "--point", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{table}: 16 rows\n" and len(table.read_text().splitlines()) == 17
    done = run("export", str(made / "squad.h5"), "--out", str(table), "--point", "-1")
    assert done.returncode == 1 and "no point -1" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_several_ranks_are_refused_once(command: str) -> None:
    for variables in (
        {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "{}"},
        {"SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "{}"},
    ):
        first, second = (run(command, "x.h5", **{k: v.format(rank) for k, v in variables.items()}) for rank in (0, 1))
        assert first.returncode == second.returncode == 2
        assert re.fullmatch(r"error: \w+ under 2 ranks: .*\n", first.stderr) and second.stderr == ""


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    done = run("report", "x.h5", PYTHONPATH="", LAYERSWEEP_PYTHON="/no/where/python")
    assert done.returncode == 1 and done.stderr.startswith("error: cannot start /no/where/python")
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -E "$@"\n')  # no packages
    bare.chmod(0o755)
    done = run("report", "x.h5", PYTHONPATH="", LAYERSWEEP_PYTHON=str(bare))
    assert done.returncode == 1
    assert re.fullmatch(r"error: .* is not installed for .*: .*python -m pip install .*analysis.*\n", done.stderr)


def test_errors_of_the_package_are_those_of_the_program(tmp_path: Path) -> None:
    done = run("report", str(tmp_path / "none.h5"))
    assert (done.returncode, done.stdout) == (1, "") and done.stderr == f"error: there is no file {tmp_path / 'none.h5'}\n"
