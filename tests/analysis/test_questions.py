"""The helpers against plain loops over what h5py reads."""

from __future__ import annotations

import functools
from pathlib import Path

import h5py
import layersweep_analysis as la
import numpy as np
import pytest
from layersweep_analysis import questions, tokens


results = functools.cache(la.open_results)


class Plain:
    """The same file, read with h5py alone."""

    def __init__(self, path: Path, mode: str) -> None:
        with h5py.File(path) as file:
            self.keep = file[mode]["keep_probability"][...]
            self.chosen = file[mode]["chosen_seed"][...]
            self.starts, self.counts = file["token_start"][...], file["token_count"][...]
            self.parts = file["token_part"][...]
            self.sentiment = file["token_sentiment"][...] if "token_sentiment" in file else None
            self.texts = [b"".join(row).decode() for row in file["token_text"]]
            self.ids = file["token_id"][...]
        self.masks = np.stack([self.keep[max(seed, 0), p] for p, seed in enumerate(self.chosen)])


@pytest.mark.parametrize("name", ["sst", "squad", "counting"])
def test_keep_share_counts_tokens(made: Path, name: str) -> None:
    plain = Plain(made / f"{name}.h5", "hidden")
    dataset = results(made / f"{name}.h5", "hidden")
    expected = [np.nan if np.isnan(row).all() else np.mean(row > 0.5) for row in plain.masks]
    np.testing.assert_allclose(la.keep_share(dataset).values[0], expected)
    by_part = la.keep_share(dataset, "part")
    words = ["special", "text", "question", "passage", "answer"]
    assert list(by_part["class"].values) == [word for n, word in enumerate(words) if (plain.parts == n).any()]
    for label in by_part["class"].values:
        here = plain.parts == words.index(label)
        wanted = [np.nan if np.isnan(row).all() else np.mean(row[here] > 0.5) for row in plain.masks]
        np.testing.assert_allclose(by_part.sel({"class": label}), wanted)


def test_by_sentiment_leaves_special_tokens_out(made: Path) -> None:
    plain = Plain(made / "sst.h5", "input")
    shares = la.keep_share(results(made / "sst.h5", "input"), "sentiment")
    assert plain.sentiment is not None
    assert dict(zip(shares["class"].values, shares["count"].values)) == {
        "negative": (plain.sentiment == 1).sum(),
        "neutral": (plain.sentiment == 2).sum(),
        "positive": (plain.sentiment == 3).sum(),
    }
    np.testing.assert_allclose(shares.sel({"class": "positive"}), 1)
    assert (np.diff(shares.sel({"class": "neutral"})) < 0).all()


def test_frequency_and_position(made: Path) -> None:
    plain = Plain(made / "sst.h5", "hidden")
    dataset = results(made / "sst.h5")
    frequency = np.bincount(plain.ids)[plain.ids]
    special = plain.parts == 0
    shares = la.keep_share(dataset, "frequency")
    assert shares.sel({"class": "1–9 ×"})["count"] == (~special & (frequency < 10)).sum()
    assert shares.sel({"class": "10–99 ×"})["count"] == (~special & (frequency >= 10) & (frequency < 100)).sum()
    position = np.concatenate([np.arange(count) for count in plain.counts])
    assert la.keep_share(dataset, "position").sel({"class": "5–9"})["count"] == (~special & (position >= 5) & (position < 10)).sum()
    with pytest.raises(ValueError, match="no token classes 'truth'"):
        la.keep_share(dataset, "truth")


def test_one_pass_gives_what_single_passes_give(made: Path) -> None:
    dataset = results(made / "sst.h5")
    names = ["part", "sentiment", "frequency", "position"]
    together = questions.tally(dataset, [tokens.token_classes(dataset, name) for name in names])
    for name in names:
        assert together.shares[name].identical(la.keep_share(dataset, name))


def test_small_blocks_change_nothing(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = results(made / "squad.h5")
    whole = la.keep_share(dataset, "part"), la.first_dropped(dataset)
    monkeypatch.setattr(questions, "blocks", lambda data: la.blocks(data, 50))
    assert la.keep_share(dataset, "part").identical(whole[0])
    assert la.first_dropped(dataset).identical(whole[1])


@pytest.mark.parametrize("accepted_only", [True, False])
def test_first_dropped_is_the_first_point_without_the_token(made: Path, accepted_only: bool) -> None:
    plain = Plain(made / "sst.h5", "hidden")
    found = la.first_dropped(results(made / "sst.h5"), accepted_only).values
    assert (plain.chosen == -1).any()
    for token in range(plain.masks.shape[1]):
        points = [p for p, seed in enumerate(plain.chosen) if seed >= 0 or not accepted_only]
        expected = next((p for p in points if plain.masks[p, token] <= 0.5), -1)
        assert found[token] == expected


def test_masks_of_failed_probes_say_nothing(made: Path) -> None:
    dataset = results(made / "counting.h5")
    assert np.isnan(la.keep_share(dataset)[0, 0])
    truth = la.keep_share(dataset, "truth")
    assert truth.sel({"class": "yes"})[1] == 1 and truth.sel({"class": "no"})[1] == 0
    assert list(questions.accepted_points(dataset)) == [False, True]
    assert set(np.unique(la.first_dropped(dataset))) == {-1, 1}


def test_top_examples(made: Path) -> None:
    dataset = results(made / "sst.h5")
    plain = la.at_shown_seeds(dataset, "kl").values
    top = la.top_examples(dataset, "kl", point=2, count=4)
    assert list(top.index) == list(np.argsort(-plain[2])[:4])
    assert list(top["kl"]) == sorted(top["kl"], reverse=True)
    least = la.top_examples(dataset, "keep_share", count=1, largest=False)
    assert least["keep_share"].iloc[0] == pytest.approx(la.at_shown_seeds(dataset, "keep_share").mean("point").min())
    assert la.top_examples(dataset, "token_count", count=1)["token_count"].iloc[0] == dataset["token_count"].max()


def test_texts_are_put_together(made: Path) -> None:
    dataset = results(made / "sst.h5")
    example = next(e for e in range(24) if "##ances" in list(la.tokens_of(dataset, e)["token"]))
    text = la.text_of(dataset, example)
    assert "performances" in text and "##" not in text and "[CLS]" not in text
    table = la.tokens_of(dataset, example)
    assert list(table.columns) == ["token", 0, 1, 2, 3] and len(table) == dataset["token_count"][example]


def test_masks_overlap_with_themselves(made: Path) -> None:
    with la.open_file(made / "sst.h5") as file:
        np.testing.assert_array_equal(la.mask_iou(file.modes["hidden"], file.modes["hidden"]), 1)
        both = la.mask_iou(file.modes["hidden"], file.modes["input"]).values
        a, b = (Plain(made / "sst.h5", mode).masks > 0.5 for mode in ("hidden", "input"))
        np.testing.assert_allclose(both, (a & b).sum(axis=1) / (a | b).sum(axis=1))


def test_agreement_is_what_the_file_says(made: Path) -> None:
    table = la.agreement(results(made / "sst.h5"))
    assert list(table["accepted_seeds"]) == [1, 2, 2, 0]
    np.testing.assert_allclose(table["iou"], np.linspace(0.9, 0.6, 4), rtol=1e-6)


def test_parts_of_speech(made: Path) -> None:
    pytest.importorskip("HanTa", reason="the extra `pos` is not installed")
    dataset = results(made / "sst.h5")
    shares = la.keep_share(dataset, "speech")
    counts = dict(zip(shares["class"].values, shares["count"].values))
    text = Plain(made / "sst.h5", "hidden").texts
    assert counts["punctuation"] == text.count(".")
    assert 0 < counts["adjective"] <= sum(text.count(word) for word in ("lovely", "funny", "witty", "dull", "awful"))
    assert sum(counts.values()) == len(text) - 2 * 24
    classes = tokens.token_classes(dataset, "speech")
    whole = classes.codes(slice(0, dataset.sizes["token"]))
    np.testing.assert_array_equal(classes.codes(slice(10, 60)), whole[10:60])
