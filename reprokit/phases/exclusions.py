"""What goes into the image's code layer, and what never enters an image."""

from __future__ import annotations

import re
from functools import lru_cache

from reprokit.configuration import Configuration
from reprokit.model import DataPlan, Exclusion, Note, Reason
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
    project: Project, data: DataPlan, configuration: Configuration
) -> tuple[tuple[str, ...], tuple[Exclusion, ...]]:
    """The files of the code layer, sorted; and what was left out, with the reason.

    Folders that are left out as a whole are one exclusion, with "/" at the end.
    """
    mounted = {mount.source for mount in data.mounts}
    data_files = frozenset(data.files)
    left_out = _pattern(configuration.exclude)
    builds = _build_outputs(project)
    code: list[str] = []
    excluded: dict[str, str] = {}
    for path in project.files:
        verdict = _verdict(path, builds, configuration.results, left_out)
        if verdict is None and path in data_files:
            verdict = (_mounted_as(path, mounted), f"data ({data.mode})")
        if verdict is None:
            code.append(path)
        else:
            excluded[verdict[0]] = verdict[1]
    if project.is_repository:
        excluded[".git/"] = "version control"
    found = (Exclusion(path=path, why=excluded[path]) for path in sorted(excluded))
    return tuple(code), tuple(found)


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


def _verdict(
    path: str, builds: re.Pattern[str] | None, results: str, left_out: re.Pattern[str] | None
) -> tuple[str, str] | None:
    """What to name as left out, and why; `None` for code."""
    if is_secret(path):
        return path, "secret"
    if path.startswith(f"{results}/"):
        return f"{results}/", "results"
    name = path.rpartition("/")[2]
    if name in _NEVER:
        return path, "not code"
    if not _CACHES.isdisjoint(parts := path.split("/")):
        index = next(i for i, part in enumerate(parts) if part in _CACHES)
        return "/".join(parts[: index + 1]) + "/", "cache"
    if builds is not None and (match := builds.fullmatch(path)) is not None:
        return match["top"] or path, "build output"
    if left_out is not None and left_out.fullmatch(path) is not None:
        return path, "configuration"
    return None


def _build_outputs(project: Project) -> re.Pattern[str] | None:
    """What a Java build makes anew: target/ beside a pom.xml, and class files."""
    poms = project.matching("pom.xml")
    if not poms and not project.matching("build.xml"):
        return None
    tops = [re.escape(pom.removesuffix("pom.xml") + "target/") for pom in poms]
    alternatives = [rf"(?P<top>{'|'.join(tops)}).+"] if tops else ["(?P<top>(?!))"]
    return re.compile("|".join([*alternatives, r".+\.class"]), re.DOTALL)


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
    names = tuple(f"*/{path}" for path in paths if "/" not in path)
    return f"(?:{compiled(patterns + names).pattern})"


def _mounted_as(path: str, mounted: set[str]) -> str:
    """The mounted folder a data file lies in, or the file itself."""
    folder = path.rpartition("/")[0]
    while folder:
        if folder in mounted:
            return f"{folder}/"
        folder = folder.rpartition("/")[0]
    return path
