"""Building images through the engine's own command: the API has no BuildKit."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from functools import lru_cache
from pathlib import Path

from reprokit import process
from reprokit.engines import bound, podman
from reprokit.engines.confinement import Flavour
from reprokit.engines.protocol import BuildRequest
from reprokit.engines.translating import DISK_FULL, disk_full
from reprokit.errors import BuildFailed, NoEngine, ReprokitError
from reprokit.frozen import frozen
from reprokit.model import Argv

_SHOWN_LINES = 30
_NO_ENGINE = re.compile(
    r"cannot connect to the docker daemon|unable to connect to podman", re.IGNORECASE
)
_PLACE = re.compile(r"(?P<file>[^\s:]*Dockerfile[^\s:]*):(?P<line>\d+)")
_NOISE = re.compile(
    r"#\d+ (?:sha256:[0-9a-f]{64}|DONE .*|CACHED|transferring .*)|--> .*|STEP .*: ARG REPROKIT_.*"
)
_STEP = re.compile(r"> \[[^\]]*?\d+/\d+\] (?P<text>.+?):?")
_BUILDAH_STEP = re.compile(r"(?:\[\d+/\d+\] )?STEP \d+/\d+: (?P<text>.+)")
_OLD_CLIENT = re.compile(r"Docker version (\d+)\.")


@frozen
class Address:
    """The engine a build goes to."""

    url: str
    flavour: Flavour
    certificates: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@frozen
class Builder:
    """A command that builds: its first words, and the environment it needs."""

    name: str
    argv: Argv
    environment: tuple[tuple[str, str], ...]


def builder_name(address: Address) -> str:
    """The builder's name: buildkit, buildah, or classic where no command here has BuildKit."""
    try:
        return _builder(address).name
    except NoEngine:
        return "classic"


def run(request: BuildRequest, address: Address, on_line: Callable[[str], None]) -> None:
    """Build and tag an image; each line of the build's output goes to `on_line`.

    Stopping (any exception out of `on_line`, Ctrl-C) stops the build too.
    Raises BuildFailed with the last lines, StorageFailed for a full disk, NoEngine.
    """
    builder = _builder(address)
    with _dockerfile(request, builder) as dockerfile:
        argv = command(request, builder, dockerfile)
        try:
            # A buildah that is stopped itself leaves the step's program running.
            process.stream(
                argv,
                on_line,
                environment=dict(builder.environment),
                children_first=builder.name == "buildah",
            )
        except process.ProcessFailed as error:
            raise failure(error.completed.stdout, request) from error


@contextmanager
def _dockerfile(request: BuildRequest, builder: Builder) -> Iterator[Path]:
    """The Dockerfile to hand to the builder: the request's own, or a completed copy of it."""
    own = request.context / request.dockerfile
    if builder.name != "buildah":
        yield own
        return
    text = own.read_text(encoding="utf-8", errors="surrogateescape")
    with tempfile.TemporaryDirectory(prefix="reprokit-build-") as folder:
        copy = Path(folder) / "Dockerfile"
        completed = bound.with_digests(text, request.context)
        copy.write_text(completed, encoding="utf-8", errors="surrogateescape")
        yield copy


def command(request: BuildRequest, builder: Builder, dockerfile: Path) -> Argv:
    """The whole command of a build."""
    argv = [*builder.argv, "--network", "default" if request.network else "none"]
    argv += ["--file", str(dockerfile), "--tag", request.tag]
    for name, value in sorted(request.arguments.items()):
        argv += ["--build-arg", f"{name}={value}"]
    if request.target is not None:
        argv += ["--target", request.target]
    if request.no_cache:
        argv.append("--no-cache")
    if builder.name == "buildah":
        epoch = request.arguments.get("SOURCE_DATE_EPOCH")
        argv += ["--timestamp", epoch] if epoch else []
    return (*argv, str(request.context))


def failure(output: str, request: BuildRequest) -> ReprokitError:
    """What a failed build's output means."""
    lines = [line for line in output.splitlines() if line.strip() and not _NOISE.fullmatch(line)]
    tail = "\n".join(lines[-_SHOWN_LINES:])
    if DISK_FULL.search(tail):
        return disk_full("build")
    if _NO_ENGINE.search(tail):
        return NoEngine("the engine stopped answering during the build", next="`reprokit doctor`")
    step = _failing_step(lines)
    what = "the image could not be built" + (f": {step}" if step else "")
    return BuildFailed(
        what, where=_place(lines, step, request), next="the last lines were:\n" + tail
    )


def _failing_step(lines: list[str]) -> str | None:
    for line in reversed(lines):
        match = _STEP.fullmatch(line.strip()) or _BUILDAH_STEP.fullmatch(line.strip())
        if match is not None:
            return match.group("text")
    return None


def _place(lines: list[str], step: str | None, request: BuildRequest) -> str:
    file = request.context / request.dockerfile
    for line in reversed(lines):
        match = _PLACE.fullmatch(line.strip())
        if match is not None:
            return f"{file}:{match.group('line')}"
    number = _line_of(step, file) if step else None
    return str(file) if number is None else f"{file}:{number}"


def _line_of(step: str, dockerfile: Path) -> int | None:
    """Old builders do not say in which line a step begins."""
    try:
        text = dockerfile.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    for number, line in enumerate(text.splitlines(), start=1):
        beginning = line.rstrip(" \\")
        if len(beginning) > 3 and step.startswith(beginning):
            return number
    return None


def _builder(address: Address) -> Builder:
    found = _find(address.flavour, address.url, tuple(sorted(address.environment.items())))
    if address.certificates is None or found.name != "buildkit":
        return found
    tls = (("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", str(address.certificates)))
    return Builder(name=found.name, argv=found.argv, environment=(*found.environment, *tls))


@lru_cache
def _find(flavour: Flavour, url: str, environment: tuple[tuple[str, str], ...]) -> Builder:
    if flavour == "podman":
        return _buildah(url, environment)
    common = (
        *environment,
        ("DOCKER_HOST", url),
        # A user's context may be another one, or gone; DOCKER_BUILDKIT=0 asks for the builder that
        # has no mounts.
        ("DOCKER_CONTEXT", "default"),
        ("DOCKER_BUILDKIT", "1"),
    )
    unfit = []
    for client in _on_path("docker"):
        # Podman answers to the name docker too, and to some of its commands.
        if "docker/buildx" in _said([client, "buildx", "version"], common):
            # The builder named default is the engine itself, which knows the local images.
            words = "buildx build --builder default --load --progress plain --provenance=false"
            return Builder(name="buildkit", argv=(client, *words.split()), environment=common)
        version = _said([client, "--version"], common)
        match = _OLD_CLIENT.match(version)
        if match is not None and 19 <= int(match.group(1)) < 23:
            plain = (client, "build", "--progress", "plain")
            return Builder(name="buildkit", argv=plain, environment=common)
        why = "is too old" if match is not None and int(match.group(1)) < 19 else "lacks buildx"
        unfit.append(f"{client} {why if match is not None else 'is another program'}")
    raise NoEngine(
        "no docker command with BuildKit was found, which builds need (the classic builder cannot "
        "mount vendor/)" + "".join(f"\n    {text}" for text in unfit),
        next="install the buildx plugin (package docker-buildx or docker-buildx-plugin); "
        "`reprokit doctor` says more",
    )


def _buildah(url: str, environment: tuple[tuple[str, str], ...]) -> Builder:
    client = shutil.which("podman")
    if client is None:
        raise NoEngine(
            "the podman command was not found, which builds need",
            next="install Podman (package podman)",
        )
    options = ("build", "--layers", "--format", "oci", "--pull=never", "--identity-label=false")
    # A remote build copies the whole context to the engine first: only where it must be so, that
    # is where the engine is elsewhere, or may have settings that the command line lacks.
    same_settings = bool(environment) or not podman.settings_for_this_machine()
    if url.startswith("unix://") and same_settings and _same_storage(client, url, environment):
        return Builder(name="buildah", argv=(client, *options), environment=environment)
    argv = (client, "--remote", "--url", url, *options)
    return Builder(name="buildah", argv=argv, environment=environment)


def _same_storage(client: str, url: str, environment: tuple[tuple[str, str], ...]) -> bool:
    question = ["info", "--format", "{{.Store.GraphRoot}} {{.Store.RunRoot}}"]
    own = _said([client, *question], environment)
    return own != "" and own == _said([client, "--remote", "--url", url, *question], environment)


def _on_path(program: str) -> Iterator[str]:
    seen = set()
    for folder in os.get_exec_path():
        found = shutil.which(program, path=folder)
        if found is not None and (real := os.path.realpath(found)) not in seen:
            seen.add(real)
            yield found


def _said(argv: list[str], environment: tuple[tuple[str, str], ...] = ()) -> str:
    done = process.run(argv, check=False, timeout=20, environment=dict(environment))
    return done.stdout.strip() if done.returncode == 0 else ""
