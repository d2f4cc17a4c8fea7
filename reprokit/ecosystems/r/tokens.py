"""R source code as tokens, without running anything.

Enough of R's grammar to tell code from strings and comments: strings with escapes, raw strings
(R 4.0), symbols with back-ticks, numbers and operators. Broken code never raises: what stands
before the break is still read. Lines count from 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["symbol", "string", "number", "operator"]

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<comment>\#[^\n]*)
  | (?P<raw>[rR](?P<mark>["'])(?P<dashes>-*)(?P<open>[(\[{]))
  | (?P<string>"(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*')
  | (?P<quoted>`(?:[^`\\]|\\.)*`)
  | (?P<number>0[xX][0-9A-Fa-f]+(?:\.[0-9A-Fa-f]*)?(?:[pP][+-]?\d+)?[Li]?
             | (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[Li]?)
  | (?P<symbol>(?:[^\W\d_]|\.(?!\d))[\w.]*)
  | (?P<operator>:::|::|:=|<<-|->>|<-|->|\|>|<=|>=|==|!=|&&|\|\||%[^%\n]*%|[^\s\w"'`\#])
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{1,2}|u\{?[0-9A-Fa-f]{1,4}\}?|[0-7]{1,3}|.)", re.DOTALL)
_NAMED_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Token:
    """One token. `text` of a string is its value, of a back-ticked symbol its name."""

    kind: Kind
    text: str
    line: int


def tokens(code: str) -> Iterator[Token]:
    """The tokens of R code in order; ends early at a string that is never closed."""
    position, line = 0, 1
    while position < len(code):
        match = _TOKEN.match(code, position)
        if match is None:
            if code[position] in "\"'`":
                return
            position += 1
            continue
        end, token = match.end(), _token(match, line)
        if match.lastgroup is None:  # pragma: no cover - every alternative is named
            return
        if match["raw"] is not None:
            closing = _CLOSING[match["open"]] + match["dashes"] + match["mark"]
            stop = code.find(closing, end)
            if stop < 0:
                return
            token = Token("string", code[end:stop], line)
            end = stop + len(closing)
        if token is not None:
            yield token
        line += code.count("\n", position, end)
        position = end


def _token(match: re.Match[str], line: int) -> Token | None:
    text = match.group()
    if match["string"] is not None:
        return Token("string", _unescaped(text[1:-1]), line)
    if match["quoted"] is not None:
        return Token("symbol", _unescaped(text[1:-1]), line)
    if match["symbol"] is not None:
        return Token("symbol", text, line)
    if match["number"] is not None:
        return Token("number", text, line)
    return Token("operator", text, line) if match["operator"] is not None else None


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_escape, text) if "\\" in text else text


def _escape(match: re.Match[str]) -> str:
    body = match.group(1)
    if body[0] in "xu" and len(body) > 1:
        return chr(int(body[1:].strip("{}"), 16))
    if body.isdigit() and body.isascii():
        return chr(int(body, 8)) if set(body) <= set("01234567") else body
    return _NAMED_ESCAPES.get(body, body)
