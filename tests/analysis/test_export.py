"""Tables against the file they come from."""

from __future__ import annotations

from pathlib import Path

import layersweep_analysis as la
import numpy as np
import pandas as pd
import pytest
from layersweep_analysis import export as exporting
from layersweep_analysis.__main__ import main


def read(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, keep_default_na=False, na_values=[""])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_tokens(made: Path, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "_TOKENS_PER_BLOCK", 40)  # several blocks
    out = tmp_path / f"tokens.{suffix}"
    assert main(["export", str(made / "sst.h5"), f"--out={out}", "--mode=hidden"]) == 0
    table = read(out)
    with la.open_results(made / "sst.h5", "hidden") as dataset:
        tokens = dataset.sizes["token"]
        assert len(table) == 4 * tokens and list(table["point"].unique()) == [0, 1, 2, 3]
        at_two = table[table["point"] == 2]
        seed = int(dataset["chosen_seed"][2])
        np.testing.assert_allclose(at_two["keep_probability"], dataset["keep_probability"][seed, 2])
        assert list(at_two["token"]) == list(dataset["token_text"].values)
        assert list(at_two["example_id"]) == list(dataset["example_id"].values[dataset["token_example"].values])
        assert list(at_two["kept"].astype(bool)) == list(at_two["keep_probability"] > 0.5)
        sentiment = at_two["token_sentiment"]
        assert sentiment.isna().sum() == 48 and set(sentiment.dropna()) == {"negative", "neutral", "positive"}


def test_examples_and_probes(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "table.csv"
    assert main(["export", str(made / "squad.h5"), "--table=examples", f"--out={out}", "--split=test", "--point=1"]) == 0
    table = read(out)
    assert len(table) == 5 and set(table["split"]) == {"test"} and table["label"].isna().all()
    assert main(["export", str(made / "sst.h5"), "--table=probes", f"--out={out}"]) == 0
    table = read(out)
    assert len(table) == 2 * 2 * 4 and list(table.columns[:5]) == ["mode", "seed", "point", "point_name", "chosen"]
    hidden = table[(table["mode"] == "hidden") & (table["point"] == 3)]
    assert not hidden["accepted"].any() and not hidden["chosen"].any()


def test_every_probe(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "table.parquet"
    assert main(["export", str(made / "sst.h5"), f"--out={out}", "--mode=input", "--all-seeds", "--point=0"]) == 0
    table = read(out)
    assert sorted(table["seed"].unique()) == [7, 11]
    with la.open_results(made / "sst.h5", "input") as dataset:
        np.testing.assert_allclose(table[table["seed"] == 11]["keep_probability"], dataset["keep_probability"][1, 0])


def test_missing_masks_are_missing_in_tables(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "table.csv"
    assert main(["export", str(made / "counting.h5"), f"--out={out}"]) == 0
    table = read(out)
    failed = table[table["point"] == 0]
    assert failed["keep_probability"].isna().all() and failed["kept"].isna().all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--out=table.txt"], ".csv or .parquet"), (["--out=t.csv", "--point=9"], "no point 9"), (["--out=t.csv", "--mode=input"], "nothing")],
)
def test_wrong_wishes(made: Path, tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str],
                      monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(made / "squad.h5"), *arguments]) == 1
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
