"""The target of a Makefile that makes the results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from reprokit.model import Entry, Note, Reason, Step
from reprokit.project import Project

MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
_WANTED = ("all", "results", "reproduce", "run")
_OTHER_PURPOSE = frozenset(
    {
        "help", "install", "uninstall", "test", "tests", "check", "lint", "format", "clean",
        "docs", "doc", "build", "compile", "deps", "dependencies", "env", "environment", "venv",
        "setup", "image", "docker", "dist", "release", "publish", "deploy", "requirements",
    }
)  # fmt: skip
_RULE = re.compile(r"^(?P<targets>[^\s:#=][^:#=]*?)\s*:(?!=)(?P<rest>[^=].*|)$")
_RESULTS = "results"
_PHONY = re.compile(rf"^\.PHONY\s*:.*(?<!\S){_RESULTS}(?!\S)", re.MULTILINE)
_NEEDS_RESULTS = re.compile(rf"^[^\s.#=:][^#=:]*:[^=].*(?<!\S){_RESULTS}(?!\S)", re.MULTILINE)
_MAKES_FOLDER = re.compile(r"[@-]*(?:mkdir|install\s+-d)\s[^;&|]*")
_DOWNLOADS = re.compile(r"(?:^|[;&|\s@-])(?:curl|wget|git\s+clone)\s", re.MULTILINE)
MAVEN = frozenset({"mvn", "./mvnw"})
_MAVEN_FETCHES = re.compile(
    r"dependency:(?:copy(?:-dependencies)?|get|go-offline|resolve(?:-plugins)?|sources)"
)
_MAVEN_OPTIONS = frozenset({"-f", "--file", "-P", "-pl", "-s", "-T"})
_RUNS = re.compile(
    r"(?:^|[;&|\s@-])(?:\$\(\w+\)|\$\{\w+\}|python[\d.]*|Rscript|R|java|julia|bash|sh|make|\./\S+)\s",
    re.MULTILINE,
)
_OUTSIDE = re.compile(r"(?:^|[;&|\s@-])(?:docker|docker-compose|podman|sudo|ssh|sbatch|qsub)\s")


def candidates(project: Project) -> tuple[list[Entry], list[Note]]:
    """One candidate for the default target where that is what makes the results, else one for
    each of the targets all, results, reproduce and run; and why a Makefile was passed over."""
    file = next((name for name in MAKEFILES if project.has(name)), None)
    if file is None:
        return [], []
    text = project.read(file)
    targets = _targets(text)
    if not targets:
        return [], []
    default = next(iter(targets))
    named = [name for name in _WANTED if name in targets]
    chosen = [default] if default in named or not named else named
    found, notes = [], []
    for target in chosen:
        line, recipe = targets[target]
        reason = Reason(text=f"the target {target}", file=file, line=line)
        if _OUTSIDE.search(recipe):
            text = f"make {target} starts containers or jobs of its own, which cannot be nested"
            notes.append(Note(level="information", text=text, reason=reason))
        elif target not in _OTHER_PURPOSE:
            argv = ("make", *_remade(project, targets), *_forced(text, target, targets))
            argv += () if target == default else (target,)
            found.append(Entry(steps=(Step(argv=argv),), reason=reason, rank=10))
    return found, notes


def only_fetches(project: Project, folder: str, words: Sequence[str]) -> bool:
    """Whether `make WORDS` there does nothing but download: a preparation as any, and what the
    build makes of the project's sources serves instead of a program that is published made."""
    places = (PurePosixPath(folder, name).as_posix() for name in MAKEFILES)
    file = next((place for place in places if project.has(place)), None)
    targets = {} if file is None else _targets(project.read(file))
    wanted = [word for word in words if word in targets]
    recipes = [targets[word][1] for word in wanted]
    return bool(recipes) and all(map(_fetches, recipes))


def _fetches(recipe: str) -> bool:
    """Whether a recipe downloads and does nothing else."""
    lines = recipe.splitlines()
    rest = "\n".join(line for line in lines if not _maven_fetches(line))
    if _RUNS.search(rest) or any(map(_maven_starts, lines)):
        return False
    return _DOWNLOADS.search(rest) is not None or (bool(recipe) and not rest)


def _maven_fetches(line: str) -> bool:
    """Whether a line calls Maven for nothing but the libraries."""
    program, *words = line.lstrip("@-").split() or [""]
    named = [w for n, w in enumerate(words) if n == 0 or words[n - 1] not in _MAVEN_OPTIONS]
    goals = [word for word in named if not word.startswith("-") and word != "clean"]
    return program in MAVEN and bool(goals) and all(map(_MAVEN_FETCHES.fullmatch, goals))


def _maven_starts(line: str) -> bool:
    words = line.lstrip("@-").split()
    return not MAVEN.isdisjoint(words) and any(w.startswith("exec:") for w in words)


def _remade(project: Project, targets: dict[str, tuple[int, str]]) -> tuple[str, ...]:
    """The option that makes targets anew, where the project holds some of them already: in an image
    all files are of one age, so that nothing would be made. Not where that would download."""
    held = [recipe for name, (_, recipe) in targets.items() if recipe and project.has(name)]
    return ("--always-make",) if held and not any(map(_DOWNLOADS.search, held)) else ()


def _forced(text: str, target: str, targets: dict[str, tuple[int, str]]) -> tuple[str, ...]:
    """The option for a rule "results" that is not said to be phony: the folder of that name, which
    the author's fresh copy lacks and each run has, would make it up to date and the run empty. A
    rule that only makes the folder stays as it is."""
    _, recipe = targets.get(_RESULTS, (0, ""))
    works = any(line and not _MAKES_FOLDER.fullmatch(line) for line in recipe.splitlines())
    asked = target == _RESULTS or _NEEDS_RESULTS.search(text) is not None
    phony = _PHONY.search(text) is not None
    return (f"--eval=.PHONY: {_RESULTS}",) if works and asked and not phony else ()


def _targets(text: str) -> dict[str, tuple[int, str]]:
    """The explicit targets in order, each with its line and recipe."""
    found: dict[str, tuple[int, str]] = {}
    current: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("\t"):
            for target in current:
                begun, recipe = found[target]
                found[target] = (begun, f"{recipe}{line.strip()}\n")
            continue
        rule = _RULE.match(line)
        if rule is None:
            continue
        current = [
            name
            for name in rule["targets"].split()
            if not name.startswith(".") and not set(name) & set("%$()")
        ]
        for target in current:
            found.setdefault(target, (number, ""))
    return found
