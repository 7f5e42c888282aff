#!/usr/bin/env python3
"""A results file and a run folder of an earlier version: the file is read by every command and tool, the folder is gone on with or
refused by name.

    old_run_test.py LAYERSWEEP
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

import h5py
import xarray

LAYERSWEEP = str(pathlib.Path(sys.argv[1]).resolve())
FIXTURE = pathlib.Path(__file__).resolve().parent / "fixtures" / "run-layout-1.tar.gz"


def run(*words):
    done = subprocess.run([LAYERSWEEP, *words], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def read(*words):
    code, said = run(*words)
    assert code == 0, f"{words}: exit code {code}\n{said}"
    return said


def gone_on_or_refused(*words):
    code, said = run(*words)
    assert code == 0 or (code == 1 and "version" in said), f"{words}: exit code {code}\n{said}"


def main():
    with tarfile.open(FIXTURE) as archive:
        archive.extractall(filter="data")
    shutil.copytree(FIXTURE.parents[2] / "model" / "fixtures" / "tiny-bert", "encoder")  # what the run was made with
    results = "run/results.h5"
    read("validate", results)
    told = read("inspect", results)
    for part in ("hidden mode", "input mode", "statistics", "explain"):
        assert part in told, told
    with h5py.File(results) as file:
        assert int(file.attrs["layersweep_layout"]) == 1
        assert file["hidden/keep_probability"].shape[:2] == (2, 4)
        tokens = file["token_id"].shape[0]
    masks = xarray.open_dataset(results, group="input")
    assert masks["keep_probability"].sizes["token"] == tokens
    read("report", results, "--out", "report.html", "--no-speech")
    gone_on_or_refused("status", "run")
    gone_on_or_refused("explain", "run", "--text", "w1 w2", "--second-text", "w3")
    gone_on_or_refused("run", "old.ini")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        main()
        os.chdir("/")
