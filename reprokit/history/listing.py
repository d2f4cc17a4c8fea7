"""The verbs `runs`, `show` and `logs`: what was run, and what one run left behind."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.history import progress_log, run_folder, variation_text, wording
from reprokit.history.index import Entry, Index
from reprokit.history.reading import (
    Record,
    mapping,
    number,
    rows,
    text,
    text_or_none,
    texts,
    warnings,
)
from reprokit.model import JSON

_BLOCK = 64 * 1024


@frozen
class RunList:
    """Runs, newest first. `more` says that the limit left out older ones."""

    entries: tuple[Entry, ...]
    more: bool
    project: Path | None

    def json(self) -> JSON:
        return {"schema": 1, "runs": [_entry(entry) for entry in self.entries], "more": self.more}

    def text(self) -> str:
        if not self.entries:
            place = "" if self.project is None else " in this project"
            return f"There is no run yet{place}. Start one: reprokit run"
        with_project = self.project is None
        header = ["RUN", "STATUS", "STARTED", "TOOK", "IMAGE", "COMMAND"]
        listed = table_rows(self.entries)
        if with_project:
            header.insert(1, "PROJECT")
            for row, entry in zip(listed, self.entries, strict=True):
                row.insert(1, wording.shortened(entry.name, 20))
        text = wording.table(header, listed)
        return text + "\nThere are older ones: --limit shows more." if self.more else text


def table_rows(entries: tuple[Entry, ...]) -> list[list[str]]:
    """The cells of `runs` for each entry."""
    return [
        [
            entry.id,
            _status(entry.status, entry.exit_code),
            wording.moment(entry.started),
            wording.duration(entry.seconds),
            wording.short_digest(entry.image),
            wording.shortened(entry.command, 40),
        ]
        for entry in entries
    ]


def runs(
    *,
    limit: int | None = 20,
    project: Path | None = None,
    all: bool = False,
    status: str | None = None,
    index: Index | None = None,
) -> RunList:
    """The runs of `project`, or of all projects where it is `None` or `all` is set.

    Raises BadRequest for a limit below 1 or an unknown status.
    """
    if limit is not None and limit < 1:
        raise BadRequest(f"a limit of {limit} shows nothing", next="give 1 or more")
    place = None if all else project
    asked = None if limit is None else limit + 1
    found = (index or Index()).list(asked, place, status)
    shown = found if limit is None else found[:limit]
    return RunList(entries=shown, more=len(found) > len(shown), project=place)


@frozen
class Shown:
    """One run: its record and its folder."""

    record: Record
    folder: run_folder.RunFolder

    def json(self) -> JSON:
        return dict(self.record)

    def text(self) -> str:
        return "\n".join(_described(self.record, self.folder))


def show(run: str = "last", *, project: Path | None = None, index: Index | None = None) -> Shown:
    """The record of a run. Raises BadRequest where there is none or it is damaged."""
    entry = (index or Index()).find(run, project)
    return Shown(record=record_of(entry), folder=entry.folder)


def record_of(entry: Entry) -> dict[str, JSON]:
    """The record of a run in the index, or a BadRequest that says why there is none."""
    folder = entry.folder
    if folder.record.exists():
        return run_folder.read_record(folder.record)
    if not folder.path.is_dir():
        raise BadRequest(
            f"the folder of run {entry.id} is gone",
            where=str(folder.path),
            next="`reprokit clean` takes it off the list",
        )
    why = {
        "running": "is still running, and has no record yet",
        "lost": "has no record: its process was killed",
    }.get(entry.status, f"has no record: it ended before its container did ({entry.status})")
    way = f"`reprokit logs {entry.id}` has what it printed"
    if progress_log.place(folder).exists():
        way = f"`reprokit attach {entry.id}` shows how it goes, or how it ended"
    raise BadRequest(f"run {entry.id} {why}", next=way)


def _image(record: Record) -> str:
    """The image's name, or its digest where the environment digest does not say that already."""
    image = mapping(record, "image")
    known = image["config_digest"] == record["environment_digest"]
    return text(image, "reference" if known else "config_digest")


def run_text(record: Record, *, folder: Path, results: Path) -> str:
    """What is said when a run has ended: how, what came out, and the digests to cite."""
    took = wording.duration(number(record, "seconds"))
    fields = [
        ("image", _image(record)),
        ("environment", text_or_none(record, "environment_digest") or "(not known)"),
        ("results in", str(results)),
        ("record", str(folder / "record.json")),
    ]
    lines = [f"Run {text(record, 'run')} {_ending(record)}, took {took}."]
    lines += [f"{name:<12} {wording.printable(value)}" for name, value in fields]
    if "notebooks" in record:
        from reprokit.notebook_runs import outputs

        lines += outputs.lines(record)
    lines += variation_text.described(record)
    return "\n".join([*lines, *_listed("results", rows(record, "results"))])


@frozen
class Log:
    """What a run printed, or its last `tail` lines."""

    entry: Entry
    tail: int | None

    def lines(self) -> Iterator[str]:
        """Line by line, without line ends; bytes that are no UTF-8 are replaced."""
        path = self.entry.folder.log
        try:
            with path.open("rb") as file:
                if self.tail is not None:
                    seek_tail(file, self.tail)
                yield from map(decoded, file)
        except FileNotFoundError:
            if self.entry.folder.path.is_dir():
                return
            raise BadRequest(
                f"the folder of run {self.entry.id} is gone", where=str(path.parent)
            ) from None
        except OSError as error:
            raise BadRequest(f"cannot be read: {error.strerror}", where=str(path)) from error

    def json(self) -> JSON:
        lines: list[JSON] = [*self.lines()]
        return {"schema": 1, "run": self.entry.id, "status": self.entry.status, "lines": lines}

    def text(self) -> str:
        return "\n".join(self.lines())


def logs(
    run: str = "last",
    *,
    tail: int | None = None,
    project: Path | None = None,
    index: Index | None = None,
) -> Log:
    """The log of a run, or its last `tail` lines. Raises BadRequest for a negative `tail`."""
    if tail is not None and tail < 0:
        raise BadRequest(f"there are no last {tail} lines", next="give 0 or more")
    return Log(entry=(index or Index()).find(run, project), tail=tail)


def decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").rstrip("\r\n")


def seek_tail(file: IO[bytes], count: int) -> None:
    """Go to where the last `count` lines begin, reading backwards: logs may have gigabytes."""
    end = position = file.seek(0, os.SEEK_END)
    if count == 0:
        return
    breaks: deque[int] = deque()
    while position > 0 and len(breaks) <= count:
        start = max(0, position - _BLOCK)
        file.seek(start)
        block = file.read(position - start)
        at = len(block)
        while (at := block.rfind(b"\n", 0, at)) >= 0 and len(breaks) <= count:
            if start + at != end - 1:  # the last line's own end begins no further line
                breaks.append(start + at)
                if len(breaks) == count:
                    file.seek(start + at + 1)
                    return
        position = start
    file.seek(0)


def _entry(entry: Entry) -> JSON:
    return {
        "run": entry.id,
        "project": {"name": entry.name, "path": entry.project},
        "status": entry.status,
        "exit_code": entry.exit_code,
        "started": entry.started,
        "seconds": entry.seconds,
        "command": entry.command,
        "config_digest": entry.image,
        "environment_digest": entry.environment,
    }


def _status(status: str, exit_code: int | None) -> str:
    return f"failed ({exit_code})" if status == "failed" and exit_code is not None else status


def _ending(record: Record) -> str:
    code = record["exit_code"]
    return _status(text(record, "status"), code if isinstance(code, int) else None)


def _why(record: Record) -> list[tuple[str, str]]:
    """Why a run failed, where that is known."""
    if "failure" not in record:
        return []
    failure = mapping(record, "failure")
    told = (("cause", text(failure, "text")), ("next", text(failure, "next")))
    return [(name, value) for name, value in told if value]


def _described(record: Record, folder: run_folder.RunFolder) -> list[str]:
    from reprokit.history.reading import command_text
    from reprokit.publishing import pushed

    project, base = mapping(record, "project"), mapping(record, "base")
    memory = record["peak_memory"]
    took = wording.duration(number(record, "seconds"))
    peak = f", {wording.size(memory)} of memory at most" if isinstance(memory, int) else ""
    engine = mapping(record, "engine")
    fields = [
        ("run", text(record, "run")),
        ("status", _ending(record)),
        *_why(record),
        ("started", f"{wording.moment(text(record, 'started'))}, took {took}{peak}"),
        ("project", f"{text(project, 'name')}, {_commit(project)}"),
        ("command", command_text(record)),
        *([("parameters", _parameters(record))] if record["parameters"] else []),
        ("image", _image(record)),
        ("pushed as", ", ".join(p.reference for p in pushed.read(folder)) or "(not pushed)"),
        ("environment", text_or_none(record, "environment_digest") or "(not known)"),
        ("base", f"{text(base, 'name')} ({text(base, 'family')}) {text(base, 'config_digest')}"),
        ("packages", _packages(record)),
        ("as of", text(mapping(record, "date"), "day")),
        ("platform", text(record, "platform")),
        ("engine", f"{text(engine, 'name')} {text(engine, 'version')}"),
        ("record", text(record, "digest")),
        ("folder", str(folder.path)),
    ]
    lines = [f"{name:<12} {wording.printable(value)}" for name, value in fields]
    for key, title in (("loosenings", "loosened"), ("undated", "undated")):
        lines += [f"{title:<12} {wording.printable(item)}" for item in texts(record, key)[:5]]
    lines += [f"{'warning':<12} {wording.printable(told)}" for told in warnings(record)[:5]]
    if "cell" in record:
        from reprokit.cells import telling

        lines += telling.described(record)
    lines += variation_text.described(record)
    lines += _listed("data", rows(mapping(record, "data"), "files"))
    return lines + _listed("results", rows(record, "results"))


def _commit(project: Record) -> str:
    commit = text_or_none(project, "commit")
    if commit is None:
        return "not in a git repository"
    return f"commit {commit}{', with changes' if project['dirty'] else ''}"


def _parameters(record: Record) -> str:
    return ", ".join(f"{name}={value}" for name, value in mapping(record, "parameters").items())


def _packages(record: Record) -> str:
    sources = [text(package, "source") for package in rows(record, "packages")]
    return ", ".join(f"{name} {sources.count(name)}" for name in sorted(set(sources))) or "none"


def _listed(title: str, files: list[dict[str, JSON]]) -> list[str]:
    total = sum(int(number(file, "size")) for file in files)
    lines = [f"{title:<12} {wording.counted(len(files), 'file')}, {wording.size(total)}"]
    for file in files[:15]:
        digest = wording.short_digest(text(file, "sha256"))
        size = wording.size(int(number(file, "size")))
        lines.append(f"  {digest}  {size:>9}  {wording.printable(text(file, 'path'))}")
    if len(files) > 15:
        lines.append(f"  and {len(files) - 15} more (--json lists all)")
    return lines
