"""The published JSON schemas of the documents that reprokit writes and prints."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from reprokit.errors import BadRequest


def names() -> tuple[str, ...]:
    """The names of all schemas ("record-1", …), sorted."""
    here = resources.files(__name__)
    found = (entry.name for entry in here.iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in found if name.endswith(".json")))


def schema(name: str) -> dict[str, Any]:
    """The JSON schema (2020-12) of that name. Raises BadRequest for an unknown name."""
    if name not in names():
        raise BadRequest(f"there is no schema {name!r}", next=f"there are: {', '.join(names())}")
    text = resources.files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded
