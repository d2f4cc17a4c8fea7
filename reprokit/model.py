"""The words of reprokit: every type that one phase hands to the next.

Read it as a glossary, in the order of the data's way: a `Detection` per ecosystem, the `Plan` made
of them, the `Lock` that pins the plan, the `Rendering`s that become a Dockerfile, the `Image` that
is built from it, and the `Outcome` of running that image. All types are frozen; absence is `None`.

Paths that name something inside the project are POSIX strings relative to its root ("data/a.csv"),
so that a lock or a record reads the same on every machine. Digests are written "sha256:<64 hex>".
Sizes are bytes, durations seconds, times UTC in ISO 8601 ending in "+00:00".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal, TypeAlias

from reprokit.frozen import frozen

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"
Settings: TypeAlias = Mapping[str, JSON]
Argv: TypeAlias = tuple[str, ...]


@frozen
class Reason:
    """Why reprokit believes something: the file and line that say so, and a sentence."""

    text: str
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        if self.file is None:
            return self.text
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.text}"


@frozen
class Requirement:
    """One thing a project asks its package manager for, in that manager's own notation.

    `specifier` is what follows the name ("==1.26.4", ">= 1.1", "4.5.0"); empty means any version.
    `marker` is a PEP 508 environment marker. `url` is set for direct references (VCS, archives).
    """

    name: str
    specifier: str = ""
    reason: Reason
    extras: tuple[str, ...] = ()
    marker: str | None = None
    url: str | None = None
    hashes: tuple[str, ...] = ()


@frozen
class Runtime:
    """A language the project needs: "python", "r" or "java", and which versions are acceptable.

    `specifier` is a PEP 440 specifier set over that language's version (">=3.9,<3.12", "==17");
    empty means any. `development`: compiling needs more than running does (a JDK, not a JRE).
    """

    language: str
    specifier: str
    reason: Reason
    development: bool = False


@frozen
class SystemPackage:
    """A package of the base's distribution. `stage` "build" keeps it out of the final image."""

    name: str
    reason: Reason
    stage: Literal["run", "build"] = "run"


@frozen
class Step:
    """One command of the experiment, and the folder (inside the project) it starts in."""

    argv: Argv
    folder: str = "."


@frozen
class Entry:
    """A way to run the experiment: its steps, one after the other.

    `rank` orders a project's candidates, the strongest evidence first: 0 the user said so, 10
    Makefile or run script, 20 README, 30 build tool, 40 the one main script, 50 notebooks in order.
    Two candidates of equal rank with different steps are a choice the user has to make.
    `through` is what starts the whole (Binder's `start`) and is given the command.
    """

    steps: tuple[Step, ...]
    reason: Reason
    rank: int
    through: Argv = ()


@frozen
class Note:
    """Something the user should know. `level` "warning" is shown before a run starts."""

    level: Literal["information", "warning"]
    text: str
    reason: Reason | None = None


@frozen
class Detection:
    """What one ecosystem found in a project. Pure data: no paths of this machine, no time.

    `files` are the project files that were read as declarations. `settings` is the ecosystem's
    own, JSON only; it is part of what makes a lock current or stale, as are `requirements`,
    `runtimes` and `system_packages`. `entries` and `notes` are not.
    """

    ecosystem: str
    files: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    runtimes: tuple[Runtime, ...] = ()
    system_packages: tuple[SystemPackage, ...] = ()
    entries: tuple[Entry, ...] = ()
    notes: tuple[Note, ...] = ()
    settings: Settings = field(default_factory=dict)


@frozen
class BaseCandidate:
    """A base image that satisfies the runtimes, before anybody asked a registry.

    `family` names the base family that offered it, `name` is "python:3.11-slim" or "bookworm",
    `provides` maps each language that the *image itself* carries to its version, `offers` each
    language that the base's distribution can add from its packages.
    """

    family: str
    name: str
    provides: Mapping[str, str]
    offers: Mapping[str, tuple[str, ...]]
    reason: Reason


@frozen
class DateChoice:
    """The day as of which unpinned requirements are resolved, "YYYY-MM-DD", and who said so."""

    day: str
    source: Literal["given", "configuration", "lock", "commit", "today"]


@frozen
class DataMount:
    """Data the program sees read-only. `unpack` names the format of a compressed file."""

    source: str
    target: str
    unpack: Literal["gzip", "xz", "bzip2", "zip", "tar"] | None = None


@frozen
class DataPlan:
    """Which files are data, and whether the image carries them ("bake") or not ("mount")."""

    mode: Literal["mount", "bake"]
    files: tuple[str, ...]
    mounts: tuple[DataMount, ...]

    def unpacked(self) -> tuple[DataMount, ...]:
        """What the program sees of compressed files: their content."""
        return tuple(mount for mount in self.mounts if mount.unpack is not None)


@frozen
class Exclusion:
    """A project file that never enters an image, and why ("secret", "version control", …)."""

    path: str
    why: str


@frozen
class RunOptions:
    """How the container is confined; `loosenings` tells what is not as tight as can be. `folders`
    of the project are there before the program starts; `display`: it has a screen nobody sees."""

    network: bool = False
    read_only: bool = False
    memory: int | None = None
    cpus: float | None = None
    pids: int = 4096
    shared_memory: int = 256 * 1024 * 1024
    timeout: float | None = None
    environment: tuple[tuple[str, str], ...] = ()
    folders: tuple[str, ...] = ()
    display: bool = False

    def loosenings(self) -> tuple[str, ...]:
        """Each way in which these options are looser than the tightest, in words."""
        network = ("network access at run time",) if self.network else ()
        writable = ("writable /app and /tmp inside the container",) if not self.read_only else ()
        return network + writable


@frozen
class Plan:
    """What would be built and run, and why. Made without network, clock or engine.

    `bases` are in order of preference; the first that can be had is locked. `entry` is `None`
    when nothing was found or when several candidates are equally good (`alternatives`).
    `dockerfile` is the project's own, where it is used. `code` are the files of the image's code
    layer, sorted; `notebooks` are those of them that go there without outputs. `base_choice` is the
    base or family that the configuration names, else "auto".
    """

    name: str
    detections: tuple[Detection, ...]
    runtimes: tuple[Runtime, ...]
    bases: tuple[BaseCandidate, ...]
    system_packages: tuple[SystemPackage, ...]
    date: DateChoice | None
    entry: Entry | None
    alternatives: tuple[Entry, ...]
    code: tuple[str, ...]
    data: DataPlan
    excluded: tuple[Exclusion, ...]
    options: RunOptions
    dockerfile: str | None = None
    notes: tuple[Note, ...] = ()
    base_choice: str = "auto"
    notebooks: tuple[str, ...] = ()


@frozen
class Artifact:
    """One file that a build reads, named exactly. `path` is where it lies below vendor/, `url`
    where it came from; `None` for a file made here, from its ecosystem's `making`."""

    path: str
    sha256: str
    size: int
    url: str | None
    executable: bool = False


@frozen
class LockedPackage:
    """One installed package: name and exact version, its files, and who asked for it."""

    name: str
    version: str
    artifacts: tuple[Artifact, ...] = ()
    requested: bool = False


@frozen
class LockedBase:
    """A base pinned by digest. `reference` is what FROM names.

    `config_digest` and `layers` identify the image; `registry_digest` exists for images from a
    registry. `packages` are the distribution's packages inside a debian base.
    """

    family: str
    name: str
    reference: str
    config_digest: str
    layers: tuple[str, ...]
    registry_digest: str | None
    provides: Mapping[str, str]
    packages: tuple[LockedPackage, ...] = ()
    settings: Settings = field(default_factory=dict)


@frozen
class LockedEcosystem:
    """What one ecosystem pinned. `settings` is all that its `render` needs besides the packages;
    `making` serves making the files without URL (see `Maker`) and enters no image."""

    ecosystem: str
    packages: tuple[LockedPackage, ...] = ()
    settings: Settings = field(default_factory=dict)
    undated: tuple[str, ...] = ()
    making: tuple[LockedPackage, ...] = ()


@frozen
class Lock:
    """Everything a build reads, by version, source and SHA-256. Written to repro.lock.

    `inputs` is the digest of what was asked for; a plan with another digest makes the lock stale.
    `epoch` is the SOURCE_DATE_EPOCH of the build in seconds. `system` is installed into the final
    image, `build_system` on top of it in build stages only.
    """

    schema: int
    reprokit: str
    platform: str
    inputs: str
    date: DateChoice
    epoch: int
    base: LockedBase
    system: tuple[LockedPackage, ...]
    build_system: tuple[LockedPackage, ...]
    ecosystems: tuple[LockedEcosystem, ...]

    def artifacts(self, *, stages: bool = True) -> tuple[Artifact, ...]:
        """What a Dockerfile (with build stages or not) reads, sorted by its path in vendor/."""
        ours = [p for e in self.ecosystems for p in e.packages]
        packages = (*self.system, *(self.build_system if stages else ()), *ours)
        unique = {a.path: a for p in packages for a in p.artifacts}
        return tuple(unique[path] for path in sorted(unique))


@frozen
class Mount:
    """A read of vendor/ (or another stage) by one RUN. `writable` changes are thrown away."""

    source: str
    target: str
    writable: bool = False


@frozen
class Run:
    """Commands that make one layer, in order; each stays a tuple until the Dockerfile is written.

    `comment` is one line that tells a reader what the layer is for.
    """

    commands: tuple[Argv, ...]
    comment: str
    mounts: tuple[Mount, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    folder: str | None = None


@frozen
class BuildStage:
    """Compiling the project apart from the final image.

    `sources` are project files copied to /build (the whole code if empty), `run` compiles there,
    `outputs` are (path in the stage, path in the final image), `checks` try them in the final
    image. A stage with `reads_code` false reads vendor/ only, so no edit rebuilds it.
    """

    name: str
    run: tuple[Run, ...]
    outputs: tuple[tuple[str, str], ...]
    sources: tuple[str, ...] = ()
    reads_code: bool = True
    checks: tuple[Run, ...] = ()


@frozen
class GeneratedFile:
    """A file that reprokit writes beside the Dockerfile, below vendor/."""

    path: str
    content: str
    executable: bool = False


@frozen
class Rendering:
    """One ecosystem's share of the Dockerfile.

    `dependencies` come before the code, `install` after it (as root), `environment` and `path`
    are set in the final image.
    """

    dependencies: tuple[Run, ...] = ()
    stage: BuildStage | None = None
    install: tuple[Run, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    path: tuple[str, ...] = ()
    files: tuple[GeneratedFile, ...] = ()


@frozen
class BuildContext:
    """A Dockerfile and the files beside it. `code` maps context path to project path, `unpacked`
    a context path to the compressed data whose content lies there (a file or a folder). `rewritten`
    is code that is not as the project has it, by context path; `files` lie below vendor/."""

    dockerfile: str
    dockerignore: str
    files: tuple[GeneratedFile, ...]
    artifacts: tuple[Artifact, ...]
    code: tuple[tuple[str, str], ...]
    unpacked: tuple[tuple[str, DataMount], ...] = ()
    rewritten: tuple[GeneratedFile, ...] = ()


@frozen
class Image:
    """An image an engine holds. `config_digest` is computed over its config, never the engine's id
    on stores where that is something else; `layers` are diff ids; `registry_digests` are known
    only for images pulled or pushed."""

    reference: str
    config_digest: str
    layers: tuple[str, ...]
    registry_digests: tuple[str, ...]
    platform: str
    size: int
    labels: Mapping[str, str] = field(default_factory=dict)


@frozen
class ResultFile:
    """A file the run produced, by its path in the results folder. `origin`: written to
    /app/results ("results") or elsewhere below /app ("collected")."""

    path: str
    size: int
    sha256: str
    origin: Literal["results", "collected"] = "results"


@frozen
class DataFile:
    """A data file as the run saw it."""

    path: str
    size: int
    sha256: str


@frozen
class Outcome:
    """How the container ended. `status` "failed" covers every non-zero exit of the command."""

    status: Literal["succeeded", "failed", "out-of-memory", "timed-out", "interrupted"]
    exit_code: int | None
    started: str
    finished: str
    seconds: float
    peak_memory: int | None
