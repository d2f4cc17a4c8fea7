"""An example is published, everything else is taken away, and the archive alone gives it again."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reprokit.engines.connect import connect
from reprokit.phases import record as records
from tests.conftest import engines
from tests.rerunning.bags import hexadecimal, rezipped

pytestmark = [pytest.mark.engine, pytest.mark.network]
EXAMPLE = Path(__file__).parents[2] / "examples" / "python-analysis"
DEAD = "http://127.0.0.1:9"


@pytest.fixture(params=engines())
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    monkeypatch.setenv("REPROKIT_ENGINE", name)
    return name


def reprokit(*words: str, home: Path | None = None, offline: bool = False) -> Any:
    """The status and the document of a command; offline nothing can be downloaded."""
    environment = dict(os.environ)
    if home is not None:
        environment["REPROKIT_HOME"] = str(home)
    if offline:
        environment |= {"http_proxy": DEAD, "https_proxy": DEAD, "HTTPS_PROXY": DEAD}
    done = subprocess.run(
        [sys.executable, "-m", "reprokit", *words, "--json"],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.stdout, done.stderr[-3000:]
    return done.returncode, json.loads(done.stdout)


def published(archive: Path, path: str) -> bytes:
    """A file of an archive's payload."""
    with zipfile.ZipFile(archive) as opened:
        top = opened.namelist()[0].partition("/")[0]
        return opened.read(f"{top}/data/{path}")


def altered(source: Path, target: Path) -> Path:
    """What the author could have published: one number, one pixel and one file otherwise, one file
    more, one less."""
    table, figure = (published(source, f"results/{p}") for p in ("table.csv", "figure.png"))
    number = table.split(b"\n")[2].split(b",")[3]
    picture = Image.open(io.BytesIO(figure)).convert("RGBA")
    picture.putpixel((300, 300), (255, 0, 0, 255))
    drawn = io.BytesIO()
    picture.save(drawn, "PNG")
    results = {
        "table.csv": table.replace(number, b"9" + number[1:]),
        "figure.png": drawn.getvalue(),
        "gone.txt": b"x\n",
        "summary.json": None,
    }
    return republished(source, target, results)


def republished(source: Path, target: Path, results: Mapping[str, bytes | None]) -> Path:
    """An archive with other results, or without some, and a record that fits."""
    document = json.loads(published(source, "record.json"))
    rows = {row["path"]: row for row in document["results"]}
    for path, content in results.items():
        rows.pop(path, None)
        if content is not None:
            digest = f"sha256:{hexadecimal(content)}"
            rows[path] = {"path": path, "size": len(content), "sha256": digest, "origin": "results"}
    sealed = records.sealed({**document, "results": [rows[path] for path in sorted(rows)]})
    changes: dict[str, bytes | None] = {f"results/{p}": c for p, c in results.items()}
    changes["record.json"] = records.canonical(sealed).encode()
    return rezipped(source, target, changes)


TINY = """\
import json, pathlib, struct, zlib

results = pathlib.Path("results")
rows = [(place, 0.5 * place) for place in range(1, 5)]
(results / "table.csv").write_text("place,mean\\n" + "".join(f"{p},{m}\\n" for p, m in rows))
(results / "notes.txt").write_text("four places\\n")


def chunk(kind, content):
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


pixels = b"".join(b"\\0" + bytes(8 * row for _ in range(24)) for row in range(16))
head = chunk(b"IHDR", struct.pack(">IIBBBBB", 24, 16, 8, 0, 0, 0, 0))
figure = head + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
(results / "figure.png").write_bytes(b"\\x89PNG\\r\\n\\x1a\\n" + figure)


def cell(number, source, said):
    output = {"output_type": "stream", "name": "stdout", "text": said}
    return {"cell_type": "code", "id": f"c{number}", "execution_count": number, "metadata": {},
            "source": source, "outputs": [output]}


cells = [cell(1, "print(slope)", "slope 0.5\\n"), cell(2, "print(places)", "places: 4\\n")]
story = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
(results / "story.ipynb").write_text(json.dumps(story))
"""


def one_pixel(picture: bytes) -> bytes:
    opened = Image.open(io.BytesIO(picture))
    opened.putpixel((7, 5), 255)
    drawn = io.BytesIO()
    opened.save(drawn, "PNG")
    return drawn.getvalue()


def grades(document: Any) -> dict[str, str]:
    return {file["path"]: file["grade"] for file in document["verdict"]["files"]}


def test_an_archive_alone_gives_the_same_results(engine: str, tmp_path: Path) -> None:
    project, archive = tmp_path / "python-analysis", tmp_path / "published.zip"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns(".reprokit", "results"))
    with (project / "analysis.py").open("a") as code:
        code.write(f"# an image of its own: {uuid.uuid4()}\n")
    status, record = reprokit("run", str(project), "--base", "debian")
    assert status == 0
    words = ("publish", record["run"], "--archive", str(archive), "--vendor", "--image")
    assert reprokit(*words)[0] == 0
    shutil.rmtree(project)
    digest = record["image"]["config_digest"]

    def without_image() -> None:
        with connect(engine) as connected:
            for image in connected.images():
                if image.config_digest == digest:
                    connected.remove_image(image.reference)
            assert connected.image(digest) is None

    try:
        without_image()
        home = tmp_path / "empty"
        status, found = reprokit("rerun", str(archive), home=home, offline=True)
        assert (status, found["status"]) == (0, "identical"), found["cause"]
        assert found["environment"]["rung"] == "same environment digest"
        assert found["environment"]["how"] == "the archive's image"
        assert set(grades(found)) == {"table.csv", "summary.json", "figure.png"}
        assert found["record"]["rerun_of"]["run"] == record["run"]
        assert list((home / "cache" / "workspaces").iterdir()) == []

        page = tmp_path / "report.html"
        other = altered(archive, tmp_path / "altered.zip")
        again = ("rerun", str(other), "--report", str(page))
        status, found = reprokit(*again, home=home, offline=True)
        assert status == 4
        assert grades(found) == {
            "table.csv": "different",
            "figure.png": "similar",
            "gone.txt": "missing",
            "summary.json": "extra",
        }
        said = {file["path"]: file["summary"] for file in found["verdict"]["files"]}
        assert "1 of 25 values differs" in said["table.csv"] and "row 2" in said["table.csv"]
        assert "1 of 630,000 pixels differs" in said["figure.png"]
        assert "1 of 25 values differs" in page.read_text() and "data:image/png" in page.read_text()

        without_image()
        bare = rezipped(archive, tmp_path / "bare.zip", {"image.tar": None})
        status, found = reprokit("rerun", str(bare), home=tmp_path / "bare", offline=True)
        assert (status, found["status"]) == (0, "identical"), found["cause"]
        assert found["environment"]["rung"] == "same environment digest"
        assert "the archive's packages" in found["environment"]["how"]
    finally:
        without_image()


def test_one_thing_otherwise_in_the_published_results_is_told_alone(
    engine: str, tmp_path: Path
) -> None:
    root, archive = tmp_path / "tiny", tmp_path / "tiny.zip"
    (root / "results").mkdir(parents=True)
    (root / "main.py").write_text(f"# {uuid.uuid4()}\n{TINY}")
    status, record = reprokit("run", str(root), "--base", "debian")
    assert status == 0
    try:
        assert reprokit("publish", record["run"], "--archive", str(archive))[0] == 0
        shutil.rmtree(root)
        table, figure, story = (
            published(archive, f"results/{name}")
            for name in ("table.csv", "figure.png", "story.ipynb")
        )
        for path, content, grade, said, place in (
            ("table.csv", table.replace(b"3,1.5", b"3,1.6"), "different",
             "1 of 8 values differs, largest relative difference 0.063 in column 'mean', row 3",
             "column 'mean', row 3"),
            ("figure.png", one_pixel(figure), "different",
             "1 of 384 pixels differs (0.26 %), at x 7, y 5, by 215 at most",
             [7, 7, 5, 5]),
            ("story.ipynb", story.replace(b"places: 4", b"places: 5"), "different",
             "1 of 2 outputs differs; cell 2: 1 of 1 numbers differs",
             "cell 2"),
            ("gone.txt", b"x\n", "missing", "was not written", None),
            ("notes.txt", None, "extra", "was not expected", None),
        ):  # fmt: skip
            other = republished(archive, tmp_path / "other.zip", {path: content})
            status, found = reprokit("rerun", str(other), home=tmp_path / "home", offline=True)
            assert (status, found["status"], found["verdict"]["grade"]) == (4, grade, grade)
            (unlike,) = (f for f in found["verdict"]["files"] if f["grade"] != "identical")
            assert (unlike["path"], unlike["grade"]) == (path, grade)
            assert unlike["summary"].startswith(said)
            assert place is None or json.dumps(place) in json.dumps(unlike["details"])
    finally:
        with connect(engine) as connected:
            for image in connected.images():
                if image.config_digest == record["image"]["config_digest"]:
                    connected.remove_image(image.reference)


def test_repositories_and_folders_that_never_heard_of_reprokit(engine: str, tmp_path: Path) -> None:
    root = tmp_path / "plain"
    (root / "results").mkdir(parents=True)
    (root / "main.py").write_text(
        "import pathlib\npathlib.Path('results/a.txt').write_text('1\\n')\n"
        "pathlib.Path('new.txt').write_text('x')\n"
    )
    (root / "results" / "a.txt").write_text("1\n")
    git = ("git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@example.org")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], check=True)
    before = {p: p.read_bytes() for p in root.rglob("*") if p.is_file() and ".git" not in p.parts}
    for source in (str(root), root.as_uri(), f"{root}#HEAD"):
        status, found = reprokit("rerun", source)
        assert (status, found["status"]) == (0, "identical"), found["cause"]
        assert found["expected"]["basis"] == "tracked files"
        assert found["environment"]["rung"] == "nothing published"
    after = {p: p.read_bytes() for p in root.rglob("*") if p.is_file() and ".git" not in p.parts}
    assert after == before

    (root / "results" / "a.txt").unlink()
    subprocess.run([*git, "commit", "-qam", "no results"], check=True)
    status, found = reprokit("rerun", str(root))
    assert (status, found["status"], found["verdict"]) == (0, "nothing to compare with", None)

    (root / "main.py").write_text("raise SystemExit(3)\n")
    status, found = reprokit("rerun", str(root))
    assert (status, found["status"], found["phase"]) == (3, "failed", "run")


def test_an_image_in_a_registry_alone_gives_the_same_results(
    engine: str, registry: str, tmp_path: Path
) -> None:
    root = tmp_path / "wheat"
    (root / "data").mkdir(parents=True)
    (root / "data" / "in.txt.gz").write_bytes(gzip.compress(b"hello\n"))
    (root / "repro.toml").write_text('[run]\nenvironment = { GREETING = "hi" }\n')
    (root / "main.py").write_text(
        f"# {uuid.uuid4()}\nimport os, pathlib\n"
        "text = os.environ['GREETING'] + open('data/in.txt').read()\n"
        "pathlib.Path('results/a.txt').write_text(text)\n"
    )
    status, record = reprokit("run", str(root), "--base", "debian")
    assert status == 0
    name = f"{registry}/wheat:{uuid.uuid4().hex[:8]}"
    pushed = ("publish", record["run"], "--push", name)

    def without_image() -> None:
        with connect(engine) as connected:
            for image in connected.images():
                if image.config_digest == record["image"]["config_digest"]:
                    connected.remove_image(image.reference)

    try:
        status, bare = reprokit(*pushed)
        assert status == 0, bare
        reference = bare["pushed"]["reference"]
        without_image()
        status, found = reprokit("rerun", reference, home=tmp_path / "bare")
        assert status == 6 and "--data" in found["error"]["next"]

        assert reprokit("run", str(root), "--base", "debian")[0] == 0
        assert reprokit(*pushed, "--data")[0] == 0
        shutil.rmtree(root)
        without_image()
        status, found = reprokit("rerun", reference, home=tmp_path / "empty")
        assert (status, found["status"]) == (0, "identical"), found["cause"]
        assert found["environment"]["rung"] == "same environment digest"
        assert found["source"]["identifier"] == bare["pushed"]["registry_digest"]
        assert found["record"]["dockerfile"] == record["dockerfile"]
    finally:
        without_image()
