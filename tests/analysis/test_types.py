"""mypy --strict has nothing to say about the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def test_types() -> None:
    pytest.importorskip("mypy", reason="mypy is not installed: scripts/setup.sh does it")
    package = Path(__file__).resolve().parents[2] / "analysis"
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict"], cwd=package, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
