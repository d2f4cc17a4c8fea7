"""What goes into the image's code layer, and what never enters an image."""

from __future__ import annotations

import re
from functools import lru_cache

from reprokit.configuration import Configuration
from reprokit.model import DataPlan, Exclusion, Note, Reason
from reprokit.notebook_runs.code import DRIVES
from reprokit.project import Project
from reprokit.shell_patterns import compiled

_SECRET_NAMES = (
    ".env", ".env.*", "*.env", ".envrc", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore",
    "*.ppk", "*.kdbx", "*.gpg", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", ".netrc",
    "_netrc", ".pypirc", ".npmrc", ".git-credentials", ".htpasswd", ".pgpass", ".my.cnf",
    "credentials", "credentials.json", "credentials.yml", "credentials.yaml",
    "client_secret*.json", "service-account*.json", "service_account*.json", "secrets.*",
    ".dockercfg", ".Renviron", "kaggle.json", "*.tfstate",
)  # fmt: skip
_NO_SECRETS = frozenset({".env.example", ".env.sample", ".env.template", ".env.dist"})
_SECRET_FOLDERS = frozenset({".aws", ".ssh", ".gnupg", ".azure", ".gcloud", ".kube", ".docker"})
_CACHES = frozenset(
    {".cache", ".eggs", ".ipynb_checkpoints", "__pycache__", ".snakemake", ".hypothesis", ".m2"}
)
_NEVER = frozenset({".DS_Store", "Thumbs.db", "repro.lock", ".RData", ".Rhistory"})


def code_files(
    project: Project, data: DataPlan, configuration: Configuration, drivers: tuple[str, ...] = ()
) -> tuple[tuple[str, ...], tuple[Exclusion, ...]]:
    """The files of the code layer, sorted; and what was left out, with the reason.

    Folders that are left out as a whole are one exclusion, with "/" at the end. drivers: notebooks
    that only call reprokit.
    """
    mounted = {mount.source for mount in data.mounts}
    data_files = frozenset(data.files)
    left_out = _pattern(configuration.exclude)
    builds = _build_outputs(project)
    code: list[str] = []
    excluded: dict[str, str] = {}
    for folder, names in project.folders.items():
        whole = _folder_verdict(folder, configuration.results, builds)
        prefix = f"{folder}/" if folder else ""
        for name in names:
            path = prefix + name
            verdict = whole or _file_verdict(path, name, builds is not None, left_out)
            if verdict is None and path in drivers:
                verdict = (path, DRIVES)
            if verdict is None and path in data_files:
                verdict = (_mounted_as(path, mounted), f"data ({data.mode})")
            if verdict is None:
                code.append(path)
            else:
                excluded[verdict[0] or path] = verdict[1]
    if (project.root / ".git").exists():
        excluded[".git/"] = "version control"
    found = (Exclusion(path=path, why=excluded[path]) for path in sorted(excluded))
    return tuple(sorted(code)), tuple(found)


def secret_notes(excluded: tuple[Exclusion, ...]) -> tuple[Note, ...]:
    """A warning for each file that looks like a secret, so that nobody wonders where it is."""
    return tuple(
        Note(
            level="warning",
            text=f"{item.path} looks like a secret and stays out of every image",
            reason=Reason(text="its name is one that secrets have", file=item.path),
        )
        for item in excluded
        if item.why == "secret"
    )


def link_notes(project: Project, results: str) -> tuple[Note, ...]:
    """A warning for each link that is not followed, except where results are put."""
    return tuple(
        _link_note(project, path)
        for path in project.unfollowed_links
        if path != results and not path.startswith(f"{results}/")
    )


def _link_note(project: Project, path: str) -> Note:
    place = project.root / path
    if not place.exists():
        kind, next_step = "to nothing", "add what it should point to, or remove it"
    elif place.resolve().is_relative_to(project.root.resolve()):
        kind, next_step = "to a folder", "name the folder itself, or run from it"
    else:
        kind, next_step = "out of the project", "copy what it points to into the project"
    return Note(
        level="warning",
        text=f"{path} is a link {kind} and is left out; {next_step}",
        reason=Reason(text=f"points to {place.readlink()}", file=path),
    )


@lru_cache(maxsize=65536)
def _secret_name(name: str) -> bool:
    if name in _NO_SECRETS:
        return False
    return compiled(_SECRET_NAMES).fullmatch(name) is not None


def is_secret(path: str) -> bool:
    """Whether a file's name is one that passwords and keys have (.env, *.pem, .netrc, …)."""
    folder, _, name = path.rpartition("/")
    if _secret_name(name):
        return True
    return "." in folder and not _SECRET_FOLDERS.isdisjoint(folder.split("/"))


def _folder_verdict(
    folder: str, results: str, builds: frozenset[str] | None
) -> tuple[str, str] | None:
    """What to name as left out ("" for each file by itself), and why, where a whole folder is."""
    if folder == results or folder.startswith(f"{results}/"):
        return f"{results}/", "results"
    parts = folder.split("/")
    if not _SECRET_FOLDERS.isdisjoint(parts):
        return "", "secret"
    for index, part in enumerate(parts):
        above = "/".join(parts[: index + 1]) + "/"
        if part in _CACHES:
            return above, "cache"
        if builds is not None and above in builds:
            return above, "build output"
    return None


def _file_verdict(
    path: str, name: str, java: bool, left_out: re.Pattern[str] | None
) -> tuple[str, str] | None:
    if _secret_name(name):
        return path, "secret"
    if name in _NEVER:
        return path, "not code"
    if java and name.endswith(".class"):
        return path, "build output"
    if left_out is not None and left_out.fullmatch(path) is not None:
        return path, "configuration"
    return None


def _build_outputs(project: Project) -> frozenset[str] | None:
    """The folders that Maven makes anew; `None` in a project without Java builds."""
    poms = project.matching("pom.xml")
    if not poms and not project.matching("build.xml"):
        return None
    return frozenset(pom.removesuffix("pom.xml") + "target/" for pom in poms)


def _pattern(paths: tuple[str, ...]) -> re.Pattern[str] | None:
    """Matches the configured paths: a file, a folder with all in it, or a shell pattern."""
    wanted = [path for path in paths if not path.startswith("!")]
    if not wanted:
        return None
    kept = [path[1:] for path in paths if path.startswith("!")]
    take = _either(wanted)
    return re.compile(f"(?!(?:{_either(kept)})$){take}" if kept else take, re.DOTALL)


def _either(paths: list[str]) -> str:
    patterns = tuple(paths) + tuple(f"{path}/*" for path in paths)
    return f"(?:{compiled(patterns).pattern})"


def _mounted_as(path: str, mounted: set[str]) -> str:
    """The mounted folder a data file lies in, or the file itself."""
    folder = path.rpartition("/")[0]
    while folder:
        if folder in mounted:
            return f"{folder}/"
        folder = folder.rpartition("/")[0]
    return path
