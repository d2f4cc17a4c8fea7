"""Turning the `docker` package's exceptions into errors that a user can act on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reprokit.errors import (
    BadRequest,
    CommandFailed,
    InputUnavailable,
    NoEngine,
    ReprokitError,
    StorageFailed,
)

DISK_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_NOT_STARTED = re.compile(
    r"executable file not found|exec format error|"
    r"exec:? \"?[^\":]+\"?: (?:stat .*: )?(?:no such file|permission denied|is a directory)",
    re.IGNORECASE,
)
_NO_TUNNEL = "/dev/net/tun"


def disk_full(where: str) -> StorageFailed:
    """The error for a full disk of the engine."""
    return StorageFailed(
        "the engine's disk is full",
        where=where,
        next="free some space (`reprokit clean` removes old runs and images), then try again",
    )


@contextmanager
def translated(what: str, engine: str) -> Iterator[None]:
    """Run requests to `engine`; `what` names the object that they are about."""
    try:
        yield
    except ReprokitError:
        raise
    except Exception as error:
        found = _translation(error, what, engine)
        if found is None:
            raise
        raise found from error


def _translation(error: Exception, what: str, engine: str) -> ReprokitError | None:
    import requests
    import urllib3
    from docker.errors import APIError, DockerException, ImageNotFound

    if isinstance(error, APIError):
        text = explanation(error)
        if DISK_FULL.search(text):
            return disk_full(engine)
        if _NO_TUNNEL in text:
            return NoEngine(
                f"{engine} cannot give a container a network without root: {_NO_TUNNEL} is not "
                "there or not open to you",
                next="run `modprobe tun` and `chmod 666 /dev/net/tun` as root, or set "
                'resolver_network = "host" in site.toml',
            )
        if isinstance(error, ImageNotFound):
            return InputUnavailable(f"there is no image {what} in {engine}")
        if error.is_client_error():
            return BadRequest(f"{engine} refused the request for {what}: {text}")
        return NoEngine(
            f"{engine} failed: {text}",
            where=what,
            next="`reprokit doctor` examines the engine",
        )
    lost = (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, ConnectionError)
    if isinstance(error, (*lost, DockerException)):
        return NoEngine(
            f"{engine} stopped answering",
            where=what,
            next="start it again; `reprokit doctor` says how",
        )
    return None


def explanation(error: Exception) -> str:
    """What the engine said, in one line."""
    text = getattr(error, "explanation", None) or str(error)
    return " ".join(str(text).split())


def not_started(error: Exception, command: str) -> CommandFailed | None:
    """The error for a command that the container could not even start, `None` for others."""
    text = explanation(error)
    if DISK_FULL.search(text) or not _NOT_STARTED.search(text):
        return None
    return CommandFailed(
        f"the container could not start {command}: {text}",
        next="check that the program exists in the image and may be executed",
    )


def not_pulled(reference: str, said: str) -> InputUnavailable:
    """The error for an image that cannot be pulled, with what the engine said of it."""
    plain = "server gave HTTP response" in said
    return InputUnavailable(
        f"{reference} cannot be pulled: {said}",
        next="a registry without TLS must be one of the engine's insecure registries"
        if plain
        else None,
    )


def pulled_line(line: Mapping[str, Any], reference: str, on_line: Callable[[str], None]) -> None:
    """Show a line of a pull. Raises InputUnavailable for one that says why it failed."""
    if "error" in line:
        text = str(line["error"])
        if DISK_FULL.search(text):
            raise disk_full("pull")
        raise not_pulled(reference, text)
    if line.get("progressDetail"):
        return  # a bar's many states
    parts = [str(line[key]) for key in ("id", "status") if line.get(key)]
    if parts:
        on_line(": ".join(parts))


def refuse_archive(archive: Path, text: str, engine: str) -> None:
    """Raise BadRequest, or StorageFailed, for what an engine said of an archive it did not take."""
    if DISK_FULL.search(text):
        raise disk_full(engine)
    raise BadRequest(f"cannot be loaded as an image: {text}", where=str(archive))
