"""Containers of the base with uv in them: the only place where a package's own code runs before the
image is built."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from reprokit.engines.protocol import Container
from reprokit.errors import InputUnavailable
from reprokit.model import Artifact
from reprokit.resolving import Resolver

FOLDER = "/tmp/reprokit"
UV = f"{FOLDER}/uv"
_UNPACK_UV = """
import glob, os, shutil, sys, zipfile
zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[1] + ".unpacked")
shutil.move(glob.glob(sys.argv[1] + ".unpacked/*.data/scripts/uv")[0], sys.argv[2])
os.chmod(sys.argv[2], 0o755)
"""
_ENVIRONMENT = {
    "UV_NO_CONFIG": "1",
    "UV_PYTHON_PREFERENCE": "only-system",
    "UV_PYTHON_DOWNLOADS": "never",
    "GIT_TERMINAL_PROMPT": "0",
}


class Workshop:
    """A running container with uv in it; made by `opened`."""

    def __init__(self, container: Container, resolver: Resolver) -> None:
        self._container = container
        self._resolver = resolver

    def run(
        self,
        argv: Sequence[str],
        *,
        what: str,
        folder: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Run a command to its end; its stdout. Raises InputUnavailable saying `what` failed."""
        variables = {**_ENVIRONMENT, **(environment or {})}
        done = self._container.execute(
            tuple(argv), environment=variables, folder=folder, user="0:0"
        )
        if done.code != 0:
            raise InputUnavailable(f"{what}:\n{_ending(done.stderr)}")
        return done.stdout.decode("utf-8", "replace")

    def place(self, artifacts: Sequence[Artifact], folder: str) -> None:
        """Files of the lock in a folder of the container, fetched if need be."""
        self.run(("mkdir", "-p", folder), what=f"{folder} cannot be made")
        for artifact in artifacts:
            with tempfile.TemporaryDirectory(prefix="reprokit-place-") as temporary:
                copy = Path(temporary) / "content"
                self._resolver.place(artifact, copy)
                self.put(copy, f"{folder}/{artifact.path.rpartition('/')[2]}")

    def put(self, file: Path, path: str) -> None:
        """A file of this machine in the container. What is to be a folder is given as its tar."""
        folder, _, name = path.rpartition("/")
        self.run(("mkdir", "-p", folder), what=f"{folder} cannot be made")
        with tempfile.TemporaryDirectory(prefix="reprokit-put-") as temporary:
            packed = file
            if file.suffix != ".tar":
                packed = Path(temporary) / "packed.tar"
                with tarfile.open(packed, "w") as archive:
                    archive.add(file, name)
            with packed.open("rb") as content:
                self._container.write(folder, iter(lambda: content.read(1024 * 1024), b""))

    def write(self, path: str, text: str) -> None:
        """A text file in the container."""
        with tempfile.TemporaryDirectory(prefix="reprokit-text-") as temporary:
            file = Path(temporary) / "text"
            file.write_text(text, "utf-8")
            self.put(file, path)

    def take(self, path: str, target: Path) -> None:
        """A file or folder of the container as a tar on this machine."""
        with target.open("wb") as file:
            for block in self._container.read(path):
                file.write(block)

    def take_file(self, path: str, target: Path) -> None:
        """One file of the container. Raises InputUnavailable where it is none."""
        archive = target.with_name(f"{target.name}.tar")
        self.take(path, archive)
        with tarfile.open(archive) as tar:
            member = tar.next()
            content = tar.extractfile(member) if member is not None and member.isfile() else None
            if content is None:
                raise InputUnavailable(f"{path} is no file")
            with target.open("wb") as file:
                shutil.copyfileobj(content, file)
        archive.unlink()


def _ending(output: bytes) -> str:
    """The last lines of what a program said; a compiler's single line can fill a screen."""
    lines = output.decode("utf-8", "replace").strip().splitlines()
    said = [line for line in lines if not line.startswith("hint:") and line.strip()]
    return "\n".join(line if len(line) <= 300 else f"{line[:200]} …" for line in said[-12:])


@contextmanager
def opened(resolver: Resolver, uv: Artifact, *, network: bool) -> Iterator[Workshop]:
    """A new workshop; `uv` is the wheel of uv."""
    with resolver.workshop(network=network) as container:
        workshop = Workshop(container, resolver)
        workshop.place((uv,), FOLDER)
        wheel = f"{FOLDER}/{uv.path.rpartition('/')[2]}"
        unpack = ("python3", "-c", _UNPACK_UV, wheel, UV)
        workshop.run(unpack, what="uv cannot be unpacked")
        yield workshop
