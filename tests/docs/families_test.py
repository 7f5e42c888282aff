#!/usr/bin/env python3
"""No name of a model family stands outside its own files: a family is a file in src/model/families and a line in the list.

    families_test.py SOURCE_FOLDER

The names are those of src/model/families.cpp. They are looked for as words, in src, jobs and analysis. The task `counting` and
the setting finetune.model = gru keep their names. Every family of transformers has its rows in docs/parity.md, and its type in
docs/models.md.
"""
import pathlib
import re
import sys

SOURCE = pathlib.Path(sys.argv[1])
OWN = {"src/model/families.cpp", "src/model/families", "src/model/CMakeLists.txt"}
# The setting finetune.model, its values and its help.
ALLOWED = {"src/config/names.hpp": {"gru"}, "src/config/options.cpp": {"gru"}}


def main():
    names = set(re.findall(r"(\w+)_family\(\)", (SOURCE / "src/model/families.cpp").read_text())) - {"counting"}
    if len(names) < 4:
        sys.exit(f"the list of families has only {sorted(names)}")
    word = re.compile(rf"\b({'|'.join(sorted(names))})\b", re.IGNORECASE)
    wrong = []
    for folder in ("src", "jobs", "analysis"):
        for file in sorted((SOURCE / folder).rglob("*")):
            place = file.relative_to(SOURCE).as_posix()
            if not file.is_file() or file.suffix in {".pyc", ".ipynb"} or any(place == own or place.startswith(own + "/") for own in OWN):
                continue
            for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
                found = {name.lower() for name in word.findall(line)} - ALLOWED.get(place, set())
                if found:
                    wrong.append(f"{place}:{number}: {line.strip()}")
    rows = re.findall(r"^\| ([\w-]+) \|", (SOURCE / "docs/parity.md").read_text(), re.MULTILINE)
    models = (SOURCE / "docs/models.md").read_text()
    for family in sorted(name for name in names if name != "gru"):
        wrong += [f"docs/parity.md has no two rows of {family}"] if rows.count(family.replace("_", "-")) < 2 else []
        wrong += [] if f"`{family}`" in models or f"`{family.replace('_', '-')}`" in models else [f"docs/models.md: no {family}"]
    print("\n".join(wrong) or f"{', '.join(sorted(names))} stand in their own files only")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
