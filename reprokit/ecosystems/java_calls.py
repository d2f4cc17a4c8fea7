"""Where a project's own scripts and READMEs call the build tool, to build or to run the program."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reprokit.lock_file import NAME as LOCK
from reprokit.model import Reason
from reprokit.project import Project

_SCRIPTS = ("GNUmakefile", "makefile", "Makefile", "*.mk", "*.sh", "*.bash", "*.py", "*.R", "*.pl")
_READMES = ("README*", "readme*")
_CONTINUED = re.compile(r"\\\r?\n[ \t]*")


def counts(project: Project) -> bool:
    """Whether such calls decide over the image: in a rerun, where nobody can be asked and no lock
    of the author's says what the image holds."""
    return project.lenient and not project.has(LOCK)


def lines(project: Project, program: str, *, readmes: bool = False) -> Iterator[tuple[Reason, str]]:
    """The lines of scripts that call a program (of READMEs too, where asked), each with its place.

    program: a regular expression. Comments are left out; lines that go on are read as one.
    """
    call = re.compile(rf"(?:^|[\s;&|(@\"'`=-])(?:\.{{1,2}}/)*(?:{program})(?=[\"'\s,;]|$)")
    for path in (*project.matching(*_SCRIPTS), *(project.at_root(*_READMES) if readmes else ())):
        text = project.read(path)
        if call.search(text) is None:
            continue
        # A line break that is joined comes after its line, so that line numbers stay right.
        joined = _CONTINUED.sub(lambda found: " \0", text)
        number = 1
        for line in joined.split("\n"):
            if not line.lstrip().startswith("#") and call.search(line):
                yield Reason(text=program, file=path, line=number), line.replace("\0", "")
            number += 1 + line.count("\0")
