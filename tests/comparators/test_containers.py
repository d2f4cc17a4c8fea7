"""Notebooks, archives and compressed files: part by part."""

from __future__ import annotations

import base64
import gzip
import importlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
import pytest

from reprokit.comparators.protocol import Limits
from reprokit.verdict import Grade
from tests.comparators.compared import Written, told
from tests.comparators.test_pictures import noise, png

v4: Any = importlib.import_module("nbformat.v4")
nbformat: Any = importlib.import_module("nbformat")
"""Untyped."""


def notebook(
    number: str = "0.5", *, pixels: Any = None, error: str = "", order: tuple[int, ...] = (1, 2, 3)
) -> str:
    drawn = noise(20, 20, 3) if pixels is None else pixels
    picture = base64.b64encode(png(drawn)).decode()
    table = {"text/plain": f"   a\n0  {number}", "text/html": f"<td>{number}</td>"}
    last = [v4.new_output("execute_result", {"text/plain": "<Object at 0x7f1234567890>"})]
    if error:
        traceback = [f"\x1b[31m{error}\x1b[0m", "in /home/ann/x.py line 3"]
        last = [v4.new_output("error", ename=error, evalue="bad", traceback=traceback)]
    outputs: list[list[Any]] = [
        [
            v4.new_output("stream", name="stdout", text=f"rmse {number}\n"),
            v4.new_output("stream", name="stdout", text="took 3.2 s\n"),
            v4.new_output(
                "display_data", {"image/png": picture, "text/plain": "<Figure size 640x480>"}
            ),
        ],
        [v4.new_output("execute_result", table)],
        last,
    ]
    cells = [
        v4.new_code_cell(f"cell({at})", outputs=made, execution_count=count, id=f"c{at}")
        for at, (made, count) in enumerate(zip(outputs, order, strict=True))
    ]  # fmt: skip
    return str(nbformat.writes(v4.new_notebook(cells=cells)))


def test_an_altered_output_is_told_with_its_cell(written: Written) -> None:
    found = written("a.ipynb", notebook(), notebook("0.6"))
    assert found.comparator == "notebook"
    told(found, Grade.DIFFERENT, "2 of 4 outputs differ", "cell 1, output 1: 1 of 2 numbers")
    details: Any = found.details
    first = details["parts"][0]
    assert first["path"] == "cell 1, output 1"


def test_what_changes_in_every_notebook(written: Written) -> None:
    other = notebook(order=(4, 5, 9)).replace("0x7f1234567890", "0x550000000000")
    found = written("a.ipynb", notebook(), other.replace("3.2 s", "14 s"))
    told(found, Grade.WITHIN_TOLERANCE)


def test_a_picture_in_a_notebook(written: Written) -> None:
    white = numpy.full((60, 60, 3), 255, dtype=numpy.uint8)
    pixels = white.copy()
    pixels[2, 3] ^= 255
    found = written("a.ipynb", notebook(pixels=white), notebook(pixels=pixels))
    told(found, Grade.SIMILAR, "cell 1, output 2: 1 of 3,600 pixels differs")
    assert [picture.name for picture in found.attachments] == [
        f"cell 1, output 2: {what}" for what in ("expected", "this run", "difference.png")
    ]
    assert {picture.media_type for picture in found.attachments} == {"image/png"}


def test_errors_order_and_missing_outputs(written: Written) -> None:
    found = written("a.ipynb", notebook(), notebook(error="KeyError"))
    told(found, Grade.DIFFERENT, "the error 'KeyError: bad' instead of text/plain")
    same = written(
        "a.ipynb",
        notebook(error="KeyError"),
        notebook(error="KeyError").replace("/home/ann", "/app"),
    )
    told(same, Grade.WITHIN_TOLERANCE)
    # How IPython shows the code of an error is its version's.
    other = json.loads(notebook(error="KeyError"))
    other["cells"][2]["outputs"][0]["traceback"] = ["Input In [3], in <cell line: 1>()"]
    told(written("a.ipynb", notebook(error="KeyError"), json.dumps(other)), Grade.WITHIN_TOLERANCE)
    told(written("a.ipynb", notebook(), notebook(order=(2, 1, 3))), Grade.SIMILAR, "ran in another")
    emptied = nbformat.reads(notebook(), as_version=4)
    emptied.cells[2].outputs = []
    emptied.cells.append(v4.new_code_cell("more", outputs=emptied.cells[1].outputs))
    found = written("a.ipynb", notebook(), nbformat.writes(emptied))
    told(found, Grade.MISSING, "4 code cells instead of 3", "cell 3 is missing")


def test_of_several_kinds_those_that_both_have_count(written: Written) -> None:
    """A figure's text names its size, a video's picture takes a network."""
    old = json.loads(notebook())
    figure, table = old["cells"][0]["outputs"][-1]["data"], old["cells"][1]["outputs"][0]["data"]
    figure["text/plain"] = "<matplotlib.figure.Figure at 0x7f1234567890>"
    table["image/jpeg"] = base64.b64encode(png(noise(3, 3, 3))).decode()
    told(written("a.ipynb", json.dumps(old), notebook()), Grade.WITHIN_TOLERANCE)
    del figure["image/png"]
    told(written("a.ipynb", notebook(), json.dumps(old)), Grade.DIFFERENT, "instead of image/png")


def test_an_error_that_was_not_expected_is_told_beside_what_differs(written: Written) -> None:
    failed: Any = nbformat.reads(notebook("0.6"), as_version=4)
    error = v4.new_output("error", ename="ValueError", evalue="bad", traceback=["Traceback"])
    failed.cells.append(v4.new_code_cell("more", outputs=[error]))
    quiet: Any = nbformat.reads(notebook(), as_version=4)
    quiet.cells.append(v4.new_code_cell("more"))
    found = written("a.ipynb", nbformat.writes(quiet), nbformat.writes(failed))
    told(found, Grade.DIFFERENT, "cell 4 ended in the error 'ValueError: bad'", "cell 1")
    parts: Any = found.details["parts"]
    assert parts[-1]["summary"] == "the error 'ValueError: bad' was not expected"
    assert parts[-1]["grade"] == "different"
    same = written("a.ipynb", nbformat.writes(failed), nbformat.writes(failed) + "\n")
    assert "error" not in same.summary


def test_a_cell_with_parameters_does_not_shift_the_others(written: Written) -> None:
    given: Any = nbformat.reads(notebook("0.6"), as_version=4)
    parameters = v4.new_code_cell("x = 1", metadata={"tags": ["injected-parameters"]})
    given.cells.insert(1, parameters)
    found = written("a.ipynb", notebook(), nbformat.writes(given))
    told(found, Grade.DIFFERENT, "2 of 4 outputs differ", "cell 1, output 1: 1 of 2 numbers")


def test_a_broken_notebook(written: Written) -> None:
    for broken in ("{}", "[]", "{", '{"nbformat": 4, "nbformat_minor": 5, "cells": [3]}'):
        found = written("a.ipynb", notebook(), broken)
        told(found, Grade.DIFFERENT, "cannot be read as notebook")


def zipped(members: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(members: Mapping[str, str], mode: Any = "w", **links: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content.encode()))
        for name, target in links.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return out.getvalue()


MEMBERS = {"a.csv": "x,y\n1,2\n", "b.txt": "text\n", "../up.txt": "up\n"}


@pytest.mark.parametrize(
    ("name", "packed"), [("r.zip", zipped), ("r.jar", zipped), ("r.tar", tarred)]
)
def test_members(name: str, packed: Any, written: Written) -> None:
    old = packed(MEMBERS)
    found = written(name, old, packed({**MEMBERS, "a.csv": "x,y\n1,3\n"}))
    told(found, Grade.DIFFERENT, "1 of 3 members differs; a.csv: 1 of 2 values", "'y', row 1")
    told(written(name, old, packed({**MEMBERS, "new": ""})), Grade.EXTRA, "new is extra")
    fewer = {key: MEMBERS[key] for key in ("a.csv", "b.txt")}
    told(written(name, old, packed(fewer)), Grade.MISSING, "../up.txt is missing")
    turned = packed(dict(reversed(MEMBERS.items())))
    told(written(name, old, turned), Grade.WITHIN_TOLERANCE, "members in another order")


def test_archives_and_compressed_files_in_one_another(written: Written) -> None:
    def nested(value: str) -> bytes:
        inner = zipped({"deep.csv.gz": gzip.compress(f"x\n{value}\n".encode(), mtime=0)})
        return (
            gzip.compress(tarred({}) + b"", mtime=0) if not value else zipped({"inner.zip": inner})
        )

    found = written("a.zip", nested("1"), nested("2"))
    told(found, Grade.DIFFERENT, "inner.zip: 1 of 1 members differs; deep.csv.gz: 1 of 1 values")
    tar = tarred(MEMBERS)
    one, other = gzip.compress(tar, 1, mtime=1), gzip.compress(tar, 9, mtime=2)
    told(written("a.tar.gz", one, other), Grade.WITHIN_TOLERANCE, "compressed differently")
    changed = gzip.compress(tarred({**MEMBERS, "b.txt": "other\n"}))
    told(written("a.tgz", one, changed), Grade.DIFFERENT, "1 of 3 members differs; b.txt")
    told(written("a.zip", zipped(MEMBERS, 0), zipped(MEMBERS)), Grade.WITHIN_TOLERANCE, "packed")


def test_links_say_where_they_lead(written: Written, tmp_path: Path) -> None:
    found = written("a.tar", tarred({}, l="/etc/passwd"), tarred({}, l="/etc/shadow"))
    told(found, Grade.DIFFERENT, "a link to /etc/shadow instead of a link to /etc/passwd")


@pytest.mark.parametrize(
    ("name", "hostile", "limits", "why"),
    [
        ("a.zip", zipped({"x": b"\0" * 3_000_000}), Limits(free=1000, ratio=2), "unpacks to more"),
        ("a.txt.gz", gzip.compress(b"\0" * 3_000_000), Limits(free=1000), "unpacks to more"),
        (
            "a.zip",
            zipped({str(n): "" for n in range(50)}),
            Limits(members=40),
            "more than 40 members",
        ),
        ("a.zip", zipped(MEMBERS)[:-30], Limits(), "not a zip file"),
        ("a.tar", tarred(MEMBERS)[:700], Limits(), "cannot be read as tar"),
        ("a.txt.gz", gzip.compress(noise(9000).tobytes())[:900], Limits(), "end-of-stream"),
    ],
)
def test_bombs_and_broken_archives(
    name: str, hostile: bytes, limits: Limits, why: str, written: Written
) -> None:
    good = {"a.zip": zipped({}), "a.tar": tarred({}), "a.txt.gz": gzip.compress(b"a")}[name]
    found = written(name, good, hostile, limits=limits)
    assert found.comparator == "bytes"
    told(found, Grade.DIFFERENT, why)


def test_archives_too_deep_in_one_another(written: Written) -> None:
    def deep(content: str) -> bytes:
        packed = zipped({"a.txt": content})
        for _ in range(8):
            packed = zipped({"a.zip": packed})
        return packed

    told(written("a.zip", deep("1"), deep("2")), Grade.DIFFERENT, "more than 5 deep")


def test_numpy_archives(tmp_path: Path, written: Written) -> None:
    for name, value in (("a", 1.0), ("b", 1.5)):
        with (tmp_path / name).open("wb") as file:
            numpy.savez_compressed(file, x=numpy.arange(6.0).reshape(2, 3), y=numpy.array([value]))
    found = written("a.npz", (tmp_path / "a").read_bytes(), (tmp_path / "b").read_bytes())
    told(found, Grade.DIFFERENT, "1 of 2 members differs; y.npy: 1 of 1 values differs", "[0]")
