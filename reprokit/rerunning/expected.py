"""What a rerun is compared with: what was published, else what the project itself holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Literal

from reprokit import files, git, process
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.history import reading
from reprokit.history.contents import inside
from reprokit.model import ResultFile, Step
from reprokit.phases.compare import Expected
from reprokit.project import Project
from reprokit.rerunning.origin import Published

CODECHECK = "codecheck.yml"
_READ_LIMIT = 64 * 1024**2

_RESULTS = frozenset(
    {
        ".png", ".pdf", ".svg", ".eps", ".ps", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".csv",
        ".tsv", ".txt", ".dat", ".json", ".npy", ".npz", ".html", ".tex", ".xlsx", ".rds",
        ".parquet", ".h5",
    }
)  # fmt: skip
_OF_OTHERS = re.compile(
    r"(?:^|/)(?:\..*|tests?|docs?|examples?|vendor|third_party)/", re.IGNORECASE
)

Basis = Literal[
    "record",
    "codecheck.yml",
    "tracked files",
    "project files",
    "notebooks",
    "same names",
    "nothing",
]


@frozen
class Expectation:
    """Expected results and what says so. complete: the run is to write these files and no others;
    notes: what of it cannot be compared."""

    basis: Basis
    files: tuple[Expected, ...] = ()
    complete: bool = False
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return {
            "record": "the results of the published run",
            "codecheck.yml": "the files that codecheck.yml lists",
            "tracked files": "the committed files that the run writes again",
            "project files": "the project's files that the run writes again",
            "notebooks": "the outputs stored in the notebooks",
            "same names": "the project's files of the same names, in other folders",
            "nothing": "nothing to compare with",
        }[self.basis]


def of_record(published: Published) -> Expectation:
    """The results of a published run; their content where it is at hand."""
    rows = reading.hashes(reading.rows(published.record, "results"))
    found = tuple(
        Expected(
            path=path,
            sha256=sha256,
            content=None if published.results is None else inside(published.results, path),
        )
        for path, sha256 in rows.items()
    )
    return Expectation(basis="record", files=found, complete=True)


def of_project(
    project: Project,
    results_folder: str,
    written: Sequence[ResultFile],
    steps: Sequence[Step],
    scratch: Path,
) -> Expectation:
    """What a project that nobody published holds of its own results.

    results_folder: where the project keeps them. written: what the run wrote. scratch: a folder
    for the committed versions of files.
    """
    if project.has(CODECHECK):
        listed = _of_codecheck(project, results_folder, written, scratch)
        if listed.files:
            return listed
    again = _written_again(project, results_folder, written)
    if again:
        tracked = _committed(project, again, scratch)
        if tracked:
            return Expectation(basis="tracked files", files=_expected(tracked))
        kept = {name: project.path(path) for name, path in again.items()}
        return Expectation(basis="project files", files=_expected(kept))
    stored = _stored_outputs(project, written, steps)
    if stored:
        return Expectation(basis="notebooks", files=stored)
    named = _named_alike(project, written)
    places = {name: project.path(path) for name, path in named.items()}
    places |= _committed(project, named, scratch)
    return Expectation(basis="same names" if places else "nothing", files=_expected(places))


def lists(project: Project) -> tuple[str, ...]:
    """The outputs that the project's codecheck.yml lists, and the project holds. Nothing where it
    has none that can be read."""
    listed: tuple[str, ...] = ()
    if project.has(CODECHECK):
        with suppress(BadRequest):
            listed = _manifest(project)
    return tuple(path for path in listed if project.has(path))


def written(record: reading.Record) -> tuple[ResultFile, ...]:
    """The result files of a run, by its record."""
    return tuple(
        ResultFile(
            path=reading.text(row, "path"),
            size=int(reading.number(row, "size")),
            sha256=reading.text(row, "sha256"),
            origin="collected" if row["origin"] == "collected" else "results",
        )
        for row in reading.rows(record, "results")
    )


def _expected(places: Mapping[str, Path]) -> tuple[Expected, ...]:
    return tuple(
        Expected(path=name, sha256=files.sha256(place), content=place)
        for name, place in sorted(places.items())
    )


def _manifest(project: Project) -> tuple[str, ...]:
    """The manifest of a codecheck.yml: https://codecheck.org.uk/spec/config/latest/. Raises
    BadRequest where it has none."""
    import yaml

    try:
        document = yaml.safe_load(project.read(CODECHECK))
        listed = [str(entry["file"]) for entry in document["manifest"]]
    except (yaml.YAMLError, KeyError, TypeError, RecursionError) as error:
        raise BadRequest(
            f"lists no files as its manifest: {type(error).__name__}",
            where=CODECHECK,
            next="see https://codecheck.org.uk/spec/config/latest/",
        ) from error
    return tuple(PurePosixPath(name).as_posix() for name in listed)


def _of_codecheck(
    project: Project, results_folder: str, written: Sequence[ResultFile], scratch: Path
) -> Expectation:
    """What the manifest lists. What is committed counts as it was committed: an earlier run may
    have written over it. Who checked often copied the outputs into a folder of the check: what was
    written under the same name elsewhere is what is meant."""
    listed, found, notes = _manifest(project), dict[str, str](), list[str]()
    there = {file.path for file in written}
    alike = _by_name(there)
    several = {name for name, paths in _by_name(listed).items() if len(paths) > 1}
    for path in listed:
        name = PurePosixPath(path).name
        if project.has(path):
            result = _as_result(path, results_folder)
            others = alike.get(name, [])
            if result not in there and len(others) == 1 and name not in several:
                result = others[0]
            found[result] = path
        else:
            notes.append(f"{path} is listed in {CODECHECK}, and the project does not hold it")
    places = {name: project.path(path) for name, path in found.items()}
    places |= _committed(project, found, scratch)
    return Expectation(basis="codecheck.yml", files=_expected(places), notes=tuple(notes))


def _by_name(paths: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(PurePosixPath(path).name, []).append(path)
    return found


def _named_alike(project: Project, written: Iterable[ResultFile]) -> dict[str, str]:
    """Result -> the only file of the project with its name, for figures and tables that people
    moved elsewhere when they committed them (paper/figures/)."""
    results = _by_name(file.path for file in written)
    held = _by_name(path for path in project.files if not _OF_OTHERS.search(path))
    return {
        paths[0]: held[name][0]
        for name, paths in results.items()
        if len(paths) == 1
        and len(held.get(name, ())) == 1
        and PurePosixPath(name).suffix.lower() in _RESULTS
    }


def _as_result(path: str, results_folder: str) -> str:
    """Where a run puts what it writes to this path of the project."""
    for folder in ("results", results_folder):
        if path.startswith(f"{folder}/"):
            return path.removeprefix(f"{folder}/")
    return path


def _written_again(
    project: Project, results_folder: str, written: Iterable[ResultFile]
) -> dict[str, str]:
    """Files of the project that the run wrote: by their name among the results."""
    found = {}
    for file in written:
        places = [file.path]
        if file.origin == "results":
            places = [f"results/{file.path}", f"{results_folder}/{file.path}"]
        path = next((place for place in places if project.has(place)), None)
        if path is not None:
            found[file.path] = path
    return found


def _committed(project: Project, again: Mapping[str, str], scratch: Path) -> dict[str, Path]:
    """The last committed version of those of these files that are committed, by the same names, as
    an earlier run may have written over them."""
    if not again or not project.is_repository:
        return {}
    by_path = {path: name for name, path in again.items()}
    try:
        listed = git.ask(project.root, "ls-files", "-z", "--", *map(_literal, by_path))
        tracked = [path for path in listed.split("\0") if path in by_path]
        if not tracked:
            return {}
        archive = scratch / "committed.tar"
        words = ("archive", "--format=tar", f"--output={archive}", "HEAD", "--")
        git.ask(project.root, *words, *map(_literal, tracked), contents=True)
    except process.ProcessFailed:
        return {}
    git.unpack(archive, scratch)
    places = {by_path[path]: scratch / path for path in tracked}
    return {name: place for name, place in places.items() if place.is_file()}


def _literal(path: str) -> str:
    return f":(literal){path}"


def _stored_outputs(
    project: Project, written: Iterable[ResultFile], steps: Sequence[Step]
) -> tuple[Expected, ...]:
    """The notebooks that ran, where they hold outputs of an earlier run."""
    names = {file.path for file in written}
    found = {}
    for step in steps:
        if len(step.argv) != 2 or step.argv[0] != "repro-notebook":
            continue
        path = PurePosixPath(step.folder, step.argv[1]).as_posix()
        name = PurePosixPath(path).name
        if name in names and project.has(path) and _has_outputs(project.path(path)):
            found[name] = project.path(path)
    return _expected(found)


def _has_outputs(path: Path) -> bool:
    try:
        if path.stat().st_size > _READ_LIMIT:
            return False
        document = json.loads(path.read_text("utf-8"))
        return any(cell.get("outputs") for cell in document["cells"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
