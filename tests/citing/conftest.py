from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project, in no repository yet."""
    root = tmp_path / "wheat"
    (root / "source").mkdir(parents=True)
    (root / "main.py").write_text("print(1)\n")
    (root / "source" / "model.py").write_text("x = 1\n")
    (root / "source-notes.txt").write_text("sorted before source/\n")
    run = root / "run.sh"
    run.write_text("#!/bin/sh\npython main.py\n")
    run.chmod(0o755)
    (root / ".env").write_text("PASSWORD=secret\n")
    return root
