"""Whether code is Python 2, by its own syntax: what a project is that does not say so itself.

Nothing is run. A file counts only if this interpreter refuses it at a line that Python 2 allows, or
if it uses what only Python 2 has, unconditionally and without having it from elsewhere.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import TypeGuard

from reprokit.ecosystems.python.imports import (
    FILE_LIMIT,
    PYTHON_2,
    TEXT_LIMIT,
    local_modules,
    scripts,
)
from reprokit.model import Reason, Runtime
from reprokit.project import Project

SPECIFIER = "==2.7.*"
_SIGNS = (
    (r"^\s*print\s+[^\s=(.,:)\]}]|^\s*print\s*\(.*\)\s*(?:%|,)|^\s*print\s*>>|;\s*print\s+[\"'\w]",
     "print is a statement"),
    (r"\bexcept\s+[\w.]+\s*,\s*\w+\s*:|\bexcept\s*\([^)]*\)\s*,\s*\w+\s*:",
     "except names its exception after a comma"),
    (r"^\s*raise\s+[\w.]+\s*,", "raise has its message after a comma"),
    (r"^\s*exec\s+[^\s=(.,:)]", "exec is a statement"),
    (r"[\w)\]\"'] ?<> ?[\w(\[\"']", "<> means unequal"),
    (r"(?<![\w.])0[0-7]+(?![\w.])", "a number is octal by its leading zero"),
    (r"\bur[\"']", "a text is marked ur"),
    (r"`[^`]+`", "backquotes mean repr"),
)  # fmt: skip
_NAMES = frozenset({"basestring", "execfile", "raw_input", "unichr", "unicode", "xrange"})
_ONLY_IN_2 = re.compile(rf"\b(?:{'|'.join(sorted({*_NAMES, *PYTHON_2}))})\b")
_COMPILED = tuple((re.compile(pattern), what) for pattern, what in _SIGNS)
_ANY = re.compile("|".join(f"(?:{pattern})" for pattern, _ in _SIGNS), re.MULTILINE)


def found(project: Project) -> Runtime | None:
    """Python 2.7 with the first line that only it allows; `None` where there is none, or where
    another file needs Python 3."""
    texts = list(_texts(project))
    signs = (_sign(path, text) for path, text in texts if _ANY.search(text))
    sign = next((sign for sign in signs if sign is not None), None) or _used(project, texts)
    if sign is None or any(_needs_3(text) for _, text in texts):
        return None
    return Runtime(language="python", specifier=SPECIFIER, reason=sign)


def _texts(project: Project) -> Iterator[tuple[str, str]]:
    size = 0
    for path in scripts(project)[:FILE_LIMIT]:
        text = project.read(path)
        size += len(text)
        if size > TEXT_LIMIT:
            return
        yield path, text


def _sign(path: str, text: str) -> Reason | None:
    try:
        tree = _parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        lines = text.splitlines()
        if not line or line > len(lines):
            return None
        for pattern, what in _COMPILED:
            if pattern.search(lines[line - 1]):
                return Reason(text=f"{what}: this is Python 2", file=path, line=line)
        return None
    # Python 3 reads this one, and then shifts a function.
    line = next((node.lineno for node in ast.walk(tree) if _prints_into(node)), None)
    what = "print is a statement: this is Python 2"
    return None if line is None else Reason(text=what, file=path, line=line)


def _used(project: Project, texts: Sequence[tuple[str, str]]) -> Reason | None:
    """The first use of a name or module that no Python 3 has. A test ("if", "try") around it means
    that the code knows better, and a name may be bound in any file: they import each other."""
    suspects = [path for path, text in texts if _ONLY_IN_2.search(text)]
    if not suspects:
        return None
    trees = {path: tree for path, text in texts if (tree := _tree(text)) is not None}
    known = local_modules(project).union(*map(_bound, trees.values()))
    for path in filter(trees.__contains__, suspects):
        for line, name in _unguarded(trees[path]):
            if name not in known:
                reason = f"{name} is there only in Python 2"
                return Reason(text=reason, file=path, line=line)
    return None


def _tree(text: str) -> ast.AST | None:
    try:
        return _parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _bound(tree: ast.AST) -> Iterator[str]:
    """Every name that a file gives a meaning to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.ImportFrom) and _is_bridge(node):
            yield from _NAMES
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname for alias in node.names if alias.asname)
            if isinstance(node, ast.ImportFrom):
                yield from (alias.name for alias in node.names)


def _is_bridge(node: ast.ImportFrom) -> bool:
    """`from past.builtins import *` and the like"""
    top = (node.module or "").partition(".")[0]
    return top in ("builtins", "future", "past", "six") and node.names[0].name == "*"


def _unguarded(node: ast.AST) -> Iterator[tuple[int, str]]:
    """The names of Python 2 that are used under no condition, each with its line."""
    if isinstance(node, (ast.If, ast.IfExp, ast.Try)):
        return
    if isinstance(node, ast.Name) and node.id in _NAMES:
        yield node.lineno, node.id
    elif isinstance(node, ast.Import):
        tops = (alias.name.partition(".")[0] for alias in node.names)
        yield from ((node.lineno, top) for top in tops if top in PYTHON_2)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        top = node.module.partition(".")[0]
        yield from [(node.lineno, top)] if top in PYTHON_2 else ()
    for child in ast.iter_child_nodes(node):
        yield from _unguarded(child)


def _prints_into(node: ast.AST) -> TypeGuard[ast.Expr]:
    """`print >> file, …`"""
    if not isinstance(node, ast.Expr):
        return False
    value = node.value.elts[0] if isinstance(node.value, ast.Tuple) else node.value
    if not isinstance(value, ast.BinOp) or not isinstance(value.op, ast.RShift):
        return False
    return getattr(value.left, "id", None) == "print"


_NEWER = re.compile(
    r"\b(?:rf|fr|f)[\"']|\basync\s+def\b|\bnonlocal\b|:=|->|\byield\s+from\b|"
    r"\bprint\s*\([^)]*\b(?:end|sep|file|flush)\s*=|^\s*\w+\s*:\s*\w+\s*=",
    re.MULTILINE | re.IGNORECASE,
)


def _needs_3(text: str) -> bool:
    """Whether a file is valid Python 3 and no Python 2.7, by the syntax that came in between."""
    if not _NEWER.search(text):
        return False
    try:
        tree = _parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return any(_is_newer(node, "print_function" in text) for node in ast.walk(tree))


_NODES = (
    ast.JoinedStr,
    ast.AnnAssign,
    ast.AsyncFunctionDef,
    ast.Nonlocal,
    ast.NamedExpr,
    ast.YieldFrom,
    ast.MatMult,
)


def _is_newer(node: ast.AST, has_print: bool) -> bool:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return node.returns is not None or any(a.annotation for a in node.args.args)
    if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "print":
        return bool(node.keywords) and not has_print
    return isinstance(node, _NODES)


def _parse(text: str) -> ast.AST:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "\d" in a plain text and the like
        return ast.parse(text)
