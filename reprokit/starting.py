"""`new` and `notebook-template`: small studies that run as they are, to be replaced by one's own.

What is written is what lies in templates/starters, byte for byte: no name of the user's gets into
a file.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from reprokit import files, resources
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.model import JSON
from reprokit.printable import printable
from reprokit.quoting import shell_word

LANGUAGES = {"python": "Python", "r": "R", "java": "Java"}
DRIVER = "runs.ipynb"
"""The notebook that only calls reprokit, and what `notebook-template` calls it."""
_ANOTHER = "name a new folder"
_EXPERIMENTS = {"python": ("analysis.py", "analysis.ipynb")}
"""Of these the first, or with `--notebook` the second, is the experiment."""
# What a shell, Windows or a Makefile reads as more than a letter of a name.
_NOT_IN_NAMES = re.compile(r"""[<>:"/\\|?*'`$;&%!{}\[\]]""")
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


@frozen
class Created:
    """What was written at `place`: a folder with these files, or (without a language) one notebook.

    `runs` is the argument of `run` that names the project, with a space before it.
    """

    place: Path
    files: tuple[str, ...]
    language: str | None
    runs: str

    def json(self) -> JSON:
        """The document that fits the schema new-1."""
        return {
            "schema": 1,
            "name": self.place.name,
            "language": self.language,
            "files": [*self.files],
        }

    def said(self, door: str = "reprokit") -> tuple[str, str]:
        """What there is now, and the command to go on with. door: how reprokit is called there."""
        where = printable(str(self.place))
        if self.language is None:
            what = f"{where}: run its cells from top to bottom."
            return what, f"{door} plan{self.runs}"
        what = f"{where}: a study in {LANGUAGES[self.language]} that runs as it is."
        return f"{what} README.md says what is what.", f"{door} run{self.runs}"

    def text(self) -> str:
        what, command = self.said()
        return f"{what}\n\n    {command}"


def new(folder: Path, *, language: str = "python", notebook: bool = False) -> Created:
    """Write a starter project, all or nothing. See `reprokit.verbs.new`."""
    language = language.lower()
    if language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise BadRequest(f"there is no starter in {language!r}", next=f"choose one of: {known}")
    _check_name(folder)
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise BadRequest("exists, and is no folder", where=str(folder), next=_ANOTHER)
    if folder.exists() and any(folder.iterdir()):
        raise BadRequest(
            "holds files already, and none is written over",
            where=str(folder),
            next=f"{_ANOTHER}; to begin with the files that are there: "
            f"`reprokit init {shell_word(str(folder))}`",
        )
    wanted = _wanted(language, notebook=notebook)
    _write(folder, wanted)
    return Created(
        place=folder,
        files=tuple(sorted(wanted)),
        language=language,
        runs=f" {shell_word(str(folder))}",
    )


def notebook_template(path: Path) -> Created:
    """Write a notebook that runs the project it lies in. See `reprokit.verbs.notebook_template`."""
    target = path / DRIVER if path.is_dir() else path
    if target.suffix != ".ipynb":
        raise BadRequest(
            "is neither a folder nor the name of a notebook",
            where=str(path),
            next=f"name it, for example `reprokit notebook-template {DRIVER}`",
        )
    _check_name(target)
    if not target.parent.is_dir():
        raise BadRequest(
            "there is no such folder", where=str(target.parent), next="make it, or name another"
        )
    if target.exists() or target.is_symlink():
        raise BadRequest("exists already", where=str(target), next="name another file")
    files.write_text(target, _template(DRIVER).read_text("utf-8"))
    files.give_to_caller(target)
    around = target.parent
    runs = "" if around == Path() else f" {shell_word(str(around))}"
    return Created(place=target, files=(target.name,), language=None, runs=runs)


def _check_name(path: Path) -> None:
    """Raises BadRequest for a name that some system or shell would not take as it is."""
    name = path.name
    good = (
        name.isprintable()
        and name.strip(" .") == name.lstrip() == name
        and not name.startswith("-")
        and _NOT_IN_NAMES.search(name) is None
        and _DEVICES.fullmatch(name) is None
        and len(name.encode(errors="replace")) <= 100
    )
    if not name or not good:
        raise BadRequest(
            f"{str(path)!r} cannot be used as a name here",
            next="use letters, digits, spaces, dots, - and _, at most 100, for example `my-study`",
        )


def _template(*names: str) -> Path:
    return resources.templates().joinpath("starters", *names)


def _wanted(language: str, *, notebook: bool) -> Mapping[str, Path]:
    """What to write, by path in the new folder, and where it is."""
    root = _template(language)
    found = {p.relative_to(root).as_posix(): p for p in root.rglob("*") if p.is_file()}
    # Under its own name it would be a rule for this repository, and for what builds the wheel.
    found[".gitignore"] = found.pop("gitignore")
    if language in _EXPERIMENTS:
        script, book = _EXPERIMENTS[language]
        del found[script if notebook else book]
    elif notebook:
        found[DRIVER] = _template(DRIVER)
    return found


def _write(folder: Path, wanted: Mapping[str, Path]) -> None:
    """Lay the files out beside the folder, and rename."""
    place = folder.absolute()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=place.parent, prefix=".new-"))
    except OSError as error:
        raise files.storage_failed(error, folder) from error
    try:
        for path, source in wanted.items():
            target = temporary / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
        # As new folders are made here, which mkdtemp keeps to oneself.
        umask = os.umask(0o022)
        os.umask(umask)
        temporary.chmod(0o777 & ~umask)
        files.give_to_caller(temporary, *temporary.rglob("*"))
        if place.exists():
            place.rmdir()
        temporary.rename(place)
    except OSError as error:
        raise files.storage_failed(error, folder) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
