"""Messages quote names as they are, but steer no terminal."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import h5py
import pytest
from layersweep_analysis.__main__ import main
from layersweep_analysis.printable import printable
from layersweep_analysis.results import ResultsError, open_file


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2J\r\n\t\x7f", "a\\x1b[2J\\r\\n\\t\\x7f"),
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        ("\x9b31m\u2028\ufeff\U000e0041", "\\u009b31m\\u2028\\ufeff\\U000e0041"),
        ("\udcff", "\\xff"),  # a byte of a file's name
        ("ad\u200dmin", "ad\\u200dmin"),
        ("映\u200d\u200d映", "映\\u200d\\u200d映"),
    ],
)
def test_what_steers_turns_or_hides_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


def test_ordinary_texts_stay() -> None:
    for text in ("", "Grüße", "映画館", "שלום", "e\u0301", "C:\\temp", "👩\u200d💻", "🏳\ufe0f\u200d🌈", "می\u200cخواهم"):
        assert printable(text) == text


def test_no_control_character_of_unicode_is_left_out() -> None:
    for code in range(0x110000):
        character = chr(code)
        if unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs") or unicodedata.bidirectional(character) in (
            "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"
        ):  # fmt: skip
            assert printable(character).isascii()


def test_errors_about_hostile_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = tmp_path / "evil\x1b[2J\u202e\nerror: no.h5"
    with pytest.raises(ResultsError, match=r"evil\\x1b\[2J\\u202e\\nerror: no\.h5"):
        open_file(name)
    h5py.File(name, "w").close()
    assert main(["report", str(name)]) == 1
    error = capsys.readouterr().err
    assert "evil\\x1b[2J\\u202e\\nerror: no.h5" in error and error.count("\n") == 1 and "\x1b" not in error
