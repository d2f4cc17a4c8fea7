"""`init`: look at the project, and at the kernel that asks, and propose what to declare.

Nothing is written unless asked; a file that changed since it was read is not written over.
"""

from __future__ import annotations

import os
from datetime import date as Date
from difflib import unified_diff
from pathlib import Path
from shlex import quote

from reprokit import files, lock_file
from reprokit.configuration import load as load_configuration
from reprokit.ecosystems.python import declarations, detect, notebooks, version
from reprokit.ecosystems.python.found import Found
from reprokit.ecosystems.python.names import normalised
from reprokit.ecosystems.python.notebook_runner import without_own
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.history.wording import counted, printable
from reprokit.initialising import configuration, hidden_state, requirements, seeds, sources
from reprokit.initialising.facts import Environment, LiveKernel, of_the_shell
from reprokit.initialising.hidden_state import Finding
from reprokit.initialising.requirements import Wanted
from reprokit.model import JSON
from reprokit.pipeline.job import folder_of
from reprokit.project import Project

REQUIREMENTS = "requirements.txt"
# What a kernel loads for itself, and what runs it.
_TOOLS = (
    "reprokit", "ipykernel", "ipython", "jupyter", "jupyterlab", "notebook", "debugpy", "pip",
    "setuptools", "wheel", "ipywidgets", "nbclient", "nbconvert", "matplotlib-inline",
)  # fmt: skip


@frozen
class Proposed:
    """A file as it is (`None`: not there) and as it would be."""

    path: str
    before: str | None
    after: str

    @property
    def difference(self) -> str:
        """The unified difference; empty where nothing changes."""
        old = (self.before or "").splitlines()
        name = "/dev/null" if self.before is None else self.path
        lines = unified_diff(old, self.after.splitlines(), name, self.path, lineterm="")
        return "\n".join(lines)

    def json(self) -> dict[str, JSON]:
        return {"path": self.path, "new": self.before is None, "difference": self.difference}


@frozen
class InitResult:
    """What was looked at, the files that would change (or did), and what to look at first.

    `kept` are sentences on declarations that stay as they are; `shell` is the equal command, where
    the kernel knew its notebook and a shell must be told.
    """

    root: Path
    looked_at: tuple[tuple[str, str], ...]
    files: tuple[Proposed, ...]
    kept: tuple[str, ...]
    findings: tuple[Finding, ...]
    written: bool
    command: str
    shell: str | None = None

    def json(self) -> JSON:
        """The document that fits the schema init-1."""
        return {
            "schema": 1,
            "looked_at": dict(self.looked_at),
            "files": [file.json() for file in self.files],
            "kept": [*self.kept],
            "findings": [finding.json() for finding in self.findings],
            "written": self.written,
        }

    def ending(self) -> str:
        """What was done, and what to do next."""
        names = " and ".join(file.path for file in self.files)
        if not self.files and any(finding.kind == "undeclared" for finding in self.findings):
            return "Nothing can be written from here: see above what is not declared."
        if not self.files:
            return "Nothing is to be written: what this project needs is declared."
        if self.written:
            return f"Written: {names}."
        return f"Nothing is written yet. To write {names}: {self.command}"

    def text(self) -> str:
        lines = [f"{name:<10} {printable(value)}" for name, value in self.looked_at]
        for file in self.files:
            lines += ["", *(printable(line) for line in file.difference.splitlines())]
        lines += ["", *map(printable, self.kept)] if self.kept else []
        if self.findings:
            lines += ["", f"{counted(len(self.findings), 'thing')} to look at:"]
            lines += [f"  {printable(str(finding))}" for finding in self.findings]
        return "\n".join([*lines, "", self.ending()])


def init(path: Path, *, write: bool = False, kernel: LiveKernel | None = None) -> InitResult:
    """See `reprokit.verbs.init`."""
    root, chosen = _places(path, kernel)
    project = Project(root).without("results")
    environment = of_the_shell(root) if kernel is None else kernel.environment
    books = _books(project, chosen)
    code = (*(s for book in books for s in sources.of_notebook(book)), *sources.of_scripts(project))
    declared = declarations.strongest(project)[0]
    wanted, undeclared = _wanted(project, code, environment, declared, kernel)
    changed, kept, findings = _requirements(project, declared, wanted, environment)
    configured = bool(load_configuration(root).lines)
    about = configuration.proposed(
        project,
        chosen if _runs_itself(books, chosen) else None,
        environment.python if code else None,
        declared,
        version.version_files(project),
        Date.today().isoformat() if code and lock_file.read(root) is None else None,
        configured=configured,
    )
    proposed = [
        *changed,
        *([] if about is None else [Proposed(path="repro.toml", before=None, after=about)]),
    ]
    if configured:
        kept.append("The project has a configuration; it stays as it is.")
    state = list[Finding]()
    demand = configuration.disagrees(declared, environment.python)
    if demand is not None:
        text = f"{demand} is asked for, and Python {environment.python} is what runs here"
        state.append(Finding(kind="version", text=text))
    for book in books:
        state += hidden_state.order(book)
        if kernel is not None and book.path == chosen:
            state += hidden_state.live(kernel, book)
    state += hidden_state.paths(code, root)
    state += seeds.missing(code)
    if write:
        _write(root, proposed)
        # What was asked to be declared is declared now.
        undeclared = [] if changed else undeclared
    door = "reprokit" if kernel is None else "%repro"
    command = " ".join([door, "init", *([quote(str(path))] if str(path) != "." else []), "--write"])
    return InitResult(
        root=root,
        looked_at=tuple(
            _looked_at(root, kernel if path == Path() else None, chosen, environment, code)
        ),
        files=tuple(proposed),
        kept=tuple(kept),
        findings=tuple(dict.fromkeys((*undeclared, *findings, *state))),
        written=write and bool(proposed),
        command=command,
        shell=_in_a_shell(root / chosen, write=write)
        if kernel is not None and chosen is not None and path == Path()
        else None,
    )


def _in_a_shell(notebook: Path, *, write: bool) -> str:
    place = os.path.relpath(notebook)
    return " ".join(["reprokit", "init", quote(place), *(["--write"] if write else [])])


def _places(path: Path, kernel: LiveKernel | None) -> tuple[Path, str | None]:
    """The project's folder, and the notebook's path in it where that is known."""
    if not path.exists():
        raise BadRequest(f"there is no {path}", next="name a project folder or a notebook")
    place = path.resolve()
    if place.suffix == ".ipynb":
        root = folder_of(place)
        return root, place.relative_to(root).as_posix()
    if not place.is_dir():
        raise BadRequest(f"{path} is neither a folder nor a notebook")
    book = None if kernel is None else kernel.notebook
    if book is not None and path == Path():
        place = folder_of(book.resolve())
    if book is not None and book.resolve().is_relative_to(place):
        return place, book.resolve().relative_to(place).as_posix()
    return place, None


def _books(project: Project, chosen: str | None) -> tuple[notebooks.Notebook, ...]:
    listed = [chosen] if chosen is not None else notebooks.paths(project)[: notebooks.LIMIT]
    return tuple(notebooks.read(project, path) for path in listed)


def _runs_itself(books: tuple[notebooks.Notebook, ...], chosen: str | None) -> bool:
    """Whether the notebook is the experiment, and not only where `%repro` is called."""
    return any(
        without_own(source).strip()
        for book in books
        if book.path == chosen
        for _, source in book.cells
    )


def _looked_at(
    root: Path,
    kernel: LiveKernel | None,
    chosen: str | None,
    environment: Environment,
    code: tuple[sources.Source, ...],
) -> list[tuple[str, str]]:
    cells = sum(source.cell is not None for source in code)
    scripts = len(code) - cells
    python = f"Python {environment.python or '(version not known)'}, {environment.said}"
    said = [("project", str(root))]
    if kernel is not None or chosen is not None:
        unknown = "not known" if kernel is None else kernel.notebook_said
        said.append(("notebook", chosen or unknown))
    said.append(("packages", f"{python}: {len(environment.packages):,} installed"))
    said.append(("code", f"{counted(cells, 'cell')} and {counted(scripts, 'script')} with Python"))
    return said


def _wanted(
    project: Project,
    code: tuple[sources.Source, ...],
    environment: Environment,
    declared: Found | None,
    kernel: LiveKernel | None,
) -> tuple[list[Wanted], list[Finding]]:
    """The packages that nothing asks for, and what to say of them."""
    asked = _asked(declared)
    wanted: dict[str, Wanted] = {}
    for use in sources.uses(project, code):
        package = environment.of_module(use.module, use.requirement.name)
        name = use.requirement.name if package is None else package.name
        name = detect.MISNAMED.get(normalised(name), name)
        if normalised(name) not in asked and normalised(name) != "reprokit":
            what = f"imports {use.module.partition('.')[0]}"
            wanted.setdefault(normalised(name), Wanted(name=name, what=what, place=use.place))
    findings = list[Finding]()
    for item in wanted.values() if declared is not None else ():
        text = f"{item.what}, and {item.name} is not declared"
        findings.append(Finding(kind="undeclared", text=text, place=item.place))
    if kernel is not None:
        for name in _loaded_besides(kernel, environment, {*asked, *wanted}):
            what = "loaded in this kernel, though nothing above requires it"
            wanted[normalised(name)] = Wanted(name=name, what=what)
    return list(wanted.values()), findings


def _asked(declared: Found | None) -> frozenset[str]:
    if declared is None:
        return frozenset()
    return frozenset(normalised(asked.name) for asked in declared.requirements)


def _loaded_besides(kernel: LiveKernel, environment: Environment, known: set[str]) -> list[str]:
    """Packages that this kernel loaded without any import in the code: what pandas finds by itself
    to read a file of Excel, and what only a deleted cell imported."""
    explained = environment.closure([*known, *_TOOLS])
    found = {
        name
        for module in kernel.modules
        for name in environment.by_module.get(module, ())
        if len(environment.by_module[module]) == 1
    }
    found -= explained
    # Of what is left, only what nothing else of it brings.
    for name in sorted(found):
        if name in environment.closure(found - {name}):
            found.remove(name)
    return sorted(environment.packages[name].name for name in found)


def _requirements(
    project: Project, declared: Found | None, wanted: list[Wanted], environment: Environment
) -> tuple[list[Proposed], list[str], list[Finding]]:
    """requirements.txt as it would be, where that is what the project is installed from."""
    path = REQUIREMENTS
    if declared is not None and declared.files and declarations.asks(declared):
        path = declared.files[0]
    more = requirements.added(wanted, environment, project.root)
    if not path.rpartition("/")[2].startswith("requirements") or not path.endswith(".txt"):
        return [], [_elsewhere(path, more)], more.findings
    before = project.read(path) if project.has(path) else None
    lines = requirements.pinned(before or "", path, environment)
    after = requirements.text_of(lines, more)
    if "\r\n" in (before or ""):
        after = after.replace("\n", "\r\n")
    findings = [*lines.findings, *more.findings]
    if after.splitlines() == (before or "").splitlines():
        return [], [f"{path} stays as it is."] if before is not None else [], findings
    return [Proposed(path=path, before=before, after=after)], [], findings


def _elsewhere(path: str, more: requirements.Lines) -> str:
    """For a declaration that is not rewritten here: its lock pins what it leaves open."""
    if not more.lines:
        return f"{path} declares the packages and stays as it is; repro.lock pins their versions."
    lines = "; ".join(line.partition("  #")[0] for line in more.lines)
    return f"{path} declares the packages and stays as it is; to add there: {lines}"


def _write(root: Path, proposed: list[Proposed]) -> None:
    """Write all, or nothing where a file is not as it was read."""
    for file in proposed:
        place = root / file.path
        now = Project(root).read(file.path) if place.exists() else None
        if place.is_symlink() or now != file.before:
            raise BadRequest(
                "is a link, or changed while it was looked at; nothing was written",
                where=file.path,
                next="ask again",
            )
    for file in proposed:
        place = root / file.path
        mode = place.stat().st_mode & 0o777 if place.exists() else 0o644
        files.write_text(place, file.after, mode=mode)
        files.give_to_caller(place)
