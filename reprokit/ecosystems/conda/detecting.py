"""Detection: the programs, and the Java, of an environment.yml."""

from __future__ import annotations

from reprokit.ecosystems.conda.environment import Asked, read
from reprokit.ecosystems.conda.names import CARRIED, DEBIAN
from reprokit.model import Detection, Note, Reason, Runtime, SystemPackage
from reprokit.project import Project
from reprokit.quoting import DEBIAN_PACKAGE


def detect(project: Project, path: str) -> Detection | None:
    """What `path` names besides packages of Python and R; `None` where that is nothing."""
    packages = read(project, path).packages
    programs = [asked for asked in packages if asked.kind == "debian"]
    javas = [asked for asked in packages if asked.kind == "java"]
    left = [asked for asked in packages if asked.kind in ("carried", "elsewhere")]
    if not (programs or javas or left):
        return None
    return Detection(
        ecosystem="conda",
        files=(path,),
        runtimes=tuple(map(_java, javas)),
        system_packages=tuple(
            SystemPackage(name=name, reason=asked.reason)
            for asked in programs
            for name in DEBIAN[asked.name]
        ),
        notes=(*map(_replaced, programs), *_left_out(path, left)),
        settings={"libraries": [*sorted(a.name for a in left if _maybe_program(a))]},
    )


def _java(asked: Asked) -> Runtime:
    versions = asked.versions.lstrip("=")
    major = versions.partition(".")[0]
    specifier = f"=={major}.*" if major.isdigit() else asked.versions
    return Runtime(language="java", specifier=specifier, reason=asked.reason, development=True)


def _maybe_program(asked: Asked) -> bool:
    """Whether a package that no table knows may be a program: conda gives the build of each."""
    known = asked.name in CARRIED or asked.name.startswith(("lib", "_", "xorg-", "font"))
    return (
        asked.kind == "carried" and not known and DEBIAN_PACKAGE.fullmatch(asked.name) is not None
    )


def _replaced(asked: Asked) -> Note:
    names = ", ".join(DEBIAN[asked.name])
    text = f"conda's {asked.name} is replaced by the system package {names}"
    reason = Reason(text=text, file=asked.reason.file, line=asked.reason.line)
    return Note(level="information", text=text, reason=reason)


def _left_out(path: str, left: list[Asked]) -> list[Note]:
    notes = []
    for kind, sentence in (
        ("carried", "conda's own parts and libraries are not needed"),
        ("elsewhere", "left out, being for another operating system"),
    ):
        names = ", ".join(sorted(asked.name for asked in left if asked.kind == kind))
        if names:
            text = f"{sentence}: {names}"
            notes.append(Note(level="information", text=text, reason=Reason(text=text, file=path)))
    return notes
