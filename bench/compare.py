#!/usr/bin/env python3
"""Times layersweep against the published loops (bench/published) on this machine, in turn: A, B, A, B, …

    bench/compare.py --encoder DIR --data DIR --out FILE.json [--only input,hidden,input-bf16,…]

--encoder is a fine-tuned 5-class encoder in Hugging Face layout (the model/ folder of a layersweep run on SST); both sides
load the same one. Each figure is the median over the rounds; the ratio says how many times better layersweep is.

    input, hidden   SST, fp32: (sentence, point) pairs trained per second; peak memory of the process
    input-bf16, hidden-bf16   the same with the network in bf16 on both sides (published: autocast); for processors that
                    have it
    counting        one thread: seconds per probe seed, each side with its own recipe (published: 100 passes)
    ranks           layersweep alone, SST, hidden mode: 2 ranks of 1 thread against 1 rank of 1 thread
    peak            share of the matrix-product peak that layersweep's passes reach, as bench_encoder measures it in
                    the same process; left out where that is not built
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MEASURES = ("input", "hidden", "input-bf16", "hidden-bf16", "counting", "ranks", "peak")
PUBLISHED_COUNTING_STEPS = 100 * 71  # passes × batches of 128 in 9,000 examples


def run_child(command, log):
    """Runs to the end; gives its standard output, seconds, and the peak memory in MiB of its largest process."""
    command = [str(part) for part in command]
    print("  $", " ".join(command), file=sys.stderr, flush=True)
    started = time.monotonic()
    with open(log, "a", encoding="utf-8") as stream:
        child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stream, text=True)
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        stream.write(output)
    if child.returncode != 0:
        sys.exit(f"error: exit code {child.returncode} from: {' '.join(command)}\n  its output is in {log}")
    return output, time.monotonic() - started, usage.ru_maxrss / 1024


def number(pattern, text):
    found = re.search(pattern, text)
    if not found:
        sys.exit(f"error: no '{pattern}' in the output: {text[-500:]}")
    return float(found.group(1))


class Bench:
    def __init__(self, arguments):
        self.a = arguments
        self.work = arguments.work.resolve()
        self.work.mkdir(parents=True, exist_ok=True)
        self.log = self.work / "log.txt"
        self.log.unlink(missing_ok=True)

    def published(self, script, *arguments):
        return run_child([self.a.python, ROOT / "bench/published" / script, *arguments], self.log)

    def layersweep(self, experiment, *settings, steps="prepare,finetune,probe", ranks=1, keep=False):
        folder = self.work / "run"
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
        launcher = [] if ranks == 1 else ["mpirun", "-n", ranks, "--bind-to", "none"]
        command = [*launcher, self.a.layersweep, "run", ROOT / "experiments" / experiment, "--steps", steps]
        for setting in (f"run.folder={folder}", "run.json_log=true", *settings):
            command += ["--set", setting]
        return run_child(command, self.log)

    def sst(self, mode, threads, ranks=1, precision="fp32"):
        """Trains on SST; gives pairs per second and peak memory. Validation is not part of the figure on either side."""
        output, _, peak = self.layersweep(
            "sst-minilm.ini", f"task.data={self.a.data.resolve()}", f"encoder.folder={self.a.encoder.resolve()}", "finetune.epochs=0",
            f"probe.modes={mode}", "probe.seeds=0", "probe.batch=64", f"probe.max_steps={self.a.steps}", "probe.validate_every=1000000",
            "probe.calibrate=false", f"run.precision={precision}", f"run.threads={threads}", ranks=ranks)
        rates = self.rates(output)
        return {"pairs_per_second": statistics.median(rates), "peak_mib": peak}

    def rates(self, output):
        rates = []
        for line in output.splitlines():
            if line.startswith("{") and "pairs_per_second" in (fields := json.loads(line)):
                rates.append(fields["pairs_per_second"])
        if not rates:
            sys.exit(f"error: layersweep printed no progress line with pairs_per_second; see {self.log}")
        return rates[len(rates) // 3:] if len(rates) > 2 else rates[-1:]  # the first lines hold the warming up

    def published_sst(self, mode, *more):
        output, _, peak = self.published("diffmask_sst.py", "--encoder", self.a.encoder.resolve(), "--data", self.a.data.resolve() / "sst",
                                         "--mode", mode, "--steps", self.a.published_steps, "--threads", self.a.threads, *more)
        return {"pairs_per_second": number(r"([\d.]+) pairs/s", output), "peak_mib": peak}

    def counting(self):
        seeds = 8
        settings = ("probe.modes=hidden", f"probe.seeds={','.join(map(str, range(seeds)))}", "probe.seeds_per_unit=0", "run.threads=1")
        self.layersweep("counting.ini", *settings, steps="prepare,finetune")
        output, seconds, _ = self.layersweep("counting.ini", *settings, steps="probe", keep=True)
        return {"seconds_per_probe_seed": seconds / seeds, "pairs_per_second": statistics.median(self.rates(output))}

    def published_counting(self):
        output, _, _ = self.published("diffmask_counting.py", "--task-epochs", 2, "--epochs", 20, "--threads", 1)
        ms = number(r"([\d.]+) ms/step", output)
        return {"seconds_per_probe_seed": ms * PUBLISHED_COUNTING_STEPS / 1000, "pairs_per_second": 128 / ms * 1000}

    def in_turn(self, first, second, names):
        sides = ([], [])
        for _ in range(self.a.rounds):
            sides[0].append(first())
            sides[1].append(second())
        rows = []
        for key in sides[0][0]:
            a, b = ([round_[key] for round_ in side] for side in sides)
            ratio = statistics.median(b) / statistics.median(a)
            rows.append({"figure": key, names[0]: a, names[1]: b, "ratio": ratio if key == "pairs_per_second" else 1 / ratio})
        return rows

    def measure(self, name):
        both = ("published", "layersweep")
        if name in ("input", "hidden"):
            return self.in_turn(lambda: self.published_sst(name), lambda: self.sst(name, self.a.threads), both)
        if name in ("input-bf16", "hidden-bf16"):
            mode = name.removesuffix("-bf16")
            return self.in_turn(lambda: self.published_sst(mode, "--bf16"), lambda: self.sst(mode, self.a.threads, precision="bf16"), both)
        if name == "counting":
            return self.in_turn(self.published_counting, self.counting, both)
        if name == "ranks":
            rows = self.in_turn(lambda: self.sst("hidden", 1), lambda: self.sst("hidden", 1, ranks=2), ("1 rank", "2 ranks"))
            return [row for row in rows if row["figure"] == "pairs_per_second"]
        if not self.a.bench_encoder.exists():
            print(f"  {self.a.bench_encoder} is not built: left out", file=sys.stderr)
            return []
        output, _, _ = run_child([self.a.bench_encoder, self.a.threads], self.log)
        return [{"figure": key, "layersweep": [value]} for key, value in json.loads(output.strip().splitlines()[-1]).items()]


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return {"processor": model.group(1) if model else platform.processor(), "cores": len(os.sched_getaffinity(0)),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)}


def commit():
    described = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False)
    return described.stdout.strip() or "unknown"


def print_table(results):
    print(f"{'measure':12}{'figure':26}{'A':>12}{'B':>12}{'ratio':>8}   A, B")
    for name, rows in results.items():
        for row in rows:
            sides = [key for key in row if key not in ("figure", "ratio")]
            medians = [f"{statistics.median(row[side]):.2f}" if isinstance(row[side][0], (int, float)) else str(row[side][0])
                       for side in sides]
            ratio = f"{row['ratio']:.2f}" if "ratio" in row else ""
            print(f"{name:12}{row['figure']:26}{''.join(f'{m:>12}' for m in ['-'] * (2 - len(medians)) + medians)}{ratio:>8}   {', '.join(sides)}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--encoder", type=pathlib.Path, required=True, help="fine-tuned 5-class encoder, Hugging Face layout")
    p.add_argument("--data", type=pathlib.Path, required=True, help="folder with sst/")
    p.add_argument("--out", type=pathlib.Path, required=True, help="JSON file for all figures")
    p.add_argument("--only", default=",".join(MEASURES), help="measures, comma-separated")
    p.add_argument("--rounds", type=int, default=2)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--steps", type=int, default=30, help="steps of layersweep; one trains all points")
    p.add_argument("--published-steps", type=int, default=42, help="steps of the published loops; one trains one point")
    p.add_argument("--python", type=pathlib.Path, default=ROOT / ".deps/bench-venv/bin/python", help="for the published loops")
    p.add_argument("--layersweep", type=pathlib.Path, default=ROOT / "build/release/src/app/layersweep")
    p.add_argument("--bench-encoder", type=pathlib.Path, default=ROOT / "build/release/bench/bench_encoder")
    p.add_argument("--work", type=pathlib.Path, default=ROOT / "runs/bench", help="folder for the log and the runs' own folder, which is deleted before each run")
    a = p.parse_args()
    wanted = a.only.split(",")
    for name in wanted:
        if name not in MEASURES:
            p.error(f"unknown measure '{name}' (known: {', '.join(MEASURES)})")
    for path, hint in ((a.python, "scripts/setup.sh --bench"), (a.layersweep, "scripts/build.sh")):
        if not path.exists():
            p.error(f"{path} is missing: run {hint}")
    if os.geteuid() == 0:
        os.environ |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    os.environ.pop("OMP_NUM_THREADS", None)

    bench = Bench(a)
    results = {}
    for name in wanted:
        print(f"{name}:", file=sys.stderr, flush=True)
        results[name] = bench.measure(name)
    print_table(results)
    a.out.parent.mkdir(parents=True, exist_ok=True)
    a.out.write_text(json.dumps({
        "date": datetime.date.today().isoformat(), "commit": commit(), "machine": machine(), "rounds": a.rounds, "threads": a.threads,
        "steps": {"layersweep": a.steps, "published": a.published_steps}, "results": results}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
