"""Pushing a run and reading it back, on a registry in this process and on a hostile one."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

import reprokit
from reprokit.engines.distribution import (
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Repository,
    referrers_tag,
)
from reprokit.engines.fake import FakeEngine
from reprokit.engines.registry import own_place
from reprokit.errors import BadRequest, InputUnavailable, NoAnswer, ReprokitError, ResultsDiffer
from reprokit.history import run_folder
from reprokit.history.run_folder import RunFolder
from reprokit.model import Image
from reprokit.phases import record as records
from reprokit.pipeline.bill import Bill
from reprokit.progress import Silent
from reprokit.publishing import data_in_registry, published_image, push, pushed, signing, that_ran
from reprokit.publishing.attaching import attach
from reprokit.publishing.published_image import RECORD_TYPE, PublishedImage
from reprokit.schemas import schema
from tests.publishing import made
from tests.publishing.fake_registry import FakeRegistry, digest, fake_registry

CONFIG = b'{"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": []}}'
ENVIRONMENT = digest(CONFIG)
NAME = "localhost/reprokit/wheat:1"


@dataclass
class PushingEngine(FakeEngine):
    """An engine whose push writes a manifest into the registry."""

    there: FakeRegistry | None = None
    config: bytes = CONFIG
    wrapped: bool = False
    pushes: list[str] = field(default_factory=list)

    def push(
        self,
        reference: str,
        on_line: Callable[[str], None],
        on_progress: Callable[[int, int], None],
    ) -> None:
        assert self.there is not None and self.image(reference) is not None
        self.pushes.append(reference)
        manifest = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": self.there.blob(self.config),
            "layers": [],
        }
        tag = reference.rpartition(":")[2]
        if not self.wrapped:
            self.there.put(DOCKER_MANIFEST, manifest, tag)
            return
        name = self.there.put(DOCKER_MANIFEST, manifest)
        row = {"mediaType": DOCKER_MANIFEST, "digest": name, "size": 1}
        self.there.put(OCI_INDEX, {"schemaVersion": 2, "manifests": [row]}, tag)


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeRegistry]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    (tmp_path / "docker").mkdir()
    with fake_registry() as registry:
        yield registry


@pytest.fixture
def engine(there: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> PushingEngine:
    opened = PushingEngine(there=there)
    opened._images[NAME] = Image(
        reference=NAME,
        config_digest=ENVIRONMENT,
        layers=(),
        registry_digests=(),
        platform="linux/amd64",
        size=1,
    )

    class Connected:
        def __init__(self, wanted: str | None) -> None: ...
        def __enter__(self) -> PushingEngine:
            return opened

        def __exit__(self, *error: object) -> None: ...

    def bill(run: str, *, project: Path, pushed: str) -> Bill:
        return Bill(run=run, document=json.dumps({"bill": pushed}).encode())

    monkeypatch.setattr(push, "connect", Connected)
    monkeypatch.setattr(push, "bill", bill)
    return opened


@pytest.fixture
def run(project: Path) -> RunFolder:
    """A run in the image that the engine has."""
    folder, record = made.run(project)
    image: Any = record["image"]
    changed = {"image": {**image, "config_digest": ENVIRONMENT, "reference": NAME}}
    run_folder.write_record(folder, records.sealed({**record, **changed}))
    return folder


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    folder = tmp_path_factory.mktemp("keys")
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = key.public_key().public_bytes(
        form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "key.pem").write_bytes(private)
    (folder / "public.pem").write_bytes(public)
    return folder / "key.pem", folder / "public.pem"


def ignore(text: str) -> None:
    pass


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.usefixtures("engine")
def test_a_run_is_pushed_and_read_back(
    there: FakeRegistry,
    run: RunFolder,
    keys: tuple[Path, Path],
    tmp_path: Path,
    lists: bool,
) -> None:
    there.lists = lists
    name = f"{there.address}/me/wheat"
    before = run.record.read_bytes()
    done = reprokit.publish(run.id, push=f"{name}:1", data=True, sign=keys[0])
    Draft202012Validator(schema("publish-1")).validate(done.json())
    assert done.pushed is not None and ENVIRONMENT in done.text()
    assert run.record.read_bytes() == before
    assert pushed.read(run)[-1].reference == done.pushed.reference

    image = published_image.resolve(done.pushed.reference)
    assert (image.config_digest, image.platform) == (ENVIRONMENT, "linux/amd64")
    (found,) = published_image.records(image, ignore)
    assert found.record["run"] == run.id and found.content("record.json") == before
    assert json.loads(found.content("sbom.cdx.json")) == {"bill": image.reference}
    assert b"  metrics.json\n" in found.content("results.sha256")
    data_in_registry.download_data(found, tmp_path / "in", Silent())
    data_in_registry.download_results(found, tmp_path / "out", Silent())
    assert (tmp_path / "in/data/sites.csv").read_text() == "x\n"
    assert (tmp_path / "out/answer.txt").read_bytes() == made.RESULTS["answer.txt"]
    assert "data/yield.csv" in {m.target for m in data_in_registry.mounts(found.record)}

    signatures = signing.verify_signature(image, keys[1])
    assert signing.signed_only((found,), signatures) == (found,)
    assert len(image.repository.referrers(image.digest)) == 3
    assert (referrers_tag(image.digest) in there.manifests) is not lists
    again = reprokit.publish(run.id, push=f"{name}:1", data=True, sign=keys[0])
    assert again.json() == done.json()
    assert len(image.repository.referrers(image.digest)) == 3


@pytest.mark.usefixtures("there")
def test_the_engine_keeps_no_name_of_the_push(run: RunFolder, engine: PushingEngine) -> None:
    assert engine.there is not None
    name = f"{engine.there.address}/me/wheat:1"
    reprokit.publish(run.id, push=name)
    assert engine.pushes == [name] and engine.image(name) is None


def test_an_index_around_the_one_image_is_looked_into(
    there: FakeRegistry, run: RunFolder, engine: PushingEngine
) -> None:
    engine.wrapped = True
    done = reprokit.publish(run.id, push=f"{there.address}/me/wheat")
    assert done.pushed is not None
    assert published_image.resolve(done.pushed.reference).config_digest == ENVIRONMENT


def test_another_image_in_the_registry_is_an_error(
    there: FakeRegistry, run: RunFolder, engine: PushingEngine
) -> None:
    engine.config = CONFIG + b" "
    with pytest.raises(InputUnavailable, match="changed on the way"):
        reprokit.publish(run.id, push=f"{there.address}/me/wheat:1")
    assert pushed.read(run) == ()


@pytest.mark.usefixtures("there", "engine")
@pytest.mark.parametrize(
    "reference",
    ["a/b@sha256:" + "0" * 64, "Big/Name", "a b", "host/../x", "host/a:b:c", "", "host/a?x=1"],
)
def test_a_name_that_is_none_is_refused(run: RunFolder, reference: str) -> None:
    with pytest.raises(BadRequest):
        reprokit.publish(run.id, push=reference)


@pytest.mark.usefixtures("engine")
def test_options_that_belong_together(run: RunFolder, tmp_path: Path) -> None:
    for options in ({}, {"data": True}, {"sign": "k"}, {"push": "a/b", "vendor": True}):
        with pytest.raises(BadRequest):
            reprokit.publish(run.id, **options)
    (tmp_path / "key.pem").write_text("no key")
    with pytest.raises(BadRequest, match="no private key"):
        reprokit.publish(run.id, push="127.0.0.1:9/a:1", sign=tmp_path / "key.pem")


def test_an_image_that_is_gone_is_built_again(
    there: FakeRegistry,
    run: RunFolder,
    engine: PushingEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = engine._images.pop(NAME)

    def ensure(*given: Any, no_cache: bool) -> Image:
        engine._images[image.reference] = image
        return image

    monkeypatch.setattr(that_ran, "ensure_image", ensure)
    reprokit.publish(run.id, push=f"{there.address}/me/wheat:1")
    assert len(engine.pushes) == 1


# -- credentials ---------------------------------------------------------------------------------


def write_credentials(there: FakeRegistry, entry: dict[str, Any]) -> None:
    folder = Path(os.environ["DOCKER_CONFIG"])
    (folder / "config.json").write_text(json.dumps({"auths": {there.address: entry}}))


def test_tokens_are_had_for_the_users_password(there: FakeRegistry, engine: PushingEngine) -> None:
    there.token, there.user = "a token", "jane:pass:word"
    there.put(OCI_MANIFEST, {"config": there.blob(CONFIG)}, "1")
    repository = Repository(own_place(f"{there.address}/me/wheat"))
    with pytest.raises(InputUnavailable, match="gives no access"):
        repository.manifest("1")
    encoded = base64.b64encode(there.user.encode()).decode()
    write_credentials(there, {"auth": encoded})
    assert repository.manifest("1") is not None
    write_credentials(there, {"auth": "", "identitytoken": "an identity"})
    again = Repository(own_place(f"{there.address}/me/wheat"))
    assert again.manifest("1") is not None
    assert repository.manifest("2") is None


def test_a_helper_is_asked(
    there: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there.token, there.user = "a token", "jane:secret"
    there.put(OCI_MANIFEST, {"config": there.blob(CONFIG)}, "1")
    helper = tmp_path / "docker-credential-vault"
    helper.write_text('#!/bin/sh\necho \'{"Username": "jane", "Secret": "secret"}\'\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    config = json.dumps({"credHelpers": {there.address: "vault"}})
    (tmp_path / "docker/config.json").write_text(config)
    assert Repository(own_place(f"{there.address}/me/wheat")).manifest("1") is not None


def test_podmans_file_is_read_and_the_longest_name_wins(
    there: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there.token, there.user = "a token", "jane:secret"
    there.put(OCI_MANIFEST, {"config": there.blob(CONFIG)}, "1")
    good, bad = (base64.b64encode(pair).decode() for pair in (b"jane:secret", b"joe:x"))
    entries = {there.address: {"auth": bad}, f"{there.address}/me": {"auth": good}}
    (tmp_path / "auth.json").write_text(json.dumps({"auths": entries}))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    assert Repository(own_place(f"{there.address}/me/wheat")).manifest("1") is not None


def test_a_damaged_file_of_credentials_shows_no_secret(there: FakeRegistry) -> None:
    there.token = "a token"
    write_credentials(there, {"auth": "c2VjcmV0"})
    with pytest.raises(BadRequest) as caught:
        Repository(own_place(f"{there.address}/me/wheat")).manifest("1")
    assert "secret" not in str(caught.value) and "c2VjcmV0" not in str(caught.value)


def test_nothing_of_the_credentials_is_written_down(
    there: FakeRegistry, run: RunFolder, engine: PushingEngine, own_home: Path
) -> None:
    there.token, there.user = "a-token-of-mine", "jane:pass-of-mine"
    write_credentials(there, {"auth": base64.b64encode(there.user.encode()).decode()})
    reprokit.publish(run.id, push=f"{there.address}/me/wheat:1", data=True)
    kept = [p for folder in (run.path, own_home) for p in folder.rglob("*") if p.is_file()]
    held = [*(p.read_bytes() for p in kept), *there.blobs.values()]
    assert not any(b"of-mine" in content or b"cGFzcy1vZi1taW5l" in content for content in held)


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
    assert len(published_image.records(image, warnings.append)) == 1
    assert len(warnings) == 2


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


@pytest.mark.usefixtures("engine")
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
