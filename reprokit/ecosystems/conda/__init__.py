"""What is neither Python's nor R's in a conda environment: programs, and Java.

Programs come from the base's distribution; nothing is installed from conda's channels.
"""

from __future__ import annotations

from reprokit.ecosystems.conda.environment import Asked, place, read
from reprokit.ecosystems.conda.names import CARRIED, DEBIAN
from reprokit.model import (
    BaseCandidate,
    Detection,
    LockedBase,
    LockedEcosystem,
    Note,
    Reason,
    Rendering,
    Runtime,
    SystemPackage,
)
from reprokit.project import Project
from reprokit.quoting import DEBIAN_PACKAGE
from reprokit.resolving import Catalogue, Resolver


class CondaEcosystem:
    """Programs that an environment.yml names."""

    name = "conda"

    def detect(self, project: Project) -> Detection | None:
        """See `Ecosystem.detect`."""
        path = place(project)
        packages = read(project, path).packages if path is not None else ()
        programs = [asked for asked in packages if asked.kind == "debian"]
        javas = [asked for asked in packages if asked.kind == "java"]
        left = [asked for asked in packages if asked.kind in ("carried", "elsewhere")]
        if path is None or not (programs or javas or left):
            return None
        return Detection(
            ecosystem=self.name,
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

    def system_packages(
        self, detection: Detection, base: BaseCandidate | LockedBase, catalogue: Catalogue
    ) -> tuple[SystemPackage, ...]:
        """Of what is neither known nor Python's, the packages that the distribution has under the
        same name: programs. Libraries are called otherwise there, and wheels carry their own."""
        listed = detection.settings.get("libraries")
        names = [str(name) for name in listed] if isinstance(listed, (list, tuple)) else []
        available = catalogue.versions(names) if names else {}
        file = detection.files[0]
        return tuple(
            SystemPackage(name=name, reason=Reason(text=f"asks for {name}", file=file))
            for name in names
            if name in available
        )

    def resolve(self, detection: Detection, resolver: Resolver) -> LockedEcosystem:
        """Nothing of its own to pin: the lock holds system packages in one place."""
        return LockedEcosystem(ecosystem=self.name)

    def render(self, locked: LockedEcosystem, base: LockedBase) -> Rendering:
        """Nothing of its own to install."""
        return Rendering()


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
