"""The page: everything from strangers is text or a picture, never part of the page's own code."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reprokit.errors import BuildFailed
from reprokit.files import sha256
from reprokit.model import JSON
from reprokit.phases.compare import Expected
from reprokit.rerunning import report
from reprokit.rerunning.environment import Environment
from reprokit.rerunning.evidence import evidence
from reprokit.rerunning.expected import Expectation
from reprokit.rerunning.origin import Origin, Source
from reprokit.rerunning.result import RerunResult
from reprokit.tolerance import DEFAULT_TOLERANCE
from reprokit.verdict import Attachment, Comparison, Grade, Verdict
from tests.phases.test_record import made

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(3)"><script>alert(4)</script></svg>'
ALLOWED = frozenset(
    {
        "html", "head", "meta", "title", "style", "body", "header", "main", "section", "footer",
        "h1", "h2", "h3", "p", "ul", "li", "dl", "dt", "dd", "strong", "span", "code", "pre", "div",
        "h4", "table", "caption", "thead", "tbody", "tr", "th", "td", "figure", "img", "figcaption",
    }
)  # fmt: skip


class Page(HTMLParser):
    """What a browser would see of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attributes]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def page(found: RerunResult) -> Page:
    text = report.page(found)
    seen = Page(text)
    assert seen.open == [] and seen.tags <= ALLOWED, seen.tags - ALLOWED
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    for name, value in seen.attributes:
        assert name != "href"
        if name == "src":
            assert re.match(
                r"data:image/(?:png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=]+$", value
            )
    assert "\u202e" not in text and "\x1b" not in text
    return seen


def result(tmp_path: Path, name: str = EVIL, details: dict[str, JSON] | None = None) -> RerunResult:
    """A rerun whose every text is hostile."""
    folder, published = tmp_path / "run", tmp_path / "published"
    for place in (folder / "results", published):
        place.mkdir(parents=True)
        (place / "figure.svg").write_bytes(SVG)
    (folder / "log.txt").write_text(f"begin\n{EVIL}\n\x1b[2Jend\n")
    figure = published / "figure.svg"
    attached = Attachment(name=EVIL, media_type="image/png", content=b"\x89PNG")
    odd = Attachment(name="x.html", media_type="text/html", content=b"<script>")
    values: dict[str, JSON] = details or {
        EVIL: EVIL,
        "differences": [{"at": EVIL, "expected": 1.0, "actual": EVIL}],
        "rules": [{"rule": EVIL, "times": 2}],
        "diff": [f"-{EVIL}", "+b"],
        "deep": {EVIL: {"a": [{EVIL: [EVIL]}]}},
        "parts": [{"path": EVIL, "grade": EVIL, "summary": EVIL, "details": {EVIL: [EVIL]}}, {}],
    }
    grades = [
        Comparison(path="figure.svg", comparator="SVG", grade=Grade.SIMILAR, summary=EVIL,
                   details=values, attachments=(attached, odd)),
        Comparison(path=name, comparator="none", grade=Grade.MISSING, summary="was not written"),
    ]  # fmt: skip
    return RerunResult(
        origin=Origin(source=Source(kind="archive", name=name, identifier=EVIL), root=tmp_path),
        run="20261124-000000-aaaa",
        folder=folder,
        phase="run",
        record=made(steps=()),
        environment=Environment(
            rung="other packages", how=EVIL, digest=EVIL, expected="x",
            packages=((EVIL, EVIL, EVIL, None),), platforms=(EVIL, EVIL),
        ),
        expectation=Expectation(
            basis="record",
            files=(Expected(path="figure.svg", sha256=sha256(figure), content=figure),),
            notes=(EVIL,),
        ),
        verdict=Verdict(files=tuple(grades), tolerance=DEFAULT_TOLERANCE, ignored=("x",)),
        failure=BuildFailed(EVIL, where=EVIL),
        allowed=(EVIL,),
        notes=(EVIL,),
    )  # fmt: skip


def test_nothing_hostile_becomes_part_of_the_page(tmp_path: Path) -> None:
    seen = page(result(tmp_path))
    said = " ".join(seen.words)
    assert "<script>alert(1)</script>" in said  # as text
    pictures = [value for name, value in seen.attributes if name == "src"]
    assert len(pictures) == 3 and sum("svg" in value for value in pictures) == 2
    assert "text/html" not in report.page(result(tmp_path / "again"))


def test_a_reader_without_eyes_finds_everything(tmp_path: Path) -> None:
    found = report.page(result(tmp_path))
    assert '<html lang="en">' in found and "<main>" in found and found.count("<h1>") == 1
    assert found.count("<table>") == found.count("<caption>") > 2
    assert found.count("<img ") == found.count('<img alt="')
    assert 'scope="col"' in found and 'scope="row"' in found
    assert "prefers-color-scheme: dark" in found
    assert "default-src 'none'" in found


def test_the_page_stays_of_a_size_that_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many: dict[str, JSON] = {
        "differences": [{f"c{n}": "x" * 5000 for n in range(50)} for _ in range(3000)],
        "diff": ["y" * 5000] * 3000,
        "words": ["z" * 5000] * 3000,
    }
    base = result(tmp_path, details=many)
    assert base.verdict is not None
    files = tuple(
        Comparison(path=f"{n}.csv", comparator="table", grade=Grade.DIFFERENT, summary="s" * 9000,
                   details=many)
        for n in range(5000)
    )  # fmt: skip
    (base.folder / "log.txt").write_text("l" * 3_000_000)
    whole = report.page(replace(base, verdict=replace(base.verdict, files=files)))
    assert len(whole) < 6_000_000
    assert "and 4,960 files more" in whole


def test_a_large_picture_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "PICTURE", 10)
    assert page(result(tmp_path)).tags & {"img"} == {"img"}  # the small difference alone
    monkeypatch.setattr(report, "PICTURES", 1)
    assert not page(result(tmp_path / "again")).tags & {"img"}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("failed", "The project's program failed"),
        ("out-of-memory", "The project's program ran out of memory"),
        ("timed-out", "The run took too long and was stopped"),
    ],
)
def test_how_a_run_failed_is_the_headline(tmp_path: Path, status: str, said: str) -> None:
    record = {**made(steps=()), "status": status}
    found = replace(result(tmp_path), record=record, verdict=None)
    assert report.headline(found) == said
    assert said in " ".join(page(found).words)


def test_a_rerun_that_came_to_nothing_has_a_page(tmp_path: Path) -> None:
    found = RerunResult(
        origin=Origin(source=Source(kind="folder", name="x", identifier=None), root=tmp_path),
        run="20261124-000000-aaaa",
        folder=tmp_path,
        phase="build",
        failure=BuildFailed("no compiler"),
    )
    said = " ".join(page(found).words)
    assert "It did not run: build failed" in said and "no compiler" in said


def test_parts_of_a_file_stand_under_their_own_names(tmp_path: Path) -> None:
    part: dict[str, JSON] = {
        "path": "cell 2",
        "grade": "similar",
        "comparator": "picture",
        "summary": "1 of 400 pixels differs",
        "details": {"pictures": [{"pixels": 400, "sizes": None, "box": [1, 1, 2, 2]}]},
        "attachments": [{"name": "difference.png", "size": 108}],
    }
    shown = evidence({"outputs": 3, "parts": [part]})
    assert "<h4>cell 2: similar</h4><p>1 of 400 pixels differs</p>" in shown
    assert not [word for word in ("comparator", "difference.png", "box", "sizes") if word in shown]


def test_numbers_that_differ_late_are_shown_with_all_digits() -> None:
    near: dict[str, JSON] = {"at": "row 1", "expected": 0.12345678901, "actual": 0.12345678902}
    far: dict[str, JSON] = {"at": "row 2", "expected": 1.4142135623730951, "actual": 2.5}
    shown = evidence({"differences": [near, far]})
    assert "0.12345678901" in shown and "0.12345678902" in shown
    assert "1.4142136" in shown and "1.4142135623730951" not in shown


def test_what_the_sentence_says_is_not_said_again() -> None:
    gone: list[JSON] = [f"without the column '{name}'" for name in "abcd"]
    assert "column" not in evidence({"structure": gone[:3]})
    assert "column &#x27;d&#x27;" in evidence({"structure": gone})


def test_details_of_any_depth_end(tmp_path: Path) -> None:
    deep: JSON = "x"
    for _ in range(500):
        deep = {"a": [{"b": deep}]}
    assert len(evidence({"deep": deep})) < 10_000
