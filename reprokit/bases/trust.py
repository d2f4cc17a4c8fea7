"""What of a locked base may be believed.

A lock may come from strangers, and making a base runs the scripts of its packages on this machine,
not in a container. So it may name only what a lock of ours would, and every package has to be in
the archive's lists, whose signatures apt checks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from reprokit import files, process
from reprokit.bases.distributions import DISTRIBUTIONS
from reprokit.errors import BadRequest, InputUnavailable
from reprokit.model import LockedBase
from reprokit.quoting import DEBIAN_PACKAGE, DEBIAN_VERSION
from reprokit.site import Site, trusted_bundle

_SHA256 = re.compile(r"^SHA256: ([0-9a-f]{64})$", re.MULTILINE)
_FILE = re.compile(r"[A-Za-z0-9][\w.+~%-]*\.deb", re.ASCII)
_SNAPSHOT = re.compile(r"\d{8}T\d{6}Z", re.ASCII)


def refuse_foreign(locked: LockedBase, lock_name: str) -> None:
    """Refuse a base of a distribution that no lock of ours would hold.

    lock_name: the file, for the error. Raises BadRequest.
    """
    distribution = DISTRIBUTIONS[locked.family]
    layer = locked.layers[0].removeprefix("sha256:") if len(locked.layers) == 1 else ""
    settings = locked.settings
    checks: list[tuple[str, object, bool]] = [
        (
            f"a release of {distribution.title}",
            locked.name,
            locked.name in [suite.name for suite in distribution.suites],
        ),
        ("its layer", locked.layers, re.fullmatch(r"[0-9a-f]{64}", layer) is not None),
        (
            "its name",
            locked.reference,
            locked.reference == reference(locked.family, locked.name, layer),
        ),
        ("a date", settings.get("epoch"), isinstance(settings.get("epoch"), int)),
        (
            "a time of the archive",
            settings.get("snapshot"),
            _SNAPSHOT.fullmatch(str(settings.get("snapshot"))) is not None,
        ),
    ]
    for package in locked.packages:
        checks += [
            ("a package", package.name, DEBIAN_PACKAGE.fullmatch(package.name) is not None),
            ("a version", package.version, DEBIAN_VERSION.fullmatch(package.version) is not None),
        ]
        for artifact in package.artifacts:
            file = artifact.path.rpartition("/")[2]
            checks += [
                ("a package's file", file, _FILE.fullmatch(file) is not None),
                (
                    f"an address in {distribution.title}'s archive",
                    artifact.url,
                    (artifact.url or "").startswith(distribution.addresses()),
                ),
            ]
    for what, found, right in checks:
        if not right:
            raise BadRequest(
                f"its base is no base of reprokit's: {found!r} is not {what}",
                where=lock_name,
                next="`reprokit lock --upgrade` pins a new one",
            )


def reference(family: str, suite: str, layer: str) -> str:
    """The name of a base, from its layer's digest."""
    return f"localhost/reprokit/{family}:{suite}-{layer.removeprefix('sha256:')[:12]}"


def signed(
    sources: Sequence[str],
    *,
    keyring: Path,
    architecture: str,
    site: Site,
    folder: Path,
    logins: Path | None = None,
) -> frozenset[str]:
    """The SHA-256 ("sha256:<hex>") of every package in some archives.

    sources: "URL suite component" each. keyring: whose signatures count. folder: an empty one that
    apt's own user may enter. logins: apt's file of them.
    Raises InputUnavailable where an archive does not answer or is not signed by the keyring.
    """
    for name in ("state/lists/partial", "cache/archives/partial", "nothing"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    lines = [f"deb [signed-by={keyring} check-valid-until=no] {source}\n" for source in sources]
    files.write_text(folder / "sources.list", "".join(lines))
    bundle = trusted_bundle(site)
    options = {
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": folder / "nothing",
        "Dir::Etc::PreferencesParts": folder / "nothing",
        "Dir::Etc::netrc": logins or folder / "nothing" / "auth.conf",
        "Dir::Etc::netrcparts": folder / "nothing",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Update::Error-Mode": "any",
        "Acquire::Languages": "none",
        "Acquire::GzipIndexes": "false",
        **({"Acquire::https::CAInfo": bundle} if bundle is not None else {}),
    }
    words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    done = process.run(
        ("apt-get", "-q", *words, "update"),
        environment={"LC_ALL": "C.UTF-8", **dict(site.proxies)},
        check=False,
    )
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        raise InputUnavailable(
            "the distribution's signed lists of packages cannot be had: "
            + (" ".join(errors) or done.stderr or done.stdout)[-1000:],
            where=", ".join(sources),
            next="check the network, the proxy and the mirrors in site.toml (`reprokit doctor`)",
        )
    found: set[str] = set()
    for place in sorted((folder / "state/lists").glob("*_Packages")):
        found.update(f"sha256:{digest}" for digest in _SHA256.findall(place.read_text("utf-8")))
    return frozenset(found)
