"""Building wheels where PyPI has none, in a container: the only place where a project's or a
package's own code runs at lock time.

The wheel is kept and locked, so that builds of the image never compile anything.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from reprokit.ecosystems.python.pylock import Resolved, Source
from reprokit.engines.protocol import Container
from reprokit.errors import InputUnavailable
from reprokit.model import Artifact
from reprokit.resolving import Resolver

UV = "/tmp/reprokit/uv"
# Standard library only: this runs on whatever Python the base has.
_UNPACK_UV = """
import glob, os, shutil, sys, zipfile
zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[1] + ".unpacked")
shutil.move(glob.glob(sys.argv[1] + ".unpacked/*.data/scripts/uv")[0], sys.argv[2])
os.chmod(sys.argv[2], 0o755)
"""
_GIT = ("git", "ca-certificates")
_COMPILERS = ("gcc", "g++", "make", "pkg-config", "python3-dev", *_GIT)


class Workshop:
    """A running container with uv in it; made by `opened`."""

    def __init__(self, container: Container, resolver: Resolver) -> None:
        self._container = container
        self._resolver = resolver
        self._installed = frozenset[str]()

    def run(self, argv: Sequence[str], *, what: str) -> str:
        """Run a command to its end; its stdout. Raises InputUnavailable saying `what` failed."""
        done = self._container.execute(tuple(argv), environment=self._environment(), user="0:0")
        if done.code != 0:
            raise InputUnavailable(f"{what}:\n{_ending(done.stderr)}")
        return done.stdout.decode("utf-8", "replace")

    def _environment(self) -> dict[str, str]:
        return {
            "SOURCE_DATE_EPOCH": str(self._resolver.epoch),
            "CFLAGS": "-g0",  # debug information would name a random temporary folder
            "UV_NO_CONFIG": "1",
            "UV_PYTHON_PREFERENCE": "only-system",
            "UV_PYTHON_DOWNLOADS": "never",
            "DEBIAN_FRONTEND": "noninteractive",
            "GIT_TERMINAL_PROMPT": "0",
        }

    def fetch(self, source: Source, target: str) -> None:
        """Put a file that an index offers into the container. It is downloaded on this machine,
        which has the logins of indexes."""
        folder, _, name = target.rpartition("/")
        self.run(("mkdir", "-p", folder), what=f"{folder} cannot be made")
        artifact = self._resolver.download(source.url, f"sources/{name}", sha256=source.sha256)
        with tempfile.TemporaryDirectory(prefix="reprokit-source-") as temporary:
            content, packed = Path(temporary) / "content", Path(temporary) / "packed"
            self._resolver.place(artifact, content)
            with tarfile.open(packed, "w") as archive:
                archive.add(content, name)
            with packed.open("rb") as file:
                self._container.write(folder, iter(lambda: file.read(1024 * 1024), b""))

    def write(self, path: str, text: str) -> None:
        """A text file inside the container."""
        folder, _, name = path.rpartition("/")
        self.run(("mkdir", "-p", folder), what=f"{folder} cannot be made")
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            content = text.encode()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        self._container.write(folder, buffer.getvalue())

    def install_compilers(self) -> None:
        """What building wheels usually takes, from the base's distribution."""
        self._install(_COMPILERS)

    def install_git(self) -> None:
        """What cloning a repository takes."""
        self._install(_GIT)

    def _install(self, packages: tuple[str, ...]) -> None:
        if self._installed.issuperset(packages):
            return
        self._resolver.reporter.message(
            f"installing {', '.join(packages)} in the resolver's container"
        )
        self.run(("apt-get", "update"), what="the distribution's package list cannot be had")
        install = ("apt-get", "install", "--yes", "--no-install-recommends", *packages)
        self.run(install, what=f"{', '.join(packages)} cannot be installed")
        self._installed |= set(packages)

    def wheel(self, package: Resolved) -> Artifact:
        """Build and keep a package's wheel. Raises InputUnavailable with the build's own words."""
        assert package.source is not None
        self._resolver.reporter.message(f"building a wheel of {package.name}")
        folder = f"/tmp/reprokit/{package.name}"
        place = self._sources(package.source, folder)
        build = (
            *(UV, "build", "--wheel", "--python", "python3", "--out-dir", f"{folder}/out"),
            *("--exclude-newer", moment(self._resolver), "--no-progress", place),
        )
        what = (
            f"{package.name} {package.version or ''} has no wheel for this Python and cannot be "
            "built from source"
        )
        try:
            self.run(build, what=what)
        except InputUnavailable:
            if self._installed.issuperset(_COMPILERS):
                raise
            # Most source distributions are pure Python; compilers come only when one is not.
            self.install_compilers()
            self.run(build, what=what)
        return self._kept(f"{folder}/out")

    def _sources(self, source: Source, folder: str) -> str:
        if source.commit is None:
            place = f"{folder}/{source.file}"
            self.fetch(source, place)
            return place
        self.install_git()
        clone = f"{folder}/clone"
        what = f"{source.url} cannot be cloned"
        self.run(("git", "clone", "--quiet", source.url, clone), what=what)
        checkout = ("git", "-C", clone, "checkout", "--quiet", "--detach", source.commit)
        self.run(checkout, what=f"{source.url} has no commit {source.commit}")
        return f"{clone}/{source.subdirectory}" if source.subdirectory else clone

    def _kept(self, folder: str) -> Artifact:
        with tempfile.TemporaryDirectory(prefix="reprokit-wheel-") as temporary:
            archive = Path(temporary) / "out.tar"
            with archive.open("wb") as file:
                for block in self._container.read(folder):
                    file.write(block)
            with tarfile.open(archive) as members:
                for member in members:
                    name = member.name.rpartition("/")[2]
                    content = members.extractfile(member) if member.isfile() else None
                    if content is None or not _is_wheel(name):
                        continue
                    wheel = Path(temporary) / name
                    wheel.write_bytes(content.read())
                    return self._resolver.keep(wheel, f"wheels/{name}", url=None)
        raise InputUnavailable(f"building left no wheel in {folder}")


def _ending(output: bytes) -> str:
    """The last lines of what a program said; a compiler's single line can fill a screen."""
    lines = output.decode("utf-8", "replace").strip().splitlines()
    said = [line for line in lines if not line.startswith("hint:") and line.strip()]
    return "\n".join(line if len(line) <= 300 else f"{line[:200]} …" for line in said[-12:])


def _is_wheel(name: str) -> bool:
    try:
        parse_wheel_filename(name)
    except InvalidWheelFilename:
        return False
    return True


def moment(resolver: Resolver) -> str:
    """The end of the lock's day, in UTC: a bare date would mean this machine's time zone."""
    return f"{resolver.date.day}T23:59:59Z"


@contextmanager
def opened(resolver: Resolver, uv: Source) -> Iterator[Workshop]:
    """A workshop with uv in it."""
    with resolver.workshop() as container:
        workshop = Workshop(container, resolver)
        wheel = "/tmp/reprokit/uv.whl"
        workshop.fetch(uv, wheel)
        unpack = ("python3", "-c", _UNPACK_UV, wheel, UV)
        workshop.run(unpack, what="uv cannot be unpacked")
        yield workshop
