"""A Java trust store made from a PEM bundle, without a JDK.

Java does not read PEM. JKS is the one trust store format that every JDK from 8 to 25 opens and
that is simple enough to write by hand (sun.security.provider.JavaKeyStore); keytool would need
one start of the JVM for each of the ~140 certificates of a usual bundle.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct

PASSWORD = "changeit"
"""Java's own default. It protects against accidents only: a trust store holds no secret."""

_MAGIC, _VERSION, _TRUSTED_CERTIFICATE = 0xFEEDFEED, 2, 2
_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def certificates(bundle: bytes) -> tuple[bytes, ...]:
    """The DER bytes of each certificate of a PEM bundle, in its order, without repetitions."""
    found: dict[bytes, None] = {}
    for block in _BLOCK.finditer(bundle):
        try:
            found[base64.b64decode(b"".join(block.group(1).split()), validate=True)] = None
        except binascii.Error:
            continue
    return tuple(found)


def java_truststore(bundle: bytes) -> bytes:
    """A JKS trust store with every certificate of a PEM bundle. The same bundle gives the same
    bytes: entries are dated 1970."""
    entries = certificates(bundle)
    content = struct.pack(">III", _MAGIC, _VERSION, len(entries))
    for der in entries:
        alias = hashlib.sha256(der).hexdigest()
        content += struct.pack(">I", _TRUSTED_CERTIFICATE) + _text(alias) + struct.pack(">Q", 0)
        content += _text("X.509") + struct.pack(">I", len(der)) + der
    seal = hashlib.sha1(PASSWORD.encode("utf-16-be") + b"Mighty Aphrodite" + content)
    return content + seal.digest()


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode("ascii")
