#!/usr/bin/env python3
"""Inputs of which public bug reports tell, from files to answers: each is read rightly, or refused with its place and remedy.

    reported_cases_test.py LAYERSWEEP [PART-OF-A-CASE'S-NAME…]
"""
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

PROGRAM = str(pathlib.Path(sys.argv[1]).resolve())
FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "model" / "fixtures"
HEAD = "[task]\nname = text\n[probe]\nmodes = hidden\nbatch = 8\nmax_steps = 2\nvalidate_every = 2\nwarm_up = 1\n[run]\nthreads = 1\n"
failed = []


def messages(said):
    """The errors and warnings among what was said."""
    return "\n".join(line for line in said.splitlines() if "error" in line or "warning" in line)


def names(said, *patterns):
    """Whether an error or a warning names what each matches: a file, a setting, a value."""
    return all(re.search(pattern, messages(said)) for pattern in patterns)


def run(*words, code=0, stdin=""):
    """What the program printed to both streams; its exit code is checked."""
    done = subprocess.run([PROGRAM, *map(str, words)], input=stdin.encode(), capture_output=True, timeout=120)
    said = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode != code:
        failed.append(f"{words}: exit code {done.returncode}, not {code}\n{messages(said) or said[-500:]}")
    return said


def check(holds, what, said=""):
    if not holds:
        failed.append(f"{what}\n{messages(said) or said[-500:]}")


def model(name, source="tiny-bert", **changes):
    """A copy of a fixture with keys of its config.json changed (None removes one)."""
    folder = pathlib.Path(name)
    shutil.copytree(FIXTURES / source, folder)
    config = json.loads((folder / "config.json").read_text())
    for key, value in changes.items():
        config.pop(key, None)
        if value is not None:
            config[key] = value
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def texts(count, seed=1):
    rng = random.Random(seed)
    return [" ".join(f"w{rng.randrange(59)}" for _ in range(rng.randint(2, 9))) for _ in range(count)]


def rows(file, labels, seed=1):
    pathlib.Path(file).write_text("".join(
        json.dumps({"text": text, **({} if label is None else {"label": label})}) + "\n"
        for text, label in zip(texts(len(labels), seed), labels)))
    return file


def experiment(folder, data, encoder, *settings, code=0):
    pathlib.Path("own.ini").write_text(HEAD)
    words = [f"--set=run.folder={folder}", f"--set=task.data={data}", f"--set=encoder.folder={encoder}"]
    return run("run", "own.ini", *words, *(f"--set={setting}" for setting in settings), code=code)


def predicted(encoder, lines):
    said = run("predict", "--encoder", encoder, stdin="\n".join(lines) + "\n")
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def h5(name, variable):
    import h5py
    with h5py.File(name) as file:
        return file[variable][...]


def case_01_another_model():
    """Work stays with the files of its model; a model that only moved is known."""
    folder = model("one")
    data = rows("one.jsonl", [None] * 40)
    experiment("run-one", data, folder)
    one = h5("run-one/results.h5", "hidden/keep_probability")
    shutil.copytree(folder, "moved")
    changes = {"config.json": lambda path: path.write_text(path.read_text().replace("1e-12", "1e-3")),
               "vocab.txt": lambda path: path.write_text(path.read_text().replace("w3\n", "w3x\n")),
               "model.safetensors": lambda path: path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\1"),
               "tokenizer_config.json": lambda path: path.write_text('{"do_lower_case": false}')}
    for name, change in changes.items():
        shutil.rmtree(folder)
        shutil.copytree("moved", folder)
        change(folder / name)
        for said in (experiment("run-one", data, folder, code=1), run("explain", "run-one", "--text", "w1", code=1),
                     run("explain", "run-one", "--input", data, "--output", "x.h5", code=1), run("retry", "run-one", code=1)):
            check(names(said, re.escape(name)), f"{name} is not named", said)
    shutil.rmtree(folder)
    check(names(run("explain", "run-one", "--text", "w1", code=1), "--encoder"), "--encoder is not offered")
    run("explain", "run-one", "--encoder", "moved", "--text", "w1")
    run("explain", "run-one", "--encoder", "moved", "--input", data, "--output", "moved.h5")
    check((h5("moved.h5", "hidden/keep_probability").size > 0), "no masks")
    experiment("run-one", data, "moved")
    check((h5("run-one/results.h5", "hidden/keep_probability") == one).all(), "other masks of a model that moved")
    # Stopped on the way, and merged.
    other = model("other", layer_norm_eps=1e-3)
    experiment("run-other", data, other, "probe.seeds=1")
    said = run("merge", "run-one/results.h5", "run-other/results.h5", "--output", "merged.h5", code=1)
    check(names(said, r"run-one/results\.h5.*run-other/results\.h5.*config\.json"), "merge does not name config.json", said)
    experiment("run-same", data, "moved", "probe.seeds=1")
    run("merge", "run-one/results.h5", "run-same/results.h5", "--output", "merged.h5")
    run("validate", "merged.h5")
    # A fine-tuned run stands alone: its tokenizer lies beside its model.
    labelled = rows("labelled.jsonl", ["a", "b"] * 20)
    experiment("run-tuned", labelled, "moved", "finetune.epochs=1")
    shutil.move("moved", "away")
    run("explain", "run-tuned", "--text", "w1")
    (pathlib.Path("run-tuned/model/config.json")).write_text(
        pathlib.Path("run-tuned/model/config.json").read_text().replace("1e-12", "1e-3"))
    check(names(run("explain", "run-tuned", "--text", "w1", code=1), r"config\.json"), "the run's own model changed")


def case_02_pair_for_one_segment():
    import numpy
    folder = model("segment", type_vocab_size=1)
    from safetensors_edit import edit
    edit(folder / "model.safetensors", "bert.embeddings.token_type_embeddings.weight", lambda table: table[:1])
    check(names(run("predict", "--encoder", folder, "--text", "w1", "--second-text", "w2", code=1), "type_vocab_size"), "02")
    both = predicted(folder, ["w1 w2"])
    check(numpy.allclose(both[0]["logits"], predicted(FIXTURES / "tiny-bert", ["w1 w2"])[0]["logits"]), "02: a single text")
    pairs = pathlib.Path("pairs.jsonl")
    pairs.write_text("".join(json.dumps({"text": text, "second_text": "w2"}) + "\n" for text in texts(30)))
    check(names(experiment("run-pairs", pairs, folder, code=1), "type_vocab_size"), "02: a run")


def case_03_04_other_heads():
    data = rows("numbers.jsonl", [None] * 20)
    for changes in ({"id2label": {"0": "score"}}, {"problem_type": "regression"}, {"problem_type": "multi_label_classification"}):
        folder = model(f"head{len(list(pathlib.Path('.').glob('head*')))}", **changes)
        key = "num_labels" if "id2label" in changes else "problem_type"
        for said in (run("predict", "--encoder", folder, "--text", "w1", code=1), experiment("run-head", data, folder, code=1)):
            check(names(said, key, r"finetune\.epochs"), f"03/04: {changes}", said)
    # Fine-tuning gives the body another head.
    experiment("run-new-head", rows("ab.jsonl", ["a", "b"] * 20), folder, "finetune.epochs=1")


def case_05_numbers_that_are_names():
    folder = model("numerals", id2label={"0": "1", "1": "2", "2": "3"}, label2id=None)
    experiment("run-numbers", rows("n.jsonl", [0, 1, 2] * 10), folder, "extract.splits=train,dev,test")
    labels = sorted(set(h5("run-numbers/results.h5", "label").tolist()))
    check(labels == [0, 1, 2], f"05: labels {labels}")
    said = experiment("run-either", rows("e.jsonl", [1, 2] * 15), folder, code=1)
    check(names(said, r"e\.jsonl.* [0-9]"), "05: both rules fit", said)


def case_06_a_head_keeps_its_names():
    import numpy
    from safetensors_edit import edit
    names = ["neu", "pos", "neg"]
    folder = model("named", id2label={str(n): name for n, name in enumerate(names)}, label2id=None)
    own = texts(60)
    logits = numpy.array([answer["logits"] for answer in predicted(folder, own)])
    edit(folder / "model.safetensors", "classifier.bias", lambda bias: bias - logits.mean(0))  # all classes occur
    pathlib.Path("named.jsonl").write_text("".join(
        json.dumps({"text": text, "label": names[answer["label"]]}) + "\n" for text, answer in zip(own, predicted(folder, own))))
    experiment("run-named", "named.jsonl", folder, "finetune.epochs=1", "finetune.learning_rate=1e-9")
    decided = h5("run-named/results.h5", "logits").argmax(1)
    check((decided == h5("run-named/results.h5", "label")).all(), "06: the head's rows got other names")
    kept = json.loads(pathlib.Path("run-named/model/config.json").read_text())["id2label"]
    check([kept[str(n)] for n in range(3)] == names, f"06: {kept}")


def case_07_added_tokens():
    folder = model("added", vocab_size=64)
    words = (folder / "vocab.txt").read_text().splitlines()[:-1]  # w58 becomes an added token of the same id
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    (folder / "added_tokens.json").write_text(json.dumps({"w58": 63}))
    check('"ids":[2,6,63,3]' in run("tokenize", "--encoder", folder, "--text", "w1 w58"), "07")
    experiment("run-added", rows("added.jsonl", ["a", "b"] * 20), folder, "finetune.epochs=1")
    check(pathlib.Path("run-added/model/added_tokens.json").exists(), "07: not copied beside the model")


def case_08_names_of_splits():
    for name in ("val", "valid", "eval", "validation", "dev"):
        folder = pathlib.Path(f"split-{name}")
        folder.mkdir()
        rows(folder / "train.jsonl", [None] * 30)
        rows(folder / f"{name}.jsonl", [None] * 7, seed=2)
        experiment(f"run-split-{name}", folder, FIXTURES / "tiny-bert", "finetune.epochs=0", "extract.splits=train,dev")
        splits = h5(f"run-split-{name}/results.h5", "split").tolist()
        check(splits == [0] * 30 + [1] * 7, f"08: {name}: {splits}")
    (folder / "notes.md").write_text("")
    said = experiment("run-split-more", folder, FIXTURES / "tiny-bert")
    check(names(said, r"1 \(notes\.md\)"), "08: another file is not told", said)


def case_09_10_19_lines():
    pathlib.Path("q.tsv").write_bytes(b'text\tlabel\n"w1 ""w2"" w3"\t1\n\n' + b"".join(
        text.encode() + b"\t0\n" for text in texts(30)))
    said = experiment("run-quotes", "q.tsv", FIXTURES / "tiny-bert", "extract.splits=train,dev,test")
    check(names(said, r" 1 \(q\.tsv:2\)", r" 1 \(q\.tsv:3\)"), "09, 10", said)
    ids = [bytes(name).rstrip(b"\0") for name in h5("run-quotes/results.h5", "example_id").view("u1").reshape(31, -1)]
    line = [name.endswith(b"/2") for name in ids].index(True)
    check(h5("run-quotes/results.h5", "token_count")[line] == 7, "09: w1 \"w2\" w3 with [CLS] and [SEP]")
    pathlib.Path("cr.txt").write_bytes(b"\r".join(text.encode() for text in texts(30)) + b"\r")
    said = experiment("run-cr", "cr.txt", FIXTURES / "tiny-bert", "extract.splits=train,dev,test")
    check(h5("run-cr/results.h5", "token_count").size == 30 and names(said, r" 30 \(cr\.txt:1") and "\r" not in said, "19", said)


def case_12_sst_escapes():
    pathlib.Path("treebank/sst").mkdir(parents=True)
    for split in ("train", "dev", "test"):
        pathlib.Path(f"treebank/sst/{split}.txt").write_text("(3 (2 w1) (4 w2\\*\\/w3))\n(1 (2 w4) (0 w5))\n" * 5)
    experiment("run-sst", "treebank", FIXTURES / "tiny-bert", "task.name=sst", "finetune.epochs=1")
    counts = set(h5("run-sst/results.h5", "token_count").tolist())  # w1 w2 * / w3 and w4 w5, with [CLS] and [SEP]
    check(counts == {7, 4}, f"12: {counts}")


def case_12_and_another_head():
    """A model that is taken as it is may have other classes than the task, which is told; not another kind of output."""
    said = experiment("run-sst-3", "treebank", FIXTURES / "tiny-bert", "task.name=sst", "finetune.epochs=0")
    check(names(said, r"tiny-bert.* 3 .*task\.name = sst.* 5"), "SST on three classes", said)
    said = experiment("run-sst-qa", "treebank", FIXTURES / "tiny-qa", "task.name=sst", "finetune.epochs=0", code=1)
    check(names(said, "tiny-qa"), "SST on a reader", said)


def case_13_nul_in_an_id():
    pathlib.Path("nul.jsonl").write_text('{"text": "w1"}\n{"text": "w2", "id": "a\\u0000b"}\n')
    said = experiment("run-nul", "nul.jsonl", FIXTURES / "tiny-bert", code=1)
    check(names(said, r'nul\.jsonl.* 2.*"id"', r"U\+0000"), "13", said)


def case_14_one_rule_in_run_and_explain():
    data = rows("label_n.jsonl", ["LABEL_1", "LABEL_2", "LABEL_0"] * 12)
    experiment("run-made-up", data, FIXTURES / "tiny-bert", "extract.splits=train,dev,test")
    run("explain", "run-made-up", "--input", data, "--output", "made-up.h5")
    check(h5("made-up.h5", "label").tolist() == [1, 2, 0] * 12, "14")


def case_15_every_cut_is_told():
    pathlib.Path("rem.jsonl").write_text(json.dumps({"text": ""}) + "\n" + (json.dumps({"text": "w1 " * 40}) + "\n") * 5)
    said = run("explain", "run-made-up", "--input", "rem.jsonl", "--output", "rem.h5")
    check(names(said, r" 1 \(rem\.jsonl:1\)", r" 24 .* 5 \(rem\.jsonl:2, rem\.jsonl:3, rem\.jsonl:4"), "15", said)


def case_16_shards():
    from safetensors_edit import split
    folder = model("sharded")
    split(folder)
    check(predicted(folder, ["w1 w2"]) == predicted(FIXTURES / "tiny-bert", ["w1 w2"]), "16")


def case_20_cuts():
    passage = "w1 w3 w7 w9"
    line = json.dumps({"question": "w5 " * 70, "passage": passage})
    check(names(run("predict", "--encoder", FIXTURES / "tiny-qa", stdin=line), " 70 "), "20")
    line = json.dumps({"question": "w5 " * 50, "passage": passage})  # all of it fits into the 64 positions
    check(not messages(run("predict", "--encoder", FIXTURES / "tiny-qa", stdin=line)), "20: cut though it fits")
    # Sentences of the treebank too, and again when the shard is found.
    pathlib.Path("treebank/sst/dev.txt").write_text("(3 (2 w1) (4 (2 w2) (2 (2 w3) (2 w4))))\n" * 4)
    for _ in range(2):
        said = experiment("run-cut", "treebank", FIXTURES / "tiny-bert", "task.name=sst", "task.max_length=4", "finetune.epochs=1")
        check(names(said, r" 4 .*task\.max_length.* 14 \(train\.txt:1"), "20: SST", said)


def case_21_remedies():
    folder = model("null", is_decoder=None)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "is_decoder": None}))
    check(len(predicted(folder, ["w1"])) == 1, "21: is_decoder null")
    (folder / "vocab.txt").write_bytes(b"\xef\xbb\xbf" + (folder / "vocab.txt").read_bytes())
    check(names(run("predict", "--encoder", folder, "--text", "w1", code=1), r"vocab\.txt"), "21: vocab.txt")
    folder = model("beyond")
    with open(folder / "vocab.txt", "a") as vocabulary:
        vocabulary.write("w59\n")
    said = run("predict", "--encoder", folder, "--text", "w59", code=1)
    check(names(said, "text 1", " 64", "vocab_size"), "21: a token beyond the embeddings", said)
    pathlib.Path("wrong/squad").mkdir(parents=True)
    question = {"id": "q", "question": "w1", "answers": [{"text": "w9", "answer_start": 3}]}
    for name in ("train-v1.1.json", "dev-v1.1.json"):
        pathlib.Path(f"wrong/squad/{name}").write_text(json.dumps(
            {"data": [{"title": name, "paragraphs": [{"context": "w1 w2", "qas": [question]}]}]}))
    said = experiment("run-wrong", "wrong", FIXTURES / "tiny-qa", "task.name=squad", "task.max_length=32", "finetune.epochs=1", code=1)
    check(names(said, r"train-v1\.1\.json", re.escape("data[0].paragraphs[0].qas[0].answers[0]")), "21: SQuAD", said)


def case_22_standard_input():
    want = predicted(FIXTURES / "tiny-bert", ['{"text": "w1 w2"}'])
    for line in ('\ufeff{"text": "w1 w2"}', ' {"text": "w1 w2"}', '{ "text": "w1 w2"}\r'):
        check(predicted(FIXTURES / "tiny-bert", [line]) == want, f"22: {line!r}")
    check(predicted(FIXTURES / "tiny-bert", ["\ufeffw1 w2"]) == want, "22: a plain text behind a byte order mark")


def case_25_one_class():
    said = experiment("run-alike", rows("alike.jsonl", ["a"] * 30), FIXTURES / "tiny-bert", "finetune.epochs=1", code=1)
    check(names(said, '"a"', r"finetune\.epochs = 0"), "25", said)


def main():
    import os
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        for name, case in list(globals().items()):
            if name.startswith("case_") and (not sys.argv[2:] or any(word in name for word in sys.argv[2:])):
                before = len(failed)
                try:
                    case()
                except Exception as error:  # what it needed did not come to be
                    failed.append(f"{name}: {error!r}")
                print(f"{name}: {'ok' if len(failed) == before else 'FAILED'}", flush=True)
        os.chdir("/")
    for what in failed:
        print(f"FAILED {what}", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
