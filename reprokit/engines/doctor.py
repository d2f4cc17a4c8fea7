"""Is everything here that a run needs? And putting right what can be put right."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from reprokit import folders, site, site_files
from reprokit.engines import connect, start
from reprokit.engines.protocol import EngineInformation
from reprokit.errors import (
    InputUnavailable,
    NamedEngineSilent,
    NoEngine,
    NoPermission,
    ReprokitError,
    StorageFailed,
)
from reprokit.frozen import frozen
from reprokit.model import JSON
from reprokit.printable import redacted
from reprokit.progress import Reporter
from reprokit.web import plain_reason

Level = Literal["good", "warning", "bad"]

LEAST_SPACE = 5 * 1024**3
"""Bytes; a base, an environment and their build cache take 1 to 4 GB."""
NO_SPACE = 512 * 1024**2
"""Bytes; not even a base and its packages fit into less."""
PATIENCE = 3.0
"""Seconds that a registry or index has to answer."""
HUB_PROBE = "python:3.11-slim"
_KINDS: dict[str, type[ReprokitError]] = {"bases": InputUnavailable, "disk": StorageFailed}
_MARKS: dict[Level, str] = {"good": "ok", "warning": "!", "bad": "x"}


@frozen
class Check:
    """One thing that was looked at. `next` says what to do where it is not good; `fixable` whether
    `reprokit doctor --fix` may do it."""

    name: str
    level: Level
    text: str
    next: str | None = None
    fixable: bool = False

    def json(self) -> JSON:
        return {
            "name": self.name,
            "level": self.level,
            "text": self.text,
            "next": self.next,
            "fixable": self.fixable,
        }


@frozen
class Report:
    """What was found. `engine` is `None` where none answers."""

    checks: tuple[Check, ...]
    engine: EngineInformation | None

    @property
    def failure(self) -> ReprokitError | None:
        """The error that a run would meet, for the exit code; `None` where it could go on."""
        for check in self.checks:
            if check.level == "bad":
                kind = _KINDS.get(check.name, NoEngine)
                return kind(check.text, next=check.next)
        return None

    def json(self) -> JSON:
        """For programs."""
        facts = self.engine
        engine: JSON = None
        if facts is not None:
            engine = {
                "name": facts.name,
                "version": facts.version,
                "api": facts.api,
                "platform": facts.platform,
                "rootless": facts.rootless,
                "builder": facts.builder,
                "socket": facts.socket,
            }
        return {"engine": engine, "checks": [check.json() for check in self.checks]}

    def text(self) -> str:
        """For people: a line a check, and below it what to do."""
        width = max(len(check.name) for check in self.checks)
        lines = []
        for check in self.checks:
            lines.append(f"{_MARKS[check.level]:2} {check.name:{width}}  {check.text}")
            if check.level != "good" and check.next:
                lines.append(f"{'':{width + 5}}{check.next}")
        if any(check.fixable and check.level != "good" for check in self.checks):
            lines.append("\n`reprokit doctor --fix` can put this right.")
        return "\n".join(lines)


def examine() -> Report:
    """Look at the engine, its builder, the disk, the base images and the network. Changes nothing.

    Takes about a second, a few where packets are dropped.
    """
    settings = site_files.completed(site.load(), lambda text: None)
    with ThreadPoolExecutor(max_workers=8) as pool:
        network = [pool.submit(_source, name, url, settings) for name, url in _sources(settings)]
        engine, engine_checks, registry, storage = _engine()
        checks = [*engine_checks, *_spaces(folders.store(), storage)]
        bases = _bases(registry)
        checks += [_registry(registry), _mmdebstrap(), bases] if bases else []
        checks.append(_certificates(settings))
        checks += [waiting.result() for waiting in network]
    return Report(checks=tuple(checks), engine=engine)


def fix(reporter: Reporter) -> None:
    """Install and start what is missing, as far as this machine lets us.

    Uses apt-get, as root or through sudo; whatever already works stays as it is.
    Raises NoEngine with what remains to be done by hand.
    """
    say: Callable[[str], None] = reporter.message
    try:
        with connect.connect() as engine:
            builder = engine.information().builder
            name = engine.name
    except NamedEngineSilent:
        raise
    except NoEngine:
        start.ensure(None, say)
        return
    wanted = [] if shutil.which("mmdebstrap") else list(start.DEBIAN_BASE_PACKAGES)
    if builder == "classic":
        plugin = start.available(["docker-buildx"]) if name == "docker" else ("podman",)
        wanted += plugin or start.available(["docker.io"])
    if wanted:
        start.install(wanted, say)


# -- the checks ---------------------------------------------------------------------------------

Registry = Literal["answers", "silent"] | None


def _engine() -> tuple[EngineInformation | None, list[Check], Registry, Path | None]:
    try:
        with connect.connect() as engine:
            facts, storage = engine.information(), engine.storage()
            registry = _asked(lambda: engine.registry_digest(HUB_PROBE, timeout=PATIENCE))
    except ReprokitError as error:
        check = Check(
            name="engine",
            level="bad",
            text=error.what,
            next=_without_doctor(error.next),
            # Who may use an engine is for its owner to say, which one is meant for the user.
            fixable=isinstance(error, NoEngine)
            and not isinstance(error, NoPermission | NamedEngineSilent),
        )
        return None, [check], None, None
    rootless = ", without root" if facts.rootless else ""
    text = f"{facts.name} {facts.version}{rootless} ({facts.platform}) at {facts.socket}"
    return (
        facts,
        [Check(name="engine", level="good", text=text), _builder(facts)],
        registry,
        storage,
    )


def _without_doctor(advice: str | None) -> str | None:
    """This is the doctor already."""
    return advice if advice is None or "`reprokit doctor" not in advice else advice.split(";")[0]


def _builder(facts: EngineInformation) -> Check:
    if facts.builder != "classic":
        return Check(name="builder", level="good", text=facts.builder)
    return Check(
        name="builder",
        level="bad",
        text="no command on this machine can build with BuildKit",
        next="install the buildx plugin (package docker-buildx or docker-buildx-plugin)",
        fixable=True,
    )


def _asked(question: Callable[[], str | None]) -> Registry:
    try:
        question()
    except ReprokitError:
        return "silent"
    return "answers"


def _registry(registry: Registry) -> Check:
    if registry == "answers":
        return Check(name="registry", level="good", text="Docker Hub or a mirror of it answers")
    return Check(
        name="registry",
        level="warning",
        text=f"no registry answers the engine within {PATIENCE:g} s",
        next="without one, bases come from Debian's packages (family debian)",
    )


def _mmdebstrap() -> Check:
    if shutil.which("mmdebstrap") is not None:
        return Check(name="mmdebstrap", level="good", text="makes bases from Debian's packages")
    return Check(
        name="mmdebstrap",
        level="warning",
        text="is not installed, so no base can be made from Debian's packages",
        next="apt-get install mmdebstrap debian-archive-keyring",
        fixable=shutil.which("apt-get") is not None,
    )


def _bases(registry: Registry) -> Check | None:
    if registry is None:
        return None
    if registry == "answers" or shutil.which("mmdebstrap") is not None:
        return Check(name="bases", level="good", text="base images can be had")
    return Check(
        name="bases",
        level="bad",
        text="no base image can be had: no registry answers and mmdebstrap is missing",
        next="apt-get install mmdebstrap debian-archive-keyring",
        fixable=shutil.which("apt-get") is not None,
    )


def _spaces(store: Path, storage: Path | None) -> list[Check]:
    """The disks that downloads and images go to; one check where both go to the same."""
    place = next(parent for parent in (store, *store.parents) if parent.exists())
    if storage is None:
        return [_space(place, "downloads and build contexts")]
    if storage.stat().st_dev == place.stat().st_dev:
        return [_space(place, "downloads and images")]
    return [
        _space(place, "downloads and build contexts"),
        _space(storage, "the engine's images"),
    ]


def _space(place: Path, what: str) -> Check:
    free = shutil.disk_usage(place).free
    shown = f"{free / 1024**3:.0f} GiB" if free >= LEAST_SPACE else f"{free / 1024**2:.0f} MiB"
    text = f"{shown} free for {what} ({place})"
    if free >= LEAST_SPACE:
        return Check(name="disk", level="good", text=text)
    return Check(
        name="disk",
        level="warning" if free >= NO_SPACE else "bad",
        text=text,
        next="an environment and its base take 1 to 4 GB; `reprokit clean` removes old runs and "
        "images",
    )


def _certificates(settings: site.Site) -> Check:
    bundle = site.trusted_bundle(settings)
    if bundle is None:
        return Check(
            name="certificates",
            level="warning",
            text="this machine has no bundle of certificates",
            next="install ca-certificates, or name a bundle in site.toml",
        )
    if not bundle.is_file():
        return Check(
            name="certificates",
            level="warning",
            text=f"{bundle} does not exist",
            next="correct `certificates` in site.toml, or SSL_CERT_FILE",
        )
    return Check(name="certificates", level="good", text=str(bundle))


def _sources(settings: site.Site) -> list[tuple[str, str]]:
    """Where packages come from, by what they are for."""
    return [
        ("Python", settings.python_index or "https://pypi.org/simple"),
        ("Maven", settings.maven_mirror or "https://repo.maven.apache.org/maven2"),
        ("R", settings.cran_mirror or "https://cloud.r-project.org"),
        ("Debian", settings.debian_mirror or site.DEBIAN),
        ("Ubuntu", settings.ubuntu_mirror or site.UBUNTU),
    ]


def _source(name: str, url: str, settings: site.Site) -> Check:
    """Ask a server as a lock would, through the proxy and with the certificates."""
    import requests

    from reprokit.http_session import SiteSession

    session = SiteSession(settings)
    proxy = session.proxy_for(url)
    way = "" if proxy is None else f" through the proxy {redacted(proxy)}"
    try:
        with session, session.ask(url, timeout=PATIENCE, method="HEAD") as answer:
            if answer.status_code in (401, 407):
                return Check(
                    name=name,
                    level="warning",
                    text=f"{url} wants a user name and password",
                    next="put them into ~/.netrc or the keyring; a proxy's into its URL",
                )
    except (requests.RequestException, OSError, ValueError) as error:
        untrusted = isinstance(error, requests.exceptions.SSLError)
        advice = "new packages of this kind cannot be locked; site.toml may name a mirror or proxy"
        if untrusted:
            advice = "name your institute's certificates in site.toml (`certificates`)"
        elif proxy is not None:
            advice = "new packages of this kind cannot be locked; correct the proxy (the variables "
            advice += "http_proxy, https_proxy and no_proxy, or [proxies] in site.toml)"
        state = "is not trusted" if untrusted else "does not answer"
        return Check(
            name=name,
            level="warning",
            text=f"{url}{way} {state}: {plain_reason(error)}",
            next=advice,
        )
    return Check(name=name, level="good", text=f"{url} answers{way}")
