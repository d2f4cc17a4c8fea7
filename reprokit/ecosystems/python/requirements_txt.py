"""pip's requirements files: https://pip.pypa.io/en/stable/reference/requirements-file-format/"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)

from reprokit.ecosystems.python.former_hosts import current, moved
from reprokit.ecosystems.python.found import Found, information, merged, warning
from reprokit.ecosystems.python.names import (
    inside_project,
    local_project,
    meant,
    place,
    requirement,
    without_login,
)
from reprokit.ecosystems.python.version import runtime
from reprokit.errors import BadRequest
from reprokit.model import Note, Reason, Requirement
from reprokit.project import Project
from reprokit.site import PYPI

_INDEX_OPTIONS = {
    "-i": "index-url",
    "--index-url": "index-url",
    "--pypi-url": "index-url",
    "--extra-index-url": "extra-index-url",
    "-f": "find-links",
    "--find-links": "find-links",
    "--no-index": "no-index",
    "--pre": "pre",
}
_IGNORED_OPTIONS = (
    "--no-binary", "--only-binary", "--prefer-binary", "--require-hashes", "--trusted-host",
    "--use-feature", "--process-dependency-links", "--no-cache-dir",
)  # fmt: skip
_INCLUDES = ("-r", "--requirement", "-c", "--constraint")
_HASH = re.compile(r"\s--hash[=\s](\S+)")
_OTHER_LINE_OPTION = re.compile(r"\s--(?:global-option|install-option|config-settings?)[=\s].*$")
_VCS = re.compile(r"(?:git|hg|svn|bzr)\+[a-z+]+(?:://|:)\S+|git@\S+:\S+")
_ARCHIVE = re.compile(r"(?:https?|ftp)://\S+")
# What GitHub and GitLab serve of a branch or tag: https://github.com/OWNER/NAME/archive/main.zip
_HOSTED_ARCHIVE = re.compile(
    r"https?://(?:www\.)?git(?:hub|lab)\.com/[\w./-]+?/([\w.-]+)/(?:-/)?"
    r"(?:archive|zipball|tarball)/"
)
_COMMENT = re.compile(r"(^|\s)#.*$")
_LOGIN_VARIABLES = re.compile(r"(?<=://)\$\{\w+\}(?::\$\{\w+\})?@")
_ENVIRONMENT = re.compile(r"\$\{[A-Z0-9_]+\}")
_OTHER_MACHINE = re.compile(r"\s*([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*@\s*file:(?!\./)\S+")


def read(project: Project, path: str) -> Found:
    """A requirements file with all that it includes. Raises BadRequest with file and line."""
    return _read(project, path, constraint=False, above=())


def _read(project: Project, path: str, *, constraint: bool, above: tuple[str, ...]) -> Found:
    parts = [Found(files=(path,))]
    for number, line in _logical_lines(_text(project, path)):
        reason = Reason(text=f"asks for {line}", file=path, line=number)
        if _ENVIRONMENT.search(_LOGIN_VARIABLES.sub("", line)):
            raise BadRequest(
                f"{line!r} depends on an environment variable",
                where=place(reason),
                next="write the value itself; it must be the same on every machine",
            )
        if line.startswith("-"):
            parts.append(_option(project, path, line, reason, constraint, (*above, path)))
        else:
            parts.append(requirement_line(project, path, line, reason, constraint))
    return merged(*parts)


def read_line(project: Project, path: str, text: str, number: int) -> Found:
    """One line of pip's notation that stands in another kind of file."""
    line = _COMMENT.sub("", text).strip()
    reason = Reason(text=f"asks for {line}", file=path, line=number)
    if line.startswith("-"):
        return _option(project, path, line, reason, False, (path,))
    return requirement_line(project, path, line, reason, False) if line else Found()


def _text(project: Project, path: str) -> str:
    text = project.read(path)
    # `pip freeze > requirements.txt` in PowerShell writes UTF-16.
    if text.startswith(("\xff\xfe", "\xfe\xff")):
        return text.encode("latin-1").decode("utf-16", "replace")
    return text


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with continuations joined and comments dropped, with the number of their first."""
    pending, first = "", 0
    # Only these end a line for pip; str.splitlines knows more, which hostile names could use.
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        first = first if pending else number
        comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not comment:
            pending += line[:-1] + " "
            continue
        joined, pending = pending + ("" if comment and pending else line), ""
        stripped = _COMMENT.sub("", joined).strip()
        if stripped:
            yield first, stripped
    if pending.strip():
        yield first, _COMMENT.sub("", pending).strip()


def _option(
    project: Project,
    path: str,
    line: str,
    reason: Reason,
    constraint: bool,
    above: tuple[str, ...],
) -> Found:
    name, value = _split_option(line)
    if name in _INCLUDES:
        limits = constraint or name in ("-c", "--constraint")
        return _included(project, path, value, reason, limits, above)
    if name in ("-e", "--editable"):
        return requirement_line(project, path, value, reason, constraint)
    if name in _INDEX_OPTIONS:
        option = _INDEX_OPTIONS[name]
        if option == "find-links" and not _ARCHIVE.match(value):
            value = "file:./" + inside_project(path, value, reason)
        if option not in ("index-url", "extra-index-url"):
            return Found(indexes=((option, without_login(value, reason)),))
        url, notes = current(without_login(value, reason)), moved(value, reason)
        known = option == "extra-index-url" and url.rstrip("/") == PYPI
        return Found(indexes=() if known else ((option, url),), notes=notes)
    if name in _IGNORED_OPTIONS:
        text = f"{name} is not followed: wheels are preferred, and every file is checked by hash"
        return Found(notes=(information(text, reason.file, reason.line),))
    raise BadRequest(
        f"{name!r} is not an option of a requirements file",
        where=place(reason),
        next="see https://pip.pypa.io/en/stable/reference/requirements-file-format/",
    )


def _split_option(line: str) -> tuple[str, str]:
    match = re.fullmatch(r"(--[a-z-]+)(?:[=\s]\s*(.*))?|(-[a-z])\s*(.*)", line)
    if match is None:
        return line.split()[0], ""
    name, value = match[1] or match[3], match[2] or match[4] or ""
    value = value.strip()
    if value[:1] in "\"'" and value:
        try:
            value = " ".join(shlex.split(value))
        except ValueError:
            value = value.strip("\"'")
    return name, value


def _included(
    project: Project,
    path: str,
    value: str,
    reason: Reason,
    constraint: bool,
    above: tuple[str, ...],
) -> Found:
    if _ARCHIVE.match(value):
        raise BadRequest(
            f"{value!r} is on the network and may change",
            where=place(reason),
            next="download it into the project and include the copy",
        )
    included = inside_project(path, value, reason)
    if included in above:
        raise BadRequest(f"{included} includes itself", where=place(reason))
    if not project.has(included):
        raise BadRequest(
            f"{included!r} does not exist",
            where=place(reason),
            next="add the file, or take the line out",
        )
    return _read(project, included, constraint=constraint, above=above)


def requirement_line(
    project: Project, path: str, line: str, reason: Reason, constraint: bool = False
) -> Found:
    """One requirement, without options before it, as it stands in the file `path`."""
    hashes = tuple(sorted(_HASH.findall(line)))
    text = _OTHER_LINE_OPTION.sub("", _HASH.sub("", line)).strip()
    if text[:1] in ("'", '"') and text[:1] == text[-1:]:
        text = text[1:-1]
    reason = Reason(text=f"asks for {text}", file=reason.file, line=reason.line)
    if match := re.fullmatch(r"python\s*((?:[<>=!~]=?|===).*|)", text, re.IGNORECASE):
        return _python(match[1], reason)
    if re.fullmatch(r"pkg[-_]resources==0\.0\.0", text):
        # Debian's pip freeze used to invent it: https://bugs.debian.org/871790
        return Found(notes=(information(f"{text} is no package", reason.file, reason.line),))
    if match := _OTHER_MACHINE.match(text):
        asked = Requirement(name=match[1], reason=reason)
        sentence = (
            f"{match[1]} was installed from a file of another machine; its version is not known, "
            "so any is taken"
        )
        found = warning(sentence, reason.file, reason.line)
        return Found(requirements=(requirement(asked.name, reason),), notes=(found,))
    notes: tuple[Note, ...] = ()
    if project.lenient and (right := meant(text)) is not None:
        notes = (warning(f"{text!r} is read as {right}", reason.file, reason.line),)
        text = right
    direct = _direct(project, path, text, reason)
    stated = direct or requirement(text, reason, hashes=hashes)
    asked = direct or _relative_file(project, path, stated, reason)
    if constraint:
        return Found(constraints=(asked,), notes=notes)
    return Found(requirements=(asked,), notes=notes)


def _python(stated: str, reason: Reason) -> Found:
    """`python==3.9` among the packages, as conda's users write it: PyPI has no such package."""
    sentence = "python is no package of PyPI; it is taken as the version of Python"
    note = information(sentence, reason.file, reason.line)
    exact = re.fullmatch(r"={2,3}\s*(\d+\.\d+)(?:\.\d+)?", stated)
    specifier = f"=={exact[1]}.*" if exact else stated
    return Found(runtimes=(runtime(specifier, reason),) if specifier else (), notes=(note,))


def _relative_file(project: Project, path: str, asked: Requirement, reason: Reason) -> Requirement:
    if asked.url is None or not asked.url.startswith("file:"):
        return asked
    return _local(project, path, asked.url.removeprefix("file:"), reason)


def _direct(project: Project, path: str, text: str, reason: Reason) -> Requirement | None:
    """A bare URL or path; `None` for what PEP 508 covers."""
    if _VCS.fullmatch(text) or _ARCHIVE.fullmatch(text):
        return _from_url(text, reason)
    body = text.partition(";")[0].strip()
    local = body.startswith((".", "/", "~", "file:")) or re.match(r"[A-Za-z]:[\\/]", body)
    if local or (re.search(r"\.(whl|zip|tar\.gz|tgz)$", body) and "@" not in body):
        return _local(project, path, body.removeprefix("file:"), reason)
    if re.fullmatch(r"[\w.+-]+/[^@\s<>]*", body):
        return _local(project, path, body, reason)
    return None


def _local(project: Project, path: str, text: str, reason: Reason) -> Requirement:
    match = re.fullmatch(r"(.*?)(?:\[([A-Za-z0-9._, -]*)\])?", text)
    folder, extras = (match[1], match[2] or "") if match else (text, "")
    relative = inside_project(path, folder.removeprefix("//"), reason)
    present = relative == "." or project.has(relative) or project.has_folder(relative)
    if not present:
        raise BadRequest(
            f"{relative!r} does not exist",
            where=place(reason),
            next="add it to the project, or take the line out",
        )
    names = tuple(sorted(extra.strip() for extra in extras.split(",") if extra.strip()))
    return local_project(relative, reason, names)


def _from_url(text: str, reason: Reason) -> Requirement:
    url, _, fragment = text.partition("#")
    if url.startswith("git@"):
        url = "git+ssh://" + url.replace(":", "/", 1)
    egg = re.search(r"(?:^|&)egg=([A-Za-z0-9._-]+)(\[[^\]]*\])?", fragment)
    folder = re.search(r"(?:^|&)subdirectory=([^&]+)", fragment)
    name = egg[1] if egg else _name_of(url)
    if name is None:
        raise BadRequest(
            f"{text!r} does not say which package it is",
            where=place(reason),
            next=f"write `name @ {url}`",
        )
    full = url + (f"#subdirectory={folder[1]}" if folder else "")
    return requirement(f"{name}{(egg[2] or '') if egg else ''} @ {full}", reason)


def _name_of(url: str) -> str | None:
    """The distribution a URL seems to hold: by its file name, or the repository's name."""
    if match := _HOSTED_ARCHIVE.match(url):
        return match[1]
    last = PurePosixPath(url.partition("://")[2]).name
    try:
        if last.endswith(".whl"):
            return str(parse_wheel_filename(last)[0])
        if last.endswith((".tar.gz", ".zip")) and not url.startswith("git+"):
            return str(parse_sdist_filename(last)[0])
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    if not _VCS.fullmatch(url):
        return None
    name = re.sub(r"(\.git)?(@[^@/]+)?$", "", url).rpartition("/")[2]
    return name or None
