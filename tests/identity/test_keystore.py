"""Java's certificate stores get one date; tests/test_examples.py has Java itself read one."""

from __future__ import annotations

import hashlib
import struct

import pytest

from reprokit.identity import keystore

EPOCH = 1_700_000_000


def store(moments: list[int], *, tag: int = 2, password: str = "changeit") -> bytes:
    body = struct.pack(">III", 0xFEEDFEED, 2, len(moments))
    for number, moment in enumerate(moments):
        name, content = f"debian:ca{number}".encode(), bytes(range(50 + number))
        body += struct.pack(">IH", tag, len(name)) + name + struct.pack(">q", moment)
        body += struct.pack(">H", 5) + b"X.509" + struct.pack(">I", len(content)) + content
    salted = password.encode("utf-16-be") + b"Mighty Aphrodite" + body
    return body + hashlib.sha1(salted).digest()


def test_two_stores_that_differ_in_dates_become_one() -> None:
    first, second = store([1, 2_000]), store([77, 99_000])
    assert keystore.dated(first, EPOCH) == keystore.dated(second, EPOCH)
    assert keystore.dated(first, EPOCH) == store([EPOCH * 1000] * 2)
    assert keystore.dated(first, EPOCH + 1) != keystore.dated(first, EPOCH)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        store([1], tag=1),  # holds a private key
        store([1], password="secret"),
        store([1])[:-1],
        store([1])[:40] + b"\xff" + store([1])[41:],
        b"0\x82" + bytes(300),  # PKCS 12
    ],
)
def test_what_is_no_such_store_is_left_alone(content: bytes) -> None:
    assert keystore.dated(content, EPOCH) == content
