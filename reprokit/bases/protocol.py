"""What a base family is."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from reprokit.engines.protocol import Engine
from reprokit.model import BaseCandidate, LockedBase, Runtime
from reprokit.progress import Reporter
from reprokit.site import Site


class BaseFamily(Protocol):
    """A source of base images. Instances are stateless."""

    name: str

    def candidates(
        self, runtimes: tuple[Runtime, ...], day: str | None
    ) -> tuple[BaseCandidate, ...]:
        """Bases that satisfy all runtimes, best first; empty where none does. Pure."""

    def offer(self, runtimes: tuple[Runtime, ...]) -> str:
        """One sentence for people: which versions of these languages this family has, and how."""

    def named(self, name: str) -> BaseCandidate | None:
        """The base the user named ("bookworm", "python:3.11-slim"), or `None` if not of ours."""

    def lock(
        self, candidate: BaseCandidate, engine: Engine, site: Site, store: Path, reporter: Reporter
    ) -> LockedBase:
        """Pin it by digest and leave it in the engine. `store` is a folder for archives. Raises
        InputUnavailable where it cannot be had here."""

    def provide(
        self, locked: LockedBase, engine: Engine, site: Site, store: Path, reporter: Reporter
    ) -> None:
        """Make sure that the engine holds exactly this base, under `locked.reference`. Raises
        InputUnavailable where it cannot be had any more."""
