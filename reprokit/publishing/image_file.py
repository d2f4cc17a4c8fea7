"""An image in one tar file that every engine loads: an OCI image layout which is a docker-archive
as well, as `docker save` of Docker 25 and later writes it.

Docker before 25 reads only manifest.json, skopeo and containerd only index.json. Layers are not
compressed, so that their names are their diff ids. The bytes depend on the image alone.
See https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from reprokit import files, folders
from reprokit.engines.protocol import Engine
from reprokit.errors import BadRequest, InputUnavailable
from reprokit.frozen import frozen
from reprokit.identity import tar
from reprokit.identity.raw import RawLayer, TarLayer
from reprokit.identity.source import RawImage, exported
from reprokit.identity.tree import Node
from reprokit.publishing.member import Member, checked

_TYPE = "application/vnd.oci.image"


@frozen
class _Blob:
    digest: str
    size: int
    content: bytes | RawLayer

    @property
    def path(self) -> str:
        return f"blobs/sha256/{self.digest.removeprefix('sha256:')}"

    def described(self, kind: str) -> dict[str, object]:
        return {"mediaType": f"{_TYPE}.{kind}", "digest": self.digest, "size": self.size}

    def chunks(self) -> Iterator[bytes]:
        if isinstance(self.content, bytes):
            yield self.content
            return
        digest = hashlib.sha256()
        for chunk in self.content.verbatim() or ():
            digest.update(chunk)
            yield chunk
        if f"sha256:{digest.hexdigest()}" != self.digest:
            raise InputUnavailable(f"the engine gave other bytes for layer {self.digest}")


@contextmanager
def member(path: str, reference: str, config_digest: str, engine: Engine) -> Iterator[Member]:
    """The image of that name and digest, which the engine has, as a file of an archive.

    reference: the name that loading gives it again. Raises InputUnavailable where the engine has
    another image, or none.
    """
    if engine.image(config_digest) is None and engine.image(reference) is None:
        raise InputUnavailable(f"{engine.name} no longer has the image {config_digest}")
    name = config_digest if engine.image(config_digest) is not None else reference
    with exported(engine.save(name), folders.layers()) as image:
        found = "sha256:" + hashlib.sha256(image.config_text).hexdigest()
        if found != config_digest:
            raise InputUnavailable(
                f"{engine.name} gives the image {found} instead of {config_digest}",
                where=reference,
            )
        yield of_image(path, reference, image)


def of_image(path: str, reference: str, image: RawImage) -> Member:
    """An image whose layers are at hand. Raises BadRequest where their number does not fit."""
    identifiers = [str(text) for text in image.config["rootfs"]["diff_ids"]]
    if len(identifiers) != len(image.layers):
        raise BadRequest("the image has another number of layers than its config says")
    layers = [
        _Blob(digest=digest, size=_size(layer), content=layer)
        for digest, layer in zip(identifiers, image.layers, strict=True)
    ]
    parts = _parts(reference, _blob(image.config_text), layers)
    size = sum(
        len(_header(name, blob)) + blob.size + -blob.size % tar.BLOCK for name, blob in parts
    )
    return Member(path=checked(path), size=size + len(tar.END), chunks=lambda: _tar(parts))


def _size(layer: RawLayer) -> int:
    assert isinstance(layer, TarLayer), "a layer without its tar cannot be published"
    return layer.size


def _blob(content: bytes) -> _Blob:
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    return _Blob(digest=digest, size=len(content), content=content)


def _parts(reference: str, config: _Blob, layers: list[_Blob]) -> list[tuple[str, _Blob]]:
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{_TYPE}.manifest.v1+json",
            "config": config.described("config.v1+json"),
            "layers": [layer.described("layer.v1.tar") for layer in layers],
        }
    )
    names = {
        "io.containerd.image.name": reference,
        "org.opencontainers.image.ref.name": reference.rpartition(":")[2],
    }
    index = {
        "schemaVersion": 2,
        "mediaType": f"{_TYPE}.index.v1+json",
        "manifests": [{**manifest.described("manifest.v1+json"), "annotations": names}],
    }
    docker = [{"Config": config.path, "Layers": [b.path for b in layers], "RepoTags": [reference]}]
    blobs = {blob.path: blob for blob in (config, manifest, *layers)}
    return [
        ("oci-layout", _json({"imageLayoutVersion": "1.0.0"})),
        ("index.json", _json(index)),
        ("manifest.json", _json(docker)),
        *sorted(blobs.items()),
    ]


def _json(value: object) -> _Blob:
    return _blob(files.canonical_json(value).encode())


def _header(name: str, blob: _Blob) -> bytes:
    return tar.member(name, Node("file", 0o644, 0, 0, blob.size), time=0)


def _tar(parts: list[tuple[str, _Blob]]) -> Iterator[bytes]:
    for name, blob in parts:
        yield _header(name, blob)
        yield from blob.chunks()
        yield tar.padding(blob.size)
    yield tar.END
