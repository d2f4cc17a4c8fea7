"""Every error a user can meet: what failed, where, and what to do next.

One class of error is one exit code; the command line and the magics are the only places that
catch. Anything else that escapes is a defect of reprokit, and shows its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable

from reprokit.printable import printable, redacted


class ReprokitError(Exception):
    """An error with a place and a way on.

    what: one sentence that says what failed.
    where: "file:line", a URL or a command; `None` where there is no place.
    next: what the user can do; `None` only where `what` already says it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, next: str | None = None) -> None:
        what = redacted(what)
        super().__init__(what)
        self.what = what
        self.where = None if where is None else redacted(where)
        self.next = None if next is None else redacted(next)

    def __str__(self) -> str:
        text = self.what if self.where is None else f"{self.where}: {self.what}"
        return printable(text if self.next is None else f"{text}\n  {self.next}")

    def json(self) -> dict[str, str | int | None]:
        """The error as it stands in documents (schema error-1)."""
        return {
            "class": type(self).__name__,
            "exit_code": self.exit_code,
            "what": self.what,
            "where": self.where,
            "next": self.next,
        }

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback, which is only for our own defects."""
        notes = (f"  {printable(note)}" for note in getattr(self, "__notes__", ()))
        return [f"{type(self).__name__}: {self}", *notes]


class Telling(Exception):
    """What a part of a plugin raises to tell its caller something, which is no fault of it."""


class BadRequest(ReprokitError):
    """The project's files, the configuration or the arguments are wrong."""

    exit_code = 2


class CommandFailed(ReprokitError):
    """The project's own command failed, ran out of memory or out of time."""

    exit_code = 3


class ResultsDiffer(ReprokitError):
    """Results are not what they were."""

    exit_code = 4


class NoEngine(ReprokitError):
    """No container engine answers."""

    exit_code = 5


class NoPermission(NoEngine):
    """An engine runs, but not for this user."""


class NamedEngineSilent(NoEngine):
    """The engine that the user named (DOCKER_HOST, an address) does not answer. Another one is
    neither taken nor started: it would not have what the user means."""


class InputUnavailable(ReprokitError):
    """A package, image or file that the lock names or the project asks for cannot be had."""

    exit_code = 6


class NothingFits(InputUnavailable):
    """Of the releases that the project allows of some packages, none fits the language's version
    that the base has. `names` are these packages, as their ecosystem compares names; `absent` are
    those of which there is no such release at all."""

    def __init__(
        self,
        what: str,
        names: Iterable[str],
        *,
        absent: Iterable[str] = (),
        where: str | None = None,
        next: str | None = None,
    ) -> None:
        super().__init__(what, where=where, next=next)
        self.names = frozenset(names)
        self.absent = frozenset(absent)


class NoBase(InputUnavailable):
    """None of the base images that a project could have can be had here."""


class NoSuchBase(BadRequest):
    """No base image has the versions of the languages that a project asks for."""


class NoAnswer(InputUnavailable):
    """A whole source of inputs (a registry, a mirror) does not answer: asking again is in vain."""


class BuildFailed(ReprokitError):
    """The image could not be built."""

    exit_code = 7


class StorageFailed(ReprokitError):
    """A folder is not writable, or the disk is full."""

    exit_code = 8


class Interrupted(ReprokitError):
    """The user stopped it."""

    exit_code = 130


class NoLongerAttached(Interrupted):
    """The user stopped looking on; the run goes on."""
