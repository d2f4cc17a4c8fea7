"""A run in every notation: complete, escaped, and never naming what cannot be had."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

import reprokit
from reprokit import arguments
from reprokit.citing import latex
from reprokit.citing.cite import FORMATS, Citation
from reprokit.errors import BadRequest, ResultsDiffer
from reprokit.history import run_folder
from reprokit.history.reading import mapping
from reprokit.model import Outcome, Step
from reprokit.phases import record as records
from reprokit.publishing import pushed
from reprokit.schemas import schema
from tests.citing.test_metadata import CITATION
from tests.history.made import digest
from tests.phases.test_record import inputs
from tests.publishing import made


def cite(run: str, format: str = "text", *value: str) -> Citation:
    return reprokit.cite(run, format=format, value=value)


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_every_format_names_the_run_and_follows_the_schema(project: Path, format: str) -> None:
    made.commit(project)
    folder, record = made.run(project)
    found = cite(folder.id, format)
    Draft202012Validator(schema("cite-1")).validate(found.json())
    named = record["environment_digest"] if format != "codecheck" else folder.id
    assert str(named) in found.content
    assert "localhost/" not in found.content


def test_a_notebook_is_cited_by_its_name_and_parameters(project: Path) -> None:
    argv = ("repro-notebook", "a.ipynb", "--parameters", '{"n":5,"who":"x"}')
    given = {"n": 5, "who": "x"}
    steps = (Step(argv=argv, folder="sub"), Step(argv=("repro-notebook", "b.ipynb")))
    folder, _ = made.run(project, steps=steps, parameters=given)
    named = 'by the notebooks sub/a.ipynb, b.ipynb with n = 5, who = "x" in a container'
    assert named in cite(folder.id).content
    folder, _ = made.run(project, steps=(*steps, Step(argv=("make",))), after=timedelta(hours=1))
    assert "by cd sub && repro-notebook a.ipynb" in cite(folder.id).content


def test_a_citation_is_written_to_a_file(project: Path, tmp_path: Path) -> None:
    folder, _ = made.run(project)
    found = reprokit.cite(folder.id, format="latex", output=tmp_path / "run.tex")
    assert (tmp_path / "run.tex").read_text() == found.content + "\n"
    assert "run.tex is written" in found.text()


def test_the_formats_are_those_of_the_command_line() -> None:
    for format in FORMATS:
        parsed = arguments.build_parser().parse_args(["cite", "--format", format])
        assert (parsed.run, parsed.format) == ("last", format)


def test_the_source_has_the_id_that_git_gives_it(project: Path) -> None:
    made.git(project, "init", "-q")
    (project / ".gitignore").write_text(".env\n")
    commit = made.commit(project)
    folder, _ = made.run(project)
    found = cite(folder.id).facts
    assert found.source == f"swh:1:dir:{made.git(project, 'write-tree')}"
    assert found.revision == f"swh:1:rev:{commit}"


def test_changed_code_has_an_id_and_no_revision(project: Path) -> None:
    made.commit(project)
    (project / "main.py").write_text("print(2)\n")
    folder, _ = made.run(project)
    found = cite(folder.id)
    assert found.facts.source is not None and found.facts.revision is None
    assert "with uncommitted changes" in found.content
    assert "commit" not in yaml.safe_load(cite(folder.id, "cff").content)


def test_an_earlier_commit_is_still_cited(project: Path) -> None:
    made.git(project, "init", "-q")
    (project / ".gitignore").write_text(".env\n")
    made.commit(project)
    folder, _ = made.run(project)
    tree = made.git(project, "write-tree")
    (project / "main.py").write_text("print(2)\n")
    made.commit(project)
    assert cite(folder.id).facts.source == f"swh:1:dir:{tree}"


def test_lost_code_is_told(project: Path) -> None:
    folder, _ = made.run(project)
    (project / "main.py").write_text("print(2)\n")
    found = cite(folder.id).facts
    assert found.source is None and "SWHID" in found.missing()[-1]


def test_only_a_push_makes_an_image_that_can_be_pulled(project: Path) -> None:
    folder, record = made.run(project)
    image = {**mapping(record, "image"), "registry_digest": digest("b")}
    run_folder.write_record(folder, records.sealed({**record, "image": image}))
    for format in FORMATS:
        assert digest("b") not in cite(folder.id, format).content
        assert "pulled" not in cite(folder.id, format).content
    push = pushed.Pushed(repository="registry.example.org/me/wheat", digest=digest("d"))
    pushed.add(folder, push)
    pushed.add(folder, push)
    assert pushed.read(folder) == (push,)
    for format in ("text", "markdown", "latex", "bibtex", "cff"):
        assert push.reference in cite(folder.id, format).content
    (folder.path / pushed.NAME).write_text('{"pushed": [{"repository": "$(x)", "digest": ""}]}')
    with pytest.raises(BadRequest, match="damaged"):
        cite(folder.id)


def test_values_come_from_the_results(project: Path) -> None:
    (project / "repro.toml").write_text('[cite.values]\nrmse = "results/metrics.json:model.rmse"\n')
    folder, _ = made.run(project)
    found = cite(
        folder.id,
        "latex",
        "winter=results/table.csv:season=winter:mean",
        "second=table.csv:2:mean",
        "answer=answer.txt",
        "fold=metrics.json:model.folds.1",
    )
    assert dict(found.facts.values) == {
        "rmse": "0.10",
        "winter": "1.50",
        "second": "18.2",
        "answer": "forty-two",
        "fold": "2.50",
    }
    assert r"\newcommand{\ReproValueRmse}{0.10}" in found.content
    said = cite(folder.id, "text", "answer=answer.txt").content
    assert said.endswith(" Of its results, answer is forty-two and rmse is 0.10.")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("x=other.json:a", "names no result"),
        ("x=metrics.json:model.mae", "there is no 'mae'"),
        ("x=metrics.json:model", "no single number"),
        ("x=table.csv:mean", "2 rows fit"),
        ("x=table.csv:9:mean", "0 rows fit"),
        ("x=table.csv:season=winter:median", "no column"),
        ("x=answer.txt:1", "places"),
        ("x", "not of the form"),
        ("1=answer.txt", "not of the form"),
    ],
)
def test_a_value_that_cannot_be_had_is_refused(project: Path, value: str, why: str) -> None:
    folder, _ = made.run(project)
    with pytest.raises(BadRequest, match=why):
        cite(folder.id, "text", value)


def test_a_changed_result_gives_no_value(project: Path) -> None:
    folder, _ = made.run(project)
    (folder.results / "answer.txt").write_text("forty-three\n")
    with pytest.raises(ResultsDiffer):
        cite(folder.id, "latex", "x=answer.txt")


def test_a_failed_run_is_not_cited(project: Path) -> None:
    failed: Outcome = replace(inputs()["outcome"], status="failed", exit_code=1)
    folder, _ = made.run(project)
    entry, _ = made.finished_with(project, failed, timedelta(seconds=5))
    assert entry.id != folder.id
    with pytest.raises(ResultsDiffer, match="failed"):
        cite(entry.id)


def test_latex_is_escaped() -> None:
    assert latex.escaped("50 % of $x_1 & #2 ~ ^ {a} \\b") == (
        r"50 \% of \$x\_1 \& \#2 \textasciitilde{} \textasciicircum{} \{a\} \textbackslash{}b"
    )
    assert latex.escaped("a --seed 1 --- <b>|") == (
        r"a -{}-seed 1 -{}-{}- \textless{}b\textgreater{}\textbar{}"
    )
    assert latex.escaped("one\nline") == "one line"


def test_latex_commands_have_letters_only(project: Path) -> None:
    folder, _ = made.run(project)
    content = cite(folder.id, "latex", "r-2_total=answer.txt").content
    assert r"\newcommand{\ReproValueRTwoTotal}{forty-two}" in content
    for line in content.splitlines()[1:]:
        assert re.fullmatch(r"\\newcommand\{\\[A-Za-z]+\}\{.*\}", line)
    with pytest.raises(BadRequest, match="would both be"):
        cite(folder.id, "latex", "a-b=answer.txt", "a_b=table.csv:1:mean")


def test_the_projects_own_citation_is_kept(project: Path) -> None:
    own = "keywords: [wheat]\nidentifiers:\n  - {type: url, value: 'https://example.org'}\n"
    (project / "CITATION.cff").write_text(CITATION + own)
    made.commit(project)
    folder, record = made.run(project)
    document = yaml.safe_load(cite(folder.id, "cff").content)
    before = yaml.safe_load(CITATION)
    for key in ("message", "title", "authors", "license", "doi"):
        assert document[key] == before[key]
    assert document["keywords"] == ["wheat"]
    kinds = [(entry["type"], entry["value"]) for entry in document["identifiers"]]
    assert kinds[0] == ("url", "https://example.org")
    assert ("other", record["environment_digest"]) in kinds
    assert [kind for kind, _ in kinds[2:]] == ["swh", "swh"]
    entry = cite(folder.id, "bibtex").content
    assert "author = {van Beethoven, Ludwig and {The wheat group}}" in entry
    assert entry.startswith("@softwareversion{wheat-2026") and "swhid = {swh:1:" in entry


def test_hostile_names_stay_text(project: Path) -> None:
    (project / "CITATION.cff").write_text(
        'cff-version: 1.2.0\nmessage: m\ntitle: "a} \\\\input{/etc/passwd} | `x` \\e[31m <b>"\n'
        'authors: [{name: "N} % {"}]\n'
    )
    folder, _ = made.run(project)
    assert r"{a\} \textbackslash{}input\{/etc/passwd\}" in cite(folder.id, "latex").content
    assert r"\textbackslash{}input\{" in cite(folder.id, "bibtex").content
    assert "\x1b" not in cite(folder.id).content
    assert r"\<b\>" in cite(folder.id, "markdown").content
    badge = ElementTree.fromstring(cite(folder.id, "badge").content)
    assert "<b>" in "".join(badge.itertext())


def test_codecheck_has_the_authors_part_only(project: Path) -> None:
    preferred = (
        "preferred-citation:\n  type: article\n  title: The paper\n  doi: 10.1000/1\n"
        "  authors:\n    - {given-names: Jane, family-names: Doe, "
        "orcid: 'https://orcid.org/0000-0002-1825-0097'}\n"
    )
    folder, _ = made.run(project)
    text = cite(folder.id, "codecheck").content
    assert text.startswith("---\n# to be written by the authors: paper.reference")
    (project / "CITATION.cff").write_text(CITATION + preferred)
    text = cite(folder.id, "codecheck").content
    assert text.startswith("---\nversion: https://codecheck.org.uk/spec/config/2.0/\n")
    document = yaml.safe_load(text)
    assert set(document) == {"version", "manifest", "paper"}
    assert document["paper"] == {
        "title": "The paper",
        "authors": [{"name": "Jane Doe", "ORCID": "0000-0002-1825-0097"}],
        "reference": "https://doi.org/10.1000/1",
    }
    assert [row["file"] for row in document["manifest"]] == [
        "results/answer.txt",
        "results/metrics.json",
        "results/table.csv",
    ]
