"""A file of LaTeX commands to `\\input`: digests, versions and results that nobody types again."""

from __future__ import annotations

import re

from reprokit.citing.facts import Facts
from reprokit.errors import BadRequest
from reprokit.history import reading

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
}
_DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


def commands(facts: Facts) -> str:
    """One `\\newcommand` a line. Raises BadRequest where two values would get one command."""
    record = facts.record
    named = [
        ("Title", facts.title),
        ("Run", facts.run),
        ("Date", facts.day),
        ("PackagesDate", reading.text(reading.mapping(record, "date"), "day")),
        ("Environment", facts.environment),
        ("EnvironmentShort", facts.environment.removeprefix("sha256:")[:12]),
        ("Record", reading.text(record, "digest")),
        ("Tool", f"reprokit {reading.text(reading.mapping(record, 'reprokit'), 'version')}"),
    ]
    named += [("Command", reading.command_text(record))] if record["command"] else []
    named += [("Commit", facts.commit)] if facts.commit else []
    named += [("Source", facts.source)] if facts.source else []
    named += [("Revision", facts.revision)] if facts.revision else []
    named += [("Image", facts.pushed[-1].reference)] if facts.pushed else []
    named += _distinct("Version", facts.versions)
    named += _distinct("Value", facts.values)
    lines = [f"\\newcommand{{\\Repro{name}}}{{{escaped(value)}}}" for name, value in named]
    return "\n".join((f"% Run {facts.run}; written by `reprokit cite`.", *lines))


def _distinct(kind: str, values: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for name, value in values:
        command = kind + command_name(name)
        if command == kind or found.get(command, (name, value)) != (name, value):
            if kind == "Version":
                continue  # packages are named by strangers: the first of two has the command
            other = found.get(command, ("nothing", ""))[0]
            raise BadRequest(
                f"the values {name!r} and {other!r} would both be \\Repro{command}",
                next="give one of them another name: only letters and digits count",
            )
        found[command] = (name, value)
    return [(command, value) for command, (_, value) in found.items()]


def command_name(name: str) -> str:
    """A name as LaTeX allows it, of letters only: "scikit-learn" is ScikitLearn, "h5py" HFivePy."""
    words = re.findall(r"[A-Za-z]+|[0-9]", name)
    return "".join(_DIGITS[int(w)] if w.isdecimal() else w[0].upper() + w[1:] for w in words)


def escaped(text: str) -> str:
    """Any text as LaTeX prints it, on one line."""
    plain = "".join(_SPECIAL.get(character, character) for character in " ".join(text.split()))
    return re.sub(r"-(?=-)", "-{}", plain)  # two dashes in a row would become one long one
