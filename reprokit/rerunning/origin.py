"""What is run again: a source made ready, and what was published of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from reprokit.frozen import frozen
from reprokit.history import reading
from reprokit.model import JSON, Lock
from reprokit.pipeline.earlier_code import Kept

Kind = Literal["archive", "image", "run", "folder", "git"]


@frozen
class Source:
    """What the user named. `name` has no path of this machine in it; `identifier` is the SHA-256
    of an archive or record, the digest of an image, the SWHID of a commit."""

    kind: Kind
    name: str
    identifier: str | None

    def json(self, record: reading.Record | None = None) -> dict[str, JSON]:
        """As the field `rerun_of` of a record; `record` is the published one."""
        return {
            "kind": self.kind,
            "name": self.name,
            "identifier": self.identifier,
            "run": None if record is None else reading.text(record, "run"),
            "record": None if record is None else reading.text(record, "digest"),
        }

    def __str__(self) -> str:
        """The kind and the name; of a repository the commit as well."""
        commit = ""
        if self.kind == "git" and self.identifier is not None:
            commit = f", commit {self.identifier.rpartition(':')[2][:12]}"
        return f"{self.kind} {self.name}{commit}"


@frozen
class Published:
    """What a published run left: its record and lock, and of the rest what is at hand.

    results: the folder of its results. image, base: tar files of images. vendor: the folder of
    packages. references: names with digest under which registries have the image.
    """

    record: reading.Record
    lock: Lock
    kept: Kept
    results: Path | None = None
    image: Path | None = None
    base: Path | None = None
    vendor: Path | None = None
    references: tuple[str, ...] = ()

    @property
    def environment(self) -> str | None:
        """The environment digest of the published run."""
        return reading.text_or_none(self.record, "environment_digest")

    @property
    def key(self) -> str:
        """The build key of the published run."""
        return reading.text(reading.mapping(self.record, "context"), "sha256")


@frozen
class Origin:
    """A source made ready. `root` is the project's folder or a notebook in it, which is only read;
    of an image alone (`has_code` false) it holds the data."""

    source: Source
    root: Path
    published: Published | None = None
    has_code: bool = True
