"""Java's certificate stores (JKS) with one date for all entries.

The format: magic number, version, entries with their dates, and a SHA-1 over password and content
as checksum. See sun.security.provider.JavaKeyStore in the JDK's sources.
"""

from __future__ import annotations

import hashlib
import struct

_MAGIC = 0xFEEDFEED
_VERSION = 2
_TRUSTED = 2
_SALT = b"Mighty Aphrodite"
_PASSWORD = "changeit"
"""What everybody uses for stores that hold nothing secret."""


def dated(content: bytes, epoch: int) -> bytes:
    """The store with every entry's date set to `epoch` seconds.

    A store that is none, has another password or holds private keys comes back as it was.
    """
    body, checksum = content[:-20], content[-20:]
    if _checksum(body) != checksum:
        return content
    moments = _dates(body)
    if moments is None:
        return content
    changed = bytearray(body)
    for place in moments:
        struct.pack_into(">q", changed, place, epoch * 1000)
    return bytes(changed) + _checksum(bytes(changed))


def _checksum(body: bytes) -> bytes:
    return hashlib.sha1(_PASSWORD.encode("utf-16-be") + _SALT + body).digest()


def _dates(body: bytes) -> list[int] | None:
    """Where the dates lie; `None` where this is not a store of trusted certificates."""
    found = []
    try:
        magic, version, count = struct.unpack_from(">III", body)
        if (magic, version) != (_MAGIC, _VERSION):
            return None
        place = 12
        for _ in range(count):
            (tag,) = struct.unpack_from(">I", body, place)
            if tag != _TRUSTED:
                return None
            place += 4
            place += 2 + struct.unpack_from(">H", body, place)[0]  # its name
            found.append(place)
            place += 8
            place += 2 + struct.unpack_from(">H", body, place)[0]  # "X.509"
            place += 4 + struct.unpack_from(">I", body, place)[0]  # the certificate
    except struct.error:
        return None
    return found if place == len(body) else None
