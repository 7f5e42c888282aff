"""Explanations of merged files, where the replacement vectors are those of the chosen probes: what a run with all seeds says,
at every point where one of the files chose the same probes, and missing elsewhere.

usage: merge_explanations_test.py LAYERSWEEP
"""

import os
import shutil
import subprocess
import sys
import tempfile

import h5py
import numpy as np

EXPERIMENT = """
[task]
name = counting
limit = 100
[finetune]
epochs = 1
[probe]
modes = hidden,input
seeds = 1,4
seeds_per_unit = 1
batch = 32
max_steps = 40
warm_up = 2
learning_rate = 3e-2
epsilon = 100
flip_limit = 1
[extract]
splits = test
[explain]
methods = leave_one_out,guan
limit = 20
search_steps = 4
samples = 2
shares = 0.2,0.5
[run]
threads = 1
deterministic = true
"""
FIGURES = ["comprehensiveness", "sufficiency", "aopc_comprehensiveness", "aopc_sufficiency", "kept_probability",
           "dropped_probability", "aopc_comprehensiveness_shuffled_head", "aopc_sufficiency_shuffled_head"]  # fmt: skip
TRUTHS = ["truth_kl", "truth_js", "truth_f1"]


def standing(file):
    """Per mode the seed at each point that stands for it."""
    modes = [mode for mode in ("input", "hidden") if mode in file]
    return {mode: file["seed"][...][np.maximum(file[mode]["chosen_seed"][...], 0)] for mode in modes}


def check(one_name, merged_name, sources):
    with h5py.File(one_name) as one, h5py.File(merged_name) as merged:
        chosen, found = standing(one), standing(merged)
        held = []
        for name in sources:
            with h5py.File(name) as source:
                held.append(standing(source))
        methods = [b"".join(row).rstrip(b"\0").decode() for row in one["evaluation/method_name"][...]]
        holes = {method: 0 for method in methods}
        for mode, seeds in chosen.items():
            np.testing.assert_array_equal(seeds, found[mode])

        def same(mode, point):
            """The sources with this probe."""
            return {k for k, seeds in enumerate(held) if mode in seeds and seeds[mode][point] == chosen[mode][point]}

        for m, method in enumerate(methods):
            for point in range(len(one["point"])):
                if method.startswith("probe_"):
                    told = same(method.removeprefix("probe_"), point)
                else:
                    told = set(range(len(held))) if method in ("guan", "random") else same("hidden", point)
                measured = told & same("hidden", point)
                pairs = [(bool(told), f"explain/{method}/attribution", point)]
                pairs += [(bool(told), f"evaluation/{name}", (m, point)) for name in TRUTHS]
                pairs += [(bool(measured), f"evaluation/{name}", (m, point)) for name in FIGURES]
                for there, path, place in pairs:
                    wanted = one[path][place]
                    got = merged[path][place]
                    if not there:
                        wanted = np.full_like(wanted, np.nan)
                    np.testing.assert_allclose(got, wanted, atol=1e-5, err_msg=f"{merged_name} {path} {place}")
                holes[method] += not measured
                assert np.isnan(merged["evaluation/seconds"][m, point]) == (not told)
        np.testing.assert_array_equal(merged["evaluation/clean_probability"], one["evaluation/clean_probability"])
        return holes, chosen


def main(layersweep):
    def run(*arguments):
        subprocess.run([layersweep, *arguments], check=True, capture_output=True, text=True, timeout=200, env=os.environ)

    with open("small.ini", "w") as file:
        file.write(EXPERIMENT)
    parts = {"one": [], "a": ["probe.seeds=1"], "b": ["probe.seeds=4"], "hidden": ["probe.modes=hidden"], "input": ["probe.modes=input"]}
    for name, settings in parts.items():
        os.mkdir(name)
        if name != "one":
            shutil.copytree("one/model", f"{name}/model")
        run("run", "small.ini", "--set", f"run.folder={name}", *(word for text in settings for word in ("--set", text)))
    for name, sources in {"seeds": ["a/results.h5", "b/results.h5"], "modes": ["input/results.h5", "hidden/results.h5"]}.items():
        run("merge", *sources, "--output", f"{name}.h5")
        run("validate", f"{name}.h5")
        holes, chosen = check("one/results.h5", f"{name}.h5", sources)
        print(name, "points without faithfulness:", holes, "chosen:", {mode: seeds.tolist() for mode, seeds in chosen.items()})
        # Of the run with the chosen hidden probe nothing is lost.
        assert not any(missing for method, missing in holes.items() if method != "probe_input")
        if name == "seeds":
            assert len(set(chosen["hidden"])) == 2, "all points chose one seed: nothing is tested"
            assert holes["probe_input"] == 1, "where the hidden probe is of the other file"
        else:
            assert holes["probe_input"] == len(chosen["input"])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        main(sys.argv[1])
