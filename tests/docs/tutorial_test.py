#!/usr/bin/env python3
"""Runs the commands of docs/tutorial.md in the order of the page and compares what they print with what the page shows.

usage: tutorial_test.py SOURCE_FOLDER LAYERSWEEP counting|sst [--write]     Exit code 77: something is missing, which is named.

The test runs with short limits, so figures differ: compared are the lines' first words. With --write nothing is shortened, and
the outputs on the page are replaced by what was printed.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

SHORT = {
    "counting": "--set task.limit=400 --set finetune.epochs=1 --set probe.max_steps=40 --set probe.warm_up=10",
    "sst": "--set task.limit=48 --set finetune.epochs=1 --set probe.max_steps=4 --set probe.warm_up=2 --set probe.cool_down=1"
           " --set probe.validate_every=2",
}
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
HEADING = {"counting": "## A task whose answer is known", "sst": "## Real sentences"}
RUN = re.compile(r"^((?:mpirun .*)?layersweep run .*)$", re.MULTILINE)


def skip(reason):
    print(reason)
    sys.exit(77)


def part_of(page, name):
    begin = page.index(HEADING[name])
    end = page.find("\n## ", begin + 1)
    return begin, len(page) if end < 0 else end


def first_words(text):
    return [re.sub(r"[-0-9.]+", "#", line.split()[0]) for line in text.splitlines() if line.strip()]


def main():
    source, layersweep, part = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    write = "--write" in sys.argv[4:]
    python = source / ".deps/venv/bin/python"
    page_file = source / "docs/tutorial.md"
    page = page_file.read_text(encoding="utf-8")
    begin, end = part_of(page, part)
    if not python.exists():
        skip(f"no {python}: scripts/setup.sh makes it")
    if part == "sst":
        if not pathlib.Path(os.environ.get("LAYERSWEEP_DATA", ""), "sst/train.txt").exists():
            skip("no sst/train.txt in LAYERSWEEP_DATA")
        if not (source / ".deps/encoders/minilm-l6").exists():
            skip("no .deps/encoders/minilm-l6: datasets/fetch.sh encoder brings it")
    environment = dict(os.environ, PATH=f"{layersweep.parent}{os.pathsep}{os.environ['PATH']}", NO_COLOR="1", COLUMNS="100")

    with tempfile.TemporaryDirectory() as folder:
        for name in ("experiments", ".deps"):
            pathlib.Path(folder, name).symlink_to(source / name)

        def outcome(match):
            language, code, shown = match.groups()
            if not write:
                code = RUN.sub(rf"\1 {SHORT[part]}", code)
            command = ["sh", "-e", "-c", code] if language == "sh" else [str(python), "-c", code]
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1200)
            assert done.returncode == 0, f"exit code {done.returncode}\n{code}\n{done.stderr[-2000:]}"
            if shown is None:
                return match.group(0)
            if not write:
                wanted, found = first_words(shown), first_words(done.stdout)
                assert wanted == found, f"{code}\nprints lines that begin with\n{found}\nnot\n{wanted}"
            return f"```{language}\n{match.group(2)}```\n\n```text\n{done.stdout}```\n"

        written = BLOCK.sub(outcome, page[begin:end])
    if write:
        page_file.write_text(page[:begin] + written + page[end:], encoding="utf-8")


main()
