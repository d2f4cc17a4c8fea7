"""A container of Docker or Podman, from its creation to its removal."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from reprokit.engines import memory
from reprokit.engines.confinement import Flavour, creation
from reprokit.engines.interrupts import deferred
from reprokit.engines.protocol import Change, ContainerRequest, Executed, Exit
from reprokit.engines.translating import not_started, translated
from reprokit.errors import BadRequest

Stream = Literal["stdout", "stderr"]
_STREAMS: dict[int, Stream] = {1: "stdout", 2: "stderr"}
_KINDS: dict[int, Literal["added", "changed", "deleted"]] = {0: "changed", 1: "added", 2: "deleted"}
_CHUNK = 2 * 1024 * 1024
KILLED = 137


class SocketContainer:
    """A Container reached through the engine's API. Made by `created` only."""

    def __init__(
        self,
        api: Any,
        engine: str,
        identifier: str,
        request: ContainerRequest,
        *,
        local: bool,
    ) -> None:
        self._api = api
        self._engine = engine
        self._id = identifier
        self._request = request
        self._local = local
        self._attached: Any = None
        self._peak_file: Path | None = None
        self._peak: int | None = None
        self._kills: int | None = None
        self._ended = False

    @property
    def id(self) -> str:
        return self._id

    def start(self) -> None:
        with translated(self._id[:12], self._engine):
            # Attaching before the start is what makes the first line arrive.
            self._attached = self._api.attach_socket(
                self._id, params={"stdout": 1, "stderr": 1, "stream": 1}
            )
            self._kills = memory.kills() if self._local and self._request.memory else None
            self._start()

    def _start(self) -> None:
        from docker.errors import APIError

        try:
            self._api.start(self._id)
        except APIError as error:
            command = self._request.command or ("the image's command",)
            found = not_started(error, command[0])
            if found is not None:
                raise found from error
            raise

    def output(self) -> Iterator[tuple[Stream, bytes]]:
        """Chunks of output as they come, from the start, until the container ends."""
        attached, self._attached = self._attached, None
        with translated(self._id[:12], self._engine):
            if attached is None:
                yield from self._logs()
                return
            try:
                for number, data in _socket_frames(attached):
                    yield _STREAMS.get(number, "stdout"), data
                self._ended = True
            finally:
                _close(attached)

    def _logs(self) -> Iterator[tuple[Stream, bytes]]:
        # The SDK's logs() cannot keep the two streams apart, so the frames are read here.
        address = self._api._url("/containers/{0}/logs", self._id)
        wanted = {"stdout": 1, "stderr": 1, "follow": 1}
        response = self._api._get(address, params=wanted, stream=True, timeout=None)
        try:
            self._api._raise_for_status(response)
            for number, data in _frames(response.raw):
                yield _STREAMS.get(number, "stdout"), data
        finally:
            response.close()

    def wait(self, timeout: float | None = None) -> Exit | None:
        """Wait for the end; `None` when `timeout` seconds passed first."""
        import requests

        self._detach()
        with translated(self._id[:12], self._engine):
            if self._ended and (state := self._ended_state()) is not None:
                return self._exit(state, int(state["ExitCode"]))
            try:
                code = int(self._api.wait(self._id, timeout=timeout)["StatusCode"])
            except requests.exceptions.RequestException as error:
                if _timed_out(error):
                    return None
                raise
            if code == 0:
                return Exit(code=0, out_of_memory=False)
            return self._exit(self._state(), code)

    def _state(self) -> Mapping[str, Any]:
        state: Mapping[str, Any] = self._api.inspect_container(self._id)["State"]
        return state

    def _ended_state(self) -> Mapping[str, Any] | None:
        """The state of a container whose output has ended. Podman's wait looks only four times a
        second, so for the moment between the two it is asked more often."""
        for _ in range(20):
            state = self._state()
            if state.get("Status") == "exited":
                return state
            time.sleep(0.01)
        return None

    def _exit(self, state: Mapping[str, Any], code: int) -> Exit:
        out_of_memory = self._out_of_memory(state, code)
        if out_of_memory and self._request.memory is not None:
            self._peak = self._request.memory  # that is what the kernel stopped it at
        return Exit(code=code, out_of_memory=out_of_memory)

    def _out_of_memory(self, state: Mapping[str, Any], code: int) -> bool:
        if state.get("OOMKilled"):
            return True
        limit = self._request.memory
        if limit is None or code != KILLED:
            return False
        # Podman 4 does not pass on what the kernel did.
        now = memory.kills() if self._kills is not None else None
        if now is not None and self._kills is not None and now > self._kills:
            return True
        return self._peak is not None and self._peak >= limit * 0.99

    def _detach(self) -> None:
        """Let go of an attachment nobody reads: it would hold up a program that prints a lot."""
        attached, self._attached = self._attached, None
        if attached is not None:
            _close(attached)

    def stop(self, grace: float = 5.0) -> None:
        """SIGTERM, then SIGKILL after `grace` seconds."""
        with translated(self._id[:12], self._engine):
            self._api.stop(self._id, timeout=max(0, math.ceil(grace)))

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
        collected: dict[Stream, list[bytes]] = {"stdout": [], "stderr": []}
        with translated(self._id[:12], self._engine):
            created = self._api.exec_create(
                self._id,
                list(argv),
                environment=dict(environment or {}),
                workdir=folder,
                user=user or "",
            )["Id"]
            attached = self._api.exec_start(created, socket=True)
            try:
                for number, data in _socket_frames(attached):
                    collected[_STREAMS.get(number, "stdout")].append(data)
                    if on_output is not None:
                        on_output(data)
            finally:
                _close(attached)
            code = self._api.exec_inspect(created)["ExitCode"]
        return Executed(
            code=code, stdout=b"".join(collected["stdout"]), stderr=b"".join(collected["stderr"])
        )

    def changes(self) -> tuple[Change, ...]:
        """What the container added, changed or deleted in its own file system."""
        with translated(self._id[:12], self._engine):
            found = self._api.diff(self._id) or []
        return tuple(Change(path=item["Path"], kind=_KINDS[item["Kind"]]) for item in found)

    def read(self, path: str) -> Iterator[bytes]:
        """A file or folder of the container as a tar stream. Raises BadRequest where it is not
        there."""
        from docker.errors import NotFound

        with translated(self._id[:12], self._engine):
            try:
                content, _ = self._api.get_archive(self._id, path, chunk_size=_CHUNK)
            except NotFound as error:
                raise BadRequest("is not in the container", where=path) from error
            yield from content

    def write(self, folder: str, archive: bytes | Iterator[bytes]) -> None:
        """Unpack a tar into a folder of the container."""
        with translated(self._id[:12], self._engine):
            self._api.put_archive(self._id, folder, archive)

    def peak_memory(self) -> int | None:
        """The highest memory use so far in bytes, where the engine or kernel tells.

        Page cache counts, as it does against the limit. Ask now and then while the container
        runs: the figure is gone with it, and the last one seen is then given.
        """
        seen = self._seen_now()
        if seen is not None:
            self._peak = max(seen, self._peak or 0)
        return self._peak

    def _seen_now(self) -> int | None:
        if self._peak_file is not None:
            return memory.read_number(self._peak_file)
        with translated(self._id[:12], self._engine):
            pid = self._state().get("Pid") or 0
            if pid == 0:
                return None
            if self._local:
                self._peak_file = memory.peak_file(pid, self._id)
            if self._peak_file is not None:
                return memory.read_number(self._peak_file)
            figures = self._api.stats(self._id, stream=False, one_shot=True)["memory_stats"]
        used: int | None = figures.get("max_usage") or figures.get("usage")
        return used


def _socket_frames(attached: Any) -> Iterator[tuple[int, bytes]]:
    """Chunks from an attachment with the number of their stream, as soon as they come."""
    from docker.utils import socket

    frames: Any = socket.frames_iter
    yield from frames(attached, tty=False)


def _frames(raw: Any) -> Iterator[tuple[int, bytes]]:
    """The frames of a multiplexed stream: a byte for the stream, three spare, four of length."""
    while len(header := _exactly(raw, 8)) == 8:
        yield header[0], _exactly(raw, int.from_bytes(header[4:], "big"))


def _exactly(raw: Any, count: int) -> bytes:
    parts = []
    while count > 0 and (part := raw.read(count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _close(attached: Any) -> None:
    # The answer that the socket came from goes first: it flushes into the socket.
    response = getattr(attached, "_response", None)
    if response is not None:
        response.close()
    attached.close()


def _timed_out(error: Exception) -> bool:
    import requests

    # wait(timeout=) ends in ReadTimeout or, once the answer's headers came, in ConnectionError.
    return isinstance(error, requests.exceptions.Timeout) or "timed out" in str(error).lower()


@contextmanager
def created(
    api: Any,
    engine: str,
    request: ContainerRequest,
    flavour: Flavour,
    *,
    rootless: bool,
    local: bool,
    keep: bool,
) -> Iterator[SocketContainer]:
    """Create a container; kill and remove it when the block ends, however it ends.

    keep: leave it for somebody to look into.
    """
    token = secrets.token_hex(8)
    body = creation(request, flavour, rootless=rootless, token=token)
    name = request.name or f"reprokit-{token}"
    with translated(request.image, engine), deferred():
        identifier = api.create_container_from_config(body, name)["Id"]
    container = SocketContainer(api, engine, identifier, request, local=local)
    try:
        yield container
    finally:
        with deferred():
            container._detach()
            if not keep:
                remove(api, engine, identifier)


def remove(api: Any, engine: str, identifier: str) -> None:
    """Kill and remove a container with its anonymous volumes; nothing happens if it is gone."""
    from docker.errors import NotFound

    with translated(identifier[:12], engine):
        try:
            api.remove_container(identifier, force=True, v=True)
        except NotFound:
            return
