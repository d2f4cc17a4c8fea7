"""Running a project's build once, with the network, to learn all that it needs.

`dependency:go-offline` misses what plugins fetch while they work, so the real build is what
fills the repository. It runs in a container that is thrown away, on a copy of the project.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from reprokit.credentials import Credentials, Login, split
from reprokit.ecosystems import java
from reprokit.ecosystems.maven import explaining, nearest, standing_in
from reprokit.ecosystems.maven.levels import OLDEST_LEVEL
from reprokit.ecosystems.maven.nearest import Substitute
from reprokit.engines.protocol import Container
from reprokit.errors import BuildFailed
from reprokit.model import Argv, Detection, Settings
from reprokit.progress import Reporter
from reprokit.resolving import Resolver
from reprokit.site import Site, java_no_proxy

COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
LOCAL_REPOSITORY = "/tmp/m2"
STAGE = "/tmp/stage"
SETTINGS = "/tmp/reprokit-settings.xml"
_BYPRODUCTS = frozenset(
    {
        "antrun", "apidocs", "archive-tmp", "generated-sources", "generated-test-sources",
        "javadoc-bundle-options", "maven-archiver", "maven-shared-archive-resources",
        "maven-status", "site", "surefire-reports", "test-classes",
    }
)  # fmt: skip
_MOST_SUBSTITUTES = 10
_OUTPUT_NAME = re.compile(r"[\w][\w.+~-]*")
_TOO_OLD = re.compile(r"(?:Source|Target) option [1-7] is no longer supported")


@dataclass(frozen=True, slots=True)
class Built:
    """A build that succeeded: from which sources, for which Java level if Maven has to be told,
    what it left, what Maven printed, and which libraries are in the place of others."""

    sources: tuple[str, ...]
    level: int | None
    outputs: tuple[str, ...]
    printed: str
    substitutes: tuple[Substitute, ...] = ()


def command(settings: Settings, root: str, level: int | None, epoch: int, *options: str) -> Argv:
    """The build of one root project: its jars, and the libraries that they need beside them."""
    stamp = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    argv = ["mvn", "-B", *options]
    if root not in (".", ""):
        argv += ["-f", f"{root}/pom.xml"]
    argv += ["-DskipTests", "-Dmaven.javadoc.skip=true", f"-Dproject.build.outputTimestamp={stamp}"]
    if level is not None:
        argv += [f"-Dmaven.compiler.source={level}", f"-Dmaven.compiler.target={level}"]
    argv += ["package", *standing_in.goals(settings), COPY_DEPENDENCIES, "-DincludeScope=runtime"]
    return java.building(settings, tuple(argv))


def skipping(settings: Settings) -> Argv:
    """Options that leave out plugins which read the git repository: an image holds none."""
    found = settings.get("skip")
    return tuple(f"-D{name}=true" for name in found) if isinstance(found, list) else ()


def build(detection: Detection, workshop: Container, resolver: Resolver) -> Built:
    """Build all root projects, from the sources that seem enough, else from the whole project.

    Raises InputUnavailable that names the pom.xml line for what no repository has, BuildFailed for
    everything else.
    """
    _put_settings(workshop, resolver.site)
    sources = tuple(str(path) for path in _list(detection, "sources"))
    _must(workshop, ("mkdir", "-p", STAGE))
    # The names come from the project: `--` and a leading ./ keep them from being options.
    _must(
        workshop,
        ("cp", "-a", "--parents", "--", *(f"./{path}" for path in sources), STAGE),
        folder="/build",
    )
    asked = detection.settings.get("level")
    level = asked if isinstance(asked, int) else None
    folder, printed, failure = STAGE, "", None
    substitutes: list[Substitute] = []
    for folder in (STAGE, "/build"):
        if failure is not None:
            resolver.reporter.message("the build needs more files: trying with the whole project")
        failed, text = _build_all(detection, workshop, resolver, folder, level)
        if failed and level is None and _TOO_OLD.search(text):
            resolver.reporter.message(f"no pom.xml says which Java: trying Java {OLDEST_LEVEL}")
            level = OLDEST_LEVEL
            failed, text = _build_all(detection, workshop, resolver, folder, level)
        printed += text
        while failed and resolver.project.loose and len(substitutes) < _MOST_SUBSTITUTES:
            missing = explaining.missing_library(text)
            options = (f"-Dmaven.repo.local={LOCAL_REPOSITORY}", "-s", SETTINGS)
            near = missing and nearest.put(missing, workshop, LOCAL_REPOSITORY, options)
            if not near:
                break
            substitutes.append(near)
            failed, text = _build_all(detection, workshop, resolver, folder, level)
            printed += near.printed + text
        downloaded = explaining.downloads(text, resolver.project)
        if downloaded is not None:
            raise downloaded
        if not failed:
            found = tuple(_outputs(detection, workshop, folder))
            kept = sources if folder == STAGE else ()
            return Built(kept, level, found, printed, tuple(substitutes))
        failure = explaining.explained(text, resolver.project)
        if not isinstance(failure, BuildFailed):
            break
    assert failure is not None
    raise failure


def _build_all(
    detection: Detection, workshop: Container, resolver: Resolver, folder: str, level: int | None
) -> tuple[bool, str]:
    texts = []
    for root in _list(detection, "roots"):
        argv = command(
            detection.settings,
            str(root),
            level,
            resolver.epoch,
            *skipping(detection.settings),
            f"-Dmaven.repo.local={LOCAL_REPOSITORY}",
            "-s",
            SETTINGS,
        )
        log = _Log(resolver.reporter)
        done = workshop.execute(argv, folder=folder, on_output=log.take)
        texts.append((done.stdout + done.stderr).decode("utf-8", "replace") or log.text())
        if done.code != 0:
            return True, "\n".join(texts)
    return False, "\n".join(texts)


class _Log:
    """Hands whole lines to the reporter as they come."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter, self._all, self._rest = reporter, bytearray(), b""

    def take(self, chunk: bytes) -> None:
        self._all += chunk
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._reporter.log(line.decode("utf-8", "replace").rstrip("\r"))

    def text(self) -> str:
        return self._all.decode("utf-8", "replace")


def _put_settings(workshop: Container, site: Site) -> None:
    """Settings of ours, so that those of the base or its user have no say."""
    content = settings(site, Credentials(site.logins)).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(SETTINGS.rpartition("/")[2])
        member.size, member.mode = len(content), 0o600
        archive.addfile(member, io.BytesIO(content))
    workshop.write(SETTINGS.rpartition("/")[0], buffer.getvalue())


def settings(site: Site, credentials: Credentials) -> str:
    """A settings.xml with the site's mirror of Central and the proxies that want a password."""
    found = ""
    if site.maven_mirror is not None:
        # Under the id "central" the files are the same as those from Central itself.
        found += (
            "<mirrors><mirror><id>central</id><mirrorOf>central</mirrorOf>"
            f"<url>{escape(site.maven_mirror)}</url></mirror></mirrors>"
        )
        login = credentials.asked(site.maven_mirror)
        if login is not None:
            found += f"<servers><server><id>central</id>{_login(login)}</server></servers>"
    return f"<settings>{found}{_proxies(site)}</settings>\n"


def _login(login: Login) -> str:
    return (
        f"<username>{escape(login.user)}</username>"
        f"<password>{escape(login.password or '')}</password>"
    )


def _proxies(site: Site) -> str:
    """Java has no property for a proxy's password; those of its other settings suffice else."""
    found = ""
    for name, url in site.proxies:
        plain, login = split(url)
        parts = urlsplit(plain)
        if login is None or name not in ("http_proxy", "https_proxy"):
            continue
        found += (
            f"<proxy><id>{name}</id><protocol>{name.removesuffix('_proxy')}</protocol>"
            f"<host>{escape(parts.hostname or '')}</host><port>{parts.port or 80}</port>"
            f"{_login(login)}<nonProxyHosts>{escape(java_no_proxy(site))}</nonProxyHosts></proxy>"
        )
    return f"<proxies>{found}</proxies>" if found else ""


def _outputs(detection: Detection, workshop: Container, folder: str) -> Iterable[str]:
    """What a program may need of each target/ folder: jars, classes, folders of libraries."""
    for module in _list(detection, "modules"):
        target = "target" if module in (".", "") else f"{module}/target"
        done = workshop.execute(
            ("find", f"./{target}", "-mindepth", "1", "-maxdepth", "1", "-printf", "%y/%f\\0"),
            folder=folder,
        )
        for entry in sorted(done.stdout.decode("utf-8", "replace").split("\0")):
            kind, _, name = entry.partition("/")
            if not _OUTPUT_NAME.fullmatch(name) or name in _BYPRODUCTS:
                continue
            if kind == "d" or (kind == "f" and _is_program(name)):
                yield f"{target}/{name}"


def _is_program(name: str) -> bool:
    return (
        name.endswith(".jar")
        and not name.startswith("original-")
        and not name.endswith(("-sources.jar", "-javadoc.jar", "-tests.jar"))
    )


def _list(detection: Detection, key: str) -> list[object]:
    found = detection.settings.get(key)
    return list(found) if isinstance(found, list) else []


def _must(workshop: Container, argv: Argv, folder: str | None = None) -> None:
    done = workshop.execute(argv, folder=folder)
    if done.code != 0:
        raise BuildFailed(done.stderr.decode("utf-8", "replace").strip(), where=" ".join(argv[:2]))
