"""Render: CRAN's sources are compiled in a stage of their own, into one library folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from reprokit.ecosystems.r.versions import PACKAGE
from reprokit.model import (
    Argv,
    BuildStage,
    GeneratedFile,
    LockedBase,
    LockedEcosystem,
    Mount,
    Rendering,
    Run,
    Settings,
)
from reprokit.quoting import checked_name

LIBRARY = "/opt/r/library"
_PROFILE = "/opt/reprokit/r/profile.R"
# R reads one such file only: then what it would have read otherwise, which wins.
_PROJECTS_OWN = 'if (file.exists(".Rprofile")) sys.source(".Rprofile", envir = globalenv())\n'
_SOURCES = "/tmp/r-sources"
_ENVIRONMENT = (("LANG", "C.UTF-8"), ("R_LIBS", LIBRARY))


def render(locked: LockedEcosystem, base: LockedBase) -> Rendering:
    """R's environment, the stage that compiles, and the project's own package where it is one."""
    settings = locked.settings
    sources = _sources(settings)
    own = settings.get("package")
    compiled_own = isinstance(own, str) and bool(settings.get("compiled"))
    runs, loaded = [], [name for name, _ in sources]
    if sources:
        runs.append(_install_sources(sources, settings))
    if compiled_own:
        runs.append(_install_own("/build", str(own), settings))
        loaded.append(str(own))
    stage = None
    if runs:
        stage = BuildStage(
            name="r",
            run=tuple(runs),
            outputs=((f"{LIBRARY}/", f"{LIBRARY}/"),),
            reads_code=compiled_own,
            checks=(_loads(loaded),),
        )
    install: tuple[Run, ...] = ()
    if isinstance(own, str) and not compiled_own:
        install = (_install_own("/app", own, settings),)
    # R reads and writes text in the locale's encoding, and asks the system for a time zone.
    environment = [("LANG", "C.UTF-8"), ("TZ", "Etc/UTC")]
    if stage is not None or install:
        environment.append(("R_LIBS", LIBRARY))
    if settings.get("renv"):
        # renv's start-up code would try to download the packages that are already here.
        environment.append(("RENV_CONFIG_AUTOLOADER_ENABLED", "FALSE"))
    if settings.get("renv") == "early":
        # Before there was that switch, it did nothing where it found itself at work already.
        environment.append(("RENV_R_INITIALIZING", "true"))
    profile: tuple[Run, ...] = ()
    files: tuple[GeneratedFile, ...] = ()
    older = settings.get("defaults")
    parts = ["desktop.R"] if settings.get("desktop") is True else []
    if older is not None:
        parts.append("defaults.R")
        environment.append(("REPROKIT_R_DEFAULTS", str(older)))
    if parts:
        texts = [*(Path(__file__).with_name(p).read_text("utf-8") for p in parts), _PROJECTS_OWN]
        files = (GeneratedFile(path="r/profile.R", content="\n".join(texts)),)
        profile = (_profile(),)
        environment.append(("R_PROFILE_USER", _PROFILE))
    return Rendering(
        stage=stage,
        dependencies=profile,
        install=install,
        environment=tuple(sorted(environment)),
        files=files,
    )


def _profile() -> Run:
    return Run(
        comment="What the code takes for granted of its author's machine.",
        commands=(("install", "-D", "-m", "644", "/vendor/r/profile.R", _PROFILE),),
        mounts=(Mount(source="vendor/r", target="/vendor/r"),),
    )


def _sources(settings: Settings) -> list[tuple[str, str]]:
    listed = settings.get("sources")
    found = []
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict):
            name = checked_name(str(entry["package"]), PACKAGE, "R package")
            found.append((name, str(entry["artifact"]).removeprefix("cran/")))
    return found


def _command(folder: str, settings: Settings) -> Argv:
    # From a folder of always the same name and with a given time: R writes both into what it
    # installs (DESCRIPTION's Built field, help databases, compiled code).
    return (
        "R", "CMD", "INSTALL", "--strip", "--no-test-load",
        f"--built-timestamp={settings['built']}", f"--library={LIBRARY}", folder,
    )  # fmt: skip


def _install_sources(sources: Iterable[tuple[str, str]], settings: Settings) -> Run:
    commands: list[Argv] = [("mkdir", "-p", LIBRARY)]
    for name, archive in sources:
        folder = f"{_SOURCES}/{name}"
        commands += [
            ("mkdir", "-p", folder),
            (
                "tar", "-xzf", f"/vendor/cran/{archive}", "-C", folder,
                "--strip-components=1", "--no-same-owner",
            ),
            _command(folder, settings),
            _check(name),
        ]  # fmt: skip
    commands.append(("rm", "-rf", _SOURCES))
    return Run(
        comment="R packages from CRAN's sources, each loaded once to see that it works.",
        commands=tuple(commands),
        mounts=(Mount(source="vendor/cran", target="/vendor/cran"),),
        environment=_ENVIRONMENT,
    )


def _install_own(folder: str, name: str, settings: Settings) -> Run:
    checked_name(name, PACKAGE, "R package")
    return Run(
        comment="The project's own R package.",
        commands=(("mkdir", "-p", LIBRARY), _command(folder, settings), _check(name)),
        environment=_ENVIRONMENT,
    )


def _loads(names: Iterable[str]) -> Run:
    """Compiling may have found libraries that the final image lacks: only loading tells."""
    vector = ", ".join(f'"{name}"' for name in names)
    return Run(
        comment="Each loads here as well, with the libraries of this image.",
        commands=(("Rscript", "--vanilla", "-e", f"for (p in c({vector})) loadNamespace(p)"),),
    )


def _check(name: str) -> Argv:
    return ("Rscript", "--vanilla", "-e", f'loadNamespace("{name}")')
