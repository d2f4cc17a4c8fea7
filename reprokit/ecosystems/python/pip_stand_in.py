"""Stands in for pip in an image that a rerun makes: what the project installs is there already, and
a run has no network. Written by reprokit; it needs nothing but Python 3.6."""

import re
import sys
from pathlib import Path
from typing import Dict, List, NoReturn, Optional, Sequence, Tuple

_WITH_VALUE = frozenset([
    "-i", "--index-url", "--extra-index-url", "-f", "--find-links", "-t", "--target", "--platform",
    "--python-version", "--implementation", "--abi", "--prefix", "--root", "--src", "-b", "--build",
    "--progress-bar", "--trusted-host", "--proxy", "--retries", "--timeout", "--cache-dir", "--log",
    "--exists-action", "--no-binary", "--only-binary", "--upgrade-strategy", "--global-option",
    "--install-option", "--config-settings", "--cert", "-c", "--constraint",
])  # fmt: skip
_METADATA = re.compile(r"(.+?)-([^-]+?)(?:-py[\d.]+)?\.(?:dist|egg)-info")
_REPOSITORY = re.compile(r"[#&]egg=([\w.-]+)|/([\w.-]+?)(?:\.git)?(?:@[^/]*)?$")


def normalised(name: str) -> str:
    """A name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed() -> Dict[str, Tuple[str, str]]:
    """The name and version of each distribution that Python finds, by its normalised name."""
    found: Dict[str, Tuple[str, str]] = {}
    for folder in sys.path:
        entries = Path(folder or ".").glob("*-info") if Path(folder or ".").is_dir() else ()
        for entry in entries:
            match = _METADATA.fullmatch(entry.name)
            if match is not None:
                found.setdefault(normalised(match.group(1)), (match.group(1), match.group(2)))
    return found


def asked(given: Sequence[str]) -> List[str]:
    """The requirements of a command line, those of files among them."""
    names: List[str] = []
    words = list(given)
    while words:
        word = words.pop(0)
        option, equals, value = word.partition("=")
        takes = option in ("-e", "--editable", "-r", "--requirement") or option in _WITH_VALUE
        if takes and word.startswith("-"):
            value = value if equals else words.pop(0) if words else ""
            if option in ("-r", "--requirement"):
                names += listed(value)
            elif option in ("-e", "--editable"):
                names.append(value)
        elif not word.startswith("-"):
            names.append(word)
    return names


def listed(path: str) -> List[str]:
    """The requirements of a file; what it includes is there as well."""
    try:
        text = Path(path).read_text("utf-8", "replace")
    except OSError:
        fail(f"Could not open requirements file: {path}")
    stripped = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return [line for line in stripped if line and not line.startswith("-")]


def distribution(text: str) -> Optional[str]:
    """The name of what a requirement asks for; `None` for one that is read from a place."""
    if "://" in text.partition("@")[0] or text.startswith(("http:", "https:", "git+")):
        match = _REPOSITORY.search(text)
        return None if match is None else match.group(1) or match.group(2)
    match = re.match(r"[A-Za-z0-9][\w.-]*", text)
    return None if match is None else match.group()


def install(words: Sequence[str]) -> int:
    """Say of each requirement that it is there. Any version will do: they are of the day."""
    there = installed()
    for text in asked(words):
        place = text.partition("[")[0]
        if place == "." or ("/" in place and "://" not in place and Path(place).exists()):
            sys.stdout.write(f"Requirement already satisfied: {text}\n")
            continue
        name = distribution(text)
        if name is None or normalised(name) not in there:
            fail(f"No matching distribution found for {name or text}")
        version = there[normalised(name)][1]
        sys.stdout.write(f"Requirement already satisfied: {text} ({version})\n")
    return 0


def fail(text: str) -> NoReturn:
    """End as pip does."""
    sys.stderr.write(f"ERROR: {text}\n")
    raise SystemExit(1)


def main(given: Optional[Sequence[str]] = None) -> int:
    """What `pip WORDS` does here."""
    words = list(sys.argv[1:] if given is None else given)
    command = next((word for word in words if not word.startswith("-")), "")
    rest = words[words.index(command) + 1 :] if command else []
    if command == "install":
        return install(rest)
    if command in ("list", "freeze"):
        for name, version in sorted(installed().values()):
            sys.stdout.write(f"{name}=={version}\n")
    elif command == "show":
        for word in rest:
            if normalised(word) not in installed():
                fail(f"Package(s) not found: {word}")
            name, version = installed()[normalised(word)]
            sys.stdout.write(f"Name: {name}\nVersion: {version}\n")
    elif command in ("", "help", "uninstall", "check", "cache", "config"):
        told = "reprokit's stand-in for pip: what the project asks for is installed already"
        sys.stderr.write(f"{told}\n")
    else:
        fail(f"this stand-in for pip cannot do {command!r}: a run installs nothing")
    return 0
