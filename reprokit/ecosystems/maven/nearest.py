"""Versions of libraries that no repository has: for a loose project, the nearest one there is.

Maven's own version ranges find it. It is put into the local repository in the place of the version
that is asked for, so that no pom.xml is changed; what it is stands in the lock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from reprokit.ecosystems.maven.repository import order
from reprokit.engines.protocol import Container
from reprokit.frozen import frozen
from reprokit.model import Argv

GET = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:get"
_VERSION = re.compile(r"(?P<major>\d+)(?:\.(?P<minor>\d+))?[\w.+-]*")
_COORDINATE = re.compile(r"[A-Za-z0-9_][\w.-]*")


@frozen
class Substitute:
    """A library in version `taken` in the place of `wanted`. printed: what Maven said."""

    group: str
    artifact: str
    wanted: str
    taken: str
    printed: str

    @property
    def name(self) -> str:
        return f"{self.group}:{self.artifact}"

    def folder(self, version: str) -> str:
        """Where a version lies in a repository."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{version}"

    def original(self, path: str) -> str | None:
        """The path of the file that lies at `path` in its place; `None` for any other file."""
        inside = f"{self.folder(self.wanted)}/{self.artifact}-{self.wanted}"
        if not path.startswith(inside):
            return None
        return f"{self.folder(self.taken)}/{self.artifact}-{self.taken}{path.removeprefix(inside)}"


def ranges(version: str) -> Iterator[str]:
    """Where to look, nearest first: the same series, then the same major version. Another major
    version is another library."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return
    major = int(found["major"])
    if found["minor"] is not None:
        yield f"[{major}.{found['minor']},{major}.{int(found['minor']) + 1})"
    yield f"[{major},{major + 1})"


def put(
    missing: Mapping[str, str], workshop: Container, repository: str, options: Argv
) -> Substitute | None:
    """Put the nearest version of a missing library (its `group`, `artifact`, `version`) into the
    local repository in its place. `None` where there is none."""
    group, artifact, version = missing["group"], missing["artifact"], missing["version"]
    if not all(map(_COORDINATE.fullmatch, (group, artifact, version))):
        return None
    for span in ranges(version):
        wanted = f"-Dartifact={group}:{artifact}:{span}"
        done = workshop.execute(("mvn", "-B", *options, GET, wanted), folder="/tmp")
        printed = (done.stdout + done.stderr).decode("utf-8", "replace")
        taken = _newest(workshop, f"{repository}/{group.replace('.', '/')}/{artifact}", span)
        if done.code == 0 and taken is not None:
            found = Substitute(
                group=group, artifact=artifact, wanted=version, taken=taken, printed=printed
            )
            _copy(found, workshop, repository)
            return found
    return None


def _newest(workshop: Container, folder: str, span: str) -> str | None:
    """The newest version whose jar or pom was fetched, within a range."""
    low, high = (order(end) for end in span.strip("[)").split(","))
    files = _listed(workshop, folder, ("-name", "*.pom"))
    versions = {path.split("/")[0] for path in files if _COORDINATE.fullmatch(path.split("/")[0])}
    inside = [v for v in versions if low[:-1] <= order(v) and order(v) < high]
    return max(inside, key=order, default=None)


def _copy(found: Substitute, workshop: Container, repository: str) -> None:
    source = f"{repository}/{found.folder(found.taken)}"
    target = f"{repository}/{found.folder(found.wanted)}"
    # What is left there is the note that the version was not found.
    workshop.execute(("rm", "-rf", target))
    workshop.execute(("mkdir", "-p", target))
    for path in _listed(workshop, source, ("-type", "f")):
        start = f"{found.artifact}-{found.taken}"
        if path.startswith(start) and "/" not in path:
            other = f"{found.artifact}-{found.wanted}{path.removeprefix(start)}"
            workshop.execute(("cp", f"{source}/{path}", f"{target}/{other}"))


def _listed(workshop: Container, folder: str, tests: Argv) -> list[str]:
    done = workshop.execute(("find", folder, *tests, "-printf", "%P\\0"))
    return [path for path in done.stdout.decode("utf-8", "replace").split("\0") if path]
