"""What notebook cells install: pip, conda and apt after `!` or `%`, or in cells of shell.

The cells themselves find no network when the notebook runs; what they ask for is in the image.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace

from reprokit.ecosystems.python import requirements_txt
from reprokit.ecosystems.python.found import Found, information, merged, warning
from reprokit.errors import BadRequest
from reprokit.model import Reason, SystemPackage
from reprokit.project import Project
from reprokit.quoting import DEBIAN_PACKAGE

_PROGRAMS = {
    "pip": "pip", "pip3": "pip", "conda": "conda", "mamba": "conda", "micromamba": "conda",
    "apt": "apt", "apt-get": "apt",
}  # fmt: skip
_BEFORE = frozenset({"sudo", "python", "python3", "-m", "{sys.executable}", "uv"})
_SEPARATORS = frozenset({"&&", "||", ";", "|", "&", "(", ")"})
_WITH_VALUE = {
    "pip": frozenset(
        {
            "-c", "--constraint", "-f", "--find-links", "-i", "--index-url", "--extra-index-url",
            "-t", "--target", "--root", "--prefix", "--upgrade-strategy", "--python",
        }
    ),
    "conda": frozenset({"-c", "--channel", "-n", "--name", "-p", "--prefix", "--file"}),
    "apt": frozenset({"-o", "-t", "--target-release"}),
}  # fmt: skip
_LINE = re.compile(r"^[ \t]*[!%]?[ \t]*(\S[^\n]*\binstall\b[^\n]*)$", re.MULTILINE)


def installed(project: Project, path: str, number: int, source: str) -> Found:
    """What cell `number` of the notebook at `path` installs. What cannot be followed is noted."""
    parts = []
    for match in _LINE.finditer(source.replace("\\\n", " ")):
        for program, arguments in _commands(match[1]):
            parts += [_asked(project, path, number, program, *item) for item in arguments]
    return merged(*parts)


def summary(cells: tuple[int, ...], path: str) -> Found:
    """One note for all the cells of a notebook that install something."""
    if not cells:
        return Found()
    listed = ", ".join(map(str, cells))
    verb = "cell {} installs packages" if len(cells) == 1 else "cells {} install packages"
    text = verb.format(listed) + "; they are in the image already"
    return Found(notes=(information(text, path),))


def _commands(line: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The install commands of a line of shell: the kind of program, (option or "", operand)."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError:
        return
    command: list[str] = []
    for word in [*words, ";"]:
        if word not in _SEPARATORS:
            command.append(word)
            continue
        kind, operands = _operands(command)
        if kind is not None:
            yield kind, operands
        command = []


def _operands(words: list[str]) -> tuple[str | None, list[tuple[str, str]]]:
    while words and words[0] in _BEFORE:
        words = words[1:]
    kind = _PROGRAMS.get(words[0]) if words else None
    if kind is None or "install" not in words[1:4]:
        return None, []
    found: list[tuple[str, str]] = []
    option = ""
    for word in words[words.index("install") + 1 :]:
        if word.startswith(("#", ">", "<")):
            break
        if word.startswith("-"):
            name, equals, value = word.partition("=")
            option = "" if equals else name
            if equals and name in ("--requirement", "--editable"):
                found.append((name, value))
        elif option in _WITH_VALUE[kind]:
            option = ""
        elif re.match(r"[A-Za-z0-9.]", word):
            found.append((option if option in ("-r", "--requirement", "-e") else "", word))
            option = ""
    return kind, found


def _asked(project: Project, path: str, number: int, kind: str, option: str, word: str) -> Found:
    reason = Reason(text=f"cell {number} installs {word}", file=path)
    try:
        if kind == "conda":
            from reprokit.ecosystems.python import conda

            return conda.dependency(word, reason)
        if kind == "apt":
            if DEBIAN_PACKAGE.fullmatch(word) is None:
                raise BadRequest(f"{word!r} is not the name of a system package")
            return Found(system_packages=(SystemPackage(name=word, reason=reason),))
        if option in ("-r", "--requirement"):
            file = posixpath.normpath(posixpath.join(posixpath.dirname(path), word))
            return requirements_txt.read(project, file)
        found = requirements_txt.requirement_line(project, path, word, reason)
        return replace(
            found, requirements=tuple(replace(r, reason=reason) for r in found.requirements)
        )
    except BadRequest as error:
        text = f"cell {number} installs {word}, which is not followed: {error.what}"
        return Found(notes=(warning(text, path),))
