"""The powers of the lock phase, on a real engine: containers of the pinned base, uv, the store."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reprokit import process
from reprokit.credentials import Credentials
from reprokit.download import Download
from reprokit.engines.protocol import Container
from reprokit.errors import InputUnavailable
from reprokit.mirrors import canonical_url
from reprokit.model import Artifact, DateChoice, Image, Lock, LockedBase, SystemPackage
from reprokit.phases import build as building
from reprokit.phases.fetch import fetch, using
from reprokit.phases.render import render_toolbox
from reprokit.powers import Powers
from reprokit.printable import redacted
from reprokit.progress import Reporter
from reprokit.project import Project
from reprokit.resolver_container import started, started_alone
from reprokit.resolving import Catalogue
from reprokit.site import Site, python_environment, trusted_bundle
from reprokit.system_packages import AptCatalogue


class LazyCatalogue:
    """Starts a container of the base only when somebody asks what the distribution offers."""

    def __init__(self, stack: ExitStack, base: LockedBase, powers: Powers) -> None:
        self._stack, self._base, self._powers = stack, base, powers
        self._started: AptCatalogue | None = None

    def versions(self, names: Iterable[str]) -> Mapping[str, str]:
        wanted = tuple(names)
        return self.apt().versions(wanted) if wanted else {}

    def apt(self) -> AptCatalogue:
        if self._started is None:
            container = self._stack.enter_context(
                started(self._powers.engine, self._base.reference, self._powers.site)
            )
            self._started = AptCatalogue(container, self._powers.site)
        return self._started


@dataclass(kw_only=True)
class LockResolver:
    """The `Resolver` of reprokit.resolving."""

    project: Project
    lock: Lock
    powers: Powers
    catalogue: Catalogue
    system: tuple[SystemPackage, ...] = ()
    _toolbox: list[str] = field(default_factory=list)

    @property
    def base(self) -> LockedBase:
        return self.lock.base

    @property
    def platform(self) -> str:
        return self.lock.platform

    @property
    def date(self) -> DateChoice:
        return self.lock.date

    @property
    def epoch(self) -> int:
        return self.lock.epoch

    @property
    def site(self) -> Site:
        return self.powers.site

    @property
    def reporter(self) -> Reporter:
        return self.powers.reporter

    def uv(self, argv: Sequence[str], *, folder: Path | None = None) -> str:
        import uv

        environment = {**resolver_environment_of_host(self.site), "UV_NO_CONFIG": "1"}
        try:
            done = process.run(
                [uv.find_uv_bin(), *argv], folder=folder, environment=environment, timeout=900
            )
        except process.ProcessFailed as error:
            raise InputUnavailable(error.completed.stderr.strip()) from error
        return done.stdout

    @contextmanager
    def workshop(self, *, project: bool = False, network: bool = True) -> Iterator[Container]:
        if not self._toolbox:
            self._toolbox.append(self._build_toolbox())
        start = started if network else started_alone
        with start(self.powers.engine, self._toolbox[0], self.site) as container:
            if project:
                container.execute(("mkdir", "-p", "/build"))
                container.write("/build", project_archive(self.project, self.epoch))
            yield container

    def _build_toolbox(self) -> str:
        self.reporter.message("preparing a container with the system packages")
        packages = (*self.lock.system, *self.lock.build_system)
        artifacts = tuple(a for package in packages for a in package.artifacts)
        prepared = building.prepare(
            render_toolbox(self.lock), {}, self.project.root, "toolbox", self.epoch
        )
        if self.powers.engine.image(prepared.tag) is not None:
            return prepared.tag

        def work() -> Image:
            return building.build(
                prepared,
                self.project.root / ".toolbox",
                self.powers.engine,
                self.powers.store,
                self.reporter,
                epoch=self.epoch,
                target="build",
            )

        using(
            lambda: fetch(artifacts, self.powers.store, self.site, self.reporter),
            self.reporter,
            work,
        )
        return prepared.tag

    def keep(self, content: Path, path: str, *, url: str | None) -> Artifact:
        size = content.stat().st_size
        return Artifact(path=path, sha256=self.powers.store.add(content), size=size, url=url)

    def place(self, artifact: Artifact, target: Path) -> None:
        store = self.powers.store
        using(
            lambda: fetch((artifact,), store, self.site, self.reporter),
            self.reporter,
            lambda: store.place(artifact.sha256, target),
        )

    def download(self, url: str, path: str, *, sha256: str | None = None) -> Artifact:
        public = canonical_url(url, self.site)
        if sha256 is not None and self.powers.store.holds(sha256):
            size = self.powers.store.path(sha256).stat().st_size
            return Artifact(path=path, sha256=sha256, size=size, url=public)
        digest, size = Download(self.powers.store, self.site, self.reporter).file(url)
        if sha256 is not None and digest != sha256:
            raise InputUnavailable(f"has {digest} instead of {sha256}", where=redacted(url))
        return Artifact(path=path, sha256=digest, size=size, url=public)


def resolver_environment_of_host(site: Site) -> dict[str, str]:
    """Environment for programs of ours on the host that reach the network."""
    # .netrc is read by uv itself.
    known = Credentials(site.logins)
    environment = {**dict(site.proxies), **python_environment(site, known.asked)}
    if shutil.which("keyring") is not None:
        environment["UV_KEYRING_PROVIDER"] = "subprocess"
    bundle = trusted_bundle(site)
    if bundle is not None:
        environment["SSL_CERT_FILE"] = str(bundle)
    return environment


def project_archive(project: Project, epoch: int) -> bytes:
    """The project's files as a tar, for a resolver container; data and secrets are left out."""
    import io
    import tarfile

    from reprokit.phases.exclusions import is_secret

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in project.files:
            place = project.path(path)
            if is_secret(path) or place.stat().st_size > 10_000_000:
                continue
            member = tarfile.TarInfo(path)
            content = place.read_bytes()
            member.size, member.mtime = len(content), epoch
            member.mode = 0o755 if place.stat().st_mode & 0o100 else 0o644
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
