"""Figures are vector files with readable text, the same for the same results."""

from __future__ import annotations

from pathlib import Path

import layersweep_analysis as la
import pytest
from layersweep_analysis.__main__ import main


def test_of_one_run(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["figures", str(made / "sst.h5"), f"--out={tmp_path}", "--format=svg", "--example=sst/dev/3"]) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert {"keep-share.svg", "kl.svg", "flips.svg", "hidden-sentiment.svg", "input-sst-dev-3.svg", "cka.svg"} <= names
    assert sorted(Path(line).name for line in capsys.readouterr().out.split()) == sorted(names)
    drawn = (tmp_path / "input-sst-dev-3.svg").read_text()
    with la.open_results(made / "sst.h5") as dataset:
        for token in la.tokens_of(dataset, 3)["token"]:
            assert f">{token}<" in drawn  # text, not outlines


def test_of_a_sweep_only_what_compares(sweep: Path, tmp_path: Path) -> None:
    assert main(["figures", str(sweep), f"--out={tmp_path}"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flips.pdf", "keep-share.pdf", "kl.pdf", "trade.pdf"]
    assert all(path.read_bytes().startswith(b"%PDF") for path in tmp_path.iterdir())


def test_the_same_results_give_the_same_bytes(made: Path, tmp_path: Path) -> None:
    runs = []
    for name in ("a", "b"):
        assert main(["figures", str(made / "counting.h5"), f"--out={tmp_path / name}"]) == 0
        runs.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert runs[0] == runs[1] and runs[0]


def test_unknown_example(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["figures", str(made / "sst.h5"), f"--out={tmp_path}", "--example=nonsense"]) == 1
    assert "no example 'nonsense'" in capsys.readouterr().err
