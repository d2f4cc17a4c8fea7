"""The keys whose signatures count for a distribution."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from reprokit import files, process
from reprokit.bases.bootstrap import INSTALL
from reprokit.bases.distributions import Distribution
from reprokit.errors import InputUnavailable


def provide(
    distribution: Distribution,
    architecture: str,
    store: Path,
    folder: Path,
    get: Callable[[str], bytes],
) -> Path:
    """A keyring that apt's own user may read: the one installed here, or a copy in `folder` of the
    one that this code pins, whose package stays in `store`.

    get: fetches a public URL. Raises InputUnavailable where it is missing or another file.
    """
    wanted = distribution.keyring
    if isinstance(wanted, str):
        if not Path(wanted).is_file():
            raise InputUnavailable(
                f"the keyring of the {distribution.title} archive is missing",
                where=wanted,
                next=INSTALL,
            )
        return Path(wanted)
    url = distribution.parts("", architecture)[0][0] + "/" + wanted.deb
    deb = store / Path(wanted.deb).name
    if not (deb.is_file() and _digest(deb.read_bytes()) == wanted.sha256):
        content = get(url)
        if _digest(content) != wanted.sha256:
            raise InputUnavailable(
                f"the keyring of the {distribution.title} archive is not the one that reprokit "
                "trusts: it has another SHA-256",
                where=url,
            )
        with files.replacing(deb) as output:
            output.write(content)
    unpacked = folder / "keyring"
    process.run(("dpkg-deb", "--extract", str(deb), str(unpacked)))
    return unpacked / wanted.file


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
