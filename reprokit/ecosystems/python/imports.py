"""What scripts import, for projects that declare nothing. Nothing of theirs is run.

Standard library and the project's own modules are left out; an import that may fail (inside
`try … except ImportError` with another way on) is noted, not required.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reprokit import shebangs
from reprokit.ecosystems.python.found import Found, information, merged, warning
from reprokit.ecosystems.python.import_names import DISTRIBUTIONS, NAMESPACES
from reprokit.ecosystems.python.names import DISTRIBUTION, normalised, requirement
from reprokit.model import Note, Reason, Requirement
from reprokit.project import Project

# Enough for any analysis, and parsed in well under a second.
FILE_LIMIT = 400
TEXT_LIMIT = 2 * 1024 * 1024
_ASIDE = re.compile(
    r"(^|/)(tests?|testing|docs?|benchmarks?|vendor|third_party|site-packages|build|dist|"
    r"node_modules)/|(^|/)(setup|conftest|test_[^/]*|[^/]*_test|noxfile)\.py$"
)
_MENTION = re.compile(
    r"^[ \t]*(?:import[ \t]+(?P<module>[A-Za-z_][\w.]*)(?=[ \t]*(?:$|[,;#\r])|[ \t]+as[ \t])"
    r"|from[ \t]+(?P<package>[A-Za-z_][\w.]*)[ \t]+import\b)",
    re.MULTILINE,
)
# Modules that only their platform has; PyPI's google-colab is years old and breaks others.
PLATFORMS = {
    "google.colab": "Google Colab", "kaggle_secrets": "Kaggle", "kaggle_datasets": "Kaggle",
    "pyspark.dbutils": "Databricks",
}  # fmt: skip
STANDARD = sys.stdlib_module_names | {
    "aifc", "annotationlib", "asynchat", "asyncore", "audioop", "binhex", "cgi", "cgitb", "chunk",
    "compression", "crypt", "distutils", "formatter", "imghdr", "imp", "lib2to3", "macpath",
    "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "parser", "pipes", "smtpd", "sndhdr",
    "spwd", "sunau", "symbol", "telnetlib", "tomllib", "uu", "xdrlib",
}  # fmt: skip
"""Modules of any Python's standard library; this interpreter's own list depends on its version."""
PYTHON_2 = ("urllib2", "ConfigParser", "cPickle", "StringIO", "Tkinter", "Queue", "__builtin__",
             "commands", "cStringIO", "httplib", "HTMLParser", "urlparse", "Cookie")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Imported:
    """A module that a line imports; `optional` where the code can go on without it."""

    module: str
    line: int | None
    optional: bool = False


def scripts(project: Project) -> tuple[str, ...]:
    """The project's Python scripts, shallowest first, tests and documentation left out."""
    listed = [path for path in project.files if path.endswith(".py") and not _ASIDE.search(path)]
    listed += shebangs.scripts(project, shebangs.PYTHON)
    return tuple(sorted(listed, key=lambda path: (path.count("/"), path)))


def from_scripts(project: Project, paths: tuple[str, ...]) -> Found:
    """The third-party imports of scripts, as requirements."""
    parts, size, notes = [], 0, list[Note]()
    local = local_modules(project)
    for position, path in enumerate(paths):
        if position >= FILE_LIMIT or size > TEXT_LIMIT:
            text = f"only the first {position} of {len(paths)} Python files were read for imports"
            notes.append(warning(text))
            break
        text = project.read(path)
        size += len(text)
        try:
            found = imported(ast.parse(text))
        except (SyntaxError, ValueError, RecursionError) as error:
            line = getattr(error, "lineno", None)
            sentence = f"{path} is not valid Python 3; its imports were looked for as text"
            notes.append(warning(sentence, path, line))
            found = mentioned(text)
        parts.append(required(found, path, local))
    return unique(merged(*parts, Found(notes=tuple(notes))))


def imported(tree: ast.AST) -> Iterator[Imported]:
    """The imports of a module, wherever they stand, `if TYPE_CHECKING:` excepted."""
    yield from _visit(tree, optional=False)


def _visit(node: ast.AST, *, optional: bool) -> Iterator[Imported]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Imported(alias.name, node.lineno, optional)
    elif isinstance(node, ast.ImportFrom):
        if node.level == 0 and node.module:
            yield Imported(_from(node), node.lineno, optional)
    elif isinstance(node, ast.If) and _is_type_checking(node.test):
        for other in node.orelse:
            yield from _visit(other, optional=optional)
    elif isinstance(node, ast.Try):
        spared = optional or any(_goes_on(handler) for handler in node.handlers)
        for tried in node.body:
            yield from _visit(tried, optional=spared)
        for handler in node.handlers:
            yield from _visit(handler, optional=spared)
        for later in (*node.orelse, *node.finalbody):
            yield from _visit(later, optional=optional)
    else:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
                yield from _visit(child, optional=optional)


def _from(node: ast.ImportFrom) -> str:
    """`from google.cloud import storage` is the module google.cloud.storage."""
    module = node.module or ""
    if module.partition(".")[0] in NAMESPACES and len(node.names) == 1:
        return f"{module}.{node.names[0].name}"
    return module


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", None)
    return name == "TYPE_CHECKING"


def _goes_on(handler: ast.ExceptHandler) -> bool:
    """Whether a handler catches a failing import and does not end the program."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    caught = {getattr(kind, "id", None) for kind in kinds}
    if not caught & {None, "ImportError", "ModuleNotFoundError", "Exception"}:
        return False
    return not any(
        isinstance(node, ast.Raise)
        or (isinstance(node, ast.Call) and _name(node.func) in ("exit", "quit", "_exit"))
        for node in ast.walk(handler)
    )


def _name(function: ast.expr) -> str | None:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
    return name if isinstance(name, str) else None


def mentioned(text: str) -> Iterator[Imported]:
    """Imports found as text, for code that does not parse."""
    for match in _MENTION.finditer(text):
        module = match["module"] or match["package"]
        yield Imported(module, text.count("\n", 0, match.start()) + 1)


def local_modules(project: Project) -> frozenset[str]:
    """Names that an import may mean inside the project: its modules and its packages."""
    found = set()
    for path in project.files:
        if path.endswith((".py", ".so", ".pyx", ".pyd")):
            *folders, name = path.split("/")
            found.update(folders)
            found.add(name.partition(".")[0])
    return frozenset(found)


def required(found: Iterable[Imported], path: str, local: frozenset[str]) -> Found:
    """Imports of one file as requirements and notes."""
    requirements, notes = [], []
    for item in found:
        top = item.module.partition(".")[0]
        # A folder "data/yaml" must not hide PyYAML: names in the table are never local.
        if top in STANDARD or (top in local and top not in DISTRIBUTIONS):
            continue
        where = next((p for p in PLATFORMS if f"{item.module}.".startswith(f"{p}.")), None)
        if where is not None:
            text = f"{where} exists only in {PLATFORMS[where]}; it is not installed"
            notes.append(warning(text, path, item.line))
            continue
        name = distribution(item.module)
        if name is None:
            continue
        reason = Reason(text=f"imports {top}", file=path, line=item.line)
        if item.optional:
            text = f"{name} is imported only if it is there; it is not installed"
            notes.append(information(text, path, item.line))
        elif top in PYTHON_2:
            text = f"{top} is a module of Python 2"
            notes.append(warning(text, path, item.line))
        else:
            requirements.append(requirement(name, reason))
    return Found(requirements=tuple(requirements), notes=tuple(notes))


def distribution(module: str) -> str | None:
    """The PyPI name behind an import; `None` where it cannot be one."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        known = DISTRIBUTIONS.get(".".join(parts[:length]))
        if known is not None:
            return known
    name = "-".join(parts[:3]) if parts[0] in NAMESPACES else parts[0]
    return name if DISTRIBUTION.fullmatch(name) else None


def unique(found: Found) -> Found:
    """Each distribution once, by the first mention that says which version, else the first;
    optional ones only if nothing requires them."""
    requirements = dict[str, Requirement]()
    for asked in found.requirements:
        known = requirements.setdefault(normalised(asked.name), asked)
        if not (known.specifier or known.url) and (asked.specifier or asked.url):
            requirements[normalised(asked.name)] = asked
    notes = [
        note
        for note in dict.fromkeys(found.notes)
        if not (
            "imported only if it is there" in note.text
            and normalised(note.text.partition(" ")[0]) in requirements
        )
    ]
    return Found(
        files=found.files,
        requirements=tuple(requirements.values()),
        runtimes=found.runtimes,
        system_packages=found.system_packages,
        notes=tuple(notes),
        indexes=found.indexes,
    )
