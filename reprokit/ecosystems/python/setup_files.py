"""setup.cfg, and setup.py read without running it."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from reprokit.ecosystems.python import requirements_txt
from reprokit.ecosystems.python.found import Found, information, merged, warning
from reprokit.ecosystems.python.names import local_project, requirement
from reprokit.ecosystems.python.version import from_classifiers, runtime
from reprokit.errors import BadRequest
from reprokit.model import Reason, Requirement
from reprokit.project import Project

if TYPE_CHECKING:
    import configparser

CFG = "setup.cfg"
PY = "setup.py"
_REQUIREMENTS_FILE = re.compile(r"[\w./-]*requirements[\w./-]*\.(?:txt|in)")


Assigned = dict[str, list[ast.expr]]


def read(project: Project) -> Found | None:
    """What setup.cfg and setup.py declare together; `None` where neither does."""
    parts = [
        found
        for found in (
            _cfg(project) if project.has(CFG) else None,
            _py(project) if project.has(PY) else None,
        )
        if found is not None
    ]
    if not parts:
        return None
    file = parts[-1].files[0]
    if not project.has(PY) and not project.has("pyproject.toml"):
        text = "setup.cfg alone makes no package that can be installed (pip needs setup.py or "
        text += "pyproject.toml as well): what it depends on is installed"
        return merged(*parts, Found(notes=(information(text, CFG),)))
    reason = Reason(text="the project is a package itself", file=file)
    return merged(*parts, Found(requirements=(local_project(".", reason),)))


def console_scripts(project: Project) -> tuple[tuple[str, Reason], ...]:
    """The programs that installing the project makes, as far as they are written down."""
    stated: list[tuple[str, str, int | None]] = []
    if project.has(CFG):
        text, parser = _parsed_cfg(project)
        listed = parser.get("options.entry_points", "console_scripts", fallback="")
        stated += [(item, CFG, _line(text, item.strip())) for item in listed.splitlines()]
    tree, call = _script(project) if project.has(PY) else (ast.parse(""), None)
    assigned = _assigned(tree)
    node = _arguments(call, assigned).get("entry_points") if call is not None else None
    table = _literal(node, assigned) if node is not None else None
    items = table.get("console_scripts") if isinstance(table, dict) else None
    if node is not None and isinstance(items, (list, tuple)):
        stated += [(str(item), PY, _line_of(tree, str(item), node.lineno)) for item in items]
    return tuple(
        (item.partition("=")[0].strip(), Reason(text="the project installs it", file=f, line=line))
        for item, f, line in stated
        if "=" in item
    )


def _parsed_cfg(project: Project) -> tuple[str, configparser.ConfigParser]:
    import configparser

    text = project.read(CFG)
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        line = getattr(error, "lineno", None) or next(
            (number for number, _ in getattr(error, "errors", [])), None
        )
        raise BadRequest(
            f"is not a valid setup.cfg: {str(error).splitlines()[0]}",
            where=CFG if line is None else f"{CFG}:{line}",
        ) from error
    return text, parser


def _cfg(project: Project) -> Found | None:
    text, parser = _parsed_cfg(project)
    if not parser.has_section("options") and not parser.has_section("metadata"):
        return None
    options = parser["options"] if parser.has_section("options") else {}
    parts = [Found(files=(CFG,))]
    stated = options.get("install_requires", "").strip()
    if stated.startswith("file:"):
        names = stated.removeprefix("file:").split(",")
        parts += [requirements_txt.read(project, name.strip()) for name in names]
    else:
        parts.append(Found(requirements=tuple(_lines(stated, text))))
    if "python_requires" in options:
        value = options["python_requires"]
        reason = Reason(
            text=f"python_requires {value}", file=CFG, line=_line(text, "python_requires")
        )
        parts.append(Found(runtimes=(runtime(value, reason),)))
    elif parser.has_option("metadata", "classifiers"):
        listed = [c.strip() for c in parser["metadata"]["classifiers"].splitlines()]
        found = from_classifiers(listed, CFG, _line(text, "classifiers"))
        parts.append(Found(runtimes=found))
    return merged(*parts)


def _lines(stated: str, text: str) -> list[Requirement]:
    found = []
    for item in stated.splitlines():
        wanted = item.partition(" #")[0].strip()
        if wanted:
            reason = Reason(text=f"asks for {wanted}", file=CFG, line=_line(text, wanted))
            found.append(requirement(wanted, reason))
    return found


def _line(text: str, needle: str) -> int | None:
    position = text.find(needle)
    return None if position < 0 else text.count("\n", 0, position) + 1


def _script(project: Project) -> tuple[ast.Module, ast.Call | None]:
    """setup.py, and its call of setup()."""
    try:
        tree = ast.parse(project.read(PY))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise BadRequest(
            f"is not Python 3: {getattr(error, 'msg', error)}", where=f"{PY}:{line}"
        ) from error
    call = next((node for node in ast.walk(tree) if _is_setup(node)), None)
    return tree, call if isinstance(call, ast.Call) else None


def _py(project: Project) -> Found | None:
    tree, call = _script(project)
    if call is None:
        return None
    assigned = _assigned(tree)
    arguments = _arguments(call, assigned)
    parts = [Found(files=(PY,))]
    if "install_requires" in arguments:
        parts.append(_install_requires(project, arguments["install_requires"], assigned, tree))
    elif any(word.arg is None for word in call.keywords):
        sentence = "setup's arguments are computed when setup.py runs, which reprokit does not do"
        parts.append(Found(notes=(warning(sentence, PY, call.lineno),)))
    parts.append(_pythons(arguments, assigned))
    return merged(*parts)


def _is_setup(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
    return (name.id if isinstance(name, ast.Name) else name) == "setup"


def _assigned(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """What each name is assigned, and what lists are extended by, wherever that stands."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found[target.id] = [node.value]
        elif isinstance(node, ast.AnnAssign | ast.AugAssign) and isinstance(node.target, ast.Name):
            if node.value is not None:
                known = found.get(node.target.id, []) if isinstance(node, ast.AugAssign) else []
                found[node.target.id] = [*known, node.value]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner, way = node.func.value, node.func.attr
            if isinstance(owner, ast.Name) and owner.id in found and len(node.args) == 1:
                if way == "extend":
                    found[owner.id].append(node.args[0])
                elif way == "append":
                    found[owner.id].append(ast.List(elts=[node.args[0]], ctx=ast.Load()))
    return found


def _arguments(call: ast.Call, assigned: Assigned) -> dict[str, ast.expr]:
    """The arguments by name, those of `**settings` too where that is a literal or `dict(…)`."""
    found = {word.arg: word.value for word in call.keywords if word.arg is not None}
    for word in call.keywords:
        values = assigned.get(word.value.id, []) if isinstance(word.value, ast.Name) else []
        if word.arg is not None or len(values) != 1:
            continue
        value = values[0]
        if isinstance(value, ast.Call) and getattr(value.func, "id", None) == "dict":
            found.update({w.arg: w.value for w in value.keywords if w.arg is not None})
        elif isinstance(value, ast.Dict):
            for key, item in zip(value.keys, value.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    found[key.value] = item
    return found


def _literal(node: ast.expr, assigned: Assigned) -> object:
    """The value of a literal, or of what is made of literals in a way that setup scripts have:
    variables, sums, lists in parts, `"a b".split()`; `None` for anything else."""
    if isinstance(node, ast.Name) and node.id in assigned:
        others = {k: v for k, v in assigned.items() if k != node.id}
        values = [_literal(value, others) for value in assigned[node.id]]
        if len(values) == 1:
            return values[0]
        lists = [value for value in values if isinstance(value, list)]
        return [item for value in lists for item in value] if len(lists) == len(values) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _literal(node.left, assigned), _literal(node.right, assigned)
        return left + right if isinstance(left, list) and isinstance(right, list) else None
    if isinstance(node, ast.List | ast.Tuple):
        items = [_literal(item, assigned) for item in node.elts]
        return None if None in items else items
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        text = _literal(node.func.value, assigned)
        if isinstance(text, str) and not node.args and not node.keywords:
            ways = {"split": str.split, "splitlines": str.splitlines, "strip": str.strip}
            way = ways.get(node.func.attr)
            return way(text) if way is not None else None  # type: ignore[operator]
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return None


def _install_requires(
    project: Project, node: ast.expr, assigned: Assigned, tree: ast.Module
) -> Found:
    value = _literal(node, assigned)
    if isinstance(value, str):
        value = value.splitlines()
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        reasons = [
            Reason(text=f"asks for {item}", file=PY, line=_line_of(tree, item, node.lineno))
            for item in map(str.strip, value)
            if item
        ]
        wanted = [item.strip() for item in value if item.strip()]
        return Found(requirements=tuple(map(requirement, wanted, reasons)))
    if isinstance(node, ast.Name) and len(assigned.get(node.id, [])) == 1:
        node = assigned[node.id][0]
    if isinstance(node, ast.List | ast.Tuple) and node.elts:
        return merged(*(_element(item, assigned) for item in node.elts))
    # Computed: nearly always read from a requirements file, whose name stands in the script.
    for constant in ast.walk(tree):
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
            name = constant.value.removeprefix("./")
            if _REQUIREMENTS_FILE.fullmatch(name) and project.has(name):
                return requirements_txt.read(project, name)
    sentence = "install_requires is computed when setup.py runs, which reprokit does not do"
    return Found(notes=(warning(sentence, PY, node.lineno),))


def _line_of(tree: ast.AST, item: str, otherwise: int) -> int:
    """Where a text, or a text of several lines that has it as one, stands in the script."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            lines = [line.strip() for line in node.value.splitlines()]
            if item.strip() in lines:
                return node.lineno + lines.index(item.strip())
    return otherwise


def _element(node: ast.expr, assigned: Assigned) -> Found:
    """One item of a list of which another one is computed."""
    value = _literal(node, assigned)
    if isinstance(value, str):
        reason = Reason(text=f"asks for {value.strip()}", file=PY, line=node.lineno)
        return Found(requirements=(requirement(value.strip(), reason),))
    sentence = f"{ast.unparse(node)} is computed when setup.py runs, which reprokit does not do"
    return Found(notes=(warning(sentence, PY, node.lineno),))


def _pythons(arguments: dict[str, ast.expr], assigned: Assigned) -> Found:
    node = arguments.get("python_requires")
    value = _literal(node, assigned) if node is not None else None
    if node is not None and isinstance(value, str):
        reason = Reason(text=f"python_requires {value}", file=PY, line=node.lineno)
        return Found(runtimes=(runtime(value, reason),))
    node = arguments.get("classifiers")
    value = _literal(node, assigned) if node is not None else None
    if node is not None and isinstance(value, list):
        return Found(runtimes=from_classifiers([str(v) for v in value], PY, node.lineno))
    return Found()
