"""A Dockerfile that the project brings along: which images it builds on, and pinning them.

Follows Docker's own reading of the file: directives, comments, line continuations, here-documents,
ARG before the first FROM with its substitutions, platform flags and stage names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reprokit.errors import BadRequest
from reprokit.frozen import frozen

_DIRECTIVE = re.compile(r"#\s*(?P<name>[A-Za-z]+)\s*=\s*(?P<value>.+?)\s*")
_INSTRUCTION = re.compile(r"\s*(?P<word>[A-Za-z]+)(?:\s+(?P<rest>.*))?", re.DOTALL)
_FROM = re.compile(
    r"(?P<flags>(?:--\w+=\S+\s+)*)(?P<image>\S+)(?:\s+AS\s+(?P<stage>[A-Za-z0-9_.-]+))?\s*",
    re.IGNORECASE,
)
_VARIABLE = re.compile(
    r"\\(?P<escaped>\$)|\$(?:(?P<plain>[A-Za-z_]\w*)|"
    r"\{(?P<name>[A-Za-z_]\w*)(?:(?P<operator>:?[-+])(?P<word>[^{}]*))?\})"
)
# As BuildKit has it: a word of its own, so that a quoted "<<A" is only text.
_HEREDOC = re.compile(r"\d*<<(?P<dash>-?)(?P<quote>[\"']?)(?P<word>[A-Za-z_]\w*)(?P=quote)")
_WORD = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+""", re.DOTALL)
_SOURCE_FLAG = re.compile(r"--from=(?P<image>\S+)|(?<=[,=\s])from=(?P<mounted>[^,\s]+)")
_KNOWN = frozenset(
    {
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
        "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    }
)  # fmt: skip


@frozen
class Base:
    """An image that a Dockerfile reads. `start` and `end` are where its name stands in the text.

    `written` is as it stands there, `reference` after substitution. `instruction` is "FROM", or
    "COPY" or "RUN" for an image that files are copied or mounted from.
    """

    reference: str
    written: str
    line: int
    start: int
    end: int
    instruction: str


@frozen
class OwnDockerfile:
    """A parsed Dockerfile. `has_command` says whether its last stage sets CMD or ENTRYPOINT."""

    bases: tuple[Base, ...]
    stages: tuple[str, ...]
    first_line: int
    has_command: bool


@dataclass(frozen=True, slots=True)
class _Instruction:
    word: str
    rest: str
    line: int
    # For each character of `rest`, where it stands in the file.
    places: tuple[int, ...]


def parse(text: str, path: str = "Dockerfile") -> OwnDockerfile:
    """Read a Dockerfile. `path` is for errors. Raises BadRequest with the line where Docker
    itself would refuse it: no FROM, an unknown instruction, a malformed FROM, an unset ARG."""
    arguments: dict[str, str] = {}
    stages: list[str] = []
    bases: list[Base] = []
    first: int | None = None
    has_command = False
    for item in _instructions(text, path):
        where = f"{path}:{item.line}"
        if item.word == "FROM":
            first = item.line if first is None else first
            base, stage = _from(item, arguments, where)
            if base.reference.lower() not in stages and base.reference != "scratch":
                bases.append(base)
            stages.append((stage or "").lower())
            has_command = False
        elif first is None and item.word == "ARG":
            arguments |= _arguments(item.rest, arguments)
        elif first is None:
            raise BadRequest(f"{item.word} stands before the first FROM", where=where)
        elif item.word in ("CMD", "ENTRYPOINT"):
            has_command = item.rest.strip() not in ("", "[]")
        elif item.word in ("COPY", "RUN"):
            bases += _read_from(item, stages)
    if first is None:
        raise BadRequest("has no FROM", where=path, next="it is not a Dockerfile")
    return OwnDockerfile(
        bases=tuple(bases), stages=tuple(stages), first_line=first, has_command=has_command
    )


def base_references(text: str, path: str = "Dockerfile") -> tuple[str, ...]:
    """The images a Dockerfile builds on or copies from, after substitution, each once; neither
    its own stages nor "scratch". Raises BadRequest as `parse` does."""
    return tuple(dict.fromkeys(base.reference for base in parse(text, path).bases))


def pinned(text: str, digests: Mapping[str, str], path: str = "Dockerfile") -> str:
    """The Dockerfile with every base named by digest, and otherwise byte for byte the same.

    digests: "sha256:…" for each of `base_references`; a value that is a whole reference
    ("name@sha256:…") is written as it is. Raises BadRequest for a base without a digest.
    """
    changed = text
    for base in sorted(parse(text, path).bases, key=lambda base: base.start, reverse=True):
        if base.reference not in digests:
            raise BadRequest(
                f"no digest is known for {base.reference}", where=f"{path}:{base.line}"
            )
        name = _with_digest(base.reference, digests[base.reference])
        changed = changed[: base.start] + name + changed[base.end :]
    return changed


def _with_digest(reference: str, digest: str) -> str:
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        return digest
    return f"{reference.partition('@')[0]}@{digest}"


def _from(item: _Instruction, arguments: Mapping[str, str], where: str) -> tuple[Base, str | None]:
    match = _FROM.fullmatch(item.rest)
    if match is None:
        raise BadRequest(
            f"{('FROM ' + item.rest).strip()!r} is not a FROM line",
            where=where,
            next="write FROM image, or FROM image AS stage",
        )
    written = match["image"]
    reference = _substituted(written.strip("\"'"), arguments, where)
    if not reference:
        raise BadRequest(
            f"{written} is empty", where=where, next="give its ARG a default before the first FROM"
        )
    if re.search(r"[\s\x00-\x1f]", reference):
        raise BadRequest(f"{reference!r} is not the name of an image", where=where)
    start, end = match.span("image")
    return _base(reference, written, item, start, end), match["stage"]


def _base(reference: str, written: str, item: _Instruction, start: int, end: int) -> Base:
    return Base(
        reference=reference,
        written=written,
        line=item.line,
        start=item.places[start],
        end=item.places[end - 1] + 1,
        instruction=item.word,
    )


def _read_from(item: _Instruction, stages: list[str]) -> Iterator[Base]:
    """Images that COPY --from and RUN --mount=from= name; stages and build contexts are none."""
    flags = re.match(r"(?:--\S+\s+)*", item.rest)
    if flags is None:
        return
    for match in _SOURCE_FLAG.finditer(flags.group()):
        group = "image" if match["image"] else "mounted"
        name = match[group]
        # Docker substitutes nothing here, and a number or a stage is no image.
        if name.isdigit() or name.lower() in stages or "$" in name:
            continue
        if not re.search(r"[:/@]", name):
            continue
        yield _base(name, name, item, *match.span(group))


def _arguments(rest: str, known: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in re.finditer(r"([A-Za-z_]\w*)(?:=(\"[^\"]*\"|'[^']*'|\S*))?", rest):
        value = (match[2] or "").strip()
        if value[:1] == "'":
            found[match[1]] = value.strip("'")
        else:
            found[match[1]] = _substituted(value.strip('"'), {**known, **found}, None)
    return found


def _substituted(text: str, arguments: Mapping[str, str], where: str | None) -> str:
    def value(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        name = match["plain"] or match["name"]
        content = arguments.get(name)
        operator, word = match["operator"], match["word"] or ""
        if operator in (":-", "-"):
            use = content is None or (operator == ":-" and not content)
            return _substituted(word, arguments, where) if use else str(content)
        if operator in (":+", "+"):
            return word if content or (operator == "+" and content is not None) else ""
        if content is None and where is not None:
            raise BadRequest(
                f"{match.group()} has no value here",
                where=where,
                next=f"declare it before the first FROM: ARG {name}=…",
            )
        return content or ""

    return _VARIABLE.sub(value, text)


def _instructions(text: str, path: str) -> Iterator[_Instruction]:
    lines = text.splitlines(keepends=True)
    escape = _escape(lines)
    offset = 0
    starts = []
    for line in lines:
        starts.append(offset)
        offset += len(line)
    index = 0
    while index < len(lines):
        if not lines[index].strip() or lines[index].lstrip().startswith("#"):
            index += 1
            continue
        first = index
        content, places, index = _logical_line(lines, starts, index, escape)
        match = _INSTRUCTION.fullmatch(content)
        word = match["word"].upper() if match else ""
        if match is None or word not in _KNOWN:
            raise BadRequest(
                f"{(content.split() or [content])[0]!r} is not an instruction",
                where=f"{path}:{first + 1}",
            )
        rest = match["rest"] or ""
        begin = match.start("rest") if match["rest"] is not None else len(content)
        yield _Instruction(word, rest, first + 1, tuple(places[begin:]))
        if word in ("RUN", "COPY", "ADD"):
            index = _after_heredocs(rest, lines, index, f"{path}:{first + 1}")


def _logical_line(
    lines: list[str], starts: list[int], index: int, escape: str
) -> tuple[str, list[int], int]:
    """One instruction with its continuations joined, where each character stands, and the index
    of the line after it. Comments and empty lines inside are left out, as Docker does."""
    content = ""
    places: list[int] = []
    continued = True
    while continued and index < len(lines):
        line = lines[index].rstrip("\r\n")
        if content and (not line.strip() or line.lstrip().startswith("#")):
            index += 1
            continue
        stripped = line.rstrip(" \t")
        continued = stripped.endswith(escape)
        part = stripped[:-1] if continued else line.rstrip()
        content += part
        places += range(starts[index], starts[index] + len(part))
        index += 1
    return content, places, index


def _escape(lines: list[str]) -> str:
    for line in lines:
        match = _DIRECTIVE.fullmatch(line.strip())
        if match is None:
            break
        if match["name"].lower() == "escape":
            return "`" if match["value"] == "`" else "\\"
    return "\\"


def _after_heredocs(rest: str, lines: list[str], index: int, where: str) -> int:
    for word in _WORD.findall(rest):
        match = _HEREDOC.fullmatch(word)
        if match is None:
            continue
        while index < len(lines):
            line = lines[index].rstrip("\r\n")
            index += 1
            if (line.lstrip("\t") if match["dash"] else line) == match["word"]:
                break
        else:
            raise BadRequest(f"the here-document {match['word']} never ends", where=where)
    return index
