"""Pushing a run to a registry in this process, and reading it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

import reprokit
from reprokit.engines.distribution import (
    referrers_tag,
)
from reprokit.errors import BadRequest, InputUnavailable
from reprokit.history.run_folder import RunFolder
from reprokit.model import Image
from reprokit.progress import Silent
from reprokit.publishing import crate, data_in_registry, published_image, pushed, signing, that_ran
from reprokit.schemas import schema
from tests.publishing import made
from tests.publishing.fake_registry import FakeRegistry
from tests.publishing.pushing_engine import CONFIG, ENVIRONMENT, NAME, PushingEngine


def ignore(text: str) -> None:
    pass


@pytest.mark.parametrize(("lists", "types"), [(True, True), (True, False), (False, True)])
@pytest.mark.usefixtures("pushing_engine")
def test_a_run_is_pushed_and_read_back(
    there: FakeRegistry,
    run: RunFolder,
    keys: tuple[Path, Path],
    tmp_path: Path,
    lists: bool,
    types: bool,
) -> None:
    there.lists, there.types = lists, types
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
    described = {e["@id"]: e for e in json.loads(found.content("ro-crate-metadata.json"))["@graph"]}
    assert {part["@id"] for part in described["./"]["hasPart"]} == set(found.files) - {crate.NAME}
    assert described["#run"]["result"] == {"@id": "results.sha256"}
    assert described["#image"]["sha256"] == image.digest.removeprefix("sha256:")
    data_in_registry.download_data(found, tmp_path / "in", Silent())
    data_in_registry.download_results(found, tmp_path / "out", Silent())
    assert (tmp_path / "in/data/sites.csv").read_text() == "x\n"
    assert (tmp_path / "out/answer.txt").read_bytes() == made.RESULTS["answer.txt"]
    assert "data/yield.csv" in {m.target for m in data_in_registry.mounts(found.record)}

    signatures = signing.verify_signature(image, keys[1])
    assert signing.signed_only((found,), signatures) == (found,)
    assert len(image.repository.referrers(image.digest)) == 3
    assert (referrers_tag(image.digest) in there.manifests) is not (lists and types)
    again = reprokit.publish(run.id, push=f"{name}:1", data=True, sign=keys[0])
    assert again.json() == done.json()
    assert len(image.repository.referrers(image.digest)) == 3
    reprokit.publish(run.id, push=f"{there.address}/me/elsewhere:1")
    again = reprokit.publish(run.id, push=f"{name}:1")
    assert again.pushed is not None and again.pushed.record == done.pushed.record


@pytest.mark.usefixtures("pushing_engine")
def test_a_record_attached_with_another_description_is_one_record(
    there: FakeRegistry, run: RunFolder, project: Path
) -> None:
    name = f"{there.address}/me/wheat:1"
    first = reprokit.publish(run.id, push=name)
    (project / "CITATION.cff").write_text("title: Wheat and weather\n")
    again = reprokit.publish(run.id, push=name)
    assert first.pushed is not None and again.pushed is not None
    assert again.pushed.record != first.pushed.record
    (found,) = published_image.records(published_image.resolve(again.pushed.reference), ignore)
    assert b"Wheat and weather" in found.content(crate.NAME)


@pytest.mark.usefixtures("there")
def test_the_engine_keeps_no_name_of_the_push(
    run: RunFolder, pushing_engine: PushingEngine
) -> None:
    assert pushing_engine.there is not None
    name = f"{pushing_engine.there.address}/me/wheat:1"
    reprokit.publish(run.id, push=name)
    assert pushing_engine.pushes == [name] and pushing_engine.image(name) is None


def test_what_was_attached_before_a_registry_kept_a_list_counts(
    there: FakeRegistry, run: RunFolder, pushing_engine: PushingEngine
) -> None:
    done = reprokit.publish(run.id, push=f"{there.address}/me/wheat:1")
    assert done.pushed is not None
    image = published_image.resolve(done.pushed.reference)
    there.lists = True
    (row,) = image.repository.referrers(image.digest)
    assert row.digest == done.pushed.record


def test_a_registry_of_this_machine_is_not_named_to_readers(
    there: FakeRegistry, run: RunFolder, pushing_engine: PushingEngine
) -> None:
    done = reprokit.publish(run.id, push=f"{there.address}/me/wheat:1")
    assert "only this machine reaches" in done.text()
    assert done.pushed is not None
    cited = reprokit.cite(run.id).content
    assert done.pushed.reference.partition("@")[2] not in cited and "127.0.0.1" not in cited
    elsewhere = pushed.Pushed(repository="ghcr.io/me/wheat", digest=f"sha256:{'d' * 64}")
    pushed.add(run, elsewhere)
    assert elsewhere.reference in reprokit.cite(run.id).content


def test_an_index_around_the_one_image_is_looked_into(
    there: FakeRegistry, run: RunFolder, pushing_engine: PushingEngine
) -> None:
    pushing_engine.wrapped = True
    done = reprokit.publish(run.id, push=f"{there.address}/me/wheat")
    assert done.pushed is not None
    assert published_image.resolve(done.pushed.reference).config_digest == ENVIRONMENT


def test_another_image_in_the_registry_is_an_error(
    there: FakeRegistry, run: RunFolder, pushing_engine: PushingEngine
) -> None:
    pushing_engine.config = CONFIG + b" "
    with pytest.raises(InputUnavailable, match="changed on the way"):
        reprokit.publish(run.id, push=f"{there.address}/me/wheat:1")
    assert pushed.read(run) == ()


@pytest.mark.usefixtures("there", "pushing_engine")
@pytest.mark.parametrize(
    "reference",
    ["a/b@sha256:" + "0" * 64, "Big/Name", "a b", "host/../x", "host/a:b:c", "", "host/a?x=1"],
)
def test_a_name_that_is_none_is_refused(run: RunFolder, reference: str) -> None:
    with pytest.raises(BadRequest):
        reprokit.publish(run.id, push=reference)


@pytest.mark.usefixtures("pushing_engine")
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
    pushing_engine: PushingEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = pushing_engine._images.pop(NAME)

    def ensure(*given: Any, no_cache: bool) -> Image:
        pushing_engine._images[image.reference] = image
        return image

    monkeypatch.setattr(that_ran, "ensure_image", ensure)
    reprokit.publish(run.id, push=f"{there.address}/me/wheat:1")
    assert len(pushing_engine.pushes) == 1


@pytest.mark.parametrize(
    ("text", "tagged"),
    [
        ("ghcr.io/me/wheat:1", True),
        ("localhost:5000/wheat:v1.0", True),
        ("localhost:5000/wheat", False),
        ("localhost/reprokit/wheat:1", False),
        ("me/wheat:1", False),
        ("user@host.org:wheat.git", False),
        ("https://host.org/wheat:1", False),
        (f"ghcr.io/me/wheat@sha256:{'1' * 64}", False),
    ],
)
def test_what_reads_as_an_image_with_a_tag(text: str, tagged: bool) -> None:
    assert published_image.is_tagged(text) is tagged
