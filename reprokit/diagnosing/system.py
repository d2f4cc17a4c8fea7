"""Failures that no language has for itself: network, folders, libraries, programs, a screen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from reprokit.diagnosing.pattern import Pattern
from reprokit.diagnosing.protocol import Failure

# Libraries whose Debian package has another name than the library itself, in bookworm and trixie.
_LIBRARIES = {
    "libGL.so.1": "libgl1", "libGLU.so.1": "libglu1-mesa", "libEGL.so.1": "libegl1",
    "libgthread-2.0.so.0": "libglib2.0-0", "libglib-2.0.so.0": "libglib2.0-0",
    "libSM.so.6": "libsm6", "libICE.so.6": "libice6", "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6", "libXrender.so.1": "libxrender1", "libXi.so.6": "libxi6",
    "libgomp.so.1": "libgomp1", "libgfortran.so.5": "libgfortran5",
    "libgfortran.so.3": "libgfortran3", "libsndfile.so.1": "libsndfile1",
    "libxcb.so.1": "libxcb1", "libxkbcommon.so.0": "libxkbcommon0", "libdbus-1.so.3": "libdbus-1-3",
    "libportaudio.so.2": "libportaudio2", "libspatialindex_c.so": "libspatialindex-c6",
    "libgeos_c.so.1": "libgeos-c1v5", "libopenblas.so.0": "libopenblas0",
    "libcairo.so.2": "libcairo2", "libpangocairo-1.0.so.0": "libpangocairo-1.0-0",
    "libfftw3.so.3": "libfftw3-double3", "libhdf5.so.103": "libhdf5-103-1",
}  # fmt: skip
# Programs whose Debian package has another name.
_PROGRAMS = {
    "latex": "texlive-latex-recommended", "pdflatex": "texlive-latex-recommended",
    "xelatex": "texlive-xetex", "bibtex": "texlive-binaries", "dvipng": "dvipng",
    "dot": "graphviz", "convert": "imagemagick", "gs": "ghostscript", "javac": "default-jdk",
    "java": "default-jre", "pdftoppm": "poppler-utils", "g++": "g++", "gcc": "gcc",
    "octave": "octave", "Rscript": "r-base-core", "R": "r-base-core", "wget": "wget",
    "xvfb-run": "xvfb", "ffmpeg": "ffmpeg", "make": "make", "git": "git", "curl": "curl",
    "gnuplot": "gnuplot-nox", "blastn": "ncbi-blast+", "samtools": "samtools", "unzip": "unzip",
}  # fmt: skip
_AUTHORS_PATH = re.compile(r"(?:/(?:home|Users|mnt|media|Volumes)/|[A-Za-z]:[\\/]).+")
_ADDRESS = re.compile(r"(?:https?|ftp)://[^\s'\"<>)\]]{1,300}|host='(?P<host>[^']{1,255})'")
_NO_FILE = (
    r"(?:FileNotFoundError: \[Errno 2\] No such file or directory: |IOError: \[Errno 2\] .*: "
    r"|cannot open (?:compressed )?file |FileNotFoundException: )"
    r"(?:[\"'\u2018](?P<quoted>[^\"'\u2018\u2019]{1,1000})[\"'\u2019]"
    r"|(?P<plain>(?:[A-Za-z]:)?[^\"'\u2018\u2019:,(]{1,1000}))"
)


def _named(match: re.Match[str]) -> str:
    return (match["quoted"] or match["plain"]).strip()


def _path(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    path = _named(match)
    return {"path": path} if _AUTHORS_PATH.fullmatch(path) else None


def _folder(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    """A file in a folder that the project has not: what was to be written, or is not in git."""
    path = _named(match)
    folder = str(PurePosixPath(path).parent)
    if _AUTHORS_PATH.fullmatch(path) or folder in (".", "/"):
        return None
    known = (*failure.plan.code, *failure.plan.data.files)
    inside = folder.removeprefix("/app/").removeprefix("./")
    if any(file.startswith(f"{inside}/") for file in known):
        return None
    return {"path": path, "folder": inside}


def _file(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    path = _named(match)
    if path in _PROGRAMS or _path(match, failure) or _folder(match, failure):
        return None
    return {"path": path}


def _addresses(match: re.Match[str], failure: Failure) -> Mapping[str, str]:
    """Where the program wanted to go, as far as its output says."""
    found: dict[str, None] = {}
    for line in failure.lines:
        for address in _ADDRESS.finditer(line):
            found.setdefault(address["host"] or address.group().rstrip(".,;:"))
    told = ", ".join(list(found)[:3])
    return {"addresses": f" (it asked for {told})" if told else ""}


def _library(match: re.Match[str], failure: Failure) -> Mapping[str, str]:
    name = match["library"]
    package = _LIBRARIES.get(name)
    hint = f"write {package} into apt.txt"
    if package is None:
        hint = "write the Debian package that has it into apt.txt; packages.debian.org finds it"
    return {"library": name, "hint": hint}


def _program(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    name = PurePosixPath(match["program"] or match["other"]).name
    # A script or file of the project that is not found is another failure.
    if "." in name or (match["other"] and name not in _PROGRAMS):
        return None
    return {"program": name, "package": _PROGRAMS.get(name, name)}


DIAGNOSES = (
    Pattern(
        "network",
        re.compile(
            r"Temporary failure in name resolution|Name or service not known"
            r"|Could not resolve host|unable to resolve host|Network is unreachable"
            r"|UnknownHostException|NameResolutionError|cannot open URL '|urlopen error"
            r"|nodename nor servname provided"
        ),
        "the program wants the network, which a run has not{addresses}",
        "put what it downloads into the project's data folder; --network allows it, and the record "
        "says so",
        _addresses,
    ),
    Pattern(
        "authors-path",
        re.compile(_NO_FILE),
        "the code names a path of its author's machine: {path}",
        "name the file relative to the project instead",
        _path,
    ),
    Pattern(
        "missing-folder",
        re.compile(_NO_FILE),
        "the folder {folder} is not there, so {path} can be neither read nor written",
        "create it in the code before it is used (or keep it in git with an empty file in it); "
        "data that is missing belongs into the project",
        _folder,
    ),
    Pattern(
        "missing-file",
        re.compile(_NO_FILE),
        "the file {path} is not there",
        "add it to the project; `reprokit plan` says what is left out of the image, and why",
        _file,
    ),
    Pattern(
        "missing-library",
        re.compile(
            r"(?P<library>lib[\w.+-]{1,100}\.so[\w.]{0,20}): cannot open shared object file"
        ),
        "the system library {library} is not installed",
        "{hint}, then run again",
        _library,
    ),
    Pattern(
        "missing-program",
        re.compile(
            r"(?:^|[: ])(?P<program>[\w./+-]{1,100}): (?:command )?not found$"
            r"|No such file or directory: '(?P<other>[\w+-]{1,100})'$"
        ),
        "the program {program} is not installed",
        "write {package} into apt.txt, then run again",
        _program,
    ),
    Pattern(
        "no-screen",
        re.compile(
            r"(?:TclError: (?:no display name|couldn't connect to display)"
            r"|could not connect to display|cannot connect to X server|Can't open display"
            r"|unable to open X|HeadlessException|no DISPLAY environment variable)",
            re.IGNORECASE,
        ),
        "the program wants a screen, and a container has none",
        "let it write its figures to files; for Matplotlib write "
        '`run.environment = {{ MPLBACKEND = "Agg" }}` into repro.toml; where it insists, xvfb into '
        "apt.txt and `xvfb-run -a` before the command",
    ),
    Pattern(
        "read-only-data",
        re.compile(
            r"(?:\[Errno 30\] Read-only file system: |Read-only file system.{0,3} ?)"
            r"'?(?P<path>[^'\"]{0,500})"
        ),
        "the program writes where data is mounted read-only: {path}",
        'write to results/ instead, or write `data.mode = "bake"` into repro.toml',
    ),
)
