"""Signed provenance: an in-toto statement with SLSA's provenance, in a DSSE envelope.

The statement names an image and the record of a run of it by their digests. See
https://github.com/in-toto/attestation/tree/main/spec/v1, https://slsa.dev/spec/v1.0/provenance and
https://github.com/secure-systems-lab/dsse.
"""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit import files
from reprokit.engines.distribution import json_object
from reprokit.errors import BadRequest, InputUnavailable, ResultsDiffer
from reprokit.frozen import frozen
from reprokit.history import reading
from reprokit.publishing.published_image import (
    RECORD,
    AttachedRecord,
    PublishedImage,
    attached,
)

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, SSlibKey

PROVENANCE_TYPE = "application/vnd.in-toto.provenance+dsse"
"""The artifact type of a signature in a registry."""
ENVELOPE = "provenance.dsse.json"
_PAYLOAD = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://slsa.dev/provenance/v1"
_LIMIT = 4 * 1024 * 1024
_MOST = 100


@frozen
class Signed:
    """A statement that the owner of a key made of an image: `record` is the digest of the file of
    the run's record that it names."""

    key: str
    record: str
    statement: dict[str, Any] = field(repr=False)


def statement(image: PublishedImage, record: reading.Record, record_digest: str) -> dict[str, Any]:
    """What is signed: that this image and this record came of these inputs."""
    project, base = reading.mapping(record, "project"), reading.mapping(record, "base")
    engine, tool = reading.mapping(record, "engine"), reading.mapping(record, "reprokit")
    commit = reading.commit(record)
    inputs = [
        _resource("repro.lock", reading.text(reading.mapping(record, "lock"), "sha256")),
        _resource("context", reading.text(reading.mapping(record, "context"), "sha256")),
    ]
    if known := reading.text_or_none(base, "config_digest"):
        inputs.append(_resource(f"base {reading.text(base, 'name')}", known))
    if commit is not None and not project["dirty"]:
        inputs.append({"name": "source", "digest": {"gitCommit": commit}})
    return {
        "_type": _STATEMENT,
        "subject": [_resource(image.name, image.digest), _resource(RECORD, record_digest)],
        "predicateType": _PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:reprokit:run:1",
                "externalParameters": {
                    "project": reading.text(project, "name"),
                    "command": record["command"],
                    "date": reading.text(reading.mapping(record, "date"), "day"),
                    "platform": reading.text(record, "platform"),
                },
                "internalParameters": {
                    "environment_digest": image.config_digest,
                    "environment_policy": record["environment_policy"],
                },
                "resolvedDependencies": inputs,
            },
            "runDetails": {
                "builder": {
                    "id": "urn:reprokit:local",
                    "version": {
                        "reprokit": reading.text(tool, "version"),
                        reading.text(engine, "name"): reading.text(engine, "version"),
                    },
                },
                "metadata": {
                    "invocationId": reading.text(record, "run"),
                    "startedOn": reading.text(record, "started"),
                    "finishedOn": reading.text(record, "finished"),
                },
            },
        },
    }


def _resource(name: str, digest: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}


def signer(path: Path) -> CryptoSigner:
    """A private key to sign with: PEM, ed25519 (others that securesystemslib knows work as well).

    Raises BadRequest for a file that is none, and where the library is not installed.
    """
    content = _key_file(path)
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from securesystemslib.signer import CryptoSigner
    except ImportError as error:
        raise _not_installed() from error
    try:
        return CryptoSigner(load_pem_private_key(content, password=None))
    except TypeError as error:
        raise BadRequest(
            "the key is encrypted", where=str(path), next="`openssl pkey -in KEY -out PLAIN_KEY`"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_key(path, "private", "openssl genpkey -algorithm ed25519 -out KEY.pem") from error


def public_key(path: Path) -> SSlibKey:
    """A public key to check signatures with, as PEM. Raises BadRequest as `signer` does."""
    content = _key_file(path)
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
        from securesystemslib.signer import SSlibKey
    except ImportError as error:
        raise _not_installed() from error
    try:
        return SSlibKey.from_crypto(load_pem_public_key(content))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_key(path, "public", "openssl pkey -in KEY.pem -pubout -out PUBLIC.pem") from error


def sign(content: dict[str, Any], by: CryptoSigner) -> bytes:
    """The envelope of a statement."""
    from securesystemslib.dsse import Envelope

    payload = files.canonical_json(content).encode()
    envelope = Envelope(payload=payload, payload_type=_PAYLOAD, signatures={})
    envelope.sign(by)
    return files.canonical_json(envelope.to_dict()).encode()


def opened(envelope: bytes, key: SSlibKey, where: str) -> dict[str, Any]:
    """The statement in an envelope that this key signed. Raises InputUnavailable for one that it
    did not sign."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import FormatError, VerificationError

    try:
        found = Envelope.from_dict(json_object(envelope, where))
        found.verify([key], 1)
    except VerificationError as error:
        raise InputUnavailable("is not signed by this key", where=where) from error
    except (FormatError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise InputUnavailable("is no signed statement", where=where) from error
    if found.payload_type != _PAYLOAD:
        raise InputUnavailable("signs something else than a statement", where=where)
    return json_object(found.payload, where)


def verify_signature(image: PublishedImage, key: Path) -> tuple[Signed, ...]:
    """The statements attached to an image that the owner of a public key signed.

    Raises ResultsDiffer where there is none, BadRequest for a file that is no key.
    """
    known = public_key(key)
    listed = image.repository.referrers(image.digest)
    found, failed = [], "nothing signed is attached to it"
    for row in [each for each in listed if each.artifact_type == PROVENANCE_TYPE][:_MOST]:
        where = f"{image.name}@{row.digest}"
        try:
            part = attached(image, row, PROVENANCE_TYPE).get(ENVELOPE)
            if part is None:
                raise InputUnavailable(f"holds no {ENVELOPE}", where=where)
            content = opened(image.repository.blob(part, _LIMIT), known, where)
            found.append(_about(image, content, known.keyid, where))
        except InputUnavailable as error:
            failed = str(error)
    if not found:
        raise ResultsDiffer(
            f"no signature of this key: {failed}",
            where=image.reference,
            next=f"check that {key} is the public key of those who published it",
        )
    return tuple(found)


def signed_only(
    records: tuple[AttachedRecord, ...], signatures: tuple[Signed, ...]
) -> tuple[AttachedRecord, ...]:
    """Those of an image's records that a signature names."""
    named = {signed.record for signed in signatures}
    return tuple(record for record in records if record.digest in named)


def _about(image: PublishedImage, content: dict[str, Any], key: str, where: str) -> Signed:
    """A signed statement, which must be about this image: anybody can attach another's."""
    subjects = content.get("subject")
    named: dict[str, str] = {}
    for row in subjects if isinstance(subjects, list) else ():
        digest = row.get("digest") if isinstance(row, dict) else None
        if isinstance(digest, dict) and isinstance(digest.get("sha256"), str):
            named[f"sha256:{digest['sha256']}"] = str(row.get("name"))
    records = [digest for digest, name in named.items() if name == RECORD]
    kind = content.get("_type"), content.get("predicateType")
    if kind != (_STATEMENT, _PREDICATE) or image.digest not in named or len(records) != 1:
        raise InputUnavailable("is signed, but about something else", where=where)
    return Signed(key=key, record=records[0], statement=content)


def _key_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadRequest(f"cannot be read: {error.strerror}", where=str(path)) from error


def _no_key(path: Path, kind: str, command: str) -> BadRequest:
    return BadRequest(f"is no {kind} key in PEM form", where=str(path), next=f"make one: {command}")


def _not_installed() -> BadRequest:
    return BadRequest(
        "signatures need the package securesystemslib",
        next="pip install 'reprokit[sign]'",
    )
