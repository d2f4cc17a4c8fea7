"""What Binder's projects do besides asking for packages: postBuild, start, and its variables.

The name sorts behind all languages', so that postBuild finds everything installed.
Source: https://repo2docker.readthedocs.io/en/latest/configuration/workflow/
"""

from __future__ import annotations

import re

from reprokit import binder, shebangs
from reprokit.errors import BadRequest
from reprokit.model import (
    BaseCandidate,
    Detection,
    LockedBase,
    LockedEcosystem,
    Note,
    Reason,
    Rendering,
    Run,
    SystemPackage,
)
from reprokit.project import Project
from reprokit.resolving import Catalogue, Resolver

HOME = "/home/repro"
_HANDS_ON = re.compile(r'"?\$(?:@|\*|\{@\})"?|sys\.argv\[1:\]|commandArgs')
_LARGEST = 200_000  # bytes of a script that is looked into
_CODE = (".py", ".sh", ".R", ".r")


class Repo2DockerEcosystem:
    """postBuild runs when the image is built, start before every command, as Binder does it."""

    name = "repo2docker"

    def detect(self, project: Project) -> Detection | None:
        """Both scripts, and whether code reads the variables that Binder sets."""
        post_build = binder.place(project, "postBuild")
        start = binder.place(project, "start")
        notes = []
        if post_build is not None:
            notes.append(_told(f"{post_build} runs in the build, without a network", post_build))
        if start is not None and _HANDS_ON.search(project.read(start)) is None:
            text = f"{start} is not used: it never starts the command that it is given"
            reason = Reason(text='has no `exec "$@"`', file=start)
            notes.append(Note(level="warning", text=text, reason=reason))
            start = None
        elif start is not None:
            notes.append(_told(f"{start} is given every command, and starts it", start))
        files = tuple(path for path in (post_build, start) if path is not None)
        if not files and binder.folder(project) is None and not _reads_variables(project):
            return None
        found = {"post_build": post_build, "start": start}
        settings = {key: path for key, path in found.items() if path is not None}
        return Detection(
            ecosystem=self.name, files=files, notes=tuple(notes), settings={**settings}
        )

    def system_packages(
        self, detection: Detection, base: BaseCandidate | LockedBase, catalogue: Catalogue
    ) -> tuple[SystemPackage, ...]:
        """None: what the scripts call is declared in apt.txt."""
        return ()

    def resolve(self, detection: Detection, resolver: Resolver) -> LockedEcosystem:
        """Nothing to pin: the scripts are the project's own, and a build has no network."""
        return LockedEcosystem(ecosystem=self.name, settings=detection.settings)

    def render(self, locked: LockedEcosystem, base: LockedBase) -> Rendering:
        """postBuild as root, for it may write into the environment; what it leaves in the home and
        beside the code belongs to whoever runs the image."""
        runs = []
        post_build, start = (_script(locked, key) for key in ("post_build", "start"))
        if start is not None:
            executable = ("chmod", "+x", f"/app/{start}")
            runs.append(Run(comment="It starts every command", commands=(executable,)))
        if post_build is not None:
            left = ("find", "/app", HOME, "!", "-user", "1000")
            runs.append(
                Run(
                    comment="What the project does once after everything is installed",
                    commands=(
                        ("chmod", "+x", f"/app/{post_build}"),
                        (f"/app/{post_build}",),
                        (*left, "!", "-type", "l", "-exec", "chmod", "g=u", "{}", "+"),
                        (*left, "-exec", "chown", "-h", "1000:0", "{}", "+"),
                    ),
                    environment=(("HOME", HOME),),
                    folder="/app",
                )
            )
        return Rendering(
            install=tuple(runs),
            environment=(("REPO_DIR", "/app"),),
            path=("/app/.local/bin", f"{HOME}/.local/bin"),
        )


def _told(text: str, file: str) -> Note:
    return Note(level="information", text=text, reason=Reason(text=text, file=file))


def _script(locked: LockedEcosystem, key: str) -> str | None:
    path = locked.settings.get(key)
    if path is None:
        return None
    parts = str(path).split("/")
    if ".." in parts or "" in parts:
        raise BadRequest(f"{path!r} is no script of the project")
    return str(path)


def _reads_variables(project: Project) -> bool:
    """Whether a script beside the declarations asks where Binder put the project."""
    own = [name for name in project.folders.get("", ()) if name.endswith(_CODE)]
    for path in (*own, *shebangs.scripts(project)):
        if project.path(path).stat().st_size <= _LARGEST and "REPO_DIR" in project.read(path):
            return True
    return False
