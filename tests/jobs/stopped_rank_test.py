#!/usr/bin/env python3
"""A rank that stops while masks are extracted is waited for no longer than run.deadline_seconds, and the run ends.

    stopped_rank_test.py LAYERSWEEP MPIEXEC...
"""
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

LAYERSWEEP, MPIEXEC = sys.argv[1], sys.argv[2:]
FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "model" / "fixtures"
EXPERIMENT = """
[task]
name = text
data = own.jsonl
[encoder]
folder = {}
[probe]
modes = hidden
batch = 8
max_steps = 2
validate_every = 2
validation_examples = 50
warm_up = 1
calibrate = false
[extract]
splits = train
[statistics]
cka_tokens = 0
[run]
threads = 1
deadline_seconds = 4
"""


def ranks_of(mpirun):
    """Process ids of the program under mpirun, by rank."""
    found = {}
    for status in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            environment = dict(entry.split("=", 1) for entry in status.read_text().split("\0") if "=" in entry)
            parent = re.search(r"^PPid:\t(\d+)", (status.parent / "status").read_text(), re.M)[1]
        except (OSError, UnicodeDecodeError):
            continue
        if int(parent) == mpirun and "OMPI_COMM_WORLD_RANK" in environment:
            found[int(environment["OMPI_COMM_WORLD_RANK"])] = int(status.parent.name)
    return found


def main():
    rng = random.Random(3)
    pathlib.Path("own.jsonl").write_text("".join(
        json.dumps({"text": " ".join(f"w{rng.randrange(59)}" for _ in range(20))}) + "\n" for _ in range(30000)))
    pathlib.Path("own.ini").write_text(EXPERIMENT.format(FIXTURES / "tiny-bert"))
    run = subprocess.Popen([*MPIEXEC, "2", LAYERSWEEP, "run", "own.ini"], stderr=subprocess.PIPE, text=True)
    said, stopped = [], None
    try:
        for line in run.stderr:
            said.append(line)
            if stopped is None and line.startswith("extraction: "):
                stopped = ranks_of(run.pid)[1]
                os.kill(stopped, signal.SIGSTOP)
                start = time.monotonic()
        run.wait(60)
    finally:
        if stopped is not None:
            try:
                os.kill(stopped, signal.SIGKILL)
            except ProcessLookupError:
                pass
        run.kill()
    assert stopped is not None, "".join(said[-20:])
    assert run.returncode != 0, "the run ended well without a rank"
    took = time.monotonic() - start
    assert took < 60, f"{took:.0f} s"
    assert any("rank 1" in line for line in said), "".join(said[-20:])
    print(f"ended {took:.1f} s after the rank had stopped")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        main()
        os.chdir("/")
