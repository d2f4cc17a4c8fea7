"""Where made bases are kept: one archive each, and for each suite which one is current.

The archive of packages changes every few days, so the base made once is what a lock pins; it is
made again only when a new lock is written and something was published since.
"""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from reprokit import files
from reprokit.apt_output import locked_package, parse_uris
from reprokit.bases import bootstrap, keyrings, trust
from reprokit.bases.distributions import DISTRIBUTIONS, Distribution, of_suite
from reprokit.bases.docker_archive import image_config, write_archive
from reprokit.engines.protocol import Engine
from reprokit.errors import InputUnavailable
from reprokit.mirrors import mirrored_url
from reprokit.model import Artifact, BaseCandidate, LockedBase, LockedPackage
from reprokit.printable import redacted
from reprokit.progress import Reporter
from reprokit.site import DEBIAN_SNAPSHOT, Site

_ARCHITECTURES = {"amd64": "amd64", "arm64": "arm64", "arm64/v8": "arm64", "386": "i386"}
_FRESH = 24 * 3600
"""Seconds for which a made base is taken without asking the archive whether it has changed."""
_TIMEOUT = 20.0
_OTHERWISE = (
    "get the base from an archive of the run (`reprokit publish --archive`), or `reprokit lock` "
    "for a new base"
)
_COMMAND = "mmdebstrap --variant=apt {suite} (made by reprokit from {title}'s packages)"


def architecture(platform: str) -> str:
    """Debian's and Ubuntu's name for a platform ("linux/amd64"). Raises InputUnavailable for
    others."""
    system, _, machine = platform.partition("/")
    if system != "linux" or machine not in _ARCHITECTURES:
        raise InputUnavailable(
            f"no bases for {platform} are made from packages", next="use an official base"
        )
    return _ARCHITECTURES[machine]


@contextmanager
def locked(store: Path, suite: str, architecture: str) -> Iterator[None]:
    """Keep other processes from making the same base at the same time; they wait and then find
    it. Windows, which cannot make bases at all, has no fcntl."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        store.mkdir(parents=True, exist_ok=True)
        handle = (store / f".{of_suite(suite).name}-{suite}-{architecture}.lock").open("w")
    except OSError as error:
        raise files.storage_failed(error, store) from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def archive_path(locked: LockedBase, store: Path) -> Path:
    """Where the archive of a base lies or would lie."""
    return store / f"{locked.family}-{locked.name}-{_short(locked.layers[0])}.tar"


def held(locked: LockedBase, engine: Engine) -> bool:
    """Whether the engine has exactly this image under its reference, which is set if it only
    lost the name."""
    found = engine.image(locked.reference)
    if found is not None and found.config_digest == locked.config_digest:
        return True
    same = engine.image(locked.config_digest)
    if same is None or same.config_digest != locked.config_digest:
        return False
    engine.tag(locked.config_digest, locked.reference)
    return True


def load(locked: LockedBase, engine: Engine, store: Path) -> None:
    """Load the base's archive into the engine unless it is there. A damaged archive is removed.

    Raises InputUnavailable where the archive is not the image that the lock names.
    """
    if held(locked, engine):
        return
    path = archive_path(locked, store)
    if engine.load(path).config_digest != locked.config_digest:
        path.unlink(missing_ok=True)
        raise InputUnavailable(
            f"the stored base is not the locked one ({locked.config_digest}); it was removed",
            where=str(path),
            next="try again: it will be made anew",
        )
    if not held(locked, engine):
        engine.tag(locked.config_digest, locked.reference)


def current(
    candidate: BaseCandidate,
    architecture: str,
    site: Site,
    store: Path,
    reporter: Reporter,
    *,
    now: float,
) -> LockedBase:
    """The suite's base as of today: the one made before while nothing has changed, else a new one.

    now: seconds since 1970, compared with when the stored one was last found to be current.
    """
    path = _index(candidate.name, architecture, store)
    stored = _read(path, store)
    if stored is not None and stored.settings.get("recipe") != bootstrap.RECIPE:
        stored = None
    if stored is not None and now - path.stat().st_mtime < _FRESH:
        return stored
    try:
        releases = _releases(candidate.name, site, architecture)
    except InputUnavailable as error:
        if stored is None:
            raise
        reporter.warning(f"{error.what}; the base made on {_day(path.stat().st_mtime)} is used")
        return stored
    if stored is not None and stored.settings["releases"] == dict(releases):
        os.utime(path, (now, now))
        return stored
    made = _make(candidate.name, architecture, releases, site, store, reporter)
    write_index(made, architecture, store)
    return made


def write_index(base: LockedBase, architecture: str, store: Path) -> None:
    """Note that this base is its suite's current one."""
    text = json.dumps(dataclasses.asdict(base), indent=1, sort_keys=True)
    files.write_text(_index(base.name, architecture, store), text + "\n")


def rebuild(locked: LockedBase, site: Site, store: Path, reporter: Reporter) -> None:
    """Make the archive of a locked base again from exactly its packages.

    Raises InputUnavailable that names the package that cannot be had, or says that the result
    differs.
    """
    distribution = DISTRIBUTIONS[locked.family]
    what = f"{distribution.title} {locked.name}"
    if locked.settings.get("recipe") != bootstrap.RECIPE:
        raise InputUnavailable(
            f"{what} was locked by another version of reprokit, which made bases in another way",
            next=_OTHERWISE,
        )
    reporter.message(f"making {what} again from its {len(locked.packages)} packages")
    architecture, epoch = str(locked.settings["architecture"]), _epoch(locked)
    with tempfile.TemporaryDirectory(prefix="reprokit-base-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # apt's own user reads the packages
        _refuse_unsigned(locked, architecture, site, store, folder)
        debs = folder / "debs"
        debs.mkdir()
        for number, package in enumerate(locked.packages, 1):
            for artifact in package.artifacts:
                _fetch(artifact, str(locked.settings["snapshot"]), site, debs)
            reporter.advance(number, len(locked.packages), "packages")
        made = bootstrap.from_packages(
            locked.name,
            locked.packages,
            debs,
            architecture=architecture,
            epoch=epoch,
            site=site,
            folder=folder,
            reporter=reporter,
        )
        if made.digest != locked.layers[0]:
            raise InputUnavailable(
                f"{what} made again from the same packages has the layer "
                f"{made.digest}, not {locked.layers[0]}",
                next=_OTHERWISE,
            )
        _archive(made, locked, architecture, epoch, store)


def _refuse_unsigned(
    locked: LockedBase, architecture: str, site: Site, store: Path, folder: Path
) -> None:
    """Whatever is not in the signed lists, of today or of the lock's day, stays out."""
    missing = {a.sha256: a.path for package in locked.packages for a in package.artifacts}
    distribution = DISTRIBUTIONS[locked.family]
    time = str(locked.settings["snapshot"])
    public = distribution.parts(locked.name, architecture)
    then = [
        f"{_at(distribution, url, time, site)} {name} {distribution.components}"
        for url, name in public
    ]
    today = bootstrap.sources(locked.name, architecture, site)
    keyring = _keyring(distribution, architecture, site, store, folder)
    why = ""
    for name, addresses in (("today", today), ("then", then)):
        try:
            known = trust.signed(
                addresses,
                keyring=keyring,
                architecture=architecture,
                site=site,
                folder=folder / f"lists-{name}",
                logins=bootstrap.logins(site, folder),
            )
        except InputUnavailable as error:
            why = f"; {error.what}"
            continue
        missing = {digest: path for digest, path in missing.items() if digest not in known}
        if not missing:
            return
    file = Path(next(iter(missing.values()))).name
    raise InputUnavailable(
        f"{file} is in none of {distribution.title}'s signed lists of {locked.name}, so it is not "
        f"installed here{why}",
        next=_OTHERWISE,
    )


def _make(
    suite: str,
    architecture: str,
    releases: tuple[tuple[str, str], ...],
    site: Site,
    store: Path,
    reporter: Reporter,
) -> LockedBase:
    distribution = of_suite(suite)
    what = f"{distribution.title} {suite}"
    reporter.message(f"making a minimal {what} from its packages (once, about a minute)")
    epochs = [int(parsedate_to_datetime(date).timestamp()) for _, date in releases]
    # The release's own date, not that of updates: it changes with a point release only, so the
    # same packages give the same bytes however often the archive is signed anew.
    epoch = epochs[0]
    with tempfile.TemporaryDirectory(prefix="reprokit-base-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # apt's own user reads the keyring
        made = bootstrap.from_archive(
            suite,
            _keyring(distribution, architecture, site, store, folder),
            architecture=architecture,
            epoch=epoch,
            site=site,
            folder=folder,
            reporter=reporter,
        )
        offers = sorted(parse_uris(made.uris), key=lambda offer: offer.name)
        _, digest = _config(made.digest, suite, architecture, epoch)
        locked = LockedBase(
            family=distribution.name,
            name=suite,
            reference=trust.reference(distribution.name, suite, made.digest),
            config_digest=digest,
            layers=(made.digest,),
            registry_digest=None,
            provides={},
            packages=tuple(locked_package(o, site, folder="debs-base") for o in offers),
            settings={
                "architecture": architecture,
                "epoch": epoch,
                "recipe": bootstrap.RECIPE,
                "releases": dict(releases),
                "snapshot": datetime.fromtimestamp(max(epochs), UTC).strftime("%Y%m%dT%H%M%SZ"),
            },
        )
        _archive(made, locked, architecture, epoch, store)
    return locked


def _archive(
    made: bootstrap.Bootstrapped, locked: LockedBase, architecture: str, epoch: int, store: Path
) -> None:
    config, _ = _config(made.digest, locked.name, architecture, epoch)
    write_archive(
        archive_path(locked, store),
        layer=made.tar,
        digest=made.digest,
        config=config,
        reference=locked.reference,
    )


def _config(layer: str, suite: str, architecture: str, epoch: int) -> tuple[bytes, str]:
    return image_config(
        layer,
        architecture="386" if architecture == "i386" else architecture,
        epoch=epoch,
        command=_COMMAND.format(suite=suite, title=of_suite(suite).title),
    )


def _releases(suite: str, site: Site, architecture: str) -> tuple[tuple[str, str], ...]:
    """The date of each archive's Release file, which changes whenever the archive does."""
    found = []
    for base, name in of_suite(suite).parts(suite, architecture):
        url = mirrored_url(f"{base}/dists/{name}/InRelease", site)
        text = _get(url, site).decode("utf-8", "replace")
        date = next((line[6:] for line in text.splitlines() if line.startswith("Date: ")), None)
        if date is None:
            raise InputUnavailable("is not a Release file of an archive", where=url)
        found.append((name, date.strip()))
    return tuple(found)


def _at(distribution: Distribution, url: str, time: str, site: Site) -> str:
    """Where one of its archives is as it was at a time: it keeps only the newest version of each
    package, and the service for snapshots all."""
    path = urlsplit(url).path.strip("/")
    found = distribution.snapshot.format(path=path, time=time)
    if distribution.name == "debian" and site.debian_snapshot is not None:
        return found.replace(DEBIAN_SNAPSHOT, site.debian_snapshot)
    return found


def _keyring(
    distribution: Distribution, architecture: str, site: Site, store: Path, folder: Path
) -> Path:
    def get(url: str) -> bytes:
        return _get(mirrored_url(url, site), site)

    return keyrings.provide(distribution, architecture, store, folder, get)


def _fetch(artifact: Artifact, snapshot: str, site: Site, folder: Path) -> None:
    import hashlib

    assert artifact.url is not None
    sources = [mirrored_url(artifact.url, site)]
    bases = ((found, base) for found in DISTRIBUTIONS.values() for base in found.addresses())
    for distribution, base in bases:
        if artifact.url.startswith(base):
            then = _at(distribution, base, snapshot, site)
            sources.append(f"{then}/{artifact.url.removeprefix(base)}")
    problems = []
    for url in sources:
        try:
            content = _get(url, site)
        except InputUnavailable as error:
            problems.append(str(error.what))
            continue
        if f"sha256:{hashlib.sha256(content).hexdigest()}" == artifact.sha256:
            (folder / Path(artifact.path).name).write_bytes(content)
            return
        problems.append("the file there has another SHA-256")
    raise InputUnavailable(
        f"the base's package {Path(artifact.path).name} cannot be had any more: "
        + "; ".join(problems),
        where=artifact.url,
        next=_OTHERWISE,
    )


def _get(url: str, site: Site) -> bytes:
    import requests
    import urllib3

    from reprokit.http_session import SiteSession

    try:
        with SiteSession(site).ask(url, timeout=_TIMEOUT) as answer:
            if answer.status_code >= 300:
                raise _cannot_be_had(url, f"{answer.status_code} {answer.reason}")
            content: bytes = answer.raw.read()
            return content
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _cannot_be_had(url, redacted(str(error))) from error


def _cannot_be_had(url: str, reason: str) -> InputUnavailable:
    return InputUnavailable(
        f"{url} cannot be had: {reason}",
        where=url,
        next="check the network, the proxy and the mirrors in site.toml (`reprokit doctor`)",
    )


def _read(path: Path, store: Path) -> LockedBase | None:
    """The base described in a file, if its archive is still there."""
    try:
        data = json.loads(path.read_text())
        packages = tuple(
            LockedPackage(
                name=package["name"],
                version=package["version"],
                requested=package["requested"],
                artifacts=tuple(Artifact(**artifact) for artifact in package["artifacts"]),
            )
            for package in data.pop("packages")
        )
        found = LockedBase(**{**data, "layers": tuple(data["layers"]), "packages": packages})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if archive_path(found, store).is_file() else None


def _index(suite: str, architecture: str, store: Path) -> Path:
    return store / f"{of_suite(suite).name}-{suite}-{architecture}.json"


def _epoch(locked: LockedBase) -> int:
    epoch = locked.settings["epoch"]
    assert isinstance(epoch, int)
    return epoch


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
