"""What results look like; names and contents are hostile."""

from __future__ import annotations

import ast
import importlib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reprokit.notebook import card, display, elements, previews
from reprokit.pipeline.running import RunResult
from tests.notebook import records

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 50
HOSTILE = "</td><script>alert('x')</script>&<img src=x onerror=alert(1)>"


class Tags(HTMLParser):
    """All tags with their attributes, and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def run_html(folder: Path, contents: dict[str, bytes]) -> str:
    written = [records.result_file(folder / "results", n, c) for n, c in contents.items()]
    result = RunResult(
        record=records.record("20260102-030405-abcd", written),
        folder=folder,
        results=folder / "elsewhere",
        failure=None,
    )
    return card.run(result)


def test_every_display_belongs_to_a_class_that_exists() -> None:
    for module, name in display.DISPLAYS:
        assert hasattr(importlib.import_module(module), "__name__"), module
        assert isinstance(getattr(importlib.import_module(module), name), type)


def test_figures_tables_and_texts_are_shown_and_the_rest_is_listed(tmp_path: Path) -> None:
    html = run_html(
        tmp_path,
        {
            "plot.png": PNG,
            "plot.svg": b"<svg onload='alert(1)'/>",
            "scores.csv": b'name,score\n"a, b",1.5\n',
            "model.bin": b"\0\1",
            "notes.txt": b"first\nsecond\n",
        },
    )
    tags = Tags(html)
    images = [attributes for tag, attributes in tags.found if tag == "img"]
    assert [str(image["src"]).split(",")[0] for image in images] == [
        "data:image/png;base64",
        "data:image/svg+xml;base64",
    ]
    assert '<th scope="col">name</th><th scope="col">score</th>' in html
    assert '<td>a, b</td><td class="number">1.5</td>' in html
    assert "first\nsecond" in html
    assert "<li><code>model.bin</code>" in html
    assert "succeeded" in tags.text and "5 results" in tags.text
    for digest in ("sha256:" + "c" * 64, "sha256:" + "e" * 64):
        assert digest in tags.text
    assert "%repro cite 20260102-030405-abcd" in tags.text


def test_hostile_names_and_contents_stay_text(tmp_path: Path) -> None:
    hostile = HOSTILE.encode()
    html = run_html(
        tmp_path,
        {
            "<script>x.csv": b"a," + hostile + b"\n" + hostile + b",2\n",
            "'onload=alert(1) x.png": PNG,
            "b.txt": hostile,
            "c.json": hostile,
            "d\u202e\n.bin": b"",
        },
    )
    allowed = {
        "p", "span", "strong", "h3", "h4", "code", "small", "div", "table", "thead", "tbody", "tr",
        "th", "td", "pre", "img", "ul", "li", "details", "summary", "dl", "dt", "dd",
    }  # fmt: skip
    tags = Tags(html)
    assert {tag for tag, _ in tags.found} == allowed
    assert {name for _, attributes in tags.found for name in attributes} <= {
        "style", "title", "alt", "src", "class", "scope", "tabindex", "aria-hidden",
    }  # fmt: skip
    assert "\u202e" not in html


def test_other_results_are_text_whatever_they_hold(tmp_path: Path) -> None:
    records_of = [records.record("20260102-030405-abcd", [])]
    records_of[0]["command"] = [{"argv": [HOSTILE], "folder": "."}]
    assert "<script" not in card.card(records_of[0], tmp_path, None)
    assert "<script" not in elements.table(["a"], [[HOSTILE], [[HOSTILE]], [None]])


def test_a_failed_run_says_so_in_words(tmp_path: Path) -> None:
    failed = records.record("20260102-030405-abcd", [], status="failed")
    assert "failed (exit code 1)" in card.card(failed, tmp_path, None)


def test_a_link_in_the_results_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("password")
    results = tmp_path / "run" / "results"
    results.mkdir(parents=True)
    (results / "link.txt").symlink_to(secret)
    listed = [{"path": name, "size": 8, "sha256": records.DIGEST, "origin": "results"}
              for name in ("link.txt", "../../secret.txt")]  # fmt: skip
    made = records.record("20260102-030405-abcd", [dict(file) for file in listed])
    html = card.card(made, tmp_path / "run", None)
    assert "password" not in html
    assert html.count("<li>") == 2


def test_large_results_do_not_make_a_large_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = b"".join(b"%d,%s\n" % (i, b"x" * 200) for i in range(10_000))
    contents = {f"t{i:03}.csv": rows for i in range(150)}
    contents["wide.tsv"] = b"\t".join(b"c" for _ in range(5000)) + b"\n"
    contents["long.txt"] = b"y" * 5_000_000
    assert len(run_html(tmp_path, contents)) < 60_000
    monkeypatch.setattr(previews, "FIGURE_BYTES", 10)
    assert "<img" not in run_html(tmp_path / "b", {"plot.png": PNG})


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("empty.csv", b"", "(empty)"),
        ("latin.csv", "größe,1\n".encode("latin-1"), "gr\ufffd\ufffde"),
        ("mark.csv", "\ufeffname,b\n".encode(), '<th scope="col">name</th>'),
        ("quote.csv", b'a,"b\nc,d\n', '<th scope="col">a</th>'),
        ("long.csv", b"x," + b"y" * 200_000 + b"\n", "y"),
    ],
)
def test_odd_tables_are_shown_all_the_same(
    tmp_path: Path, name: str, content: bytes, part: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    shown = previews.preview(path)
    assert shown is not None and part in shown


def test_what_only_claims_to_be_text_is_not_shown(tmp_path: Path) -> None:
    for name in ("a.csv", "b.txt", "c.unknown"):
        (tmp_path / name).write_bytes(b"PK\0\0")
        assert previews.preview(tmp_path / name) is None


def test_every_result_with_a_text_and_a_document_has_a_display() -> None:
    package = Path(display.__file__).parents[1]
    results = {
        part.name
        for file in package.rglob("*.py")
        for part in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(part, ast.ClassDef)
        and {"text", "json"} <= {f.name for f in part.body if isinstance(f, ast.FunctionDef)}
    }
    assert results - {"Result"} == {name for _, name in display.DISPLAYS}
