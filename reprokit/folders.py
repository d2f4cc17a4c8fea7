"""Where reprokit keeps what belongs to the user rather than to one project.

REPROKIT_HOME replaces all of them by one folder (tests and clusters use it).
"""

from __future__ import annotations

import os
from pathlib import Path


def _home(kind: str) -> Path:
    override = os.environ.get("REPROKIT_HOME")
    if override:
        return Path(override).absolute() / kind
    import platformdirs

    directories = platformdirs.PlatformDirs("reprokit", appauthor=False)
    return {
        "cache": directories.user_cache_path,
        "data": directories.user_data_path,
        "configuration": directories.user_config_path,
    }[kind]


def store() -> Path:
    """The content-addressed store of downloaded inputs."""
    return _home("cache") / "store"


def contexts() -> Path:
    """Build contexts, one folder a project."""
    return _home("cache") / "contexts"


def archives() -> Path:
    """Archives of base images."""
    return _home("cache") / "bases"


def layers() -> Path:
    """What is known of canonical layers, and archives on their way into an engine."""
    return _home("cache") / "layers"


def workspaces() -> Path:
    """What is unpacked and cloned for the length of one command."""
    return _home("cache") / "workspaces"


def reruns() -> Path:
    """The runs of what belongs to others: one folder for each name, as a project has it."""
    return _home("data") / "reruns"


def data() -> Path:
    """The index of runs and the cache of file hashes."""
    return _home("data")


def configuration() -> Path:
    """Site settings."""
    return _home("configuration")
