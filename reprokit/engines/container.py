"""A container of Docker or Podman, from its creation to its removal."""

from __future__ import annotations

import math
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from reprokit.engines import memory, output, overlay
from reprokit.engines.confinement import Flavour, creation
from reprokit.engines.output import Stream
from reprokit.engines.protocol import Change, ContainerRequest, Executed, Exit
from reprokit.engines.translating import DISK_FULL, disk_full, not_started, translated
from reprokit.errors import BadRequest
from reprokit.interrupts import deferred

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
        counted: bool,
    ) -> None:
        self._api = api
        self._engine = engine
        self._id = identifier
        self._request = request
        self._local = local
        self._counted = counted
        self._attached: Any = None
        self._peak_file: Path | None = None
        self._peak: int | None = None
        self._kills: int | None = None
        self._kept: output.Kept | None = None
        self._ended = False

    @property
    def id(self) -> str:
        return self._id

    def start(self) -> None:
        from docker.errors import APIError

        self._kills = memory.kills() if self._local and self._request.memory else None
        with translated(self._id[:12], self._engine):
            try:
                # Attaching before the start is what makes the first line arrive.
                self._attached = self._api.attach_socket(
                    self._id, params={"stdout": 1, "stderr": 1, "stream": 1}
                )
                self._api.start(self._id)
            except APIError as error:
                command = self._request.command or ("the image's command",)
                found = not_started(error, command[0])
                if found is None:
                    raise
                raise found from error

    def output(self) -> Iterator[tuple[Stream, bytes]]:
        """Chunks of output as they come, from the start, until the container ends.

        Read after `wait`, at most the first 64 MiB of what came meanwhile.
        """
        with translated(self._id[:12], self._engine):
            if self._kept is not None:
                yield from self._kept.chunks()
            elif self._attached is not None:
                attached, self._attached = self._attached, None
                yield from output.chunks(attached)
            self._ended = True

    def wait(self, timeout: float | None = None) -> Exit | None:
        """Wait for the end; `None` when `timeout` seconds passed first."""
        import requests

        if self._attached is not None:
            self._kept, self._attached = output.Kept(self._attached), None
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

    def _let_go(self) -> None:
        """Close the connections. The container's end has ended what was read from them."""
        if self._attached is not None:
            output.close(self._attached)
        if self._kept is not None:
            self._kept.join()

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
        """Run a command beside the main one and wait for it. Raises StorageFailed where it fails
        for want of space."""
        collected: dict[Stream, list[bytes]] = {"stdout": [], "stderr": []}
        with translated(self._id[:12], self._engine):
            created = self._api.exec_create(
                self._id,
                list(argv),
                environment={**self._request.execution_environment, **(environment or {})},
                workdir=folder,
                user=user or "",
            )["Id"]
            for stream, data in output.chunks(self._api.exec_start(created, socket=True)):
                collected[stream].append(data)
                if on_output is not None:
                    on_output(data)
            code = self._api.exec_inspect(created)["ExitCode"]
        stdout, stderr = b"".join(collected["stdout"]), b"".join(collected["stderr"])
        if code != 0 and DISK_FULL.search((stdout + stderr).decode("utf-8", "replace")):
            # Whatever the program makes of it: a package manager blames the network.
            raise disk_full(self._engine)
        return Executed(code=code, stdout=stdout, stderr=stderr)

    def changes(self) -> tuple[Change, ...]:
        """What the container added, changed or deleted in its own file system."""
        with translated(self._id[:12], self._engine):
            read = overlay.upper_changes(self._api.inspect_container(self._id))
            if read is not None:
                return read
            found = self._api.diff(self._id) or []
        return tuple(Change(path=item["Path"], kind=_KINDS[item["Kind"]]) for item in found)

    def read(self, path: str) -> Iterator[bytes]:
        """A file or folder of the container as a tar stream. Raises BadRequest where it is not
        there."""
        from docker.errors import NotFound

        with translated(self._id[:12], self._engine):
            try:
                # As bytes: names in a container need not be UTF-8.
                content, _ = self._api.get_archive(self._id, os.fsencode(path), chunk_size=_CHUNK)
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
            if not self._counted:
                return None
            figures = self._api.stats(self._id, stream=False, one_shot=True)["memory_stats"]
        used: int | None = figures.get("max_usage") or figures.get("usage")
        return used


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
    counted: bool,
    keep: bool,
) -> Iterator[SocketContainer]:
    """Create a container; kill and remove it when the block ends, however it ends.

    local: its processes may be this machine's. counted: it has a control group of its own.
    keep: kill it, but leave it for somebody to look into.
    """
    token = secrets.token_hex(8)
    body = creation(request, flavour, rootless=rootless, token=token)
    name = request.name or f"reprokit-{token}"
    identifier, made = None, None
    try:
        # Held back, a Ctrl-C comes when this block ends: the container is there by then.
        with translated(request.image, engine), deferred():
            identifier = str(api.create_container_from_config(body, name)["Id"])
        made = SocketContainer(api, engine, identifier, request, local=local, counted=counted)
        yield made
    finally:
        try:
            if identifier is not None:
                _finish(_kill if keep else remove, api, engine, identifier)
        finally:
            if made is not None:
                made._let_go()


def _finish(end: Callable[[Any, str, str], None], api: Any, engine: str, identifier: str) -> None:
    try:
        with deferred():
            end(api, engine, identifier)
    except KeyboardInterrupt:
        # A second Ctrl-C may come just before it is held back.
        with deferred():
            end(api, engine, identifier)
        raise


def _kill(api: Any, engine: str, identifier: str) -> None:
    from docker.errors import APIError

    with translated(identifier[:12], engine), suppress(APIError):  # it has ended already
        api.kill(identifier)


def remove(api: Any, engine: str, identifier: str) -> None:
    """Kill and remove a container with its anonymous volumes; nothing happens if it is gone."""
    from docker.errors import NotFound

    with translated(identifier[:12], engine):
        try:
            api.remove_container(identifier, force=True, v=True)
        except NotFound:
            return
