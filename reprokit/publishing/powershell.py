"""How PowerShell reads a word, and how it hands it on to a program.

PowerShell takes typographic quotation marks for plain ones (about_Quoting_Rules; the sets are
those of its `CharTraits`), so a word such as `it’s` would end its own string.
"""

from __future__ import annotations

import re

from reprokit.quoting import refuse_control_characters

# Until 7.3 PowerShell put words into a program's command line without marking the quotes in them;
# since then it marks them itself. This makes newer ones do as the older, which do not know it.
AS_EVER = "$PSNativeCommandArgumentPassing = 'Legacy'"

_SINGLE = re.compile("['\u2018-\u201b]")
_DOUBLE = re.compile('[`$"\u201c-\u201e]')
_BEFORE_QUOTE = re.compile(r'(\\*)"')


def needs_as_ever(text: str) -> bool:
    """Whether a program gets this word whole only after AS_EVER."""
    return not text or '"' in text


def word(text: str) -> str:
    """One word for a program."""
    plain = refuse_control_characters(text)
    if plain.isascii() and plain.isalnum():
        return plain
    # What Windows' own rules take back: a quote behind a backslash, of which those before count
    # twice; an empty word is two quotes.
    passed = _BEFORE_QUOTE.sub(r'\1\1\\"', plain) or '""'
    return f"'{_SINGLE.sub(lambda match: match.group() * 2, passed)}'"


def below_here(path: str) -> str:
    """A word that begins with the present folder; `path` has no `"` that a program should get."""
    plain = refuse_control_characters(path)
    return '"${PWD}/' + _DOUBLE.sub(r"`\g<0>", plain) + '"'
