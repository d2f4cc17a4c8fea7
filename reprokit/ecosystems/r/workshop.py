"""What R itself says, asked inside a container of the locked base."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from reprokit.ecosystems.r.code import CodeFile
from reprokit.ecosystems.r.versions import BASE_PACKAGES, PACKAGE
from reprokit.engines.protocol import Container, Executed
from reprokit.errors import InputUnavailable
from reprokit.frozen import frozen

SCRIPT = Path(__file__).with_name("dependencies.R")
_FOLDER = "/tmp/reprokit-r"
_INSTALLED = (
    'i <- installed.packages(); cat("R", as.character(getRversion()), sep = "\\t"); '
    'cat("", paste(i[, "Package"], i[, "Version"], sep = "\\t"), sep = "\\n"); cat("\\n")'
)
# Seconds without an answer after which a repository counts as unreachable. R does not read the
# file of logins itself, each line of which is `machine HOST login USER password PASSWORD`.
_DOWNLOAD = """
arguments <- commandArgs(TRUE)
options(timeout = 30)
url <- arguments[1]
host <- sub("^[a-z]+://([^/:]+).*$", "\\\\1", url)
logins <- Sys.getenv("NETRC")
if (file.exists(logins)) for (words in strsplit(readLines(logins), " ")) {
  if (identical(words[2], host)) {
    login <- vapply(words[c(4, 6)], URLencode, "", reserved = TRUE)
    url <- sub("://", paste0("://", login[1], ":", login[2], "@"), url, fixed = TRUE)
    break
  }
}
quit(status = download.file(url, arguments[2], quiet = TRUE, mode = "wb", method = "libcurl"))
"""
_RSCRIPT = ("Rscript", "--vanilla")


@frozen
class Installed:
    """The base's R and the packages it finds, without those that are part of R itself."""

    r_version: str
    packages: dict[str, str]


@frozen
class Parsed:
    """What R's parser found: packages by file, and R's message for files it cannot parse."""

    packages: dict[str, tuple[str, ...]]
    errors: dict[str, str]


def installed(container: Container) -> Installed:
    """R's version and its packages. Raises InputUnavailable where R does not start."""
    done = container.execute((*_RSCRIPT, "-e", _INSTALLED))
    rows = [line.split("\t") for line in done.stdout.decode().splitlines() if "\t" in line]
    if done.code != 0 or not rows or rows[0][0] != "R":
        raise InputUnavailable(
            f"R does not start in the base image: {_tail(done)}",
            next="choose another base, or ask for another version of R",
        )
    packages = {row[0]: row[1] for row in reversed(rows[1:]) if row[0] not in BASE_PACKAGES}
    return Installed(r_version=rows[0][1], packages=packages)


def parsed(container: Container, files: tuple[CodeFile, ...]) -> Parsed:
    """The packages that R's own parser sees in the files; nothing of them is run."""
    names = {f"{number:06d}.R": file for number, file in enumerate(files)}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        _add(tar, "reprokit-r/dependencies.R", SCRIPT.read_bytes())
        for name, file in names.items():
            _add(tar, f"reprokit-r/code/{name}", file.code.encode("utf-8", "replace"))
    container.write("/tmp", archive.getvalue())
    done = container.execute((*_RSCRIPT, f"{_FOLDER}/dependencies.R", f"{_FOLDER}/code"))
    if done.code != 0:
        raise InputUnavailable(f"R could not parse the project's code: {_tail(done)}")
    packages: dict[str, list[str]] = {}
    errors = {}
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        name, kind, text = line.split("\t", 2)
        path = names[name].path
        if kind == "error":
            errors[path] = text.replace(f"{_FOLDER}/code/{name}:", "line ")
        elif text not in BASE_PACKAGES and PACKAGE.fullmatch(text):
            packages.setdefault(path, []).append(text)
    return Parsed(packages={p: tuple(found) for p, found in packages.items()}, errors=errors)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.mode = 0o644
    tar.addfile(member, io.BytesIO(content))


def downloaded(container: Container, url: str) -> str:
    """Fetch a URL inside the container and return its path there. Raises InputUnavailable."""
    target = f"{_FOLDER}-download"
    done = container.execute((*_RSCRIPT, "-e", _DOWNLOAD, url, target))
    if done.code != 0:
        raise InputUnavailable(f"cannot be downloaded: {_tail(done)}", where=url)
    return target


def text_of(container: Container, url: str) -> str:
    """The text of a gzipped file behind a URL. Raises InputUnavailable."""
    done = container.execute(("gzip", "-dc", downloaded(container, url)))
    if done.code != 0:
        raise InputUnavailable(f"is not a gzipped file: {_tail(done)}", where=url)
    return done.stdout.decode("utf-8", "replace")


def description_of(container: Container, url: str) -> str:
    """DESCRIPTION of the source package behind a URL. Raises InputUnavailable."""
    path = downloaded(container, url)
    done = container.execute(
        ("tar", "-xzOf", path, "--wildcards", "--no-wildcards-match-slash", "*/DESCRIPTION")
    )
    if done.code != 0:
        raise InputUnavailable(f"is not a source package of R: {_tail(done)}", where=url)
    return done.stdout.decode("utf-8", "replace")


def _tail(done: Executed) -> str:
    text = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
    lines = text.splitlines()
    return " ".join(line.strip() for line in lines[-3:])[-400:] or f"status {done.code}"
