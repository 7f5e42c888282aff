#!/usr/bin/env python3
"""Breaks small runs in every way it can and checks that nothing is lost: each is started again and must end in the bits of
a run that nobody disturbed.

    tests/faults/run.py --program build/release/src/app/layersweep --shim build/release/tests/faults/liblayersweep_fault_shim.so
                        [--long [--minutes 5] [--matching results.h5] [--at 1:37]] [--only kill,nospace,…] [--ranks 2] [--seed 0]

Without --long a sample that takes less than a minute; with it, everything in random order, which takes hours, or as much as
--minutes allow for each line of the table; --matching takes the operations on files whose names match, --at the one that a line
"LOST … at RANK:NUMBER" named. Prints a table; exit code 1 when anything was lost, 77 when mpirun or the shim is missing.
"""
import argparse
import atexit
import filecmp
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXPERIMENT = """
[task]
name = counting
limit = 64
[finetune]
epochs = 1
batch = 32
[probe]
modes = hidden
seeds = 3,5
seeds_per_unit = 0
batch = 32
epochs = 2
validate_every = 3
warm_up = 2
[extract]
splits = dev
[run]
threads = 1
deterministic = true
checkpoint_seconds = 0
deadline_seconds = 8
"""
STOPPED = 75
TIMEOUT_S = 180
SAME_FILES = ["model/model.safetensors", "units/hidden-3-5/probes.safetensors"]
# Attributes of results.h5 that tell of the circumstances.
CIRCUMSTANCES = re.compile(r"^attribute: <(command|created|experiment|history|hosts) of </>>|is an empty dataset$")


class Job:
    """A run of the program on several ranks."""

    current = None

    def __init__(self, harness, folder, fault=None, settings=()):
        environment = dict(os.environ, OMP_NUM_THREADS="1", OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                           OMPI_MCA_mpi_yield_when_idle="1")
        for name in ("SLURM_JOB_ID", "SLURM_JOB_END_TIME"):
            environment.pop(name, None)
        command = ["mpirun", "--bind-to", "none", "--oversubscribe", "-n", str(harness.ranks)]
        for name, value in (fault or {}).items():
            environment[name] = str(value)
        if fault:  # into the ranks, not into mpirun
            command += ["-x", f"LD_PRELOAD={harness.shim}"]
        command += [str(harness.program), "run", str(harness.experiment), "--set", f"run.folder={folder}"]
        for setting in settings:
            command += ["--set", setting]
        self.log = open(harness.work / "log", "w+")
        self.process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=subprocess.STDOUT,
                                        stdin=subprocess.DEVNULL)
        Job.current = self

    def ranks(self):
        """Process numbers of the ranks, in order."""
        found = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(stat.read_text().rsplit(")", 1)[1].split()[1]) != self.process.pid:
                    continue
                environment = (stat.parent / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            for entry in environment:
                if entry.startswith(b"OMPI_COMM_WORLD_RANK="):
                    found[int(entry.split(b"=")[1])] = int(stat.parent.name)
        return [found[rank] for rank in sorted(found)]

    def listening(self):
        """How many ranks would not be ended by SIGUSR1: those that have loaded their libraries and started."""
        count = 0
        for rank in self.ranks():
            try:
                status = Path(f"/proc/{rank}/status").read_text()
            except OSError:
                continue
            count += int(re.search(r"SigCgt:\s*([0-9a-f]+)", status).group(1), 16) >> (signal.SIGUSR1 - 1) & 1
        return count

    def kill_all(self):
        for process in self.ranks() + [self.process.pid]:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def wait(self, timeout_s=TIMEOUT_S, ranks=()):
        """The exit code, None when it hangs; also waits until ranks that mpirun left behind are gone: those it has now, and
        `ranks`, which were told before mpirun was killed."""
        ranks = {*ranks, *self.ranks()}
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            code = None
            self.kill_all()
            self.process.wait()
        Job.current = None
        deadline = time.time() + 20
        while any(Path(f"/proc/{rank}").exists() for rank in ranks) and time.time() < deadline:
            time.sleep(0.05)
        self.log.seek(0)
        self.output = self.log.read()
        self.log.close()
        return code


class Harness:
    def __init__(self, arguments, work):
        self.program, self.shim, self.ranks = arguments.program.resolve(), arguments.shim.resolve(), arguments.ranks
        self.long, self.seconds, self.matching = arguments.long, 60 * arguments.minutes, arguments.matching
        self.at = arguments.at
        self.random = random.Random(arguments.seed)
        self.work = work
        self.experiment = work / "small.ini"
        self.experiment.write_text(EXPERIMENT)
        self.failures = []
        self.reference = work / "reference"
        start = time.time()
        job = Job(self, self.reference)
        if job.wait() != 0:
            sys.exit(f"the undisturbed run failed:\n{job.output}")
        self.usual_s = time.time() - start

    def differences(self, folder):
        """What is not as in the undisturbed run."""
        wrong = [name for name in SAME_FILES if not (folder / name).exists() or
                 not filecmp.cmp(folder / name, self.reference / name, shallow=False)]
        if shutil.which("h5diff"):
            told = subprocess.run(["h5diff", "-c", self.reference / "results.h5", folder / "results.h5"],
                                  capture_output=True, text=True).stdout
            wrong += [line for line in told.splitlines() if re.match(r"^[a-zA-Z ]*: <", line) and not CIRCUMSTANCES.search(line)]
        left = [str(path.relative_to(folder)) for path in folder.rglob("*")
                if path.name.startswith("checkpoint-") or path.name == "model.training" or path.name.endswith(".part")]
        return wrong + left

    def names_a_file(self, job, folder):
        """Whether an error of the job names a file of its run folder."""
        return any("error: " in line and str(folder) in line for line in job.output.splitlines())

    def check_unfinished(self, folder):
        """What a disturbed run leaves is whole or not there."""
        results = folder / "results.h5"
        if results.exists() and subprocess.run([self.program, "validate", results], capture_output=True).returncode != 0:
            return ["a results.h5 that is not valid"]
        return []

    def finish(self, name, folder, problems):
        """Starts the run again, without disturbance; True when it ends like the undisturbed one."""
        if not problems:
            job = Job(self, folder)
            code = job.wait()
            if code != 0:
                problems.append(f"started again it ends with {code}: {job.output[-1500:]}")
            else:
                problems += self.differences(folder)
        if problems:
            self.failures.append(f"{name}: " + "; ".join(problems))
            print(f"LOST {self.failures[-1]}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        return not problems

    def fresh(self):
        folder = self.work / "run"
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def sample(self, items, short):
        """All of them in random order, as far as time allows, or a few spread evenly."""
        items = list(items)
        start = time.time()
        if self.long:
            self.random.shuffle(items)
        elif len(items) > short:
            items = [items[(2 * i + 1) * len(items) // (2 * short)] for i in range(short)]
        told = start
        for done, item in enumerate(items):
            now = time.time()
            if self.long and now - start > self.seconds:
                return
            if now - told > 30:
                left_s = (now - start) / done * (len(items) - done)
                print(f"{done} of {len(items)}, {len(self.failures)} lost, about {left_s / 60:.0f} min left", file=sys.stderr,
                      flush=True)
                told = now
            yield item

    def operations(self):
        """(rank, number, what) of everything that a run does to its folder."""
        found = []
        for rank in range(self.ranks):
            folder, log = self.fresh(), self.work / "operations"
            log.unlink(missing_ok=True)
            job = Job(self, folder, {"FAULT_FOLDER": folder, "FAULT_KIND": "count", "FAULT_RANK": rank, "FAULT_LOG": log})
            if job.wait() != 0:
                sys.exit(f"a run that is only watched failed:\n{job.output}")
            lines = log.read_text().splitlines() if log.exists() else []
            found += [(rank, number + 1, line) for number, line in enumerate(lines)]
        if self.at:
            found = [one for one in found if f"{one[0]}:{one[1]}" == self.at]
        return [one for one in found if re.search(self.matching, one[2])]

    # Each yields (what, tried, survived).

    def kill(self):
        operations = self.operations()
        tried = survived = 0
        for rank, number, what in self.sample(operations, 3):
            folder = self.fresh()
            job = Job(self, folder, {"FAULT_FOLDER": folder, "FAULT_KIND": "kill", "FAULT_RANK": rank, "FAULT_AT": number})
            problems = [] if job.wait() not in (0, None) else [f"was not killed or hangs: {job.output[-500:]}"]
            tried += 1
            survived += self.finish(f"kill at {rank}:{number} {what}", folder, problems + self.check_unfinished(folder))
            yield "a rank killed at each of its writes, syncs, renames, removals", tried, survived

    def disk(self, kind, words, affects, may_wait):
        """The operating system fails at operations whose line `affects` matches; `may_wait`: the deadline may have to end it."""
        tried = survived = 0
        for rank, number, what in self.sample([one for one in self.operations() if re.match(affects, one[2])], 1):
            folder = self.fresh()
            job = Job(self, folder, {"FAULT_FOLDER": folder, "FAULT_KIND": kind, "FAULT_RANK": rank, "FAULT_AT": number})
            code = job.wait()
            # Done in spite of it, or a message and exit code 1; never a crash or a hang. Ended by its deadline, a job names no file.
            told = self.names_a_file(job, folder) or may_wait and "error: " in job.output
            problems = [] if code == 0 or code == 1 and told else [f"exit code {code}: {job.output[-800:]}"]
            tried += 1
            survived += self.finish(f"{kind} at {rank}:{number} {what}", folder, problems + self.check_unfinished(folder))
            yield words, tried, survived

    def nospace(self):
        # The others do not need room: the disk full from them on is the disk full from the next of these on.
        yield from self.disk("ENOSPC", "the disk full from each write and new folder on", "p?write|mkdir", may_wait=False)

    def ioerror(self):
        yield from self.disk("EIO", "an I/O error at each operation", "", may_wait=True)  # HDF5 waits when one rank cannot sync

    def shortwrite(self):
        yield from self.disk("short", "a write that takes half, at each write", "p?write", may_wait=False)

    def full(self):
        """A real file system without room; needs root."""
        mount = self.work / "disk"
        mount.mkdir()
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", mount],
                                               capture_output=True).returncode != 0:
            print("skipped: a full file system (only root can mount one)")
            return
        tried = survived = 0
        try:
            for size in self.sample(range(40, 1200, 40) if self.long else [200], 1):
                subprocess.run(["mount", "-o", f"remount,size={size}k", mount], check=True)
                folder = mount / "run"
                job = Job(self, folder)
                code = job.wait()
                problems = [] if code == 0 or code == 1 and self.names_a_file(job, folder) else [
                    f"exit code {code}: {job.output[-800:]}"]
                subprocess.run(["mount", "-o", "remount,size=64m", mount], check=True)
                tried += 1
                survived += self.finish(f"a disk of {size} KiB", folder, problems + self.check_unfinished(folder))
                yield "a real file system of 40 to 1160 KiB", tried, survived
        finally:
            subprocess.run(["umount", mount])

    def sigkill(self):
        tried = survived = 0
        for number in self.sample(range(100 if self.long else 2), 2):
            folder = self.fresh()
            target = ["rank 0", f"rank {self.ranks - 1}", "mpirun", "all"][number % 4]
            after_s = self.random.uniform(0.1, 1.0) * self.usual_s
            job = Job(self, folder)
            time.sleep(after_s)
            ranks = job.ranks()
            if target == "all":
                job.kill_all()
            elif target == "mpirun":
                job.process.kill()
            elif ranks:
                os.kill(ranks[0 if target == "rank 0" else -1], signal.SIGKILL)
            hangs = job.wait(ranks=ranks) is None
            tried += 1
            survived += self.finish(f"SIGKILL to {target} after {after_s:.2f} s", folder,
                                    ["hangs"] if hangs else self.check_unfinished(folder))
            yield "SIGKILL at a random time to a rank, mpirun, all", tried, survived

    def stop(self):
        """Asked to end: exit code 75 and nothing lost, or done."""
        tried = survived = 0
        for number in self.sample(range(60 if self.long else 2), 2):
            folder = self.fresh()
            kind = [signal.SIGUSR1, signal.SIGTERM, signal.SIGINT][number % 3]
            target = ["mpirun" if kind == signal.SIGUSR1 else "ranks", "ranks", "last rank", "twice"][number // 3 % 4]
            after_s = self.random.uniform(0.0, 0.7) * self.usual_s
            job = Job(self, folder)
            while job.listening() < self.ranks and job.process.poll() is None:
                time.sleep(0.01)
            time.sleep(after_s)
            for process in {"mpirun": [job.process.pid], "last rank": job.ranks()[-1:]}.get(target, job.ranks()):
                for _ in range(2 if target == "twice" else 1):
                    try:
                        os.kill(process, kind)
                    except ProcessLookupError:
                        pass
            code = job.wait()
            tried += 1
            problems = [] if code in (0, STOPPED) else [f"exit code {code}: {job.output[-800:]}"]
            survived += self.finish(f"{kind.name} to {target} after {after_s:.2f} s", folder,
                                    problems + self.check_unfinished(folder))
            yield "SIGUSR1, SIGTERM, SIGINT at a random time: exit code 75 or 0", tried, survived


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--shim", type=Path, required=True)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--matching", default="")
    parser.add_argument("--at")
    parser.add_argument("--only", default="kill,nospace,ioerror,shortwrite,full,sigkill,stop")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if not shutil.which("mpirun") or not arguments.shim.exists():
        print("no mpirun or no shim here")
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    atexit.register(lambda: Job.current is not None and Job.current.kill_all())
    with tempfile.TemporaryDirectory(prefix="layersweep-faults-") as work:
        harness = Harness(arguments, Path(work).resolve())
        print(f"an undisturbed run takes {harness.usual_s:.1f} s on {arguments.ranks} ranks", flush=True)
        for name in arguments.only.split(","):
            start, table = time.time(), {}
            try:
                for what, tried, survived in getattr(harness, name)():
                    table[what] = (tried, survived)
            finally:  # also what an end from outside leaves
                for what, (tried, survived) in table.items():
                    print(f"| {what} | {survived} of {tried} | {time.time() - start:.0f} s |", flush=True)
    return 1 if harness.failures else 0


if __name__ == "__main__":
    sys.exit(main())
