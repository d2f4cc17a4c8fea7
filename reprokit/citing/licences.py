"""Licences by their SPDX names, which citations and archives want.

See https://spdx.org/licenses
"""

from __future__ import annotations

import re

_R_FILE = re.compile(r"\s*[+|]\s*file\s+LICEN[CS]E\s*$", re.IGNORECASE)
_WORDS = re.compile(r"[a-z]+|\d+(?:\.\d+)*|>=")
_NOISE = frozenset({"the", "license", "licence", "software", "gnu", "version", "v"})
# What declarations write, without the words above; {} is the version that the group holds.
_WRITTEN = (
    (r"(?:agplv?|affero general public) (3)(?:\.0)?", "AGPL-{}-only"),
    (r"(?:agplv?|affero general public) >= (3)(?:\.0)?", "AGPL-{}-or-later"),
    (r"(?:lgplv?|lesser general public) (2\.1|2|3)(?:\.0)?", "LGPL-{}-only"),
    (r"(?:lgplv?|lesser general public) >= (2\.1|2|3)(?:\.0)?", "LGPL-{}-or-later"),
    (r"(?:gplv?|general public) ([23])(?:\.0)?", "GPL-{}-only"),
    (r"(?:gplv?|general public) >= ([23])(?:\.0)?", "GPL-{}-or-later"),
    (r"apache (?:>= )?(2)(?:\.0)?", "Apache-{}"),
    (r"mit|expat", "MIT"),
    (r"(?:new|modified|revised) bsd|bsd 3 clause", "BSD-3-Clause"),
    (r"simplified bsd|bsd 2 clause", "BSD-2-Clause"),
    (r"(?:eclipse public|epl) ([12])(?:\.0)?", "EPL-{}"),
    (r"(?:mozilla public|mpl) (2)(?:\.0)?", "MPL-{}"),
    (r"cc 0(?: 1\.0)?(?: universal)?", "CC0-1.0"),
    (r"cc by (4)\.0", "CC-BY-{}"),
    (r"cc by sa (4)\.0", "CC-BY-SA-{}"),
)


def spdx(text: str) -> str | None:
    """The SPDX expression that a declaration means; `None` where it is not known for certain."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    plain = _R_FILE.sub("", text).strip()
    if "|" in plain:  # R's way to say "or"
        names = [spdx(part) for part in plain.split("|")]
        return " OR ".join(name for name in names if name) if all(names) else None
    words = " ".join(word for word in _WORDS.findall(plain.lower()) if word not in _NOISE)
    for pattern, name in _WRITTEN:
        match = re.fullmatch(pattern, words)
        if match is not None:
            version = match[1] if match.re.groups else ""
            return name.format(version if "." in version else f"{version}.0")
    try:
        return str(canonicalize_license_expression(plain))
    except InvalidLicenseExpression:
        return None


def alternatives(expression: str) -> list[str] | None:
    """The licences of "A OR B", as CITATION.cff lists them; `None` for other combinations, and for
    licences that SPDX does not list."""
    found = expression.split(" OR ")
    return found if all(re.fullmatch(r"(?!LicenseRef-)[\w.-]+", name) for name in found) else None
