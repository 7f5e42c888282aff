#!/usr/bin/env python3
"""A rank that stands still, wherever the others wait for it, ends the run soon after run.deadline_seconds, and is named.

    stopped_rank_test.py LAYERSWEEP FAULT_SHIM MPIEXEC… [--only PART-OF-A-WAIT'S-NAME]
"""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

LAYERSWEEP, SHIM = (str(pathlib.Path(path).resolve()) for path in sys.argv[1:3])
MPIEXEC = [word for word in sys.argv[3:] if word != "--only"][:-1 if "--only" in sys.argv else None]
ONLY = sys.argv[-1] if "--only" in sys.argv else ""
FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "model" / "fixtures"
DEADLINE_S = 5
SLACK_S = 15  # until the first of them looks, and for mpirun to end them all
EXPERIMENT = f"""
[task]
name = text
data = few.jsonl
[encoder]
folder = {FIXTURES / "tiny-bert"}
[finetune]
epochs = 0
batch = 8
[probe]
modes = hidden
batch = 8
max_steps = 2
validate_every = 2
warm_up = 1
calibrate = false
[extract]
splits = dev
[run]
threads = 1
folder = run
deadline_seconds = {DEADLINE_S}
checkpoint_seconds = 1000
"""
TRAINS = ["finetune.epochs=1", "task.data=labelled.jsonl", "run.checkpoint_seconds=4"]
ENDLESS = ["probe.max_steps=100000", "run.checkpoint_seconds=4"]
EXPLAINS = ["explain.methods=leave_one_out", "explain.splits=dev", "explain.limit=0"]
MANY = ["task.data=many.jsonl", "statistics.cka_tokens=0", "statistics.split=dev"]

# What a rank is stopped in: the rank, where, settings. "at FILE": where rank 0 begins to write such a file of the run folder, the
# other is stopped, and rank 0 goes on. "after FILE": soon after there is such a file, when its writer, who may take half an hour
# over a checkpoint, is out of it.
WAITS = {
    "the start of a run": (1, "at /nonce", []),
    "the preparation of texts": (1, "at /tokens/", []),
    "a step of fine-tuning": (1, "after model.training/checkpoint-*", TRAINS),
    "a step of fine-tuning, rank 0": (0, "after model.training/checkpoint-*", TRAINS),
    "the end of fine-tuning": (1, "at /model.part/", [*TRAINS, "task.limit=40"]),
    "a batch of the statistics": (1, "after statistics", [*MANY, "statistics.split=train"]),
    "the end of the statistics": (1, "at /statistics/figures", []),
    "a step of a probe": (1, "after units/*/checkpoint-*", ENDLESS),
    "a step of a probe, rank 0": (0, "after units/*/checkpoint-*", ENDLESS),
    "a validation": (1, "after units/*/checkpoint-*", [*ENDLESS, *MANY, "probe.validate_every=1"]),
    "a calibration": (1, "after units/*/checkpoint-2", [*MANY, "probe.calibrate=true"]),
    "the end of a unit": (1, "at /units/hidden-0/probes", []),
    "a unit of another team": (1, "after units/hidden-2/checkpoint-*",
                               ["probe.seeds=1,2", "probe.seeds_per_unit=1", "probe.max_steps=300", "run.checkpoint_seconds=1"]),
    "a unit for another team": (0, "after units/hidden-1/checkpoint-*",
                                ["probe.seeds=1,2", "probe.seeds_per_unit=1", "probe.max_steps=300", "run.checkpoint_seconds=1"]),
    "a part of the explanations": (1, "after explain/*/*.safetensors", [*MANY, *EXPLAINS]),
    "a part of the extraction": (1, "after results.h5.part", [*MANY, "extract.splits=train"]),
    "the writing of results": (1, "at /results.h5", []),
}
NOBODY_IS_NAMED = {"the writing of results"}  # HDF5 waits there, and the watchdog ends the job


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


def stands_still(process):
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
    except OSError:
        return False


def stop(process):
    os.kill(process, signal.SIGSTOP)
    while not stands_still(process):
        time.sleep(0.01)


def wait_for(run, holds):
    """Whether `holds()` before the run ends."""
    end = time.monotonic() + 200
    while run.poll() is None and time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return False


def outcome(rank, where, settings):
    """What went wrong with a run of which this rank is stopped there, or nothing; and its output."""
    shutil.rmtree("run", ignore_errors=True)
    how, file = where.split()
    command = [*MPIEXEC, "2"]
    if how == "at":
        faults = {"FOLDER": os.path.abspath("run"), "NAME": file, "KIND": "stop", "RANK": 0, "AT": 1}
        command += [word for name, value in faults.items() for word in ("-x", f"FAULT_{name}={value}")]
        command += ["-x", f"LD_PRELOAD={SHIM}"]
    command += [LAYERSWEEP, "run", "stopped.ini", *(word for setting in settings for word in ("--set", setting))]
    with open("log", "w") as log:
        run = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    ranks = {}
    try:
        if how == "at":
            there = wait_for(run, lambda: stands_still(ranks_of(run.pid).get(0, 0)))
        else:
            there = wait_for(run, lambda: any(pathlib.Path("run").glob(file)))
            time.sleep(0.3)
        ranks = ranks_of(run.pid)
        if not there or len(ranks) < 2:
            return "it ended before a rank was stopped"
        stop(ranks[rank])
        start = time.monotonic()
        if how == "at":
            os.kill(ranks[0], signal.SIGCONT)
        try:
            code = run.wait(DEADLINE_S + SLACK_S)
        except subprocess.TimeoutExpired:
            return f"the others still wait after {time.monotonic() - start:.0f} s"
        print(f"  ended {time.monotonic() - start:.1f} s after rank {rank} had stopped", flush=True)
        return None if code == 1 else f"exit code {code}"
    finally:
        for process in [run.pid, *ranks.values()]:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        run.wait()


def main():
    rng = random.Random(3)
    for name, count in {"few": 60, "many": 30000, "labelled": 10000}.items():
        with open(f"{name}.jsonl", "w") as file:
            for number in range(count):
                row = {"text": " ".join(f"w{rng.randrange(59)}" for _ in range(20))}
                print(json.dumps(row | ({"label": number % 2} if name == "labelled" else {})), file=file)
    pathlib.Path("stopped.ini").write_text(EXPERIMENT)
    document = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
    told = [wait for cell in re.findall(r"^\|.*\| ([^|`]+) \|$", document.read_text(), re.M) for wait in cell.split("; ")]
    failed = [f"FAILED {document.name} does not list: {wait}" for wait in WAITS if wait not in told]
    for wait, (rank, where, settings) in WAITS.items():
        if ONLY not in wait:
            continue
        print(wait, flush=True)
        problem = outcome(rank, where, settings)
        said = pathlib.Path("log").read_text()
        named = re.search(rf"error: .*rank {rank} \({re.escape(socket.gethostname())}\)", said)
        if problem is None and not named and wait not in NOBODY_IS_NAMED:
            problem = f"rank {rank} is not named"
        if problem:
            failed.append("\n  ".join([f"FAILED {wait}: {problem}", *re.findall(".*error: .*", said), *said.splitlines()[-2:]]))
    print("\n".join(failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # not without ending what it started
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        try:
            main()
        finally:
            os.chdir("/")
