"""Commands that look up the chosen probe refuse a results file that names one it does not have.

usage: foreign_seed_test.py LAYERSWEEP
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import h5py

EXPERIMENT = """
[task]
name = counting
limit = 40
[finetune]
epochs = 1
[probe]
modes = hidden
seeds = 3,5
batch = 16
max_steps = 2
warm_up = 0
[run]
threads = 1
folder = run
"""


def main():
    layersweep = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:

        def run(*arguments):
            return subprocess.run([layersweep, *arguments], cwd=folder, capture_output=True, text=True, timeout=250)

        pathlib.Path(folder, "e.ini").write_text(EXPERIMENT)
        trained = run("run", "e.ini")
        assert trained.returncode == 0, trained.stderr
        commands = [["inspect", "run"], ["explain", "run", "--text", "1 2 : 1 3 2"]]
        for command in commands:
            assert run(*command).returncode == 0, command
        for seed in (-2, 2):
            with h5py.File(pathlib.Path(folder, "run", "results.h5"), "r+") as file:
                file["hidden/chosen_seed"][1] = seed
            for command in commands:
                refused = run(*command)
                assert refused.returncode == 1 and refused.stdout == "", (command, seed, refused)
                named = re.search(rf"run/results\.h5.*hidden/chosen_seed.* {seed}\b", refused.stderr)
                assert named, (command, refused.stderr)
                assert refused.stderr.count("\n") == 1, refused.stderr


main()
