#!/usr/bin/env python3
"""Lists the keys of config.json that transformers' modelling file of each model family reads.

    config_keys.py [--check]

Writes tests/model/fixtures/config_keys.json: {"transformers": version, family: [keys]}. tests/model/families_test.cpp holds
every key to be computed, refused by name, or known to change nothing. With --check nothing is written: exit code 1 where the
file is another. Needs transformers (no PyTorch: the file is read, not run).
"""
import importlib.metadata
import importlib.util
import json
import pathlib
import re
import sys

FAMILIES = {name: f"models/{name.replace('-', '_')}/modeling_{name.replace('-', '_')}.py" for name in (
    "bert", "distilbert", "roberta", "camembert", "xlm-roberta", "electra", "albert", "deberta-v2", "modernbert", "gpt2", "gpt_neox", "llama",
    "mistral", "qwen2", "qwen3")}
TARGET = pathlib.Path(__file__).resolve().parent.parent / "tests" / "model" / "fixtures" / "config_keys.json"


def main():
    package = pathlib.Path(importlib.util.find_spec("transformers").origin).parent
    keys = {"transformers": importlib.metadata.version("transformers")}
    for family, file in FAMILIES.items():
        text = (package / file).read_text()
        found = re.findall(r"\bconfig\.([A-Za-z_]+)", text) + re.findall(r"getattr\((?:self\.)?config, \"([A-Za-z_]+)\"", text)
        keys[family] = sorted(set(found))
    text = json.dumps(keys, indent=1) + "\n"
    if "--check" in sys.argv[1:]:
        same = TARGET.exists() and TARGET.read_text() == text
        print(f"{TARGET.name}: {'as made' if same else 'differs from what this transformers gives'}")
        sys.exit(0 if same else 1)
    TARGET.write_text(text)


if __name__ == "__main__":
    main()
