"""The one place where text becomes part of a shell command or a Dockerfile.

Text from projects is hostile. Names are checked with `fullmatch` before they are used at all;
whatever is left is quoted here, and what cannot be quoted is refused.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Sequence

from reprokit.errors import BadRequest

# Line breaks and control characters; what reverses the direction of writing, so that a person reads
# another text than the machine; halves of characters, which no file can hold.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_EXPANDED = re.compile(r"""[\\'"$]""")
_WILDCARD = re.compile(r"[*?\[]")
DEBIAN_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
# A version begins with a digit or letter: "~" by itself would be a home folder to a shell.
DEBIAN_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+:~-]*")


def refuse_control_characters(text: str, *, where: str | None = None) -> str:
    """Return `text`, or raise BadRequest where a line break or control character hides in it."""
    if _CONTROL.search(text):
        raise BadRequest(
            f"{text!r} contains a line break or control character",
            where=where,
            next="rename it: such text cannot be written into a Dockerfile safely",
        )
    return text


def shell_word(text: str) -> str:
    """Quote one word for a POSIX shell."""
    return shlex.quote(refuse_control_characters(text))


def shell_command(argv: Sequence[str]) -> str:
    """Quote a command for a POSIX shell."""
    return " ".join(shell_word(word) for word in argv)


def exec_form(argv: Sequence[str]) -> str:
    """A Dockerfile's JSON (exec) form. JSON escapes line breaks, so nothing needs refusing."""
    return json.dumps(list(argv), ensure_ascii=True)


def dockerfile_value(text: str) -> str:
    """A double-quoted value for ENV, LABEL or ARG; Dockerfiles expand `$` and `\\` there."""
    refuse_control_characters(text)
    for character in ("\\", '"', "$"):
        text = text.replace(character, "\\" + character)
    return f'"{text}"'


def copy_form(sources: Sequence[str], destination: str) -> str:
    """The JSON form of COPY for exactly these paths: Docker expands variables, takes quotes away
    and matches patterns there, even in JSON. Raises BadRequest for a source with a backslash:
    BuildKit takes it for an escape when it looks for the file, whatever is written."""
    backslash = next((source for source in sources if "\\" in source), None)
    if backslash is not None:
        raise BadRequest(
            f"{backslash!r} contains a backslash",
            next="rename it: a Dockerfile cannot name such a file",
        )
    words = [*(_WILDCARD.sub(r"[\g<0>]", source) for source in sources), destination]
    for word in words:
        refuse_control_characters(word)
    return exec_form([_EXPANDED.sub(r"\\\g<0>", word) for word in words])


def checked_name(
    text: str, pattern: re.Pattern[str], kind: str, *, where: str | None = None
) -> str:
    """Return `text` if it is wholly a name of that kind, else raise BadRequest."""
    if pattern.fullmatch(text) is None:
        raise BadRequest(f"{text!r} is not the name of a {kind}", where=where)
    return text


def printable_command(argv: Iterable[str]) -> str:
    """A command as people read it: quoted for a shell, control characters shown escaped."""
    return " ".join(
        shlex.quote(_CONTROL.sub(lambda match: repr(match.group())[1:-1], word)) for word in argv
    )
