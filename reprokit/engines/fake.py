"""An engine in memory, for fast tests of everything above engines.

It keeps the contract that the real ones keep (tests/engines/test_contract.py runs on it too), but
its containers run Python functions instead of programs, each in a thread of its own.
"""

from __future__ import annotations

import hashlib
import io
import queue
import re
import shlex
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from reprokit import files
from reprokit.engines.protocol import (
    BuildRequest,
    Change,
    Container,
    ContainerRequest,
    EngineInformation,
    Executed,
    Exit,
    UnpackedImage,
)
from reprokit.errors import BadRequest, BuildFailed, CommandFailed, InputUnavailable
from reprokit.history.living import this_process
from reprokit.model import Argv, Image

Stream = Literal["stdout", "stderr"]
_INSTRUCTION = re.compile(r"(?P<name>FROM|LABEL|CMD|RUN)\s+(?P<rest>.+)", re.IGNORECASE)
_EXITS = re.compile(r"(?:.*;\s*)?exit (?P<code>\d+)")


class Killed(Exception):
    """Raised inside a program's function where a real program would get its signal."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class OutOfMemory(Killed):
    """Raised by a function that plays a program that wants more memory than it may have."""

    def __init__(self) -> None:
        super().__init__(137)


class Box:
    """What a program's function sees of its container."""

    def __init__(self, request: ContainerRequest, argv: Argv) -> None:
        self.request = request
        self.argv = argv
        self.environment = dict(request.environment)
        self.files: dict[str, bytes] = {}
        self._printed: queue.Queue[tuple[Stream, bytes] | None] = queue.Queue()
        self._stopping = threading.Event()
        self._code = 143

    def print(self, text: str, stream: Stream = "stdout") -> None:
        """Print a line."""
        self._printed.put((stream, f"{text}\n".encode()))

    def sleep(self, seconds: float) -> None:
        """Wait; raises Killed when the container is stopped meanwhile."""
        if self._stopping.wait(seconds):
            raise Killed(self._code)

    def read(self, path: str) -> bytes:
        """A file of the container, or of a folder that is mounted in it."""
        outside = self._outside(path, writing=False)
        return self.files[path] if outside is None else outside.read_bytes()

    def write(self, path: str, content: bytes) -> None:
        """Write a file. Raises PermissionError below a read-only mount."""
        outside = self._outside(path, writing=True)
        if outside is None:
            self.files[path] = content
        else:
            outside.write_bytes(content)

    def _outside(self, path: str, *, writing: bool) -> Path | None:
        for bind in self.request.binds:
            if path == bind.target or path.startswith(f"{bind.target}/"):
                if writing and not bind.writable:
                    raise PermissionError(path)
                return bind.source / path[len(bind.target) :].lstrip("/")
        return None


Program = Callable[[Box], int]


@dataclass(slots=True)
class _Running:
    thread: threading.Thread | None = None
    end: Exit | None = None


class FakeContainer:
    """A container that runs a function."""

    def __init__(
        self, engine: FakeEngine, identifier: str, request: ContainerRequest, argv: Argv
    ) -> None:
        self._engine = engine
        self._id = identifier
        self._box = Box(request, argv)
        self._running = _Running()

    @property
    def id(self) -> str:
        return self._id

    def start(self) -> None:
        program = self._engine.program(self._box.argv)
        thread = threading.Thread(target=self._run, args=(program,), daemon=True)
        self._running.thread = thread
        thread.start()

    def _run(self, program: Program) -> None:
        try:
            end = Exit(code=program(self._box), out_of_memory=False)
        except Killed as killed:
            end = Exit(code=killed.code, out_of_memory=isinstance(killed, OutOfMemory))
        except OSError as error:
            self._box.print(str(error), "stderr")
            end = Exit(code=1, out_of_memory=False)
        self._running.end = end
        self._box._printed.put(None)

    def output(self) -> Iterator[tuple[Stream, bytes]]:
        """Chunks of output as they come, from the start, until the container ends."""
        while (chunk := self._box._printed.get()) is not None:
            yield chunk
        self._box._printed.put(None)

    def wait(self, timeout: float | None = None) -> Exit | None:
        """Wait for the end; `None` when `timeout` seconds passed first."""
        if self._running.thread is not None:
            self._running.thread.join(timeout)
        return self._running.end

    def stop(self, grace: float = 5.0) -> None:
        """End the function at its next `Box.sleep`."""
        self._box._stopping.set()
        self.wait(grace)

    def execute(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        folder: str | None = None,
        user: str | None = None,
        on_output: Callable[[bytes], None] | None = None,
    ) -> Executed:
        """Run another function beside the main one."""
        box = Box(self._box.request, tuple(argv))
        box.environment.update(environment or {})
        box.files = self._box.files
        code = self._engine.program(box.argv)(box)
        box._printed.put(None)
        collected: dict[Stream, bytes] = {"stdout": b"", "stderr": b""}
        while (chunk := box._printed.get()) is not None:
            collected[chunk[0]] += chunk[1]
            if on_output is not None:
                on_output(chunk[1])
        return Executed(code=code, stdout=collected["stdout"], stderr=collected["stderr"])

    def changes(self) -> tuple[Change, ...]:
        """Every file written, and the folders that had to be made for it."""
        found = set()
        for path in self._box.files:
            found.add(path)
            found |= {str(parent) for parent in PurePosixPath(path).parents} - {"/"}
        return tuple(Change(path=path, kind="added") for path in sorted(found))

    def read(self, path: str) -> Iterator[bytes]:
        """A file or folder of the container as a tar stream."""
        below = {
            name: content
            for name, content in self._box.files.items()
            if name == path or name.startswith(f"{path}/")
        }
        if not below:
            raise BadRequest("is not in the container", where=path)
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode="w") as archive:
            for name, content in sorted(below.items()):
                entry = tarfile.TarInfo(str(PurePosixPath(name).relative_to(Path(path).parent)))
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        yield target.getvalue()

    def write(self, folder: str, archive: bytes | Iterator[bytes]) -> None:
        """Unpack a tar into a folder of the container."""
        content = archive if isinstance(archive, bytes) else b"".join(archive)
        with tarfile.open(fileobj=io.BytesIO(content)) as opened:
            for member in opened:
                data = opened.extractfile(member)
                if data is not None:
                    self._box.files[str(PurePosixPath(folder) / member.name)] = data.read()

    def peak_memory(self) -> int | None:
        """A function has no figure of its own; the limit, where there is one."""
        return self._box.request.memory

    def _kill(self) -> None:
        self._box._code = 137
        self.stop(grace=5.0)


@dataclass
class FakeEngine:
    """An engine whose programs are Python functions, found by the command that starts them.

    programs: by argv; a key of one word serves every command that begins with it.
    registry: what `registry_digest` and `pull` find, by name; `None` for a dead registry.
    """

    programs: Mapping[Argv, Program] = field(default_factory=dict)
    registry: Mapping[str, str] | None = field(default_factory=dict)
    name: str = "fake"
    _images: dict[str, Image] = field(default_factory=dict)
    _commands: dict[str, Argv] = field(default_factory=dict)
    _archives: dict[str, bytes] = field(default_factory=dict)
    _containers: dict[str, FakeContainer] = field(default_factory=dict)
    _made: int = 0

    def program(self, argv: Argv) -> Program:
        """The function for a command. Raises CommandFailed where there is none."""
        found = self.programs.get(argv) or self.programs.get(argv[:1])
        if found is None:
            raise CommandFailed(f"the container could not start {argv[0]}: no such program")
        return found

    def platform(self) -> str:
        return self.information().platform

    def prefetch(self) -> None: ...

    def memory(self) -> int | None:
        return 10 * 1024**3

    def information(self) -> EngineInformation:
        return EngineInformation(
            name=self.name,
            version="1",
            api="1.41",
            platform="linux/amd64",
            rootless=False,
            builder="buildkit",
            socket="fake://",
        )

    def image(self, reference: str) -> Image | None:
        """The image of that name or config digest."""
        found = self._images.get(reference)
        if found is None:
            same = (i for i in self._images.values() if i.config_digest == reference)
            found = next(same, None)
        return None if found is None else replace(found, reference=reference)

    def images(self, label: str | None = None) -> tuple[Image, ...]:
        """Images, optionally those that carry a label ("key" or "key=value")."""
        key, _, value = (label or "").partition("=")
        return tuple(
            image
            for image in self._images.values()
            if label is None or (key in image.labels and (not value or image.labels[key] == value))
        )

    def pull(self, reference: str, platform: str, on_line: Callable[[str], None]) -> Image:
        digest = self.registry_digest(reference)
        if digest is None:
            raise InputUnavailable(f"{reference} cannot be pulled: no such image")
        on_line(f"{reference}: pulled")
        pulled = _image(reference, files.sha256_text(digest), (), platform=platform)
        self._images[reference] = replace(pulled, registry_digests=(f"{reference}@{digest}",))
        return self._images[reference]

    def push(
        self,
        reference: str,
        on_line: Callable[[str], None],
        on_progress: Callable[[int, int], None],
    ) -> None:
        image = self._known(reference)
        if not isinstance(self.registry, dict):
            raise InputUnavailable(f"{reference} cannot be pushed: no registry answers")
        self.registry[reference] = files.sha256_text(image.config_digest)
        on_line(f"{reference}: pushed")

    def registry_digest(self, reference: str, timeout: float = 5.0) -> str | None:
        if self.registry is None:
            raise InputUnavailable(f"no registry answers for {reference} within {timeout:g} s")
        return self.registry.get(reference)

    def load(self, archive: Path) -> Image:
        """Take an image from a docker-archive: its name, config digest and layers are real."""
        import json

        content = archive.read_bytes()
        try:
            with tarfile.open(fileobj=io.BytesIO(content)) as opened:
                manifest = json.loads(_member(opened, "manifest.json"))[0]
                config = _member(opened, manifest["Config"])
        except (tarfile.TarError, KeyError, ValueError) as error:
            raise BadRequest("holds no image", where=str(archive)) from error
        document = json.loads(config)
        digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
        layers = tuple(document["rootfs"]["diff_ids"])
        for name in manifest["RepoTags"]:
            self._images[name] = _image(name, digest, layers, size=len(content))
        self._archives[digest] = content
        return self._images[manifest["RepoTags"][0]]

    def save(self, reference: str) -> Iterator[bytes]:
        image = self._known(reference)
        yield self._archives.get(image.config_digest, b"")

    @property
    def loads_missing_layers(self) -> bool:
        return False

    @property
    def builds_on_images(self) -> bool:
        return False

    def unpacked(self, reference: str) -> UnpackedImage | None:
        return None

    def _known(self, reference: str) -> Image:
        image = self.image(reference)
        if image is None:
            raise InputUnavailable(f"there is no image {reference} in {self.name}")
        return image

    def tag(self, reference: str, name: str) -> None:
        self._images[name] = replace(self._known(reference), reference=name)

    def remove_image(self, reference: str) -> None:
        self._images.pop(reference, None)

    def build(self, request: BuildRequest, on_line: Callable[[str], None]) -> Image:
        """Read FROM, LABEL, CMD and RUN; a RUN that says `exit N` fails, others do nothing."""
        place = request.context / request.dockerfile
        text = place.read_text(encoding="utf-8")
        base: Image | None = None
        labels: dict[str, str] = {}
        command: Argv | None = None
        for number, line in enumerate(text.splitlines(), start=1):
            match = _INSTRUCTION.fullmatch(line.strip())
            if match is None:
                continue
            on_line(line)
            rest = match.group("rest")
            match match.group("name").upper():
                case "FROM":
                    base = self._known(rest.split()[0])
                case "LABEL":
                    labels |= dict(word.partition("=")[::2] for word in shlex.split(rest))
                case "CMD":
                    command = tuple(shlex.split(rest.strip("[]").replace(",", " ")))
                case "RUN" if (exits := _EXITS.fullmatch(rest)) and exits.group("code") != "0":
                    raise BuildFailed(
                        f"the image could not be built: {line}",
                        where=f"{place}:{number}",
                        next=f"the last lines were:\n{line}",
                    )
        content = {p.name: files.sha256(p) for p in request.context.rglob("*") if p.is_file()}
        identity = files.canonical_json([text, content, dict(request.arguments)])
        layers = (*(base.layers if base else ()), files.sha256_text(f"layer {identity}"))
        image = _image(request.tag, files.sha256_text(identity), layers)
        self._images[request.tag] = replace(
            image, labels={**(base.labels if base else {}), **labels}
        )
        if command is not None:
            self._commands[image.config_digest] = command
        return self._images[request.tag]

    def container(self, request: ContainerRequest) -> AbstractContextManager[Container]:
        return self._created(request)

    @contextmanager
    def _created(self, request: ContainerRequest) -> Iterator[Container]:
        image = self._known(request.image)
        for bind in request.binds:
            if not bind.source.exists():
                raise BadRequest("is to be mounted but does not exist", where=str(bind.source))
        self._made += 1
        identifier = f"{self._made:064x}"
        argv = request.command or self._commands.get(image.config_digest, ("sh",))
        container = FakeContainer(self, identifier, request, argv)
        self._containers[identifier] = container
        try:
            yield container
        finally:
            self.remove_container(identifier)

    def leftovers(self, *, abandoned: bool = False, process: str | None = None) -> tuple[str, ...]:
        # They live in this process, which is not gone.
        if abandoned or process not in (None, this_process()):
            return ()
        return tuple(self._containers)

    def remove_container(self, identifier: str) -> None:
        container = self._containers.pop(identifier, None)
        if container is not None:
            container._kill()


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    content = archive.extractfile(name)
    if content is None:
        raise KeyError(name)
    return content.read()


def _image(
    reference: str,
    digest: str,
    layers: tuple[str, ...],
    *,
    platform: str = "linux/amd64",
    size: int = 0,
) -> Image:
    return Image(
        reference=reference,
        config_digest=digest,
        layers=layers,
        registry_digests=(),
        platform=platform,
        size=size,
    )
