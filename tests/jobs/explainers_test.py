"""The faithfulness of explanations in a results file: by the definitions of ERASER, from what the export for its scorer says,
and beside the controls, random tokens and a model with a shuffled head.

usage: explainers_test.py LAYERSWEEP
"""

import json
import math
import pathlib
import shutil
import subprocess
import sys
import tempfile

import h5py
import numpy as np

EXPORT = pathlib.Path(__file__).resolve().parents[2] / "scripts/export_eraser.py"
EXPERIMENT = """
[task]
name = counting
limit = 0
[finetune]
epochs = 6
[probe]
modes = hidden
seeds = 0
batch = 64
max_steps = 100
warm_up = 20
learning_rate = 1e-2
[extract]
splits = test
[explain]
methods = leave_one_out,greedy_erasure,integrated_gradients,attention
limit = 150
integration_steps = 16
shares = 0.01,0.2,0.5
[run]
threads = 1
"""


def texts_of(rows):
    return [b"".join(row).rstrip(b"\0").decode() for row in rows]


def losses(lines, key):
    """DeYoung et al. 2020, section 4.2: lines by shares, what the predicted class loses."""
    return np.array(
        [
            [line["classification_scores"][line["classification"]] - at[key][line["classification"]] for at in line["thresholded_scores"]]
            for line in lines
        ]
    )


def check_export(path, file, method, point, share):
    command = [sys.executable, EXPORT, path, method, str(point), str(share)]
    exported = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    lines = [json.loads(line, parse_constant=lambda name: sys.exit(f"{name} is not JSON")) for line in exported.splitlines()]
    assert len(lines) == 150 and len({line["annotation_id"] for line in lines}) == 150
    evaluation = file["evaluation"]
    row = texts_of(evaluation["method_name"]).index(method)
    for name in ("comprehensiveness", "sufficiency"):
        found = losses(lines, f"{name}_classification_scores")
        np.testing.assert_allclose(evaluation[name][row, point], found.mean(0), atol=1e-6)
        np.testing.assert_allclose(evaluation[f"aopc_{name}"][row, point], found.mean(), atol=1e-6)
    at = evaluation["share"][:].tolist().index(share)
    lengths = dict(zip(texts_of(file["example_id"]), file["token_count"][:]))
    for line in lines:
        (rationale,) = line["rationales"]
        scores = np.array(rationale["soft_rationale_predictions"])
        kept = [t for span in rationale["hard_rationale_predictions"] for t in range(span["start_token"], span["end_token"])]
        # This task has no special tokens.
        assert len(scores) == lengths[line["annotation_id"]] and len(kept) == math.ceil(share * len(scores))
        assert min(scores[kept]) >= max(np.delete(scores, kept), default=-np.inf)
        for name in ("comprehensiveness", "sufficiency"):
            key = f"{name}_classification_scores"
            assert line[key] == line["thresholded_scores"][at][key] and abs(sum(line[key].values()) - 1) < 1e-6


def document(folder, docid):
    """As load_documents of ERASER's utils.py reads it."""
    with open(folder / "docs" / docid, encoding="utf-8") as file:
        lines = [line.strip() for line in file.readlines()]
    return [[word for word in line.split(" ") if word] for line in lines if line]


def check_data(path, folder):
    """The texts and annotations beside the lines: what ERASER's scorer reads together."""
    command = [sys.executable, EXPORT, path, "leave_one_out", "1", "--data-dir", folder]
    exported = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    lines = [json.loads(line) for line in exported.splitlines()]
    annotations = [json.loads(line) for line in (folder / "test.jsonl").read_text().splitlines()]
    assert [line["annotation_id"] for line in lines] == [truth["annotation_id"] for truth in annotations] and len(lines) == 150
    assert len(list((folder / "docs").iterdir())) == 150
    with h5py.File(path) as file:
        texts = {name: at for at, name in enumerate(texts_of(file["example_id"]))}
        for line, truth in zip(lines, annotations):
            (rationale,) = line["rationales"]
            (sentence,) = document(folder, rationale["docid"])
            assert len(sentence) == len(rationale["soft_rationale_predictions"]) and truth["docids"] == [rationale["docid"]]
            assert set(truth) == {"annotation_id", "query", "evidences", "classification", "docids"}
            text = texts[line["annotation_id"]]
            tokens = slice(file["token_start"][text], file["token_start"][text] + file["token_count"][text])
            assert truth["classification"] == str(file["label"][text])
            true = np.zeros(len(sentence), int)
            for (evidence,) in truth["evidences"]:
                assert evidence["docid"] == rationale["docid"] and (evidence["start_sentence"], evidence["end_sentence"]) == (0, 1)
                assert evidence["text"].split(" ") == sentence[evidence["start_token"]:evidence["end_token"]]
                true[evidence["start_token"]:evidence["end_token"]] = 1
            if "token_truth" in file:
                np.testing.assert_array_equal(true, file["token_truth"][tokens])
            # The scorer divides by the number of true rationales where there are hard predictions.
            assert ("hard_rationale_predictions" in rationale) == ("token_truth" in file)
    return lines, annotations


def check_data_of_any(path, folder):
    """Where no truth is known, and tokens and ids are hard to write into files."""
    other = folder / "other.h5"
    shutil.copy(path, other)
    with h5py.File(other, "r+") as file:
        explained = int(np.flatnonzero(~np.isnan(file["evaluation/clean_probability"][:]))[0])
        del file["token_truth"]
        first = int(file["token_start"][explained])
        for name, row, text in (("token_text", first, b" "), ("token_text", first + 1, b"\n"), ("token_text", first + 2, b""),
                                ("example_id", explained, b"../x y")):
            rows = file[name][:]
            rows[row] = list(text.ljust(rows.shape[1], b"\0").decode())
            # As they are: h5py would convert to this type, whose one byte is that of the terminator.
            file[name].id.write(h5py.h5s.ALL, h5py.h5s.ALL, rows, file[name].id.get_type())
    lines, annotations = check_data(other, folder / "other")
    assert all(truth["evidences"] == [] for truth in annotations)
    assert "../x y" in {line["annotation_id"] for line in lines}


def check_head(path):
    """A reader that has enough of the lines gets no complaint."""
    command = [sys.executable, EXPORT, path, "leave_one_out", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as export:
        export.stdout.readline()
        export.stdout.close()
        assert export.stderr.read() == "" and export.wait(60) == 0


def check_controls(evaluation):
    methods = texts_of(evaluation["method_name"])
    figure = {name: evaluation[name][:] for name in evaluation if name.startswith("aopc")}
    for method in ("leave_one_out", "greedy_erasure", "integrated_gradients"):
        row = methods.index(method)
        for control in ("random tokens", "shuffled head"):
            suffix = "_shuffled_head" if control == "shuffled head" else ""
            other = row if suffix else methods.index("random")
            for point in range(2):
                better = figure["aopc_comprehensiveness"][row, point] - figure[f"aopc_comprehensiveness{suffix}"][other, point]
                worse = figure["aopc_sufficiency"][row, point] - figure[f"aopc_sufficiency{suffix}"][other, point]
                print(f"{method}, point {point}, {control}: comprehensiveness {better:+.3f}, sufficiency {worse:+.3f}")
                # This model decides by nearly one direction of its last state, which a shuffled head reads too, only with
                # another weight or sign: methods that look at divergences may say the same of it, signed ones not.
                if control == "random tokens" or method == "integrated_gradients":
                    assert better - worse > 0.02, (method, point, control)
    # Neither looks at what the model decides.
    for name in ("aopc_comprehensiveness", "aopc_sufficiency"):
        row = methods.index("random")
        np.testing.assert_array_equal(figure[name][row], figure[f"{name}_shuffled_head"][row])
        assert np.isnan(figure[f"{name}_shuffled_head"][methods.index("probe_hidden")]).all()
        assert np.isnan(figure[name][methods.index("attention")]).all()  # this model has none


def main():
    (layersweep,) = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "small.ini").write_text(EXPERIMENT)
        command = [layersweep, "run", str(folder / "small.ini"), "--set", f"run.folder={folder / 'run'}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=250)
        assert done.returncode == 0, done.stderr
        path = folder / "run/results.h5"
        with h5py.File(path) as file:
            check_export(path, file, "leave_one_out", 0, 0.2)
            check_export(path, file, "integrated_gradients", 1, 0.5)
            check_controls(file["evaluation"])
        check_data(path, folder / "eraser")
        check_data_of_any(path, folder)
        check_head(path)


if __name__ == "__main__":
    main()
    print("OK")
