"""A canonical image as a docker-archive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO

from reprokit.identity import tar
from reprokit.identity.canonical import Canonical, CanonicalLayer, write_layer
from reprokit.identity.tree import Node


def write(path: Path, image: Canonical, reference: str, *, omitted: int = 0) -> None:
    """Write the archive.

    reference: the name and tag that the image gets. omitted: how many of the lowest layers are
    only named, for an engine that has them already.
    """
    config = f"{image.digest.removeprefix('sha256:')}.json"
    names = [f"{layer.listing.digest.removeprefix('sha256:')}/layer.tar" for layer in image.layers]
    manifest = [{"Config": config, "Layers": names, "RepoTags": [reference]}]
    written: set[str] = set()
    with path.open("wb") as output:
        _file(output, config, image.config)
        _file(output, "manifest.json", json.dumps(manifest).encode())
        for number, layer in enumerate(image.layers):
            if number < omitted or names[number] in written:
                continue
            written.add(names[number])
            _layer(output, names[number], image, number, layer)
        output.write(tar.END)


def _layer(
    output: IO[bytes], name: str, image: Canonical, number: int, layer: CanonicalLayer
) -> None:
    # The size stands before the content, and that of a base's own tar is known only afterwards.
    header = output.tell()
    output.write(bytes(tar.BLOCK))
    begin = output.tell()
    if layer.base:
        chunks = layer.raw.verbatim()
        assert chunks is not None, "a base's layer without its tar can only be left out"
        for chunk in chunks:
            output.write(chunk)
    else:
        write_layer(image, number, output)
    size = output.tell() - begin
    output.write(tar.padding(size))
    end = output.tell()
    output.seek(header)
    output.write(tar.member(name, Node("file", 0o644, 0, 0, size), time=0))
    output.seek(end)


def _file(output: IO[bytes], name: str, content: bytes) -> None:
    output.write(tar.member(name, Node("file", 0o644, 0, 0, len(content)), time=0))
    output.write(content)
    output.write(tar.padding(len(content)))
