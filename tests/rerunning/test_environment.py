"""Where the image of a rerun comes from, and why it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reprokit.engines.fake import FakeEngine
from reprokit.errors import InputUnavailable
from reprokit.model import Image
from reprokit.phases import record as records
from reprokit.pipeline.earlier_code import Kept
from reprokit.pipeline.job import Stopwatch, powers_for
from reprokit.progress import Silent
from reprokit.rerunning import environment
from reprokit.rerunning.origin import Published
from tests.phases.test_record import inputs, made

REFERENCE = f"registry.example.org/me/wheat@sha256:{'1' * 64}"


class Told(Silent):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, message: str) -> None:
        self.warnings.append(message)


class Pulling(FakeEngine):
    """An engine that gives an image of that config digest, or that error."""

    given: str | InputUnavailable

    def pull(self, reference: str, platform: str, on_line: Callable[[str], None]) -> Image:
        if isinstance(self.given, InputUnavailable):
            raise self.given
        return Image(
            reference=reference,
            config_digest=self.given,
            layers=(),
            registry_digests=(),
            platform=platform,
            size=1,
        )


def published(engine: FakeEngine, **lock: Any) -> Published:
    record = made()
    return Published(
        record=records.sealed({**record, "environment_digest": record["image"]["config_digest"]}),
        lock=replace(inputs()["lock"], **{"platform": engine.platform(), **lock}),
        kept=Kept(dockerfile=None, plan=None),
        references=(REFERENCE,),
    )


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pulling:
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    return Pulling({})


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (InputUnavailable("speaks HTTP", next="trust it"), "speaks HTTP\n  trust it"),
        (f"sha256:{'9' * 64}", f"pulled sha256:{'9' * 64} instead of sha256:"),
    ],
)
def test_why_a_registry_does_not_give_it_is_told(
    engine: Pulling, given: str | InputUnavailable, says: str
) -> None:
    engine.given = given
    told = Told()
    source = published(engine)
    powers, watch = powers_for(engine, told), Stopwatch(told)
    assert environment.exact(source, powers, watch) is None
    assert len(told.warnings) == 1 and says in told.warnings[0]
    with pytest.raises(InputUnavailable) as caught:
        environment.from_registry(source, powers, watch)
    assert says in str(caught.value)


def test_the_very_image_is_taken(engine: Pulling) -> None:
    source, told = published(engine), Told()
    assert source.environment is not None
    engine.given = source.environment
    powers, watch = powers_for(engine, told), Stopwatch(told)
    for find in (environment.exact, environment.from_registry):
        found = find(source, powers, watch)
        assert found is not None and found[1] == f"pulled as {REFERENCE}"
        assert found[0].config_digest == source.environment
    assert told.warnings == []


def test_another_platform_is_told(engine: Pulling) -> None:
    source, told = published(engine, platform="plan9/mips"), Told()
    powers, watch = powers_for(engine, told), Stopwatch(told)
    assert environment.exact(source, powers, watch) is None
    with pytest.raises(InputUnavailable, match="is an image for plan9/mips"):
        environment.from_registry(source, powers, watch)
