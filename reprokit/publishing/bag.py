"""A BagIt bag in a zip file, written in one go: large files stream through, hashed on the way.

The bagit library makes bags of folders on disk, which would need every archive's space twice; it
checks these in the tests. See https://www.rfc-editor.org/rfc/rfc8493; names with a per cent sign
are written as version 0.97 does, which all tools read alike.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BufferedRandom
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import cast

from reprokit import files
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.progress import Reporter
from reprokit.publishing.member import Member, of_text

_STORED = frozenset(
    {
        ".gz", ".tgz", ".xz", ".txz", ".bz2", ".tbz2", ".zst", ".lz4", ".br", ".zip", ".7z", ".jar",
        ".war", ".whl", ".deb", ".rpm", ".apk", ".png", ".jpg", ".jpeg", ".webp", ".gif", ".mp4",
        ".webm", ".mp3", ".ogg", ".flac", ".npz", ".parquet", ".rds", ".rda", ".rdata", ".docx",
        ".xlsx", ".pptx", ".odt", ".ods", ".woff2",
    }
)  # fmt: skip
_LEVEL = 6


@frozen
class Written:
    """A zip file that was written: its own hash, its bytes, and how many files it holds."""

    sha256: str
    size: int
    files: int


@dataclass(slots=True)
class _Bag:
    zip: zipfile.ZipFile
    folder: str
    moment: datetime
    reporter: Reporter
    total: int
    done: int = 0
    digests: dict[str, str] = field(default_factory=dict)

    def write(self, member: Member, path: str) -> None:
        """One file at `path` below the bag's folder."""
        info = zipfile.ZipInfo(f"{self.folder}/{path}", self.moment.timetuple()[:6])
        stored = PurePosixPath(path).suffix.lower() in _STORED
        info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
        info._compresslevel = _LEVEL  # type: ignore[attr-defined,unused-ignore]
        info.create_system = 3  # so that the mode is read, wherever it was written
        info.external_attr = (0o100755 if member.executable else 0o100644) << 16
        info.file_size = member.size
        digest = hashlib.sha256()
        with self.zip.open(info, "w") as target:
            for chunk in member.chunks():
                digest.update(chunk)
                target.write(chunk)
                self.done += len(chunk)
                self.reporter.advance(self.done, self.total)
        self.digests[path] = digest.hexdigest()


def write(
    target: Path,
    folder: str,
    payload: Iterable[Member],
    *,
    information: Mapping[str, str],
    tags: Sequence[Member],
    moment: datetime,
    reporter: Reporter,
) -> Written:
    """Write the zip file, all or nothing.

    folder: the one folder in it. information: for bag-info.txt. tags: files beside the payload.
    moment: the time of every file. The same arguments give the same bytes. Raises BadRequest where
    two files have one name, StorageFailed, and what reading a member raises.
    """
    members = sorted(payload, key=lambda member: member.path)
    for first, second in pairwise(members):
        if first.path == second.path:
            raise BadRequest(f"two files of the archive are called {first.path!r}")
    total = sum(member.size for member in members)
    with files.replacing(target) as output:
        with zipfile.ZipFile(output, "w") as archive:
            bag = _Bag(archive, folder, moment, reporter, total)
            for member in members:
                bag.write(member, f"data/{member.path}")
            payload_digests = dict(bag.digests)
            about = {
                **information,
                "Bagging-Date": moment.date().isoformat(),
                "Payload-Oxum": f"{total}.{len(members)}",
            }
            for tag in (
                *tags,
                of_text("bag-info.txt", "".join(f"{k}: {about[k]}\n" for k in sorted(about))),
                of_text("bagit.txt", _DECLARATION),
                of_text("manifest-sha256.txt", _manifest(payload_digests)),
            ):
                bag.write(tag, tag.path)
            written = {p: d for p, d in bag.digests.items() if p not in payload_digests}
            manifest = of_text("tagmanifest-sha256.txt", _manifest(written))
            bag.write(manifest, manifest.path)
        return Written(
            sha256=_digest(cast(BufferedRandom, output)), size=output.tell(), files=len(bag.digests)
        )


_DECLARATION = "BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n"


def _manifest(digests: Mapping[str, str]) -> str:
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests))


def _digest(output: BufferedRandom) -> str:
    """Read back: the zip writer goes back to fill in sizes, so it cannot be hashed on the way."""
    output.seek(0)
    return f"sha256:{hashlib.file_digest(output, 'sha256').hexdigest()}"


def moment(text: str) -> datetime:
    """A record's time in UTC, to the two seconds that zip files keep."""
    found = datetime.fromisoformat(text).astimezone(UTC)
    return found.replace(microsecond=0, second=found.second // 2 * 2)
