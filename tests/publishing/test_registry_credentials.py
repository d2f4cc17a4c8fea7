"""Who the user is at a registry, and that nobody else learns it."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
import requests

import reprokit
from reprokit.engines.credentials import Place, Refused, authorization
from reprokit.engines.distribution import (
    OCI_MANIFEST,
    Repository,
)
from reprokit.engines.registry import own_place
from reprokit.errors import BadRequest, InputUnavailable
from reprokit.history.run_folder import RunFolder
from tests.publishing.fake_registry import FakeRegistry
from tests.publishing.pushing_engine import CONFIG, PushingEngine

# -- credentials ---------------------------------------------------------------------------------


def write_credentials(there: FakeRegistry, entry: dict[str, Any]) -> None:
    folder = Path(os.environ["DOCKER_CONFIG"])
    (folder / "config.json").write_text(json.dumps({"auths": {there.address: entry}}))


def test_tokens_are_had_for_the_users_password(
    there: FakeRegistry, pushing_engine: PushingEngine
) -> None:
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
    there: FakeRegistry, run: RunFolder, pushing_engine: PushingEngine, own_home: Path
) -> None:
    there.token, there.user = "a-token-of-mine", "jane:pass-of-mine"
    write_credentials(there, {"auth": base64.b64encode(there.user.encode()).decode()})
    reprokit.publish(run.id, push=f"{there.address}/me/wheat:1", data=True)
    kept = [p for folder in (run.path, own_home) for p in folder.rglob("*") if p.is_file()]
    held = [*(p.read_bytes() for p in kept), *there.blobs.values()]
    assert not any(b"of-mine" in content or b"cGFzcy1vZi1taW5l" in content for content in held)


def test_a_registry_on_this_machine_is_asked_without_a_proxy(
    there: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert Repository(own_place(f"{there.address}/me/wheat")).manifest("1") is None


def test_a_password_does_not_leave_tls_by_a_challenge() -> None:
    place = Place(host="registry.example", repository="a", plain=False)
    challenge = 'Bearer realm="http://registry.example/token",service="it"'
    with pytest.raises(Refused, match="unknown way"):
        authorization(challenge, place, requests.Session(), (1.0, 1.0))
