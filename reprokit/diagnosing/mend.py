"""A mend: settings of repro.toml under which a failure does not happen again.

It is data only. `rerun` plans again with the project's configuration and these settings on top;
the project's own files are never edited.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from reprokit.configuration import Configuration
from reprokit.configuration_keys import KEYS
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.model import JSON

Setting = bool | str | tuple[str, ...] | Mapping[str, str]

_CHOICES = ("binder.post_build", "data.mode", "dockerfile", "r.desktop")
VERSIONS = ("python.version", "r.version", "java.version")
LISTS = ("python.requirements", "python.build_requirements", "r.packages", "system.packages")
MENDABLE = frozenset(
    {
        *(*VERSIONS, *LISTS, *_CHOICES),
        *("run.environment", "run.folders", "run.display"),
    }
)
"""What a mend may set: nothing that loosens how a program is confined."""
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@frozen
class Mend:
    """`settings` by key: a text for a version, texts that are added to a list, variables that are
    added to the environment, or yes or no. In a `Pattern` each text is a template, as its sentences
    are."""

    settings: Mapping[str, Setting]

    @property
    def lines(self) -> tuple[str, ...]:
        """What has the same effect in repro.toml."""
        return tuple(f"{key} = {toml(value)}" for key, value in sorted(self.settings.items()))

    def json(self) -> dict[str, JSON]:
        settings: dict[str, JSON] = {}
        for key, value in self.settings.items():
            settings[key] = [*value] if isinstance(value, tuple) else _plain(value)
        return settings

    def filled(self, words: Mapping[str, str]) -> Mend | None:
        """The mend with its templates filled in; `None` where one of them comes out empty."""
        found: dict[str, Setting] = {}
        for key, value in self.settings.items():
            texts: list[str]
            if isinstance(value, bool):
                texts, found[key] = [], value
            elif isinstance(value, str):
                texts = [value.format_map(words)]
                found[key] = texts[0]
            elif isinstance(value, Mapping):
                filled = {name: text.format_map(words) for name, text in value.items()}
                texts, found[key] = [*filled.values()], filled
            else:
                texts = [text.format_map(words) for text in value]
                found[key] = tuple(texts)
            if not all(texts):
                return None
        return Mend(settings=found)


def together(mends: Iterable[Mend]) -> Mend:
    """One mend that sets what all of these set, the later on top."""
    settings: dict[str, Setting] = {}
    for mend in mends:
        for key, value in mend.settings.items():
            before = settings.get(key)
            if isinstance(before, tuple) and isinstance(value, tuple):
                value = tuple(dict.fromkeys((*before, *value)))
            elif isinstance(before, Mapping) and isinstance(value, Mapping):
                value = {**before, **value}
            settings[key] = value
    return Mend(settings=settings)


def mended(configuration: Configuration, mends: Iterable[Mend]) -> Configuration:
    """The configuration with mends on top of it. Raises BadRequest for one that sets what it may
    not, or to what no repro.toml could."""
    changes: dict[str, Any] = {}
    options = configuration.options
    for key, value in together(mends).settings.items():
        if key not in MENDABLE:
            raise BadRequest(f"a mend may not set {key}")
        try:
            read = KEYS[key].read([*value] if isinstance(value, tuple) else value)
        except ValueError as error:
            raise BadRequest(f"a mend sets {key}, which {error}") from error
        name = key.replace(".", "_")
        if key in LISTS:
            changes[name] = tuple(dict.fromkeys((*getattr(configuration, name), *read)))
        elif key in (*VERSIONS, *_CHOICES):
            changes[name] = read
        elif key == "run.folders":
            options = replace(options, folders=tuple(dict.fromkeys((*options.folders, *read))))
        elif key == "run.display":
            options = replace(options, display=read)
        else:
            environment = {**dict(options.environment), **dict(read)}
            options = replace(options, environment=tuple(sorted(environment.items())))
    return replace(configuration, options=options, **changes)


def _plain(value: bool | str | Mapping[str, str]) -> JSON:
    return value if isinstance(value, str | bool) else {**value}


def toml(value: Setting) -> str:
    """A setting's value in TOML, on one line."""
    # TOML's strings, true and false are written as JSON's, but for one character.
    if isinstance(value, str | bool):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(name)} = {toml(text)}" for name, text in value.items())
        return f"{{ {inside} }}"
    return f"[{', '.join(map(toml, value))}]"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else toml(name)
