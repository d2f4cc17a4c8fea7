"""What results look like; names and contents are hostile."""

from __future__ import annotations

import ast
import importlib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reprokit.engines import doctor
from reprokit.history import difference as differences
from reprokit.history import listing
from reprokit.history.run_folder import RunFolder
from reprokit.model import JSON
from reprokit.notebook import card, changes, display, elements, judged, previews, shown
from reprokit.pipeline.running import RunResult
from reprokit.pipeline.verifying import Verification
from reprokit.tolerance import Tolerance
from reprokit.verdict import Comparison, Grade, Verdict
from tests.notebook import kernels, records

FIRST, SECOND = "20260102-030405-abcd", "20260103-030405-abcd"

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 50
HOSTILE = "</td><script>alert('x')</script>&<img src=x onerror=alert(1)>"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    kernels.at_home(tmp_path, monkeypatch)
    folder = tmp_path / "a project"
    folder.mkdir()
    return folder.resolve()


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
    assert set(display.RESULTS) == set(shown.DISPLAYS)
    for module, name in display.RESULTS:
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
    assert '<th scope="col">name</th><th scope="col" class="number">score</th>' in html
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


def test_a_former_run_says_what_was_warned_of(tmp_path: Path) -> None:
    made = records.record("20260102-030405-abcd", [])
    notes: list[JSON] = [{"level": "information", "text": "not this", "reason": None}]
    for number in range(7):
        notes.append({"level": "warning", "text": f"{HOSTILE} {number}", "reason": None})
    made["notes"] = notes
    folder = RunFolder(project=tmp_path, id="20260102-030405-abcd")
    html = card.shown(listing.Shown(record=made, folder=folder))
    assert "onerror=alert(1)&gt; 4" in html and "and 2 warnings more" in html
    assert "&gt; 5" not in html and "not this" not in html and "<script" not in html


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
    assert results - {"Result"} == {name for _, name in display.RESULTS}


def test_a_card_can_be_read_aloud_and_needs_neither_scripts_nor_colours(tmp_path: Path) -> None:
    content = run_html(tmp_path, {"plot.png": PNG, "scores.csv": b"name,score\na,1.5\n"})
    html = elements.frame(content, "good", "reprokit run")
    tags = Tags(html)
    assert not {tag for tag, _ in tags.found} & {"script", "link", "iframe", "button", "input"}
    assert all(attributes.get("alt") for tag, attributes in tags.found if tag == "img")
    assert all(attributes.get("scope") for tag, attributes in tags.found if tag == "th")
    assert [a["aria-label"] for tag, a in tags.found if tag == "section"] == ["reprokit run"]
    assert "succeeded" in tags.text and "✓" in tags.text  # said in a word and a sign
    assert "http" not in html and "@import" not in html


def test_styles_touch_nothing_outside_of_a_display() -> None:
    rules = elements.style().removeprefix("<style>").removesuffix("</style>").split("}")
    for rule in rules[:-1]:
        selectors = rule.split("{")[0].split(",")
        assert all(selector.strip().startswith(".reprokit.rk") for selector in selectors), rule


def test_a_card_says_what_changed_and_what_to_cite(tmp_path: Path, project: Path) -> None:
    records.finished_run(project, FIRST, {"t.csv": b"x\n1\n", "plot.png": PNG})
    folder = records.finished_run(project, SECOND, {"t.csv": b"x\n2\n", "plot.png": PNG})
    found = listing.show(SECOND, project=project)
    html = card.shown(found)
    text = Tags(html).text
    assert f"since {FIRST}" in text and "other results" in text
    assert "1 identical, 1 different" in text
    assert "To cite" in text and str(found.record["digest"]) in text
    assert str(found.record["environment_digest"]) in card.citation(found.record)
    result = RunResult(
        record=dict(found.record), folder=folder.path, results=folder.results, failure=None
    )
    bundle = shown.bundle(("reprokit.pipeline.running", "RunResult"), result, "reprokit run <x>")
    assert f"since {FIRST}: not the same" in bundle["text/plain"]
    assert "cite as       Computed on 2026-01-02" in bundle["text/plain"]
    assert 'in a shell: <code class="copy">reprokit run &lt;x&gt;</code>' in bundle["text/html"]


def test_a_failed_run_shows_the_end_of_its_log_without_its_colours(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("\x1b[31mline\x1b[0m <b>bold</b>\n" * 50)
    failed = records.record("20260102-030405-abcd", [], status="failed")
    html = card.card(failed, tmp_path, None)
    assert html.count("bold&lt;/b") == card.LOG_LINES
    assert "&lt;b&gt;bold&lt;/b&gt;" in html and "x1b" not in html
    assert "To cite" not in html


def test_a_difference_shows_both_versions_side_by_side(project: Path) -> None:
    records.finished_run(project, FIRST, {"t.csv": b"x,y\n1,2\n", "plot.png": PNG})
    records.finished_run(project, SECOND, {"t.csv": b"x,y\n1,3\n", "plot.png": PNG + b"\1"})
    html = changes.difference(differences.diff(FIRST, SECOND, project=project))
    tags = Tags(html)
    assert [a["alt"] for tag, a in tags.found if tag == "img"] == [
        "figure plot.png, before",
        "figure plot.png, after",
    ]
    assert '<td class="number">2</td>' in html and '<td class="number">3</td>' in html
    assert "column y: 1 of 1 cells, by at most 1" in tags.text
    assert "2 of 2 results differ" in tags.text


def test_a_figure_that_is_text_is_shown_and_not_listed_line_by_line(project: Path) -> None:
    for run, colour in ((FIRST, "red"), (SECOND, "blue")):
        records.finished_run(project, run, {"a.svg": f"<svg><g fill='{colour}'/></svg>".encode()})
    html = changes.difference(differences.diff(FIRST, SECOND, project=project))
    tags = Tags(html)
    assert [tag for tag, _ in tags.found].count("img") == 2
    assert "fill=" not in tags.text and "@@" not in tags.text


def test_the_doctor_says_in_words_what_is_missing_and_what_to_do() -> None:
    report = doctor.Report(
        checks=(
            doctor.Check(name="disk", level="good", text="10 GiB free"),
            doctor.Check(name="engine", level="bad", text=HOSTILE, next="start it", fixable=True),
        ),
        engine=None,
    )
    bundle = shown.bundle(("reprokit.engines.doctor", "Report"), report, None)
    tags = Tags(bundle["text/html"])
    assert "ok" in tags.text and "missing" in tags.text and "start it" in tags.text
    assert "%repro doctor --fix" in tags.text
    assert not {tag for tag, _ in tags.found} & {"script", "img"}


def test_a_verdict_lists_the_worst_first() -> None:
    files = tuple(
        Comparison(path=f"{grade.value} <b>", comparator="text", grade=grade, summary=HOSTILE)
        for grade in Grade
    )
    html = judged.verdict(Verdict(files=files, tolerance=Tolerance(relative=0.0, absolute=0.0)))
    tags = Tags(html)
    assert tags.text.index("missing <b>") < tags.text.index("within tolerance <b>")
    assert "identical <b>" not in tags.text and "1 identical" in tags.text
    assert not {tag for tag, _ in tags.found} & {"script", "img", "b"}


def test_a_verification_says_what_is_no_longer_as_recorded() -> None:
    result = Verification(
        run=FIRST, recorded=records.DIGEST, changed=("a <b>.csv",), image="gone", rebuilt="sha256:x"
    )
    tags = Tags(judged.verification(result))
    for said in ("not as recorded", "gone", "1 changed since", "a <b>.csv", "another digest"):
        assert said in tags.text
    assert "b" not in {tag for tag, _ in tags.found}
