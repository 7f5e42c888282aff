#!/usr/bin/env python3
"""Compares every family of transformers with the library of that name, on two tiny shapes each, and writes docs/parity.md.

    parity.py TEST [--check]

TEST is the built test_model_bert. The first shapes are the committed fixtures, the second ones are made here (model_shapes.py).
With --check nothing is written: exit code 1 where a difference is above 1e-5. Needs torch, transformers and safetensors
(scripts/setup.sh --bench: .deps/bench-venv/bin/python).
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import model_shapes
import transformers

ROOT = pathlib.Path(__file__).resolve().parent.parent
LARGEST = 1e-5
HEAD = """# Equality with transformers

Every family of transformers with random weights, opened here and by transformers {version} (fp32, eager attention): the largest
difference at the logits and at any point, relative to the largest entry. Two shapes a family: the committed fixture
(`tests/model/fixtures`, read by `ctest -R model_bert`) and a second one, each with texts of unequal length, one of them with
the token of padding inside. `fast` is the arithmetic of `run`, `plain` the reference; they differ only where a family runs on
the hand-written layer. Written by `scripts/parity.py`, which says what the shapes are.

| family | head | shape | logits, fast | points, fast | logits, plain | points, plain |
|---|---|---|---|---|---|---|
"""


def differences(test, folder):
    """What the test writes down: {(folder's name, arithmetic): {"logits": …, "points": …}}."""
    report = folder / "report.json"
    ran = subprocess.run([test, "--gtest_filter=Tiny/Reference.StatesAndLogits*", f"--gtest_output=json:{report}"],
                         env=os.environ | {"LAYERSWEEP_PARITY": str(folder)}, capture_output=True, text=True)
    found = {}
    for suite in json.loads(report.read_text())["testsuites"]:
        for case in suite["testsuite"]:
            name, arithmetic = case["name"].split("/")[-1].rsplit("_", 1)
            found[name, arithmetic] = {key: case.get(key, "") for key in ("logits", "points")}
    return found, ran.returncode == 0


def main():
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for number, (family, shape) in enumerate(model_shapes.SHAPES.items()):
            name = f"second-{family.replace('_', '-')}"
            config = shape.config | shape.second
            model_shapes.make(folder / name, shape.kind, "SequenceClassification", config, 80 + number)
            if shape.span:
                model_shapes.make(folder / f"{name}-qa", shape.kind, "QuestionAnswering", config, 120 + number)
        found, equal = differences(sys.argv[1], folder)
    rows = []
    for (name, arithmetic), values in sorted(found.items(), key=lambda item: item[0][0].split("_")[1:]):
        if arithmetic != "fast":
            continue
        shape, _, family = name.replace("tiny_qa", "tiny_bert_qa").partition("_")
        head = "answers" if family.endswith("_qa") else "classes"
        plain = found[name, "plain"]
        rows.append([family.removesuffix("_qa").replace("_", "-"), head, "fixture" if shape == "tiny" else "second",
                     values["logits"], values["points"], plain["logits"], plain["points"]])
    text = HEAD.format(version=transformers.__version__) + "".join(f"| {' | '.join(row)} |\n" for row in sorted(rows))
    largest = max(float(value) for row in rows for value in row[3:] if value)
    print(f"{len(rows)} models, the largest difference is {largest:.1e}")
    if "--check" not in sys.argv[1:]:
        (ROOT / "docs" / "parity.md").write_text(text)
    sys.exit(0 if equal and largest < LARGEST else 1)


if __name__ == "__main__":
    main()
