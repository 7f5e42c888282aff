"""The snippets of docs/reading.md, taken from the page, print what the sample file holds.

usage: documented_readers_test.py PAGE WRITE_SAMPLE LANGUAGE INTERPRETER...     Exit code 77: the interpreter, or what its
snippets need, is missing. Needs no package: the expected lines follow from how sample.cpp makes its cells.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

LONGEST = 10  # lines of a snippet
EXAMPLE, POINT, CHOSEN = 5, 1, 1  # the page's question; sample.cpp chooses seed 1 at point 1
SUFFIX = {"python": "py", "r": "R", "julia": "jl", "octave": "m", "sh": "sh"}
# What says that the language is there, but not its reader.
ABSENT = {
    "python": "No module named",
    "r": "there is no package called",
    "julia": "Package HDF5 not found",
    "octave": "package netcdf is not installed|netcdf has not been installed",
    "sh": "not found",
}


def value(cell):
    """sample_float of sample.cpp."""
    return cell * 7919 % 1024 / 1024


def count(example):
    return 3 + example % 6


def wanted_lines():
    first = sum(count(example) for example in range(EXAMPLE))
    for token in range(first, first + count(EXAMPLE)):
        text = ("Ġ" if token % 2 == 0 else "##") + str(token % 1000)
        yield f"{text} {value(CHOSEN * 1000 + POINT * 100 + token):.3f}"


def mean_kl_of_dev():
    cells = [value(POINT * 100 + example) for example in range(7) if example % 2 == 0]  # odd ones are of the test split
    return f"{sum(cells) / len(cells):.4f}"


def snippets(page, language):
    found = re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found, f"the page has no snippet for {language}"
    for snippet in found:
        assert len(snippet.splitlines()) <= LONGEST, f"more than {LONGEST} lines:\n{snippet}"
    return found


def check(language, snippet, output):
    if language == "sh":
        assert "keep_probability(seed, point, token)" in output, output[:9000]
        assert 'point_name =\n  "embeddings"' in output
        for token in range(10):
            assert f"{value(POINT * 100 + token):g}"[:7] in output, f"the mask of token {token}"
        assert re.search(r"/input/keep_probability +Dataset \{2, 3, 36\}", output), output[-3000:]
    elif "to_netcdf" in snippet:
        assert output == "True\n", f"{output!r}: the copy is not what was read"
    elif "open_datatree" in snippet:
        assert output == mean_kl_of_dev() + "\n", f"{output!r}, not {mean_kl_of_dev()}"
    else:
        assert output.splitlines() == list(wanted_lines()), f"{output}\nis not\n" + "\n".join(wanted_lines())


def main():
    page, write_sample, language, *interpreter = sys.argv[1:]
    if shutil.which(interpreter[0]) is None:
        print(f"no {interpreter[0]}: scripts/setup.sh --readers installs what Debian has")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([write_sample, "sst", "results.h5"], cwd=folder, check=True, timeout=60)
        for snippet in snippets(pathlib.Path(page).read_text(encoding="utf-8"), language):
            script = pathlib.Path(folder, f"snippet.{SUFFIX[language]}")
            script.write_text(snippet, encoding="utf-8")
            done = subprocess.run([*interpreter, script.name], cwd=folder, capture_output=True, text=True, timeout=120)
            if done.returncode != 0 and re.search(ABSENT[language], done.stderr):
                print(f"{interpreter[0]} is there, but: {done.stderr.strip()}")
                sys.exit(77)
            assert done.returncode == 0, f"exit code {done.returncode}\n{snippet}\n{done.stderr}"
            check(language, snippet, done.stdout)


main()
