"""What reprokit asks of a container engine. One contract test suite runs on each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import field
from pathlib import Path
from typing import Any, Literal, Protocol

from reprokit.frozen import frozen
from reprokit.model import Argv, Image

PROCESS = "org.reprokit.process"
"""The process that a container belongs to (reprokit.history.living)."""
LABEL = "org.reprokit.owner"
PURPOSE = "org.reprokit.purpose"
"""Set on images that are only tools: "toolbox" is one to lock in, made anew where it lacks."""
"""Set to "reprokit" on every container and volume of ours, so that `clean` finds them."""


@frozen
class EngineInformation:
    """An engine and its host. `platform` is "linux/amd64" style; `builder` is "buildkit",
    "buildah" or "classic"; `rootless` says whether its root is the user."""

    name: str
    version: str
    api: str
    platform: str
    rootless: bool
    builder: str
    socket: str


@frozen
class Bind:
    """A folder or file of the host inside a container."""

    source: Path
    target: str
    writable: bool = False


@frozen
class ContainerRequest:
    """A container as reprokit starts them. Confinement is always on: all capabilities dropped,
    no new privileges, init, bounded log; `privileged_setup` keeps the default capabilities, for
    resolver containers that install packages as root.

    `command` `None` runs the image's own; a given one replaces entry point and command.
    `memory` and `shared_memory` bytes; `user` "uid:gid"; `groups` supplementary.
    """

    image: str
    command: Argv | None
    name: str | None = None
    user: str | None = None
    groups: tuple[str, ...] = ()
    folder: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    execution_environment: Mapping[str, str] = field(default_factory=dict)
    binds: tuple[Bind, ...] = ()
    network: Literal["none", "default", "host"] = "none"
    read_only: bool = False
    memory: int | None = None
    cpus: float | None = None
    pids: int = 4096
    shared_memory: int | None = None
    privileged_setup: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)


@frozen
class Exit:
    """How a container ended. `out_of_memory` is true only where the kernel said so (or status 137
    under a memory limit that was reached)."""

    code: int
    out_of_memory: bool


@frozen
class Executed:
    """A command run inside a running container."""

    code: int
    stdout: bytes
    stderr: bytes


@frozen
class Change:
    """A path below / that the container added, changed or deleted."""

    path: str
    kind: Literal["added", "changed", "deleted"]


@frozen
class UnpackedImage:
    """An image as it lies on this machine: its config as in an exported image, and the overlay's
    folder of each of its layers, lowest first."""

    config: Mapping[str, Any]
    layers: tuple[Path, ...]


class Container(Protocol):
    """A created container; it is killed and removed, with its anonymous volumes, when the
    `with` block of `Engine.container` ends, however it ends."""

    @property
    def id(self) -> str: ...

    def start(self) -> None: ...

    def output(self) -> Iterator[tuple[Literal["stdout", "stderr"], bytes]]:
        """Chunks of output as they come, from the start, until the container ends."""

    def wait(self, timeout: float | None = None) -> Exit | None:
        """Wait for the end; `None` when `timeout` seconds passed first."""

    def stop(self, grace: float = 5.0) -> None:
        """SIGTERM, then SIGKILL after `grace` seconds."""

    def execute(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        folder: str | None = None,
        user: str | None = None,
        on_output: Callable[[bytes], None] | None = None,
    ) -> Executed:
        """Run a command beside the main one and wait for it."""

    def changes(self) -> tuple[Change, ...]: ...

    def read(self, path: str) -> Iterator[bytes]:
        """A file or folder of the container as a tar stream."""

    def write(self, folder: str, archive: bytes | Iterator[bytes]) -> None:
        """Unpack a tar into a folder of the container."""

    def peak_memory(self) -> int | None:
        """The highest memory use so far in bytes, where the engine or kernel tells."""


@frozen
class BuildRequest:
    """A build. `network` off is `docker build --network none`. `target` names a stage."""

    context: Path
    tag: str
    dockerfile: str = "Dockerfile"
    target: str | None = None
    network: bool = False
    arguments: Mapping[str, str] = field(default_factory=dict)
    no_cache: bool = False


class Engine(Protocol):
    """A container engine. Methods raise NoEngine when it stopped answering, BuildFailed for a
    failing build, InputUnavailable for an image that cannot be had."""

    @property
    def name(self) -> str: ...

    def platform(self) -> str:
        """The platform of its images, "linux/amd64"; cheaper than all the `information`."""

    def prefetch(self) -> None:
        """Ask what later answers build on, so that they need not wait for it."""

    def information(self) -> EngineInformation: ...

    def memory(self) -> int | None:
        """The bytes of memory of the machine that it runs on; `None` where it does not tell or
        cannot limit a container's."""

    def image(self, reference: str) -> Image | None:
        """The local image of that name or digest, or `None`."""

    def images(self, label: str | None = None) -> tuple[Image, ...]:
        """Local images, optionally those that carry a label ("key" or "key=value")."""

    def pull(self, reference: str, platform: str, on_line: Callable[[str], None]) -> Image: ...

    def push(
        self,
        reference: str,
        on_line: Callable[[str], None],
        on_progress: Callable[[int, int], None],
    ) -> None:
        """Send an image to the registry that its name says; `on_progress` hears of bytes done and
        in all. Raises InputUnavailable with what the registry said."""

    def registry_digest(self, reference: str, timeout: float = 5.0) -> str | None:
        """The digest a registry gives for the name now, `None` where the registry has no such
        image. Raises InputUnavailable where no registry answers within `timeout` seconds."""

    def load(self, archive: Path) -> Image:
        """Take an image from a docker-archive or OCI tar."""

    def save(self, reference: str) -> Iterator[bytes]:
        """An image as docker-archive tar stream."""

    @property
    def loads_missing_layers(self) -> bool:
        """Whether an archive to load may leave out layers that the engine has already."""

    @property
    def builds_on_images(self) -> bool:
        """Whether untagged images are the builder's cache, so that removing one slows builds."""

    def unpacked(self, reference: str) -> UnpackedImage | None:
        """The image's layers as folders; `None` where they cannot be read, or not with the right
        owners. A shortcut: `save` always works, and takes ten times as long."""

    def tag(self, reference: str, name: str) -> None: ...

    def remove_image(self, reference: str) -> None:
        """Remove a name (and the image, if it was the last), or a digest that no name is left for;
        nothing happens if it is gone."""

    def build(self, request: BuildRequest, on_line: Callable[[str], None]) -> Image: ...

    def container(self, request: ContainerRequest) -> AbstractContextManager[Container]: ...

    def leftovers(self, *, abandoned: bool = False, process: str | None = None) -> tuple[str, ...]:
        """Ids of containers of ours that still exist; with `abandoned` only those whose process
        is gone: a container of another command that still runs is in use. With `process` only
        those of that one (`reprokit.history.living`)."""

    def remove_container(self, identifier: str) -> None: ...
