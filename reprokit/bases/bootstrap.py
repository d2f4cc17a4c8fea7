"""Making a minimal Debian or Ubuntu from its own packages, without an image of anybody's.

The bytes depend on the packages and on SOURCE_DATE_EPOCH alone: two runs give the same tar, and so
do the versions of mmdebstrap on two machines, as the tar is written anew by reprokit.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from reprokit import files, process
from reprokit.bases.distributions import of_suite
from reprokit.credentials import Credentials, netrc_line
from reprokit.errors import InputUnavailable
from reprokit.frozen import frozen
from reprokit.mirrors import mirrored_url
from reprokit.model import LockedPackage
from reprokit.progress import Reporter
from reprokit.quoting import shell_word
from reprokit.site import Site, trusted_bundle

RECIPE = 4
"""Raised with every change here that changes the bytes: stored bases of another recipe are not
taken for a new lock, and an old lock's base is not made again in vain."""
INSTALL = "`reprokit doctor --fix` installs it (apt-get install mmdebstrap debian-archive-keyring)"

# What debian:slim leaves out as well. The excludes stay in the image, so that what is installed
# later is slim too; copyright files stay because the licences ask for it.
# useradd: since trixie apt no longer brings it along.
_INCLUDED = "passwd"
_DPKG_OPTIONS = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/groff/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/lintian/*",
    "path-exclude=/usr/share/linda/*",
    "path-exclude=/usr/share/locale/*",
    "path-include=/usr/share/locale/locale.alias",
)
_APT_OPTIONS = ('Acquire::Languages "none"', 'APT::Install-Recommends "false"')

# OpenJDK's packages link manual pages even where none are unpacked, and fail without the folder.
_MANUAL_FOLDERS = 'mkdir -p "$1/usr/share/man/man1" "$1/usr/share/man/man7"'
# So does dash of Ubuntu's focal while the system is made; that of bionic removes such a page.
_PAGE = '"$1/usr/share/man/man1/sh.distrib.1.gz"'
_MANUAL_PAGE = f"{_MANUAL_FOLDERS} && touch {_PAGE}"
# hostname and resolv.conf are this machine's; the others differ between builds or help nobody.
_CLEAN = (
    'rm -f "$1/etc/hostname" "$1/etc/resolv.conf" "$1"/var/cache/debconf/*-old '
    # mmdebstrap of bookworm leaves this empty folder, that of trixie does not.
    '&& rm -fd "$1/var/cache/debconf/tmp.ci" && rm -f '
    '"$1"/var/lib/dpkg/*-old "$1"/var/log/*.log "$1"/etc/*- '
    # Which packages came only as dependencies: not known when made again from all the .debs.
    '"$1/var/lib/apt/extended_states"'
)
_LIST = (
    'chroot "$1" sh -c "apt-get -o Acquire::ForceHash=sha256 '
    "-o Dir::Cache::archives=/tmp/reprokit-no-cache/ --print-uris -y -qq --reinstall install "
    "\\$(dpkg-query -W -f '\\${Package}=\\${Version} ') > /tmp/reprokit-packages\""
)


@frozen
class Bootstrapped:
    """A root file system as an uncompressed tar, its SHA-256, and what apt says is in it."""

    tar: Path
    digest: str
    uris: str


def sources(suite: str, architecture: str, site: Site | None = None) -> tuple[str, ...]:
    """The archives of a suite as apt writes them ("URL suite components"), at the site's mirrors
    where one is given."""
    distribution = of_suite(suite)
    return tuple(
        f"{url if site is None else mirrored_url(url + '/', site).rstrip('/')} {name} "
        f"{distribution.components}"
        for url, name in distribution.parts(suite, architecture)
    )


def from_archive(
    suite: str,
    keyring: Path,
    *,
    architecture: str,
    epoch: int,
    site: Site,
    folder: Path,
    reporter: Reporter,
) -> Bootstrapped:
    """Make a suite's minimal system from the archive as it is now.

    keyring: whose signatures count. epoch: seconds; no file in it is younger. folder: an empty one
    for the result. Raises InputUnavailable where mmdebstrap is missing or fails.
    """
    public = folder / "sources.list"
    files.write_text(public, _listed(sources(suite, architecture)))
    mirrors = [f"deb {source}" for source in sources(suite, architecture, site)]
    uris = folder / "uris"
    hooks = (
        _LIST,
        f"download /tmp/reprokit-packages {shell_word(str(uris))}",
        'rm "$1/tmp/reprokit-packages"',
    )
    tar = _mmdebstrap(
        *(suite, mirrors, public, hooks, architecture, epoch, site, folder, reporter),
        keyring=keyring,
    )
    return in_canonical_form(tar, uris.read_text(), epoch=epoch)


def from_packages(
    suite: str,
    packages: Sequence[LockedPackage],
    debs: Path,
    *,
    architecture: str,
    epoch: int,
    site: Site,
    folder: Path,
    reporter: Reporter,
) -> Bootstrapped:
    """Make the same system again from exactly these .debs.

    debs: the folder that holds them, checked. Raises InputUnavailable as `from_archive` does.
    """
    _require_tools()
    public = folder / "sources.list"
    files.write_text(public, _listed(sources(suite, architecture)))
    stanzas = []
    for deb in sorted(debs.glob("*.deb")):
        control = process.run(("dpkg-deb", "--field", str(deb))).stdout.strip()
        digest = hashlib.sha256(deb.read_bytes()).hexdigest()
        stanzas.append(
            f"{control}\nFilename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n"
        )
    files.write_text(debs / "Packages", "\n".join(stanzas))
    names = ",".join(f"{package.name}={package.version}" for package in packages)
    # "copy" and not "file": inside the new system the path would not exist.
    source = f"deb [trusted=yes] copy:{debs} ./"
    tar = _mmdebstrap(
        suite, [source], public, (), architecture, epoch, site, folder, reporter, include=names
    )
    return in_canonical_form(tar, "", epoch=epoch)


def _mmdebstrap(
    suite: str,
    sources: Sequence[str],
    public: Path,
    hooks: Sequence[str],
    architecture: str,
    epoch: int,
    site: Site,
    folder: Path,
    reporter: Reporter,
    *,
    keyring: Path | None = None,
    include: str = _INCLUDED,
) -> Path:
    _require_tools()
    tar = folder / "made.tar"
    is_ubuntu = of_suite(suite).name == "ubuntu"
    netrc = logins(site, folder)
    bundle = trusted_bundle(site)
    secure = any("https://" in source for source in sources) and bundle is not None
    final = (
        *hooks,
        # Mirrors are this site's own matter: the image names the public archive.
        f"upload {shell_word(str(public))} /etc/apt/sources.list",
        'chmod 0644 "$1/etc/apt/sources.list"',
        'sed -i -e /CAInfo/d -e /Etc::netrc/d "$1/etc/apt/apt.conf.d/99mmdebstrap"',
        *([f"rm -f {_PAGE}"] if is_ubuntu else []),
        _MANUAL_FOLDERS,
        _CLEAN,
    )
    argv = [
        *("mmdebstrap", "--variant=apt", "--mode=auto", "--format=tar", "--skip=output/dev"),
        *(f"--architectures={architecture}", *([f"--keyring={keyring}"] if keyring else [])),
        *(f"--dpkgopt={option}" for option in _DPKG_OPTIONS),
        *(f"--aptopt={option}" for option in _APT_OPTIONS),
        *([f'--aptopt=Acquire::https::CAInfo "{bundle}"'] if secure else []),
        *([f'--aptopt=Dir::Etc::netrc "{netrc}"'] if netrc is not None else []),
        f"--include={include}",
        *([f"--extract-hook={_MANUAL_PAGE}"] if is_ubuntu else []),
        *(f"--customize-hook={hook}" for hook in final),
        *(suite, str(tar), *sources),
    ]
    environment = {
        "SOURCE_DATE_EPOCH": str(epoch),
        "LC_ALL": "C.UTF-8",
        **dict(site.proxies),
    }
    try:
        # Not from the user's folder: a .python-version there decides, through pyenv's shims, which
        # Python mmdebstrap's helpers get, and it may be one that is not installed.
        process.stream(argv, reporter.log, folder=folder, environment=environment)
    except process.ProcessFailed as error:
        lines = [line for line in error.completed.stdout.splitlines() if line.startswith("E:")]
        raise InputUnavailable(
            f"no minimal {of_suite(suite).title} {suite} can be made: "
            + (" ".join(lines) or error.completed.stderr or error.completed.stdout)[-1000:],
            where=" ".join(sources),
            next="check the network, the proxy and the mirrors in site.toml (`reprokit doctor`)",
        ) from error
    return tar


def in_canonical_form(made: Path, uris: str, *, epoch: int) -> Bootstrapped:
    """The tar written anew: one order, one time, owners by number, and an empty /dev, which some
    versions of mmdebstrap leave out and others fill."""
    from reprokit.identity import layer
    from reprokit.identity.raw import Raw, TarLayer
    from reprokit.identity.tree import Node

    raw = TarLayer(made, 0, made.stat().st_size)
    reduced = layer.reduce(raw, {}, epoch=epoch, verbatim=True)
    for path in [path for path in reduced.added if path.startswith("dev/")]:
        del reduced.added[path]
    reduced.added["dev"] = Raw(Node("folder", 0o755, 0, 0))
    tar = made.with_name("layer.tar")
    with tar.open("wb") as output:
        _, digest, _ = layer.write(
            raw,
            reduced,
            output,
            epoch=epoch,
            wanted=lambda path: False,
            observe=lambda path, content: None,
        )
    made.unlink()
    return Bootstrapped(tar=tar, digest=digest, uris=uris)


def logins(site: Site, folder: Path) -> Path | None:
    """apt's file of logins for the site's mirrors; it goes with the folder, not into the base."""
    credentials = Credentials(site.logins)
    named = (site.debian_mirror, site.debian_security_mirror, site.ubuntu_mirror)
    mirrors = [url for url in named if url is not None]
    lines = [netrc_line(u, login, apt=True) for u in mirrors if (login := credentials.asked(u))]
    if not lines:
        return None
    files.write_text(folder / "auth.conf", "".join(dict.fromkeys(lines)), mode=0o600)
    return folder / "auth.conf"


def _require_tools() -> None:
    if shutil.which("mmdebstrap") is None:
        raise InputUnavailable(
            "a base is made from packages with mmdebstrap, which is not installed here",
            next=INSTALL,
        )


def _listed(sources: Sequence[str]) -> str:
    return "".join(f"deb {source}\n" for source in sources)
