#!/usr/bin/env python3
"""Compares `layersweep tokenize` with Hugging Face `tokenizers` on SST, SQuAD and hostile texts, and shows where they differ.

    python3 scripts/check_tokenizer.py --encoder DIR [--data DIR] [--command "build/layersweep tokenize"] [--texts 20000]
    python3 scripts/check_tokenizer.py --whole build/release/tests/text/tokenize_texts (--encoder DIR | --trained) [--data DIR]

With --whole the program that the tests build is asked, and offsets, word indices, segments, pairs and texts of several lines
are compared too, and the time that both take on one thread; --trained takes the tokenizers of bpe_tokenizers.py.

Else the command gets texts as lines on standard input and `--encoder DIR` behind it, and must print one JSON object with "ids" and
"tokens" per line. Exit code 1 when any text differs. Needs: tokenizers.
"""

import argparse
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time

from tokenizers import Tokenizer

import bpe_tokenizers
import hostile_text


def one_line(text):
    return text.replace("\n", " ")


def sst(data):
    for split in ("train", "dev", "test"):
        for tree in (data / f"sst/{split}.txt").read_text(encoding="utf-8").split("\n"):
            if tree:
                yield " ".join(re.findall(r"\(\d ([^()]*)\)", tree))


def squad(data):
    for file in sorted((data / "squad").glob("*.json")):
        for article in json.loads(file.read_text(encoding="utf-8"))["data"]:
            for paragraph in article["paragraphs"]:
                yield one_line(paragraph["context"])
                yield from (one_line(qa["question"]) for qa in paragraph["qas"])


def hostile(count, seed):
    yield from map(one_line, hostile_text.CURATED)
    yield from map(one_line, hostile_text.random_texts(seed, count))
    yield from code_points()


def code_points():
    points = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000 and c != 0x0A]
    for begin in range(0, len(points), 100):  # every character, between letters and between blanks
        block = [chr(c) for c in points[begin:begin + 100]]
        yield "a".join(block)
        yield " ".join(block)


def ill_formed(count, seed):
    """Lines of bytes that are mostly not UTF-8."""
    rng = hostile_text.random.Random(seed)
    for _ in range(count):
        yield bytes(rng.choice([rng.randrange(256), 0xC3, 0xA9, 0xE4, 0xB8, 0xAD, 0x61, 0x20]) for _ in range(rng.randint(1, 60)))


def compare(name, lines, tokenizer, command):
    """`lines` are bytes without line feeds. Gives the number of texts that differ."""
    lines = [line.replace(b"\n", b" ") for line in lines]
    with tempfile.TemporaryFile() as standard_input:  # a file, so that neither side of a pipe can wait for the other
        standard_input.write(b"".join(line + b"\n" for line in lines))
        standard_input.seek(0)
        answer = subprocess.run(command, stdin=standard_input, stdout=subprocess.PIPE, check=False)
    if answer.returncode != 0:
        sys.exit(f"{shlex.join(command)} ended with exit code {answer.returncode}")
    answers = answer.stdout.decode().split("\n")[:-1]
    if len(answers) != len(lines):
        sys.exit(f"{name}: {len(lines)} lines in, {len(answers)} lines out")
    expected = tokenizer.encode_batch([line.decode(errors="replace") for line in lines])
    differing = 0
    for line, found, encoding in zip(lines, map(json.loads, answers), expected):
        if found["ids"] != encoding.ids or found["tokens"] != encoding_tokens(tokenizer, encoding):
            differing += 1
            if differing <= 3:
                print(f"  {ascii(line.decode(errors='replace'))}\n    found    {found['ids']}\n    expected {encoding.ids}")
    print(f"{name}: {len(lines)} texts, {sum(len(e.ids) for e in expected)} tokens, {differing} texts differ")
    return differing


def columns(encoding):
    """As tokenize_texts prints them."""
    source = [-1 if s is None else s for s in encoding.sequence_ids]
    offsets = [o if s >= 0 else (-1, -1) for o, s in zip(encoding.offsets, source)]
    return {"ids": encoding.ids, "segment": encoding.type_ids, "source": source, "word": [-1 if w is None else w for w in encoding.word_ids],
            "start": [o[0] for o in offsets], "end": [o[1] for o in offsets]}


def compare_whole(name, texts, tokenizer, program):
    """`texts` are lists of one text or two. Gives the number of texts that differ."""
    texts = list(texts)
    with tempfile.TemporaryFile("w+") as lines:
        lines.writelines(json.dumps(text) + "\n" for text in texts)
        lines.seek(0)
        answer = subprocess.run(program, stdin=lines, capture_output=True, check=False)
    if answer.returncode != 0:
        sys.exit(f"{shlex.join(map(str, program))}: {answer.stderr.decode()}")
    begin = time.perf_counter()
    expected = [tokenizer.encode(*text) for text in texts]
    seconds = time.perf_counter() - begin
    differing = 0
    for text, line, encoding in zip(texts, answer.stdout.decode().split("\n"), expected, strict=False):
        found, wanted = json.loads(line), columns(encoding)
        keys = [key for key in wanted if found[key] != wanted[key]]
        differing += bool(keys)
        if keys and differing <= 3:
            print(f"  {ascii(text)}\n    " + "\n    ".join(f"{k}: found {found[k]}, expected {wanted[k]}" for k in keys))
    own = answer.stderr.decode().split()[-2]
    print(f"{name}: {len(texts)} texts, {sum(len(e.ids) for e in expected)} tokens, {differing} texts differ; {own} s, tokenizers {seconds:.3f} s", flush=True)
    return differing


def whole(arguments):
    """Every comparison for one tokenizer or for all that are trained."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    makers = {make.__name__: make for make in bpe_tokenizers.ALL} if arguments.trained else {
        str(arguments.encoder): lambda: Tokenizer.from_file(str(arguments.encoder / "tokenizer.json"))}
    differing = 0
    for name, make in makers.items():
        tokenizer = make()
        tokenizer.no_truncation()
        tokenizer.no_padding()
        with tempfile.TemporaryDirectory() as folder:
            if arguments.trained:
                tokenizer.save(folder + "/tokenizer.json")
            program = [arguments.whole, folder if arguments.trained else str(arguments.encoder)]
            added = [token.content for token in tokenizer.get_added_tokens_decoder().values()][:50]
            texts = [*hostile_text.CURATED, *hostile_text.random_texts(arguments.seed, arguments.texts, [*added, "\n", "\r\n", "'S", "'\u017ft"])]
            sources = {"hostile": [[t] for t in texts], "pairs": list(map(list, zip(texts[::3], texts[1::3]))),
                       "code points": [[t] for t in code_points()]}
            if arguments.data:
                data = pathlib.Path(arguments.data)
                sources |= {"SST": [[t] for t in sst(data)], "SQuAD": [[t] for t in squad(data)]}
            differing += sum(compare_whole(f"{name}, {kind}", of_kind, tokenizer, program) for kind, of_kind in sources.items())
    return differing


def encoding_tokens(tokenizer, encoding):
    # By id: the library itself shows a recognised added token as it stood in the text, with the white space it swallowed.
    return [tokenizer.id_to_token(i) for i in encoding.ids]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=pathlib.Path)
    parser.add_argument("--whole", help="the program tokenize_texts")
    parser.add_argument("--trained", action="store_true")
    parser.add_argument("--data", type=pathlib.Path, default=os.environ.get("LAYERSWEEP_DATA"))
    parser.add_argument("--command", default="layersweep tokenize")
    parser.add_argument("--texts", type=int, default=20000, help="random hostile texts")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.whole:
        sys.exit(1 if whole(arguments) else 0)
    tokenizer = Tokenizer.from_file(str(arguments.encoder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    command = shlex.split(arguments.command) + ["--encoder", str(arguments.encoder)]
    sources = {"hostile": (t.encode() for t in hostile(arguments.texts, arguments.seed)),
               "ill-formed": ill_formed(arguments.texts // 4, arguments.seed)}
    if arguments.data:
        data = pathlib.Path(arguments.data)
        sources |= {"SST": (t.encode() for t in sst(data)), "SQuAD": (t.encode() for t in squad(data))}
    else:
        print("SST and SQuAD are left out: give --data or set LAYERSWEEP_DATA")
    differing = sum(compare(name, lines, tokenizer, command) for name, lines in sources.items())
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
