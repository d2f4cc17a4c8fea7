"""The page: whole without a network, and whatever strangers wrote is text in it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from reprokit.model import JSON
from reprokit.notebook import shown
from reprokit.studying import charts, page
from reprokit.studying.charts import Bar, Stack
from reprokit.studying.state import StudyFolder
from reprokit.studying.study import StudyResult
from tests.studying.rows import failed, made

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e"
ALLOWED = frozenset(
    {
        "html", "head", "meta", "title", "style", "body", "header", "main", "footer", "h1", "h2",
        "p", "ul", "li", "strong", "span", "code", "pre", "div", "a", "table", "caption", "thead",
        "tbody", "tr", "th", "td", "details", "summary", "svg", "rect", "text",
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
        assert self.open == [] and self.tags <= ALLOWED, self.tags - ALLOWED
        assert not [name for name, _ in self.attributes if name.startswith("on")]
        assert not [name for name, _ in self.attributes if name in ("src", "style", "xlink:href")]
        assert "\u202e" not in text and "\x1b" not in text

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attributes]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def hostile() -> list[dict[str, JSON]]:
    cause: JSON = {"name": EVIL, "text": EVIL, "next": EVIL, "evidence": [EVIL, "\x1b[2J"]}
    return [
        made(EVIL, languages=[EVIL], ecosystems=[EVIL], group=EVIL, phases={EVIL: 3.0}),
        {**failed(EVIL + "2", "x", EVIL), "cause": cause},
    ]


def test_everything_from_strangers_is_text() -> None:
    seen = Page(page.page(EVIL, hostile(), 3, {EVIL: "reports/a b&\"'.html"}))
    assert "<script>alert(1)</script>" in seen.text
    assert [value for name, value in seen.attributes if name == "href"] == [
        "reports/a%20b%26%22%27.html"
    ]


def test_what_the_page_says() -> None:
    rows = [
        made("one"),
        made("two", same=False, grade="different", year=2020),
        failed("three", "missing-module", group="older"),
        failed("four", "not-found", "find"),
    ]
    notebooks: Any = {"found": 2, "ran": 4, "executed": 3, "compared": 2, "same": 1}
    rows[0]["notebooks"] = notebooks
    said = Page(page.page("Ten years", rows, 5)).text
    for words in (
        "Ten years",
        "4 sources rerun",
        "1 source not yet",
        "50 % of those that ran and had something to compare with gave the same results",
        "3 (75 %)",  # executed every cell
        "missing-module",
        "By group",
        "2020",
        "mend it",
        "Half of the sources took less than 20.0 s",
    ):
        assert words in said, words


def test_a_page_of_nothing_and_one_of_many_open() -> None:
    Page(page.page("Nothing", [], 2))
    many = [failed(f"source {n}", f"cause-{n % 40}", year=1990 + n % 40) for n in range(6000)]
    text = page.page("Many", many, 6000)
    assert len(text) < 4_000_000 and "and 1,000 more" not in text
    seen = Page(text)
    assert "and 1,000 sources more" in seen.text and "and 20 causes more" in seen.text


def numbers(drawing: str, tag: str, name: str) -> list[float]:
    found = re.findall(rf"<{tag}[^>]* {name}=\"([\d.]+)\"", drawing)
    return [float(value) for value in found]


def test_bars_are_as_long_as_their_numbers_and_stay_inside() -> None:
    drawn = charts.bars("x", [Bar(label="a" * 99, value=4, note="4"),
                              Bar(label="b", value=1, note="1"),
                              Bar(label="c", value=0, note="0")], 4)  # fmt: skip
    whole, part, nothing = numbers(drawn, "rect", "width")
    assert whole == pytest.approx(4 * part) and nothing == 0
    assert charts.LABEL + whole <= charts.WIDTH and "a" * 40 not in drawn
    assert numbers(charts.bars("x", [Bar(label="a", value=0, note="")], 0), "rect", "width") == [0]


def test_stacks_follow_each_other_and_have_a_legend() -> None:
    tones = {"same": "good", "failed": "bad", "unseen": "gone"}
    drawn = charts.stacks(
        "x", [Stack(label="r", parts={"same": 3, "failed": 1}), Stack(label="j", parts={})], tones
    )
    drawing = drawn[drawn.index('<svg class="chart"') :]
    first, second = zip(
        numbers(drawing, "rect", "x"), numbers(drawing, "rect", "width"), strict=True
    )
    assert second[0] == pytest.approx(first[0] + first[1])
    assert first[1] == pytest.approx(3 * second[1])
    assert "unseen" not in drawn and "<title>r: 1 failed</title>" in drawn


def test_what_a_terminal_is_told(tmp_path: Path) -> None:
    rows = (made("one"), failed("two", "missing-module"), made("\x1b[2J", same=False))
    found = StudyResult(name="A\x1b[2J", folder=StudyFolder(root=tmp_path), rows=rows, listed=4)
    said = found.text()
    assert "\x1b" not in said and "3 of 4 sources rerun" in said
    assert re.search(r"^  ran +2 +67 %$", said, re.MULTILINE)
    assert "50 % of those with results to compare with are the same" in said
    assert re.search(r"^python +3 .*2 \(67 %\)", said, re.MULTILINE)
    assert re.search(r"^missing-module +run +1$", said, re.MULTILINE)


def test_what_a_notebook_is_shown(tmp_path: Path) -> None:
    rows = (*hostile(), failed("three", "missing-module"))
    found = StudyResult(name=EVIL, folder=StudyFolder(root=tmp_path), rows=rows, listed=4)
    html = shown.bundle(("reprokit.studying.study", "StudyResult"), found, None)["text/html"]
    assert "<script" not in html and "onerror=alert(2)&gt;" in html and "\u202e" not in html
    assert "not done" in html and "3 of 4 sources rerun" in html
    assert "missing-module" in html and str(tmp_path / "index.html") in html
