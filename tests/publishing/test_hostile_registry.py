"""What a stranger's registry may give instead of what was asked for, and signatures."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement

import reprokit
from reprokit.engines.distribution import (
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Repository,
    referrers_tag,
)
from reprokit.engines.registry import own_place
from reprokit.errors import BadRequest, InputUnavailable, NoAnswer, ReprokitError, ResultsDiffer
from reprokit.history import reading
from reprokit.history.run_folder import RunFolder
from reprokit.progress import Silent
from reprokit.publishing import data_in_registry, published_image, signing
from reprokit.publishing.attaching import attach
from reprokit.publishing.published_image import DATA_TYPE, RECORD_TYPE, PublishedImage
from reprokit.rerunning import registry_image
from tests.publishing import made
from tests.publishing.fake_registry import FakeRegistry, digest
from tests.publishing.pushing_engine import CONFIG


def ignore(text: str) -> None:
    pass


# -- what a stranger's registry may do -----------------------------------------------------------


def image_in(there: FakeRegistry) -> PublishedImage:
    """An image that is in the registry."""
    config = there.blob(CONFIG)
    name = there.put(OCI_MANIFEST, {"mediaType": OCI_MANIFEST, "config": config, "layers": []})
    return published_image.resolve(f"{there.address}/me/wheat@{name}")


def attached_parts(run: RunFolder) -> dict[str, tuple[str, bytes]]:
    return {
        "record.json": ("application/json", run.record.read_bytes()),
        "repro.lock": ("application/json", run.lock.read_bytes()),
    }


def attach_to(image: PublishedImage, parts: dict[str, tuple[str, bytes]]) -> str:
    created = "2026-01-01T00:00:00+00:00"
    return attach(image, RECORD_TYPE, parts, created=created, annotations={})


def test_other_bytes_than_asked_for_are_refused(there: FakeRegistry, run: RunFolder) -> None:
    image = image_in(there)
    attach_to(image, attached_parts(run))
    (found,) = published_image.records(image, ignore)
    blob = f"/v2/me/wheat/blobs/{found.digest}"
    there.lies[blob] = b"x" * found.files["record.json"].size
    with pytest.raises(InputUnavailable, match="instead of"):
        published_image.records(image, ignore)
    there.lies[blob] = b"x" * 50_000_000
    with pytest.raises(InputUnavailable, match="more than"):
        published_image.records(image, ignore)
    there.lies = {f"/v2/me/wheat/manifests/{image.digest}": b"{}"}
    with pytest.raises(InputUnavailable, match="instead of"):
        published_image.resolve(image.reference)


@pytest.mark.usefixtures("pushing_engine")
def test_every_attached_byte_is_looked_at(there: FakeRegistry, run: RunFolder) -> None:
    done = reprokit.publish(run.id, push=f"{there.address}/me/wheat:1", data=True)
    assert done.pushed is not None
    reference = done.pushed.reference
    assert "each as its digest says" in reprokit.verify(reference).text()
    (found,) = published_image.records(published_image.resolve(reference), pytest.fail)
    results = {str(row["sha256"]) for row in reading.rows(found.record, "results")}
    for name in (*(part.digest for part in found.files.values()), *results):
        there.lies = {f"/v2/me/wheat/blobs/{name}": there.blobs[name][:-1] + b"?"}
        with pytest.raises(InputUnavailable, match=f"instead of {name}"):
            reprokit.verify(reference)


@pytest.mark.usefixtures("pushing_engine")
def test_what_is_no_data_does_not_stand_in_the_way(there: FakeRegistry, run: RunFolder) -> None:
    done = reprokit.publish(run.id, push=f"{there.address}/me/wheat:1")
    assert done.pushed is not None
    image = published_image.resolve(done.pushed.reference)
    index = json.loads(there.manifests[referrers_tag(image.digest)][1])
    stranger = {**index["manifests"][0], "artifactType": DATA_TYPE}
    stranger["digest"] = there.put(OCI_MANIFEST, {"subject": there.blob(b"another")})
    index["manifests"].append(stranger)
    there.put(OCI_INDEX, index, referrers_tag(image.digest))
    warnings: list[str] = []
    assert published_image.data_files(image, warnings.append) == ()
    assert len(warnings) == 1 and "something else" in warnings[0]
    assert run.id in reprokit.verify(done.pushed.reference).text()


@pytest.mark.usefixtures("pushing_engine")
@pytest.mark.parametrize(
    ("lie", "says"), [(True, "only their hashes can be compared: http"), (False, "not attached")]
)
def test_why_results_cannot_be_compared_is_told(
    there: FakeRegistry, run: RunFolder, tmp_path: Path, lie: bool, says: str
) -> None:
    done = reprokit.publish(run.id, push=f"{there.address}/me/wheat:1", data=True)
    assert done.pushed is not None
    name = digest(made.RESULTS["answer.txt"])
    content = there.blobs.pop(name)
    if lie:
        there.lies = {f"/v2/me/wheat/blobs/{name}": content[:-1] + b"?"}
    warnings: list[str] = []

    class Told(Silent):
        def warning(self, message: str) -> None:
            warnings.append(message)

    assert registry_image.opened(done.pushed.reference, tmp_path / "work", Told()).published
    assert len(warnings) == 1 and says in warnings[0]


def test_what_says_that_it_is_huge_is_not_asked_for(there: FakeRegistry, tmp_path: Path) -> None:
    huge = Descriptor(media_type="x/y", digest=f"sha256:{'1' * 64}", size=10**12)
    with pytest.raises(InputUnavailable, match="at most"):
        image_in(there).repository.blob(huge, 1000)
    small = there.blob(b"abc")
    wrong = Descriptor(media_type="x/y", digest=small["digest"], size=1)
    with pytest.raises(InputUnavailable, match="more than"):
        image_in(there).repository.download(wrong, tmp_path / "a")
    assert not list(tmp_path.glob("*a*")) or not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"record.json": b"[]"}, "not JSON"),
        ({"record.json": b"[" * 100_000}, "not JSON"),
        ({"record.json": b'{"schema": 1, "run": "x"}'}, "changed after"),
        ({"record.json": b'{"schema": 99}'}, "newer reprokit"),
        ({"repro.lock": b"{}"}, "another lock"),
        ({"repro.lock": None}, "holds no repro.lock"),
    ],
)
def test_a_record_that_is_none_is_refused(
    there: FakeRegistry, run: RunFolder, change: dict[str, bytes | None], says: str
) -> None:
    parts = attached_parts(run)
    for name, content in change.items():
        if content is None:
            del parts[name]
        else:
            parts[name] = ("application/json", content)
    image = image_in(there)
    attach_to(image, parts)
    warnings: list[str] = []
    with pytest.raises(ReprokitError, match=says):
        published_image.records(image, warnings.append)
    attach_to(image, attached_parts(run))
    assert warnings == []
    assert len(published_image.records(image, warnings.append)) == 1
    assert len(warnings) == 1


def test_a_record_of_another_image_is_refused(there: FakeRegistry, project: Path) -> None:
    folder, _ = made.run(project)
    image = image_in(there)
    attach_to(image, attached_parts(folder))
    with pytest.raises(InputUnavailable, match="another image"):
        published_image.records(image, ignore)


def test_a_list_that_names_what_belongs_elsewhere(there: FakeRegistry, run: RunFolder) -> None:
    image = image_in(there)
    other = there.put(OCI_MANIFEST, {"config": there.blob(CONFIG), "layers": [], "a": 1})
    theirs = published_image.resolve(f"{there.address}/me/wheat@{other}")
    attach_to(theirs, attached_parts(run))
    there.manifests[referrers_tag(image.digest)] = there.manifests[referrers_tag(theirs.digest)]
    with pytest.raises(InputUnavailable, match="something else"):
        published_image.records(image, ignore)
    assert published_image.records(theirs, ignore)


@pytest.mark.parametrize(
    "document",
    [
        b"no json",
        b'{"config": {"digest": "sha256:/../../x", "mediaType": "x", "size": 1}}',
        b'{"config": {"digest": 1}}',
        b'{"config": []}',
        b"[]",
    ],
)
def test_a_malformed_manifest_is_refused(there: FakeRegistry, document: bytes) -> None:
    name = there.put(OCI_MANIFEST, document)
    with pytest.raises(InputUnavailable):
        published_image.resolve(f"{there.address}/me/wheat@{name}")


def test_what_is_no_image_is_refused(there: FakeRegistry) -> None:
    index = there.put(OCI_INDEX, {"manifests": []})
    with pytest.raises(InputUnavailable, match="several images"):
        published_image.resolve(f"{there.address}/me/wheat@{index}")
    with pytest.raises(BadRequest, match="tag may mean"):
        published_image.resolve(f"{there.address}/me/wheat:1")
    name = there.put(OCI_MANIFEST, {"config": there.blob(CONFIG)}, "now")
    for verb in (reprokit.verify, reprokit.rerun):
        with pytest.raises(BadRequest) as caught:
            verb(f"{there.address}/me/wheat:now")
        assert f"it is {there.address}/me/wheat@{name} now" in str(caught.value.next)
    with pytest.raises(InputUnavailable, match="no such image"):
        published_image.resolve(f"{there.address}/me/wheat@sha256:{'9' * 64}")
    config = there.blob(b'{"os": "../", "architecture": "amd64"}')
    name = there.put(OCI_MANIFEST, {"config": config})
    with pytest.raises(InputUnavailable, match="no platform"):
        published_image.resolve(f"{there.address}/me/wheat@{name}")


def test_a_dead_registry_is_told(there: FakeRegistry) -> None:
    with pytest.raises(NoAnswer, match=r"127\.0\.0\.1:9 does not answer"):
        published_image.resolve(f"127.0.0.1:9/a@sha256:{'9' * 64}")


def test_a_path_that_leaves_the_folder_is_refused(
    there: FakeRegistry, run: RunFolder, tmp_path: Path
) -> None:
    image = image_in(there)
    attach_to(image, attached_parts(run))
    (found,) = published_image.records(image, ignore)
    row = {"path": "../evil", "size": 2, "sha256": digest(b"ab")}
    there.blob(b"ab")
    hostile: Any = {**found.record, "results": [row]}
    lying = published_image.AttachedRecord(
        record=hostile, lock="", digest=found.digest, files=found.files, image=image
    )
    with pytest.raises(BadRequest):
        data_in_registry.download_results(lying, tmp_path / "out", Silent())
    assert not (tmp_path / "evil").exists()
    row |= {"path": "a", "sha256": "sha256:../../x"}
    with pytest.raises(InputUnavailable):
        data_in_registry.download_results(lying, tmp_path / "out", Silent())


# -- signatures ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("pushing_engine")
def test_a_signature_is_of_this_image_and_this_key(
    there: FakeRegistry, run: RunFolder, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    done = reprokit.publish(run.id, push=f"{there.address}/me/wheat:1", sign=keys[0])
    assert done.pushed is not None
    image = published_image.resolve(done.pushed.reference)
    (signed,) = signing.verify_signature(image, keys[1])
    assert signed.key == done.pushed.key
    statement = signed.statement
    parsed = json_format.ParseDict(statement, statement_pb2.Statement())
    Statement.copy_from_pb(parsed).validate()
    json_format.ParseDict(statement["predicate"], provenance_pb2.Provenance())

    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    other = Ed25519PrivateKey.generate().public_key()
    pem = other.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "other.pem").write_bytes(pem)
    with pytest.raises(ResultsDiffer, match="not signed by this key"):
        signing.verify_signature(image, tmp_path / "other.pem")
    with pytest.raises(BadRequest, match="no public key"):
        signing.verify_signature(image, keys[0])

    shown = reprokit.verify(image.reference, key=keys[1])
    assert run.id in shown.text() and signed.key in shown.text()
    document: Any = shown.json()
    assert [record["run"] for record in document["records"]] == [run.id]
    with pytest.raises(ResultsDiffer, match="not signed by this key"):
        reprokit.verify(image.reference, key=tmp_path / "other.pem")
    assert "not looked at" in reprokit.verify(image.reference).text()
    for options in ({"rebuild": True}, {"engine": "docker"}):
        with pytest.raises(BadRequest):
            reprokit.verify(image.reference, **options)
    with pytest.raises(BadRequest):
        reprokit.verify(run.id, key=keys[1])

    # The envelope of one image, attached to another.
    envelope = next(content for content in there.blobs.values() if b"payloadType" in content)
    there.put(OCI_MANIFEST, {"config": there.blob(CONFIG), "layers": [], "b": 1}, "2")
    manifest = Repository(own_place(f"{there.address}/me/wheat")).manifest("2")
    assert manifest is not None
    theirs = published_image.resolve(f"{there.address}/me/wheat@{manifest.digest}")
    with pytest.raises(ResultsDiffer, match="nothing signed"):
        signing.verify_signature(theirs, keys[1])
    parts = {signing.ENVELOPE: (signing.PROVENANCE_TYPE, envelope)}
    attach(theirs, signing.PROVENANCE_TYPE, parts, created="x", annotations={})
    with pytest.raises(ResultsDiffer, match="something else"):
        signing.verify_signature(theirs, keys[1])


@pytest.mark.parametrize("change", ["payload", "sig", "json"])
def test_a_touched_envelope_is_refused(keys: tuple[Path, Path], change: str) -> None:
    envelope = signing.sign({"a": 1}, signing.signer(keys[0]))
    document = json.loads(envelope)
    if change == "payload":
        document["payload"] = base64.b64encode(b'{"a": 2}').decode()
    elif change == "sig":
        document["signatures"][0]["sig"] = base64.b64encode(b"0" * 64).decode()
    else:
        document["signatures"] = [1]
    known = signing.public_key(keys[1])
    assert signing.opened(envelope, known, "here") == {"a": 1}
    with pytest.raises(InputUnavailable):
        signing.opened(json.dumps(document).encode(), known, "here")
