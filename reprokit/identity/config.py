"""The config of an image, with only what says how it runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from reprokit import files
from reprokit.identity import LABEL, POLICY
from reprokit.model import JSON

_KEPT = ("Cmd", "Entrypoint", "ExposedPorts", "StopSignal", "User", "Volumes", "WorkingDir")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ENGINES_OWN = ("io.buildah.", "io.podman.")


def canonical(raw: Mapping[str, Any], layers: Sequence[str], *, base: int, epoch: int) -> bytes:
    """The canonical config as the bytes whose SHA-256 identifies the image.

    raw: the engine's config. layers: canonical diff ids, of which the first `base` are the base's.
    epoch: the one time it states, in seconds.
    """
    created = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    given = raw.get("config") or {}
    config: dict[str, JSON] = {name: given[name] for name in _KEPT if given.get(name)}
    config["Env"] = _environment(given.get("Env") or ())
    labels = {
        name: value
        for name, value in (given.get("Labels") or {}).items()
        if not name.startswith(_ENGINES_OWN)
    }
    config["Labels"] = {**labels, LABEL: POLICY}
    history: list[JSON] = [
        {"created": created, "created_by": "base" if number < base else f"reprokit {POLICY}"}
        for number in range(len(layers))
    ]
    content: dict[str, JSON] = {
        "architecture": raw["architecture"],
        "config": config,
        "created": created,
        "history": history,
        "os": raw["os"],
        "rootfs": {"diff_ids": [*layers], "type": "layers"},
    }
    return files.canonical_json(content).encode()


def digest(config: bytes) -> str:
    """The environment digest."""
    return f"sha256:{hashlib.sha256(config).hexdigest()}"


def _environment(given: Sequence[str]) -> list[JSON]:
    """Sorted; the last of several values for one name is the one that programs get."""
    values = {name: value for name, _, value in (text.partition("=") for text in given)}
    values.setdefault("PATH", _PATH)
    return [f"{name}={values[name]}" for name in sorted(values)]
