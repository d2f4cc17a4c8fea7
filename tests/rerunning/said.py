"""A reporter that remembers."""

from __future__ import annotations

from reprokit.progress import Silent


class Said(Silent):
    """Keeps warnings and messages."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.messages: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def message(self, text: str) -> None:
        self.messages.append(text)
