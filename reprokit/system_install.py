"""How packages of the distribution get into an image: the step of its Dockerfile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reprokit import bytecode
from reprokit.model import LockedPackage, Mount, Run

FOLDER = "debs"
"""Where the packages of the final image lie below vendor/."""
BUILD_FOLDER = "debs-build"
"""Where those lie that only build stages get."""

_FONT_IDENTIFIERS = (
    (
        *("find", "/usr/share/fonts", "/usr/local/share/fonts", "/var/cache/fontconfig"),
        *("(", "-name", ".uuid", "-o", "-name", "*.cache-7", ")", "-delete"),
    ),
)
"""fontconfig 2.13 (bullseye) gives each folder of fonts a random identifier."""
# Servers make a database when they are installed, with random identifiers and times, that only
# their own account can open: whoever runs the image makes one (initdb, mariadb-install-db).
_NO_CLUSTER = (
    ("mkdir", "-p", "/etc/postgresql-common/createcluster.d"),
    (
        *("sh", "-c"),
        "echo 'create_main_cluster = false' "
        "> /etc/postgresql-common/createcluster.d/no-main-cluster.conf",
    ),
)
_NO_TABLES = (("find", "/var/lib/mysql", "-mindepth", "1", "-delete"),)
# What mono compiles ahead, for this machine's processor; without it mono compiles as it runs.
_NOTHING_AHEAD = (("rm", "-rf", "/usr/lib/mono/aot-cache"),)
_AGAIN = bytecode.compile_command("/usr/bin/python3", "/usr/lib", "/usr/share", again=True)
"""Maintainer scripts compile all files of a package in one process, hashing from random seeds."""


def install_run(
    packages: Sequence[LockedPackage],
    *,
    source: str = f"vendor/{FOLDER}",
    compiles: bool = False,
) -> Run:
    """The Dockerfile step that installs exactly these .debs, without a network.

    source: the folder of the build context that holds them and nothing else.
    compiles: whether Python's byte-code has to be the same in every build; see `brings_python`.
    """
    names = ", ".join(sorted(package.name for package in packages if package.requested))
    return Run(
        comment=f"System packages: {names}" if names else "System packages",
        mounts=(Mount(source=source, target="/mnt/debs"), *((bytecode.MOUNT,) if compiles else ())),
        environment=(
            ("DEBIAN_FRONTEND", "noninteractive"),
            # Maintainer scripts in Perl go through their hashes in a random order: fmtutil makes
            # TeX's formats in it, and the first one finds other files than those after it.
            ("PERL_HASH_SEED", "0"),
            *(bytecode.ENVIRONMENT if compiles else ()),
            # TeX's formats state when they were made, and SOURCE_DATE_EPOCH counts only then.
            *((("FORCE_SOURCE_DATE", "1"),) if _has(packages, "texlive-binaries") else ()),
        ),
        commands=(
            *(_NO_CLUSTER if _has(packages, "postgresql-common") else ()),
            # Only a shell expands the glob; every .deb is named with its hash in repro.lock.
            ("sh", "-c", "apt-get install -y -qq --no-install-recommends /mnt/debs/*.deb"),
            *(_FONT_IDENTIFIERS if _has_random_fonts(packages) else ()),
            *(_NO_TABLES if _has_tables(packages) else ()),
            *(_NOTHING_AHEAD if _has(packages, "mono-runtime-common") else ()),
            *((_AGAIN,) if compiles else ()),
            # What differs from one build to the next, or is of no use in an image.
            (
                *("rm", "-f", "/var/log/apt/history.log", "/var/log/apt/term.log"),
                *("/var/log/apt/eipp.log.xz", "/var/log/dpkg.log", "/var/log/alternatives.log"),
                *("/var/cache/apt/pkgcache.bin", "/var/cache/apt/srcpkgcache.bin"),
                *("/var/cache/ldconfig/aux-cache", "/var/cache/debconf/config.dat-old"),
                *("/var/cache/debconf/templates.dat-old", "/var/lib/dpkg/status-old"),
            ),
        ),
    )


def brings_python(packages: Iterable[LockedPackage]) -> bool:
    """Whether installing them compiles Python's sources."""
    return _has(packages, "python3-minimal")


def _has(packages: Iterable[LockedPackage], name: str) -> bool:
    return any(package.name == name for package in packages)


def _has_random_fonts(packages: Sequence[LockedPackage]) -> bool:
    return any(p.name == "fontconfig" and p.version.startswith("2.13.") for p in packages)


def _has_tables(packages: Sequence[LockedPackage]) -> bool:
    return any(p.name.startswith(("mariadb-server", "mysql-server")) for p in packages)
