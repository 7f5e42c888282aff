"""The page as a file: what it says, what it carries, that it needs nothing else. test_browser.py opens it."""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import h5py
import layersweep_analysis as la
import make_results
import numpy as np
import pytest
from layersweep_analysis.__main__ import main
from layersweep_analysis.report import explorer

VOID = {"meta", "link", "input", "br"}


class Page(HTMLParser):
    """Checks that elements nest, and collects ids, links and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.loaded: list[str] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "a":
            self.targets.append(str(given["href"]))
        self.loaded += [str(given[name]) for name in ("src", "srcset", "data") if name in given]
        if tag == "link":
            self.loaded.append(str(given["href"]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data


def report(files: list[Path], out: Path, *options: str) -> str:
    assert main(["report", *map(str, files), f"--out={out}", *options]) == 0
    return out.read_text(encoding="utf-8")


def unpacked(page: str) -> list[dict[str, Any]]:
    """What page.js unpacks, by the description in pack.py."""
    packed = re.search(r'id="pack">(.*?)</script>', page)
    assert packed is not None
    data = zlib.decompress(base64.b64decode(packed[1]))
    (length,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + length])
    types = {"Uint8Array": "u1", "Int8Array": "i1", "Uint16Array": "<u2", "Int32Array": "<i4", "Float32Array": "<f4"}
    arrays = [np.frombuffer(data, types[kind], size, 4 + length + offset) for kind, offset, size in header["arrays"]]

    def resolve(value: Any) -> Any:
        if isinstance(value, list):
            return [resolve(item) for item in value]
        if isinstance(value, dict):
            return arrays[value["array"]] if "array" in value else {key: resolve(item) for key, item in value.items()}
        return value

    return list(resolve(header["content"]["corpora"]))


@pytest.mark.parametrize("name", ["sst", "squad", "counting"])
def test_pages_are_well_formed_and_need_nothing_else(made: Path, tmp_path: Path, name: str) -> None:
    text = report([made / f"{name}.h5"], tmp_path / "page.html")
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert all(target.startswith("#") and target[1:] in page.ids for target in page.targets)
    assert all(source.startswith("data:") for source in page.loaded)
    assert "url(" not in text and "@import" not in text and "fetch(" not in text
    assert len(text.encode()) < 5_000_000


def test_what_was_found_is_told(made: Path, tmp_path: Path) -> None:
    page = Page(report([made / "sst.h5"], tmp_path / "page.html"))
    text = re.sub(r"\s+", " ", page.text)
    assert "at each of its 4 points" in text and "0.1 nats" in text and "25 % changed predictions on the 10 dev examples" in text
    assert "Input masks: every point accepted." in text
    assert "Hidden masks: 3 of 4 points accepted." in text
    with la.open_results(made / "sst.h5", "input") as dataset:
        share = la.at_shown_seeds(dataset, "keep_share").mean("example").values
    assert f"needs {100 * share[0]:.0f} % of the tokens at embeddings and {100 * share[-1]:.0f} % at layer 2 output" in text
    for words in ("Against other explainers", "Similarity of representations", "gradient x input", "models/tiny"):
        assert words in text


def test_missing_groups_leave_no_trace(made: Path, tmp_path: Path) -> None:
    text = report([made / "squad.h5"], tmp_path / "page.html")
    assert "Against other explainers" not in text and "statistics-1" not in text and "nan" not in Page(text).text.lower().split()


def test_a_failed_probe_is_shown_as_such(made: Path, tmp_path: Path) -> None:
    page = Page(report([made / "counting.h5"], tmp_path / "page.html"))
    assert "1 of 2 points accepted" in page.text and re.search(r"!\s*failed", page.text)


@pytest.mark.parametrize("name", ["sst", "squad", "counting"])
def test_the_page_carries_masks_that_decide_as_the_file_does(made: Path, tmp_path: Path, name: str) -> None:
    (corpus,) = unpacked(report([made / f"{name}.h5"], tmp_path / "page.html"))
    with h5py.File(made / f"{name}.h5") as file:
        texts = [b"".join(row).decode() for row in file["token_text"]]
        assert [corpus["vocabulary"][t] for t in corpus["tokens"]] == texts
        assert list(corpus["counts"]) == list(file["token_count"])
        for mode, source in zip([m for m in ("input", "hidden") if m in file], corpus["sources"], strict=False):
            chosen = file[mode]["chosen_seed"][...]
            keep = np.stack([file[mode]["keep_probability"][max(s, 0), p] for p, s in enumerate(chosen)])
            shades = source["shades"].reshape(keep.shape)
            np.testing.assert_array_equal(shades == 255, np.isnan(keep))
            known = ~np.isnan(keep)
            np.testing.assert_array_equal(shades[known] > 100, keep[known] > 0.5)
            np.testing.assert_allclose(shades[known] / 200, keep[known], atol=0.0051)  # half a percent, and the threshold


def test_hostile_texts_cannot_leave_their_place(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts = make_results.Texts()
    evil = "</script><script>alert(1)</script>"
    texts.add([("[CLS]", 0), (evil, 1), ("<b>", 1), ("[SEP]", 0)])
    keep = np.full((1, 4, 4), 0.9, np.float32)
    root = {"split": np.array([1]), "label": np.array([0]), "prediction": np.array([0]), "score": np.ones(1)}
    modes = {"hidden": make_results.probes(rng, keep, np.array([4]), 0.1, [], curves=False)}
    make_results.write(tmp_path / "evil.h5", "sst", texts, root, modes, ["<i>a", "b", "c", "d"], [0], 5, 0.1, 0.25, "runs/evil")
    text = report([tmp_path / "evil.h5"], tmp_path / "page.html", "--no-speech")
    assert "<script>alert" not in text and "<i>a" not in text
    Page(text)


def test_large_files_are_sampled_with_what_was_asked_for(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorer, "_BYTES", 4000)
    monkeypatch.setattr(explorer, "_TOP", 1)
    (corpus,) = unpacked(report([made / "sst.h5"], tmp_path / "page.html", "--example=sst/dev/7", "--example=sst/test/20"))
    assert {"sst/dev/7", "sst/test/20"} <= set(corpus["ids"])
    assert len(corpus["ids"]) < corpus["total"] == 24
    with la.open_results(made / "sst.h5", "hidden") as dataset:
        worst = la.top_examples(dataset, "kl", count=1)["example_id"].iloc[0]
    assert worst in corpus["ids"]


def test_a_sweep_is_compared(sweep: Path, tmp_path: Path) -> None:
    text = report([sweep], tmp_path / "page.html")
    page = Page(text)
    assert "3 runs on SST sentiment, side by side" in page.text and "probe.epsilon" in page.text
    assert "What a looser limit buys" in page.text and text.count("a mark for each ε") == 4
    assert all(f"epsilon {value}" in page.text for value in ("0.05", "0.1", "0.2"))
    (corpus,) = unpacked(text)  # the same texts are there once
    assert len(corpus["sources"]) == 6


def test_runs_on_different_texts_are_compared_too(made: Path, tmp_path: Path) -> None:
    text = report([made / "sst.h5", made / "counting.h5"], tmp_path / "page.html", "--example=counting/dev/3")
    assert [corpus["label"] for corpus in unpacked(text)] == ["name sst", "name counting"]
    Page(text)


def test_messages(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(made / "sst.h5"), f"--out={tmp_path / 'p.html'}", "--example=none"]) == 1
    assert "no example 'none'" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "none.h5")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["report", str(made / "sst.h5"), f"--out={tmp_path / 'no' / 'p.html'}"]) == 1
    assert "No such file or directory" in capsys.readouterr().err
