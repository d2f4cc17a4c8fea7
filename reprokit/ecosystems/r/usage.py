"""Which packages R code uses, read from its tokens; the code is never run.

dependencies.R does the same with R's own parser inside the container, and the lock compares.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from reprokit.ecosystems.r.tokens import Token, tokens
from reprokit.ecosystems.r.versions import PACKAGE

Way = Literal["needs", "tries", "installs"]

_ATTACHES = frozenset({"library", "require"})
_LOADS = frozenset({"requireNamespace", "loadNamespace", "attachNamespace"})
_APPLIES = frozenset({"lapply", "sapply", "vapply", "map", "walk"})
_INSTALLS = {
    "install.packages": "pkgs",
    "install_version": "package",
    "install_cran": "pkgs",
    "install": "pkgs",
}
_PREPARES = frozenset(
    {"options", "rm", "setClass", "setGeneric", "setMethod", "suppressPackageStartupMessages"}
)
_LISTS = frozenset({"p_load", "shelf"})
# Functions that run a compiler, and the package each belongs to: their names are common words.
_COMPILES = {
    "sourceCpp": "Rcpp", "cppFunction": "Rcpp", "evalCpp": "Rcpp",
    "cfunction": "inline", "cxxfunction": "inline", "rcpp": "inline",
    "stan": "rstan", "stan_model": "rstan", "brm": "brms", "ulam": "rethinking",
    "compile": "TMB", "compileNimble": "nimble", "nimbleMCMC": "nimble",
}  # fmt: skip
# A folder by its whole path, on any system.
_FOREIGN = re.compile(r"/|~|[A-Za-z]:[/\\]")
# They draw nothing of their own: they copy what a screen shows.
COPIES = frozenset(
    {
        "dev.copy", "dev.print", "dev.copy2pdf", "dev.copy2eps", "recordPlot", "savePlot",
        "quartz.save", "grid.echo",
    }
)  # fmt: skip
_DESKTOP = COPIES | frozenset(
    {
        "install.packages", "install_github", "View",
        "windows", "win.graph", "quartz", "x11", "X11",
        "getActiveDocumentContext", "getSourceEditorContext", "getActiveProject",
        "documentPath",
    }
)  # fmt: skip
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
# Calls with more tokens than this name no packages, and nested ones would take quadratic time.
_LONGEST_CALL = 600


@dataclass(frozen=True, slots=True)
class Use:
    """A package used at a line: the code "needs" it, "tries" it (and can go on without it), or
    "installs" it. `version` is set where install_version names one."""

    package: str
    line: int
    how: str
    way: Way = "needs"
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Compiling:
    """A call at a line that runs a compiler, and the package whose function it is."""

    function: str
    package: str
    line: int


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call: its name, if given, and its tokens."""

    name: str | None
    tokens: tuple[Token, ...]

    def only(self) -> Token | None:
        """The argument's single token, or `None` for an expression."""
        return self.tokens[0] if len(self.tokens) == 1 else None


@dataclass(slots=True)
class _Reading:
    """What has been seen so far in one file: `ends` maps each opening bracket to its closing one,
    `vectors` are symbols bound to literal strings."""

    tokens: Sequence[Token]
    ends: Mapping[int, int]
    vectors: dict[str, tuple[str, ...]] = field(default_factory=dict)


def uses(code: str) -> tuple[Use, ...]:
    """Every use of a package in R code, in order; the same package may come several times."""
    reading = _read(code)
    found: list[Use] = []
    for index, token in enumerate(reading.tokens):
        if _is(reading, index + 1, "::", ":::") and token.kind in ("symbol", "string"):
            found.append(Use(token.text, token.line, f"{token.text}::"))
        elif token.kind == "symbol":
            _remember(reading, index)
            if _is(reading, index + 1, "("):
                found += _call(reading, index, token)
    return tuple(use for use in found if PACKAGE.fullmatch(use.package))


def compiling(code: str) -> tuple[Compiling, ...]:
    """Calls that compile while the code runs, such as `cppFunction()` and `stan()`."""
    reading = _read(code)
    return tuple(
        Compiling(token.text, _COMPILES[token.text], token.line)
        for index, token in enumerate(reading.tokens)
        if token.kind == "symbol" and token.text in _COMPILES and _is(reading, index + 1, "(")
    )


def desktop_calls(code: str) -> tuple[tuple[str, int], ...]:
    """Calls that are for the author's desk, each with its line: setwd() into a folder of the
    author's machine, what asks RStudio, opens windows, copies them or installs packages."""
    reading = _read(code)
    found = []
    for index, token in enumerate(reading.tokens):
        if token.kind != "symbol" or not _is(reading, index + 1, "("):
            continue
        if token.text == "setwd":
            folder = _first(_arguments(reading, index + 1), "dir")
            only = folder.only() if folder is not None else None
            if only is not None and only.kind == "string" and _FOREIGN.match(only.text):
                found.append((f"setwd({only.text})", token.line))
        elif token.text in _DESKTOP:
            found.append((f"{token.text}()", token.line))
    return tuple(found)


def first_call(code: str, names: Collection[str]) -> tuple[str, int] | None:
    """The first call of one of these functions, and its line."""
    reading = _read(code)
    for index, token in enumerate(reading.tokens):
        if token.kind == "symbol" and token.text in names and _is(reading, index + 1, "("):
            return token.text, token.line
    return None


def sourced(code: str) -> tuple[str, ...]:
    """The files that `source("…")` calls name literally."""
    reading = _read(code)
    found = []
    for index, token in enumerate(reading.tokens):
        if token.kind == "symbol" and token.text in ("source", "sys.source"):
            given = _first(_arguments(reading, index + 1), "file")
            found += [t.text for t in (given.tokens if given else ()) if t.kind == "string"]
    return tuple(found)


def makes_nothing(code: str) -> bool:
    """Whether R code, when it is run, only defines functions, loads and installs packages: it is
    for other code, and makes no results. False for no code at all."""
    reading = _read(code)
    statements = list(_statements(reading))
    return bool(statements) and all(_only_prepares(reading, start) for start in statements)


def _statements(reading: _Reading) -> Iterator[int]:
    """Where each statement outside of all brackets begins, as far as the lines tell."""
    index, before, body = 0, None, False
    while index < len(reading.tokens):
        token = reading.tokens[index]
        goes_on = before is not None and (
            before.line == token.line
            or (before.kind == "operator" and before.text not in _CLOSING)
            or before.text == "else"
        )
        if not goes_on and not body:
            yield index
        body = False
        if token.kind == "operator" and token.text in _OPENING and index in reading.ends:
            end = reading.ends[index]
            # What follows a function's parameters is its body, on whichever line.
            opener = reading.tokens[index - 1] if index else None
            body = opener is not None and opener.text in ("function", "\\")
            index = end
        before = reading.tokens[index]
        index += 1


def _only_prepares(reading: _Reading, start: int) -> bool:
    first = reading.tokens[start]
    if first.kind == "string" or first.text == "NULL":
        return True  # What roxygen2's comments stand above.
    if first.text in _ATTACHES | _LOADS | _LISTS | _INSTALLS.keys() | _PREPARES:
        return _is(reading, start + 1, "(")
    third = reading.tokens[start + 2].text if start + 2 < len(reading.tokens) else ""
    return _is(reading, start + 1, "<-", "=") and third in ("function", "\\")


def _read(code: str) -> _Reading:
    found = tuple(tokens(code))
    ends: dict[int, int] = {}
    open_brackets: list[int] = []
    for index, token in enumerate(found):
        if token.kind == "operator" and token.text in _OPENING:
            open_brackets.append(index)
        elif token.kind == "operator" and token.text in _CLOSING and open_brackets:
            ends[open_brackets.pop()] = index
    return _Reading(found, ends)


def _arguments(reading: _Reading, opening: int) -> tuple[Argument, ...]:
    """The arguments of a call whose parenthesis is at `opening`; none where it is no call."""
    end = reading.ends.get(opening, 0)
    if not _is(reading, opening, "(") or not opening < end <= opening + _LONGEST_CALL:
        return ()
    return _split(reading.tokens[opening + 1 : end])


def _split(inside: Sequence[Token]) -> tuple[Argument, ...]:
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in inside:
        if token.kind == "operator":
            if token.text in _CLOSING:
                depth -= 1
            elif token.text in _OPENING:
                depth += 1
            elif token.text == "," and depth == 0:
                parts.append([])
                continue
        parts[-1].append(token)
    return tuple(_argument(part) for part in parts if part)


def _argument(part: list[Token]) -> Argument:
    if len(part) > 1 and part[1].kind == "operator" and part[1].text == "=":
        return Argument(part[0].text, tuple(part[2:]))
    return Argument(None, tuple(part))


def _is(reading: _Reading, index: int, *operators: str) -> bool:
    if index >= len(reading.tokens):
        return False
    token = reading.tokens[index]
    return token.kind == "operator" and token.text in operators


def _remember(reading: _Reading, index: int) -> None:
    """Note `name <- c("a", "b")` and `for (name in c("a", "b"))`."""
    token = reading.tokens[index]
    following = reading.tokens[index + 1] if index + 1 < len(reading.tokens) else None
    if following is None:
        return
    assigns = following.kind == "operator" and following.text in ("<-", "=", "<<-")
    loops = following.kind == "symbol" and following.text == "in"
    if assigns or loops:
        end = reading.ends.get(index + 3, 0) if _is(reading, index + 3, "(") else index + 2
        values: tuple[str, ...] = ()
        if end <= index + _LONGEST_CALL:
            values = _vector(reading, reading.tokens[index + 2 : end + 1])
        if values:
            reading.vectors[token.text] = values


def _vector(reading: _Reading, given: Sequence[Token]) -> tuple[str, ...]:
    """The strings of a literal, of c("a", "b"), or of a symbol known to hold such."""
    if not given:
        return ()
    first = given[0]
    if first.kind == "string":
        return (first.text,)
    if first.kind == "symbol" and first.text in ("c", "list"):
        parts = [argument.only() for argument in _split(given[2:-1])]
        return tuple(part.text for part in parts if part is not None and part.kind == "string")
    return reading.vectors.get(first.text, ()) if first.kind == "symbol" else ()


def _first(given: Sequence[Argument], name: str) -> Argument | None:
    named = next((a for a in given if a.name == name), None)
    return named or next((a for a in given if a.name is None), None)


def _call(reading: _Reading, index: int, token: Token) -> Iterator[Use]:
    function, line = token.text, token.line
    known = function in _ATTACHES | _LOADS | _APPLIES | _LISTS | {"data", "system.file", "use"}
    imports = function == "from" and index > 1 and reading.tokens[index - 2].text == "import"
    if not known and not imports and function not in _INSTALLS:
        return
    given = _arguments(reading, index + 1)
    if function in _ATTACHES:
        names: Sequence[str] = _attached(reading, given)
    elif function in _LOADS:
        package = _first(given, "package")
        names = _vector(reading, package.tokens) if package else ()
    elif function in _APPLIES:
        names = _applied(reading, given)
    elif function in _LISTS:
        names = _p_loaded(reading, given)
    elif imports:
        # import::from(magrittr, "%>%")
        names = _attached(reading, given[:1])
    elif function == "use":
        # R 4.5: use("nlme", "gls"). Others have functions of this name, called by other things.
        names = [t.text for a in given[:1] if (t := a.only()) is not None and t.kind == "string"]
    elif function in ("data", "system.file"):
        package = next((a for a in given if a.name == "package"), None)
        names = _vector(reading, package.tokens) if package else ()
    else:
        yield from _installed(reading, function, line, given)
        return
    way: Way = "tries" if function in ("requireNamespace", "use") else "needs"
    for name in names:
        yield Use(name, line, f"{function}({name})", way)


def _attached(reading: _Reading, given: Sequence[Argument]) -> Sequence[str]:
    package = _first(given, "package")
    if package is None:
        return ()
    by_value = any(
        a.name == "character.only" and a.tokens and a.tokens[0].text in ("TRUE", "T") for a in given
    )
    if by_value:
        return _vector(reading, package.tokens)
    token = package.only()
    return (token.text,) if token is not None and token.kind in ("symbol", "string") else ()


def _applied(reading: _Reading, given: Sequence[Argument]) -> Sequence[str]:
    """lapply(c("a", "b"), library, character.only = TRUE)"""
    plain = [a for a in given if a.name in (None, "X", "FUN", ".x", ".f")]
    if len(plain) < 2 or plain[1].only() is None:
        return ()
    function = plain[1].tokens[0].text
    return _vector(reading, plain[0].tokens) if function in _ATTACHES | _LOADS else ()


def _p_loaded(reading: _Reading, given: Sequence[Argument]) -> Sequence[str]:
    names: list[str] = []
    for argument in given:
        token = argument.only()
        if argument.name == "char":
            names += _vector(reading, argument.tokens)
        elif argument.name is None and token is not None and token.kind in ("symbol", "string"):
            names.append(token.text)
    return names


def _installed(
    reading: _Reading, function: str, line: int, given: Sequence[Argument]
) -> Iterator[Use]:
    package = _first(given, _INSTALLS[function])
    names = _vector(reading, package.tokens) if package is not None else ()
    version = None
    if function == "install_version":
        plain = [a for a in given if a.name is None]
        chosen = next((a for a in given if a.name == "version"), None)
        chosen = chosen or (plain[1] if len(plain) > 1 else None)
        only = chosen.only() if chosen is not None else None
        version = only.text if only is not None and only.kind == "string" else None
    for name in names:
        yield Use(name, line, f"{function}({name})", "installs", version)
