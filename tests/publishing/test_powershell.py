"""Words for PowerShell, read back by its rules and by those of the programs that it starts.

There is no PowerShell among what the tests need. Its rules are written down here instead: those of
its tokenizer (`ScanStringLiteral`, `ScanStringExpandable`, `CharTraits` in
src/System.Management.Automation/engine/parser), of `NativeCommandParameterBinder` in its older way
(Windows PowerShell 5.1, and 7 with `Legacy`), and of the C runtime's command line.
"""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reprokit.errors import BadRequest
from reprokit.publishing import powershell

SINGLE, DOUBLE = "'\u2018\u2019\u201a\u201b", '"\u201c\u201d\u201e'
TEXT = st.text(st.sampled_from(SINGLE + DOUBLE + "\\`$ ;&|(){}@#%,ab1é-"), max_size=8)


def literal(source: str) -> str:
    """The value of a single-quoted string that is all of `source`."""
    assert source[0] in SINGLE
    value, place = "", 1
    while place < len(source):
        if source[place] in SINGLE:
            if place == len(source) - 1:
                return value
            assert source[place + 1] in SINGLE, f"the string ends early: {source[place:]}"
            place += 1
        value += source[place]
        place += 1
    raise AssertionError("the string never ends")


def expandable(source: str) -> str:
    """The value of a double-quoted string that is all of `source`, `${PWD}` being C:/a b."""
    assert source.startswith('"${PWD}')
    value, place = "C:/a b", len('"${PWD}')
    while place < len(source):
        if source[place] in DOUBLE:
            assert place == len(source) - 1, f"the string ends early: {source[place:]}"
            return value
        assert source[place] != "$", "a variable"
        if source[place] == "`":
            # A letter behind it would be a control character.
            place += 1
            assert source[place] in f"`${DOUBLE}"
        value += source[place]
        place += 1
    raise AssertionError("the string never ends")


def command_line(words: list[str]) -> str:
    """As PowerShell joined words until 7.3: quotes around what has spaces, else as they are."""
    line = ""
    for word in words:
        quotes, spaced, backslash = 0, False, False
        for character in word:
            if character == '"' and not backslash:
                quotes += 1
            elif character.isspace() and quotes % 2 == 0:
                spaced = True
            backslash = character == "\\"
        if spaced:
            word = f'"{word}' + ("\\" if word.endswith("\\") else "") + '"'
        line += f" {word}" if word else ""
    return line[1:]


def arguments(line: str) -> list[str]:
    """As a program takes its command line apart ("Parsing C++ command-line arguments")."""
    found: list[str] = []
    current: str | None = None
    quoted, place = False, 0
    while place < len(line):
        run = len(line) - place - len(line[place:].lstrip("\\"))
        place += run
        if line[place : place + 1] == '"':
            current = (current or "") + "\\" * (run // 2)
            if run % 2:
                current += '"'
            else:
                quoted = not quoted
            place += 1
        elif run:
            current = (current or "") + "\\" * run
        elif line[place] in " \t" and not quoted:
            if current is not None:
                found.append(current)
            current, place = None, place + 1
        else:
            current = (current or "") + line[place]
            place += 1
    return found if current is None else [*found, current]


@given(TEXT)
def test_a_program_gets_the_word(text: str) -> None:
    # Beyond what PowerShell 5.1 can hand on.
    assume(not (" " in text and text.endswith("\\\\")))
    written = powershell.word(text)
    value = written if written == text else literal(written)
    assert arguments(command_line(["first", value, "last"])) == ["first", text, "last"]


@given(TEXT.map(lambda text: text.replace('"', "")))
def test_a_path_below_the_present_folder(text: str) -> None:
    assert expandable(powershell.below_here(text)) == f"C:/a b/{text}"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("seed", "seed"),
        ("", "'\"\"'"),
        ("it’s; calc; ‘", "'it’’s; calc; ‘‘'"),
        ('say "hi"', """'say \\"hi\\"'"""),
        ('a\\"', """'a\\\\\\"'"""),
        ("$HOME `n", "'$HOME `n'"),
    ],
)
def test_words(text: str, written: str) -> None:
    assert powershell.word(text) == written
    assert powershell.needs_as_ever(text) == (not text or '"' in text)


def test_typographic_quotes_end_no_path() -> None:
    assert powershell.below_here("data/“$(calc)”") == '"${PWD}/data/`“`$(calc)`”"'


def test_line_breaks_are_refused() -> None:
    for write in (powershell.word, powershell.below_here):
        with pytest.raises(BadRequest):
            write("a\nb")
