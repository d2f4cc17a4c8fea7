"""Whole expected files. `REPROKIT_REWRITE_GOLDEN=1 pytest` writes them anew; read the diff."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent


def check(name: str, text: str) -> None:
    """Compare a text with the whole of tests/golden/NAME."""
    path = FOLDER / name
    if os.environ.get("REPROKIT_REWRITE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")
