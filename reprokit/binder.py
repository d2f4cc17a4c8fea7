"""Where Binder's configuration files lie: in binder/ or .binder/, else beside the code.

Source: https://repo2docker.readthedocs.io/en/latest/configuration/ and
https://repo2docker.readthedocs.io/en/latest/usage/#where-to-put-configuration-files
"""

from __future__ import annotations

from reprokit.errors import BadRequest
from reprokit.project import Project

FOLDERS = ("binder", ".binder")
PYTHON = ("environment.yml", "environment.yaml", "Pipfile", "Pipfile.lock", "requirements.txt")
"""The files that say which Python packages there are."""
DOCKERFILES = ("Dockerfile", "Containerfile")
_OTHERS = ("apt.txt", "runtime.txt", "install.R", "DESCRIPTION", "postBuild", "start",
           "Project.toml", "REQUIRE", "default.nix", *DOCKERFILES)  # fmt: skip


def folder(project: Project) -> str | None:
    """The folder with the configuration; `None` for a project without one. A folder of that name
    with other things in it is none.

    Raises BadRequest where both folders have configuration: Binder itself refuses to choose.
    """
    found = [
        name
        for name in FOLDERS
        if any(project.has(f"{name}/{file}") for file in (*PYTHON, *_OTHERS))
    ]
    if len(found) > 1:
        raise BadRequest(
            "both binder/ and .binder/ say what the project needs",
            next="keep one of the two folders",
        )
    return found[0] if found else None


def place(project: Project, *names: str) -> str | None:
    """The first of some files that counts: in the configuration's folder where there is one, and
    then not outside of it."""
    inside = folder(project)
    prefix = "" if inside is None else f"{inside}/"
    return next((prefix + name for name in names if project.has(prefix + name)), None)


def dockerfile(project: Project) -> str | None:
    """The project's own Dockerfile. One beside the code does not count where binder/ says what is
    installed: that folder is how a project asks for an image that this Dockerfile does not make."""
    here = place(project, *DOCKERFILES)
    if here is not None or python_folder(project) is not None:
        return here
    return next((name for name in DOCKERFILES if project.has(name)), None)


def python_folder(project: Project) -> str | None:
    """The configuration's folder, where it says which Python packages there are."""
    inside = folder(project)
    listed = inside is not None and any(project.has(f"{inside}/{file}") for file in PYTHON)
    return inside if listed else None
