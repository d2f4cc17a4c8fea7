"""Scripts and notebooks that are the experiment by their names or by being the only ones."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from reprokit.model import Entry, Note, Reason, Step
from reprokit.project import Project

RUN_SCRIPTS = ("run.sh", "run_all.sh", "run-all.sh", "runall.sh", "reproduce.sh", "main.sh")
MOST_SCRIPTS = 20  # scripts offered as choices where nothing tells which is the main one
_MOST_NOTEBOOKS = 60  # that are run one after the other where they lie all over a project
_MAIN_NAMES = ("main.py", "run.py", "run_all.py", "reproduce.py", "analysis.py")
_FOLDERS = ("", "code/", "src/", "scripts/", "analysis/", "notebooks/", "experiments/")
_SUPPORT = re.compile(
    r"(?:setup|conftest|noxfile|tasks|fabfile|config|settings|__init__|versioneer)\.py"
    r"|test_.*|.*_test\.py|.*_tests\.py"
)
_ASIDE = re.compile(
    r"/(?:tests?|docs?|examples?|vendor|third_party|build|dist|(?:raw[-_]?)?data(?:[-_]?raw)?)/",
    re.IGNORECASE,
)
_EXPERIMENTS = ("*.py", "*.R", "*.r", "*.ipynb", "*.Rmd", "*.qmd")
_NUMBERED = re.compile(
    r"(?:step|part|stage|fig|figure|chapter|nb)?[_ -]?(?P<number>\d+(?:\.\d+)*)[a-z]?[_ .-].*"
)
_MAKES = frozenset(
    {
        "clean", "collect", "compute", "create", "download", "fetch", "generate", "make", "prepare",
        "preprocess", "preprocessing", "sim", "simulate", "simulation", "simulations", "train",
    }
)  # fmt: skip
_SHOWS = frozenset(
    {
        "draw", "evaluate", "evaluation", "fig", "figs", "figure", "figures", "plot", "plots",
        "plotting", "report", "summarise", "summarize", "summary", "table", "tables", "visualise",
        "visualize",
    }
)  # fmt: skip
_GUARD = re.compile(r"""^if\s+__name__\s*==\s*["']__main__["']""", re.MULTILINE)
_OUTSIDE = re.compile(
    r"(?:^|[(`|&;=])[ \t]*"
    r"(?:docker|docker-compose|podman|sudo|ssh|sbatch|srun|qsub|bsub|condor_submit)\s",
    re.MULTILINE,
)
_INTERACTIVE = re.compile(r"^\s*(?:read\s+-|select\s+\w+\s+in\b)", re.MULTILINE)


def candidates(project: Project) -> tuple[list[Entry], list[Note]]:
    """Run scripts (rank 10), main and numbered scripts (rank 40), notebooks (rank 50)."""
    found, notes = _run_scripts(project)
    found += _scripts(project)
    found += _notebooks(project)
    return found, notes


def calls(text: str, name: str) -> bool:
    """Whether a script's text has `name` as a word outside comments."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    pattern = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])")
    return any(pattern.search(line) for line in lines)


def obstacle(text: str) -> re.Match[str] | None:
    """Where a shell script leaves the container (a cluster's scheduler, docker) or asks people."""
    return _OUTSIDE.search(text) or _INTERACTIVE.search(text)


def _run_scripts(project: Project) -> tuple[list[Entry], list[Note]]:
    found: list[Entry] = []
    notes: list[Note] = []
    for name in RUN_SCRIPTS:
        if not project.has(name):
            continue
        text = project.read(name)
        met = obstacle(text)
        if met is not None:
            line = text.count("\n", 0, met.end()) + 1
            word = met.group().strip("(`|&;= \t\n")
            reason = Reason(text=word, file=name, line=line)
            message = f"{name} is not run: it starts jobs of its own or asks questions"
            notes.append(Note(level="information", text=message, reason=reason))
            continue
        first = text.partition("\n")[0]
        shell = (
            "sh" if re.fullmatch(r"#!\s*(?:/usr)?/bin/(?:env\s+)?(?:da)?sh\b.*", first) else "bash"
        )
        reason = Reason(text="a script of that name runs everything", file=name, line=1)
        found.append(Entry(steps=(Step(argv=(shell, name)),), reason=reason, rank=10))
    return found, notes


def folders(project: Project, *endings: str) -> tuple[str, ...]:
    """Where scripts are looked for: the usual folders, or, where these have neither scripts nor
    notebooks, the only one that has any. A package's modules are no scripts."""
    patterns = tuple(f"*{ending}" for ending in endings)
    packages = {path.rpartition("/")[0] for path in project.matching("__init__.py")}
    places = {path.rpartition("/")[0] for path in project.matching(*patterns)} - packages
    others = {f"{place}/" for place in places if not _ASIDE.search(f"/{place}/")}
    held = {path.rpartition("/")[0] for path in project.matching(*_EXPERIMENTS)} - packages
    usual = "" in held or any(f"{place}/" in _FOLDERS for place in held)
    return _FOLDERS if usual or len(others) != 1 else (*_FOLDERS, *others)


def _scripts(project: Project) -> list[Entry]:
    for folder in folders(project, ".py", ".R", ".r"):
        inside = _directly_in(project, folder, ".py", ".R", ".r")
        python = [path for path in inside if path.endswith(".py")]
        numbered = _numbered(inside)
        if len(numbered) >= 2:
            reason = Reason(text="numbered scripts, in order", file=numbered[0], line=1)
            return [Entry(steps=script_steps(project, numbered), reason=reason, rank=40)]
        if python:
            return _main_scripts(project, python)
    return []


def script_steps(project: Project, paths: Sequence[str]) -> tuple[Step, ...]:
    """Scripts one after the other: those of one folder all start where any of them must."""
    steps = tuple(script_step(project, path) for path in paths)
    inside = next((step.folder for step in steps if step.folder != "."), None)
    if inside is None or {path.rpartition("/")[0] for path in paths} != {inside}:
        return steps
    return tuple(
        Step(argv=(step.argv[0], path.rpartition("/")[2]), folder=inside)
        for step, path in zip(steps, paths, strict=True)
    )


def _main_scripts(project: Project, python: Sequence[str]) -> list[Entry]:
    named = [path for path in python if path.rpartition("/")[2] in _MAIN_NAMES]
    if named:
        named = _not_imported(project, named)
        return [_main(project, path, 1, "a script of that name is the main one") for path in named]
    own = [path for path in python if not _SUPPORT.fullmatch(path.rpartition("/")[2])]
    if len(own) == 1:
        return [_main(project, own[0], 1, "the only Python script")]
    guarded = [(path, _guard_line(project, path)) for path in own[:200]]
    mains = [(path, line) for path, line in guarded if line is not None]
    kept = _not_imported(project, [path for path, _ in mains])
    mains = [(path, line) for path, line in mains if path in kept]
    if mains:
        readme, apart = _readme(project), _not_imported(project, own[:200])
        plain = (path for path, line in guarded if line is None and path in apart)
        mains += [(path, 1) for path in plain if _named(readme, path) is not None]
    if len(mains) == 1:
        return [_main(project, mains[0][0], mains[0][1], "the only script with a main part")]
    if mains:
        lines = dict(mains)
        ordered = _in_order(project, list(lines))
        return [_main(project, p, lines[p], "a script with a main part") for p in ordered]
    rest = _not_imported(project, own[:MOST_SCRIPTS])
    if len(rest) == 1:
        return [_main(project, rest[0], 1, "the only script that no other imports")]
    return [_main(project, p, 1, "one of several scripts") for p in _in_order(project, rest)]


def _in_order(project: Project, paths: Sequence[str]) -> list[str]:
    """Scripts that nothing else orders: those that make data by their names before those that show
    it, and otherwise as the README names them first, then by name."""
    readme = _readme(project)

    def place(path: str) -> tuple[int, int, str]:
        words = frozenset(re.findall(r"[a-z]+", path.rpartition("/")[2].lower()))
        stage = 0 if words & _MAKES else 2 if words & _SHOWS else 1
        found = _named(readme, path)
        return stage, len(readme) if found is None else found.start(), path

    return sorted(paths, key=place)


def _readme(project: Project) -> str:
    return "\n".join(project.read(path) for path in project.at_root("README*", "readme*"))


def _named(text: str, path: str) -> re.Match[str] | None:
    name = re.escape(path.rpartition("/")[2])
    return re.search(rf"(?<![\w.-]){name}(?![\w-])", text)


def _not_imported(project: Project, paths: list[str]) -> list[str]:
    """Without those that another one imports; all of them where they import each other."""
    texts = {path: project.read(path) for path in paths}
    kept = []
    for path in paths:
        module = re.escape(path.rpartition("/")[2].removesuffix(".py"))
        pattern = re.compile(rf"^\s*(?:from|import)\s+{module}\b", re.MULTILINE)
        if not any(pattern.search(text) for other, text in texts.items() if other != path):
            kept.append(path)
    return kept or paths


def _main(project: Project, path: str, line: int, text: str) -> Entry:
    reason = Reason(text=text, file=path, line=line)
    return Entry(steps=(script_step(project, path),), reason=reason, rank=40)


def _guard_line(project: Project, path: str) -> int | None:
    text = project.read(path)
    match = _GUARD.search(text)
    return None if match is None else text.count("\n", 0, match.start()) + 1


_RELATIVE = re.compile(r"""["'](\.\./|(?:\./)?[\w .()+,-]+/|[\w .()+,-]+\.\w{1,5}["'])""")


_STARTED = re.compile(r"(?<![\w./-])\./([\w.-]+\.\w{1,3})\b")
_ABOVE = re.compile(r"(?m)^(?!\s*#).*(?<![\w./])\.\./\w")
"""A script beside it that a script starts ("./other.py"), and a place above it, in any text."""
_IMPORTED = re.compile(r"^[ \t]*(?:from|import)[ \t]+(\w+)", re.MULTILINE)


def script_step(project: Project, path: str) -> Step:
    """Start a script in the project's folder, or in its own where it reaches for "../" or names
    more that lies beside it than in the project's folder."""
    program = "python" if path.endswith(".py") else "Rscript"
    folder, _, name = path.rpartition("/")
    if folder and _is_for_its_folder(project, _with_imported(project, path), f"{folder}/"):
        return Step(argv=(program, name), folder=folder)
    return Step(argv=(program, path))


def _with_imported(project: Project, path: str) -> str:
    """A script's text with that of the modules beside it that it imports: they find files as it
    does."""
    text = project.read(path)
    folder = path.rpartition("/")[0]
    beside = (f"{folder}/{name}.py" for name in dict.fromkeys(_IMPORTED.findall(text)))
    return "\n".join([text, *(project.read(other) for other in beside if project.has(other))])


def _is_for_its_folder(project: Project, text: str, folder: str) -> bool:
    named = {match.removeprefix("./").rstrip("\"'") for match in _RELATIVE.findall(text)}
    named |= set(_STARTED.findall(text))
    if "../" in named or _ABOVE.search(text):
        return True
    beside = sum(_holds(project, f"{folder}{name}") for name in named)
    return beside > sum(_holds(project, name) for name in named)


def _holds(project: Project, name: str) -> bool:
    """Whether the project has the file, or something in the folder ("figures/")."""
    if not name.endswith("/"):
        return project.has(name)
    # The files are sorted, and a script may name as many folders as it likes.
    first = bisect_left(project.files, name)
    return first < len(project.files) and project.files[first].startswith(name)


def _notebooks(project: Project) -> list[Entry]:
    for folder in folders(project, ".ipynb"):
        inside = _directly_in(project, folder, ".ipynb")
        if not inside:
            continue
        numbered = _numbered(inside)
        if len(inside) == 1:
            return [_notebook_entry(inside, "the only notebook")]
        if len(numbered) == len(inside):
            return [_notebook_entry(numbered, "numbered notebooks, in order")]
        each = [_notebook_entry([path], "one of several notebooks") for path in inside]
        return [*each, _notebook_entry(inside, "all notebooks by name")]
    return _notebooks_anywhere(project)


def _notebooks_anywhere(project: Project) -> list[Entry]:
    """All notebooks, folder by folder, of a project that has them in several folders only. They
    come after all else that could be meant."""
    found = project.matching("*.ipynb")
    if not 0 < len(found) <= _MOST_NOTEBOOKS:
        return []
    by_folder: dict[str, list[str]] = {}
    for path in found:
        by_folder.setdefault(path.rpartition("/")[0], []).append(path)
    ordered: list[str] = []
    for folder in sorted(by_folder, key=_natural):
        numbered = _numbered(by_folder[folder])
        ordered += [*numbered, *(p for p in by_folder[folder] if p not in numbered)]
    return [replace(_notebook_entry(ordered, "all notebooks, folder by folder"), rank=60)]


def _natural(path: str) -> list[tuple[int, str]]:
    """A key that puts 2 before 10."""
    parts = re.split(r"(\d+)", path)
    return [(int(part) if part.isdecimal() else 0, part) for part in parts]


def _notebook_entry(paths: Sequence[str], text: str) -> Entry:
    steps = tuple(notebook_step(path) for path in paths)
    return Entry(steps=steps, reason=Reason(text=text, file=paths[0]), rank=50)


def notebook_step(path: str) -> Step:
    """Run a notebook as Jupyter does: in the folder it lies in."""
    folder, _, name = path.rpartition("/")
    return Step(argv=("repro-notebook", name), folder=folder or ".")


def _directly_in(project: Project, folder: str, *endings: str) -> list[str]:
    patterns = tuple(f"*{ending}" for ending in endings)
    if not folder:
        return list(project.at_root(*patterns))
    return [
        path
        for path in project.matching(*patterns)
        if path.startswith(folder) and "/" not in path[len(folder) :]
    ]


def _numbered(paths: Sequence[str]) -> list[str]:
    """Paths whose names begin with a number, in the order of the numbers."""
    found = []
    for path in paths:
        match = _NUMBERED.fullmatch(path.rpartition("/")[2].lower())
        if match is not None:
            found.append((tuple(map(int, match["number"].split("."))), path))
    return [path for _, path in sorted(found)]
