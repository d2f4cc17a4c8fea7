"""What an engine says while it pushes an image."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from reprokit.engines.credentials import Refused
from reprokit.errors import InputUnavailable, NoAnswer
from reprokit.printable import redacted

_REFUSED = re.compile(r"denied|unauthorized|no basic auth|authentication required|forbidden", re.I)
_SILENT = re.compile(
    r"connection refused|no such host|timeout|timed out|no route|server gave HTTP response|x509",
    re.I,
)


def follow(
    lines: Iterable[Mapping[str, Any]],
    reference: str,
    host: str,
    on_line: Callable[[str], None],
    on_progress: Callable[[int, int], None],
) -> None:
    """Read a push to its end. Raises Refused, NoAnswer or InputUnavailable with the cause."""
    layers: dict[str, tuple[int, int]] = {}
    for line in lines:
        if "error" in line:
            raise _failure(str(line["error"]), reference, host)
        amount = line.get("progressDetail") or {}
        done, total = amount.get("current"), amount.get("total")
        if isinstance(done, int) and isinstance(total, int):
            # An engine only guesses the size of a compressed layer.
            layers[str(line.get("id"))] = (min(done, total), total)
            on_progress(sum(d for d, _ in layers.values()), sum(t for _, t in layers.values()))
        elif not amount:
            parts = [str(line[key]) for key in ("id", "status") if line.get(key)]
            if parts:
                on_line(": ".join(parts))


def _failure(text: str, reference: str, host: str) -> InputUnavailable:
    said = " ".join(redacted(text).split())
    what = f"{reference} cannot be pushed: {said}"
    if _REFUSED.search(text):
        return Refused(what, next=f"check the name, and log in with `docker login {host}`")
    if _SILENT.search(text):
        return NoAnswer(
            what,
            next="check the name and the network; a registry without TLS must be one of the "
            "engine's insecure registries",
        )
    return InputUnavailable(what)
