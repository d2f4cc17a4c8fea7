"""The verbs and their options, once for the shell and the notebook. No logic lives here."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import NoReturn

from reprokit.errors import BadRequest
from reprokit.version import __version__

# argparse tells a value that is none of the choices only by this text.
_CHOICE = re.compile(r"invalid choice: '(?P<given>.*)' \(choose from (?P<known>.*)\)", re.DOTALL)
_WORD = re.compile(r"[\w.-]+")


class Parser(argparse.ArgumentParser):
    """An argument parser that raises BadRequest instead of ending the process."""

    help_by = " --help"

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """As argparse's, but what a verb does not know is told by the verb, with its options."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self._refuse(
                f"unrecognized arguments: {' '.join(unknown)}", unknown[0], self._options()
            )
        return found, unknown

    def error(self, message: str) -> NoReturn:
        choice = _CHOICE.search(message)
        if choice is not None:
            self._refuse(message, choice["given"], _WORD.findall(choice["known"]))
        self._refuse(message)

    def _options(self) -> list[str]:
        return [name for action in self._actions for name in action.option_strings]

    def _refuse(self, message: str, given: str = "", known: Sequence[str] = ()) -> NoReturn:
        import difflib

        near = difflib.get_close_matches(given.partition("=")[0], known, n=1) if known else []
        hint = f"did you mean `{near[0]}`? " if near else ""
        raise BadRequest(message, next=f"{hint}see `{self.prog}{self.help_by}`")


class CellParser(Parser):
    """Of a cell: IPython runs no cell that has a first line and nothing below it."""

    help_by = "?"


def build_parser(prog: str = "reprokit") -> Parser:
    """The parser with one sub-parser a verb; `verb` is set to its name."""
    parser = Parser(
        prog=prog,
        description="From a research project to results and a digest to cite.",
    )
    parser.add_argument("--version", action="version", version=f"reprokit {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=Parser)
    _add_start(verbs)
    _add_way(verbs)
    _add_detached(verbs)
    _add_history(verbs)
    _add_publishing(verbs)
    _add_machine(verbs)
    return parser


def cell_parser(prog: str) -> Parser:
    """The parser of the first line of a cell: the language, what goes in and out, and those
    options of `run` that are about a container."""
    parser = CellParser(
        prog=prog,
        description="Run this cell in the project's container: the same packages as `%repro run`, "
        "no network, nothing of this kernel but what -i names.",
        epilog="None, True, False, numbers, text, lists and dictionaries of these, NumPy arrays, "
        "pandas data frames and series can be carried in and out. A shell gets them as variables: "
        "a data frame as the name of a CSV file. Each cell starts from nothing; what it writes to "
        "results/ is shown and kept, and `%repro runs` lists it.",
    )
    parser.add_argument(
        "language",
        nargs="?",
        default="python",
        choices=("python", "R", "sh"),
        type=lambda word: LANGUAGE_NAMES.get(word.lower(), word),
        help="python (the default), R or sh",
    )
    for short, long, what in (
        ("-i", "--input", "variables of this kernel that go in"),
        ("-o", "--output", "variables of the cell that come out"),
    ):
        parser.add_argument(
            short,
            long,
            dest=f"{long[2:]}s",
            action="extend",
            nargs="+",
            default=[],
            metavar="NAME",
            help=what,
        )
    parser.add_argument("--project", dest="path", default=".", metavar="PATH", help="its folder")
    parser.add_argument("--json", action="store_true", help="print the record instead")
    _choices(parser)
    _confinement(parser)
    parser.add_argument("--results", metavar="DIR", help="where results go (PATH/results)")
    return parser


LANGUAGE_NAMES = {
    **{"python": "python", "python3": "python", "py": "python"},
    **{"r": "R", "sh": "sh", "bash": "sh", "shell": "sh"},
}
"""What the languages of cells are called, in small letters."""


def split_command(words: list[str]) -> tuple[list[str], list[str] | None]:
    """Split off the project's own command, which stands after the first `--`."""
    if "--" not in words:
        return words, None
    place = words.index("--")
    return words[:place], words[place + 1 :]


_Verbs = argparse._SubParsersAction


def _add_start(verbs: _Verbs[Parser]) -> None:
    new = _verb(verbs, "new", "a small study that runs as it is, to begin with")
    new.add_argument("folder", metavar="FOLDER", help="a new or empty folder")
    languages = ("python", "r", "java")
    new.add_argument("--language", choices=languages, default="python", help="(python)")
    new.add_argument("--notebook", action="store_true", help="with a notebook to work in")

    template = _verb(verbs, "notebook-template", "a notebook that runs the project it lies in")
    template.add_argument("path", nargs="?", default=".", help="its name, or a folder")

    init = _verb(verbs, "init", "propose requirements and repro.toml from what is installed here")
    init.add_argument("path", nargs="?", default=".", help="a project folder or a notebook")
    init.add_argument("--write", action="store_true", help="write what is proposed")


def _add_way(verbs: _Verbs[Parser]) -> None:
    run = _verb(verbs, "run", "build and run a project; results in ./results")
    run.add_argument("path", nargs="?", default=".", help="a project folder or a notebook")
    _choices(run)
    _confinement(run)
    run.add_argument("--no-cache", action="store_true", help="build every layer again")
    run.add_argument("--results", metavar="DIR", help="where results go (PATH/results)")
    repeat = "run N times and record what the results vary by"
    run.add_argument("--repeat", type=int, default=1, metavar="N", help=repeat)
    run.add_argument("--detach", action="store_true", help="return at once; it runs on by itself")

    run.add_argument(
        "-p",
        "--parameter",
        action="append",
        default=[],
        dest="parameters",
        metavar="NAME=VALUE",
        help="a parameter of the notebook, as papermill takes it",
    )
    run.add_argument(
        "--write-back",
        action="store_true",
        help="put the outputs, and which run made them, into the notebook itself",
    )

    plan = _verb(verbs, "plan", "what was found, what would be built and run, and why")
    plan.add_argument("path", nargs="?", default=".", help="a project folder or a notebook")
    _choices(plan, engine=False)

    lock = _verb(verbs, "lock", "pin everything in repro.lock")
    lock.add_argument("path", nargs="?", default=".", help="a project folder")
    _choices(lock)
    lock.add_argument("--check", action="store_true", help="only say whether repro.lock is current")
    lock.add_argument("--upgrade", action="store_true", help="resolve anew, moving what is pinned")

    export = _verb(verbs, "export", "Dockerfile, vendored inputs and a README for plain docker")
    export.add_argument("directory", metavar="DIR", help="a new or empty folder")
    export.add_argument("--path", default=".", metavar="PATH", help="the project (here)")
    _choices(export)


def _add_detached(verbs: _Verbs[Parser]) -> None:
    attach = _verb(verbs, "attach", "show how a run goes until it ends; Ctrl-C leaves it running")
    attach.add_argument("run", nargs="?", default="last", metavar="RUN")

    status = _verb(verbs, "status", "what runs now")
    status.add_argument("--all", action="store_true", help="of every project, not only this one")

    stop = _verb(verbs, "stop", "stop a detached run; what there is of it is kept")
    stop.add_argument("run", nargs="?", default="last", metavar="RUN")


def _add_history(verbs: _Verbs[Parser]) -> None:
    runs = _verb(verbs, "runs", "the runs so far, newest first")
    runs.add_argument("--all", action="store_true", help="of every project, not only this one")
    runs.add_argument("--limit", type=int, default=20, metavar="N", help="at most N runs (20)")

    show = _verb(verbs, "show", "one run: its results, digests and inputs")
    show.add_argument("run", nargs="?", default="last", metavar="RUN")
    show.add_argument("--sbom", action="store_true", help="its image's bill of materials, as JSON")

    logs = _verb(verbs, "logs", "what a run printed")
    logs.add_argument("run", nargs="?", default="last", metavar="RUN")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until the run ends")
    logs.add_argument("--tail", type=int, metavar="N", help="only the last N lines")

    diff = _verb(verbs, "diff", "what changed between two runs")
    diff.add_argument("first", nargs="?", metavar="RUN", help="(the one before the last)")
    diff.add_argument("second", nargs="?", default="last", metavar="RUN", help="(the last)")

    verify = _verb(verbs, "verify", "is a run as its record says? can it be built again?")
    verify.add_argument("run", nargs="?", default="last", metavar="RUN")
    verify.add_argument(
        "--key", metavar="PUBLIC.pem", help="of NAME@sha256:…: who must have signed"
    )
    verify.add_argument("--rebuild", action="store_true", help="build it again from nothing")
    verify.add_argument("--engine", metavar="NAME", help="docker, podman, or a socket's address")

    clean = _verb(verbs, "clean", "remove old runs, images and what was left behind")
    clean.add_argument("--older-than", type=float, default=30, metavar="DAYS", dest="older_than")
    clean.add_argument("--keep", type=int, default=5, metavar="N", help="always keep the last N")
    clean.add_argument("--dry-run", action="store_true", help="only say what would go")


def _add_publishing(verbs: _Verbs[Parser]) -> None:
    cite = _verb(verbs, "cite", "what goes in the paper")
    cite.add_argument("run", nargs="?", default="last", metavar="RUN")
    formats = ("text", "markdown", "latex", "bibtex", "cff", "codecheck", "badge")
    cite.add_argument("--format", choices=formats, default="text", help="the notation (text)")
    cite.add_argument(
        "--value",
        action="append",
        default=[],
        metavar="NAME=FILE:PLACE",
        help="a value of the results, for example rmse=results/metrics.json:rmse",
    )
    cite.add_argument("--output", metavar="FILE", help="write it there instead of printing it")

    publish = _verb(verbs, "publish", "an archive for others, or an image in a registry")
    publish.add_argument("run", nargs="?", default="last", metavar="RUN")
    publish.add_argument("--archive", metavar="FILE.zip", help="write an archive of the run")
    publish.add_argument("--vendor", action="store_true", help="with every package, to build from")
    publish.add_argument("--image", action="store_true", help="with the image, to load and run")
    publish.add_argument("--push", metavar="REF", help="push the image, with the run's record")
    publish.add_argument("--data", action="store_true", help="push data and results beside it")
    publish.add_argument("--sign", metavar="KEY.pem", help="sign what is pushed with this key")
    publish.add_argument("--engine", metavar="NAME", help="docker, podman, or a socket's address")

    rerun = _verb(verbs, "rerun", "run something published again: are the results the same?")
    rerun.add_argument(
        "source",
        metavar="SOURCE",
        help="an archive, NAME@sha256:…, a run, a folder, or the address of a git repository "
        "(with #COMMIT or @TAG)",
    )
    rerun.add_argument("--report", metavar="FILE.html", help="write a page that shows what differs")
    rerun.add_argument("--yes", action="store_true", help="allow loosened isolation, unasked")
    rerun.add_argument("--date", metavar="YYYY-MM-DD", help="as of then, where nothing is locked")
    rerun.add_argument("--memory", metavar="SIZE", help="memory limit, for example 4g")
    rerun.add_argument("--timeout", type=float, metavar="SECONDS", help="stop the run after this")
    rerun.add_argument(
        "--no-mend", action="store_false", dest="mend", help="one try, whatever its failure says"
    )
    rerun.add_argument(
        "--write", action="store_true", help="write what was taken for granted into its repro.toml"
    )
    rerun.add_argument("--engine", metavar="NAME", help="docker, podman, or a socket's address")

    _add_study(verbs)


def _add_study(verbs: _Verbs[Parser]) -> None:
    study = _verb(verbs, "study", "rerun many sources and count what came of them")
    study.add_argument("list", metavar="LIST.toml", help="the sources; see docs/study.md")
    study.add_argument("--jobs", type=int, metavar="N", help="so many at a time (one a core)")
    study.add_argument("--output", metavar="DIR", help="where it is kept (beside the list)")
    study.add_argument(
        "--again",
        action="append",
        default=[],
        metavar="WHICH",
        help="rerun these though they are done: failed, different, all, or a source's name",
    )
    study.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="for each source (two hours)"
    )
    study.add_argument("--memory", metavar="SIZE", help="for all containers together, as in 8g")
    study.add_argument("--yes", action="store_true", help="allow loosened isolation, unasked")
    study.add_argument("--reports", action="store_true", help="write a page for each rerun as well")
    study.add_argument(
        "--keep-images", metavar="SIZE", help="remove the oldest of its images beyond this size"
    )
    study.add_argument(
        "--keep-images-for", type=float, metavar="HOURS", help="remove images this long after use"
    )
    study.add_argument("--engine", metavar="NAME", help="docker, podman, or a socket's address")


def _add_machine(verbs: _Verbs[Parser]) -> None:
    doctor = _verb(verbs, "doctor", "is everything here that a run needs?")
    doctor.add_argument("--fix", action="store_true", help="install and start what is missing")
    _verb(verbs, "plugins", "what is installed, and from where")


def _verb(verbs: _Verbs[Parser], name: str, help: str) -> Parser:
    end = "" if help.endswith("?") else "."
    parser = verbs.add_parser(name, help=help, description=help[0].upper() + help[1:] + end)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser


def _confinement(parser: Parser) -> None:
    parser.add_argument("--network", action="store_true", help="allow network access at run time")
    parser.add_argument("--memory", metavar="SIZE", help="memory limit, for example 4g")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="stop the run after this")


def _choices(parser: Parser, *, engine: bool = True) -> None:
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="resolve unpinned packages as of then")
    parser.add_argument(
        "--base", metavar="NAME", help="auto, debian, official, ubuntu, or a base's name"
    )
    if engine:
        parser.add_argument(
            "--engine", metavar="NAME", help="docker, podman, or a socket's address"
        )
