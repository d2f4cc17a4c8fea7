"""Failures that no language has for itself: network, folders, libraries, programs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from posixpath import normpath

from reprokit.diagnosing.mend import Mend
from reprokit.diagnosing.pattern import Pattern
from reprokit.diagnosing.protocol import Failure
from reprokit.quoting import DEBIAN_PACKAGE

# Libraries whose Debian package has another name than the library itself; "a|b": trixie has b, see
# https://wiki.debian.org/ReleaseGoals/64bit-time.
_LIBRARIES = {
    "libGL.so.1": "libgl1", "libGLU.so.1": "libglu1-mesa", "libEGL.so.1": "libegl1",
    "libgthread-2.0.so.0": "libglib2.0-0|libglib2.0-0t64",
    "libglib-2.0.so.0": "libglib2.0-0|libglib2.0-0t64",
    "libSM.so.6": "libsm6", "libICE.so.6": "libice6", "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6", "libXrender.so.1": "libxrender1", "libXi.so.6": "libxi6",
    "libgomp.so.1": "libgomp1", "libgfortran.so.5": "libgfortran5",
    "libgfortran.so.3": "libgfortran3", "libsndfile.so.1": "libsndfile1",
    "libxcb.so.1": "libxcb1", "libxkbcommon.so.0": "libxkbcommon0", "libdbus-1.so.3": "libdbus-1-3",
    "libportaudio.so.2": "libportaudio2|libportaudio2t64",
    "libspatialindex_c.so": "libspatialindex-c6", "libspatialindex.so": "libspatialindex6",
    "libtk8.6.so": "libtk8.6", "libtcl8.6.so": "libtcl8.6", "libpq.so.5": "libpq5",
    "libXft.so.2": "libxft2", "libXcursor.so.1": "libxcursor1", "libXinerama.so.1": "libxinerama1",
    "libXrandr.so.2": "libxrandr2", "libXtst.so.6": "libxtst6", "libXt.so.6": "libxt6|libxt6t64",
    "libxml2.so.2": "libxml2", "libxslt.so.1": "libxslt1.1", "libgdal.so": "libgdal-dev",
    "libgsl.so.27": "libgsl27", "libgsl.so.25": "libgsl25", "libnss3.so": "libnss3",
    "libasound.so.2": "libasound2|libasound2t64", "libmagic.so.1": "libmagic1|libmagic1t64",
    "libfontconfig.so.1": "libfontconfig1", "libfreetype.so.6": "libfreetype6",
    "libgfortran.so.4": "libgfortran4", "libquadmath.so.0": "libquadmath0",
    "libtbb.so.12": "libtbb12", "libpango-1.0.so.0": "libpango-1.0-0",
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0", "libgdk_pixbuf-2.0.so.0": "libgdk-pixbuf-2.0-0",
    "libglpk.so.40": "libglpk40", "libatomic.so.1": "libatomic1", "libnetcdf.so.19": "libnetcdf19",
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
    "neato": "graphviz", "magick": "imagemagick", "identify": "imagemagick",
    "lualatex": "texlive-luatex", "latexmk": "latexmk", "pandoc": "pandoc", "bc": "bc",
    "gfortran": "gfortran", "cmake": "cmake", "clang": "clang", "perl": "perl",
    "pdftocairo": "poppler-utils", "pdfcrop": "texlive-extra-utils", "ps2pdf": "ghostscript",
    "inkscape": "inkscape", "bedtools": "bedtools", "bcftools": "bcftools", "bowtie2": "bowtie2",
    "bwa": "bwa", "muscle": "muscle", "mafft": "mafft", "clustalo": "clustalo",
    "hmmsearch": "hmmer", "makeblastdb": "ncbi-blast+", "blastp": "ncbi-blast+",
    "glpsol": "glpk-utils", "cbc": "coinor-cbc", "minizinc": "minizinc", "z3": "z3",
    "sqlite3": "sqlite3", "jq": "jq", "parallel": "parallel", "time": "time", "zip": "zip",
    "bzip2": "bzip2", "xz": "xz-utils", "file": "file", "rsync": "rsync", "ant": "ant",
    "tesseract": "tesseract-ocr", "gawk": "gawk", "nproc": "coreutils",
    "python-config": "python3-dev", "python3-config": "python3-dev",
    "gnuplot": "gnuplot-nox", "blastn": "ncbi-blast+", "samtools": "samtools", "unzip": "unzip",
}  # fmt: skip
# Programs that Debian has not, or not as what a project means by them.
_ELSEWHERE = frozenset({
    "sudo", "module", "source", "conda", "mamba", "pip", "pip3", "python", "python2", "python3",
    "ipython", "jupyter", "nvidia-smi", "nvcc", "brew", "apt", "apt-get", "docker", "podman",
    "qsub", "sbatch", "srun", "matlab", "stata", "sas", "julia", "open", "display",
})  # fmt: skip
_INSTALLERS = frozenset({"pip", "pip3", "conda", "mamba", "apt", "apt-get", "brew", "sudo"})
_BUILDERS = frozenset({"mvn", "mvnw", "gradle", "gradlew"})
_AUTHORS_PATH = re.compile(r"(?:/(?:home|Users|mnt|media|Volumes)/|[A-Za-z]:[\\/]).+")
_WRITING = re.compile(
    r"savefig|\bto_\w+\(|[Ww]rit|[Ss]ave|dump|mkdir|makedirs|copy|export|sink\(|FileHandler"
    r"|\b(?:pdf|png|svg|jpeg|tiff|cairo_pdf)\(|FileOutputStream|[\"'][wax][bt+]{0,2}[\"']|\btouch\b|>"
    r"\s*[\w./]+\s*$"
)
"""Words of code that writes."""
_ADDRESS = re.compile(r"(?:https?|ftp)://[^\s'\"<>)\]]{1,300}|host='(?P<host>[^']{1,255})'")
_NO_FILE = (
    r"(?!.*Read-only file system)"
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
    return {"path": path, "folder": inside, "make": _to_make(folder, match.string, failure)}


def _unwritten(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    """A folder that is named by itself, where something was to be written."""
    folder = match["folder"].rstrip("/")
    if _AUTHORS_PATH.fullmatch(folder):
        return None
    return {"folder": folder, "make": _place(folder, failure)}


def _to_make(folder: str, line: str, failure: Failure) -> str:
    """The folder to make in the project; empty where nothing says that it was to be written to:
    what was to be read would not be in it either."""
    at = max(i for i, each in enumerate(failure.lines) if each == line)
    around = failure.lines[max(at - 40, 0) : at + 3]
    return _place(folder, failure) if any(map(_WRITING.search, around)) else ""


def _place(folder: str, failure: Failure) -> str:
    """A folder as the project names it; empty where it lies elsewhere, or it cannot be told from
    where the program looks for it."""
    if folder.startswith("/"):
        inside = normpath(folder)
        return inside.removeprefix("/app/") if inside.startswith("/app/") else ""
    entries = (failure.plan.entry,) if failure.plan.entry else failure.plan.alternatives
    starts = {step.folder for entry in entries if entry for step in entry.steps}
    if len(starts) != 1:
        return ""
    inside = normpath(f"{starts.pop()}/{folder}")
    return "" if inside == "." or inside.startswith("..") else inside


def _file(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    path = _named(match)
    if path in _PROGRAMS or path in _INSTALLERS or _path(match, failure) or _folder(match, failure):
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


def _mounted(match: re.Match[str], failure: Failure) -> Mapping[str, str]:
    """Data that the image carries can be written over in each container, and is what was committed
    in the next."""
    data = failure.plan.data
    path = match["named"] or match["path"]
    return {"path": path, "mode": "bake" if data.files and data.mode == "mount" else ""}


def _library(match: re.Match[str], failure: Failure) -> Mapping[str, str]:
    name = match["library"]
    package, _, other = _LIBRARIES.get(name, "").partition("|")
    if failure.lock is not None and "trixie" in failure.lock.base.name and other:
        package, other = other, package
    hint = f"write {package} into apt.txt"
    if not package:
        hint = "write the Debian package that has it into apt.txt; packages.debian.org finds it"
    return {"library": name, "hint": hint, "package": package, "other": other}


def _program(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    name = PurePosixPath(next(filter(None, match.groups()))).name
    # A script or file of the project that is not found is another failure.
    if "." in name or (match["other"] and not (name in _PROGRAMS or name in _INSTALLERS)):
        return None
    package = _PROGRAMS.get(name, name)
    known = name in _PROGRAMS or DEBIAN_PACKAGE.fullmatch(name) is not None
    asked = package in {p.name for p in failure.plan.system_packages}
    asked = asked or name in _ELSEWHERE or name in _BUILDERS
    hint = f"write {package} into apt.txt, then run again"
    if name in _INSTALLERS:
        hint = (
            "a run installs nothing: declare what it would install in requirements.txt, "
            "environment.yml, DESCRIPTION or apt.txt, and take the command out"
        )
    if name in _BUILDERS:
        hint = (
            "it fetches what it builds with, which a run without a network cannot: the image holds "
            "what was built, so start that, with `java -cp target/…`"
        )
    return {"program": name, "hint": hint, "install": package if known and not asked else ""}


DIAGNOSES = (
    Pattern(
        "network",
        re.compile(
            r"Temporary failure in name resolution|Name or service not known"
            r"|[Cc]ould(?: not|n't) resolve host|cannot open the connection to 'https?://"
            r"|unable to resolve host|Network is unreachable"
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
        'create it in the code before it is used, or write `run.folders = ["{folder}"]` into '
        "repro.toml; data that is missing belongs into the project",
        _folder,
        (Mend(settings={"run.folders": ("{make}",)}),),
    ),
    Pattern(
        "missing-output-folder",
        re.compile(
            r"(?:Cannot save file into a non-existent directory: |Cannot find directory )"
            r"[\"'\u2018](?P<folder>[^\"'\u2018\u2019]{1,1000})[\"'\u2019]"
        ),
        "the folder {folder}, in which results are to be written, is not there",
        'create it in the code, or write `run.folders = ["{folder}"]` into repro.toml',
        _unwritten,
        (Mend(settings={"run.folders": ("{make}",)}),),
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
        (
            Mend(settings={"system.packages": ("{package}",)}),
            Mend(settings={"system.packages": ("{other}",)}),
        ),
    ),
    Pattern(
        "missing-program",
        re.compile(
            r"(?:^|[: ])(?P<program>[\w./+-]{1,100}): (?:command )?not found$"
            r"|No such file or directory: '(?P<other>[\w+-]{1,100})'$"
            r"|^make(?:\[\d+\])?: (?P<made>[\w+-]{1,100}): "
            r"(?:Command not found|No such file or directory)$"
            r"|(?:[Uu]nable to|[Cc]an(?:no|')t|[Cc]ould not) find (?P<sought>python3?-config)\b"
        ),
        "the program {program} is not installed",
        "{hint}",
        _program,
        (Mend(settings={"system.packages": ("{install}",)}),),
    ),
    Pattern(
        "wants-arguments",
        re.compile(
            r"^(?:usage|syntax) ?:|error: the following arguments are required"
            r"|error: too few arguments",
            re.IGNORECASE,
        ),
        "the program wants arguments, and nothing says which",
        'give the command: `reprokit run -- COMMAND`, or `command = "…"` in repro.toml',
    ),
    Pattern(
        "read-only-data",
        re.compile(
            r"(?:cannot (?:create|open|touch|remove|move) "
            r"(?:(?:regular |compressed )?file |directory )?|(?:^|: )(?=[^:\s]+: Read-only))"
            r"[\"'\u2018]?(?P<named>[^:\"'\u2018\u2019]{1,500})[\"'\u2019]?: Read-only file system"
            r"|(?:\[Errno 30\] Read-only file system: |Read-only file system.{0,3} ?)"
            r"'?(?P<path>[^'\"]{0,500})"
        ),
        "the program writes where data is mounted read-only: {path}",
        'write to results/ instead, or write `data.mode = "bake"` into repro.toml',
        _mounted,
        (Mend(settings={"data.mode": "{mode}"}),),
    ),
)
