"""Byte-code that is the same in every build: how `bytecode_compiler` gets into one."""

from __future__ import annotations

from pathlib import Path

from reprokit.model import Argv, GeneratedFile, Mount

_NAME = "bytecode_compiler.py"
_PATH = f"bytecode/{_NAME}"

MOUNT = Mount(source="vendor/bytecode", target="/mnt/bytecode")
ENVIRONMENT = (("PYTHONHASHSEED", "0"),)


def file() -> GeneratedFile:
    """The compiler, beside the Dockerfile."""
    text = Path(__file__).with_name(_NAME).read_text("utf-8")
    return GeneratedFile(path=_PATH, content=text)


def compile_command(python: str, *folders: str, again: bool = False) -> Argv:
    """Byte-code for the sources below some folders: those that have none yet, or only those that
    have some (`again`). Needs `MOUNT` and `ENVIRONMENT`."""
    # Neither site-packages' own start-up files nor a user's: they would run first.
    script = (python, "-S", "-s", f"{MOUNT.target}/{_NAME}")
    return (*script, *(("--again",) if again else ()), *folders)
