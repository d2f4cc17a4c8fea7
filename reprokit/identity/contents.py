"""Where the contents of a file differ between two images."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import IO

from reprokit.engines.protocol import Container, ContainerRequest, Engine
from reprokit.errors import ReprokitError
from reprokit.identity.comparison import FirstByte
from reprokit.streams import as_file

_BLOCK = 65536


@contextmanager
def first_byte(engine: Engine, before: str, after: str) -> Iterator[FirstByte]:
    """A function that tells from which byte on a path differs in two images of one engine. It gives
    `None` for what cannot be read as a file in both."""
    idle = [ContainerRequest(image=image, command=("true",)) for image in (before, after)]
    with engine.container(idle[0]) as old, engine.container(idle[1]) as new:

        def found(path: str) -> int | None:
            try:
                with _opened(old, path) as one, _opened(new, path) as other:
                    return _differs(one, other)
            except (ReprokitError, tarfile.TarError, OSError):
                return None

        yield found


@contextmanager
def _opened(container: Container, path: str) -> Iterator[IO[bytes]]:
    stream = as_file(container.read(f"/{path}"))
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        member = tar.next()
        content = tar.extractfile(member) if member is not None else None
        if content is None:
            raise tarfile.ReadError("is not a file")
        yield content


def _differs(one: IO[bytes], other: IO[bytes]) -> int | None:
    place = 0
    while True:
        left, right = one.read(_BLOCK), other.read(_BLOCK)
        if left != right:
            pairs = zip_longest(left, right)
            return place + next(n for n, (a, b) in enumerate(pairs) if a != b)
        if not left:
            return None
        place += len(left)
