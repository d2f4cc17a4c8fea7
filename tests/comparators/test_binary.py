"""Arrays, HDF5, Parquet, spreadsheets, RDF, R data: files made by their own libraries."""

from __future__ import annotations

import builtins
import io
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy
import openpyxl
import pandas
import pytest

from reprokit.comparators.protocol import Learnt, Limits
from reprokit.errors import NoEngine
from reprokit.tolerance import EXACT
from reprokit.verdict import Grade
from tests.comparators.compared import Written, compared, told


def npy(array: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    numpy.save(out, array, **options)
    return out.getvalue()


def test_arrays(written: Written) -> None:
    array = numpy.arange(12.0).reshape(3, 4)
    other = array.copy()
    other[1, 2] = 6.6
    found = written("a.npy", npy(array), npy(other))
    told(
        found, Grade.DIFFERENT, "1 of 12 values differs, largest relative difference 0.1", "[1, 2]"
    )
    told(written("a.npy", npy(array), npy(array * (1 + 1e-9))), Grade.WITHIN_TOLERANCE, "11 of 12")
    told(written("a.npy", npy(array), npy(array.T)), Grade.DIFFERENT, "shape 4×3 instead of 3×4")
    found = written("a.npy", npy(array), npy(array.astype("f4")))
    told(found, Grade.WITHIN_TOLERANCE, "type float32 instead of float64")
    nan = numpy.array([numpy.nan, numpy.inf, 1])
    told(written("a.npy", npy(nan), npy(nan.astype("f4"))), Grade.WITHIN_TOLERANCE)
    told(written("a.npy", npy(nan), npy(nan[[0, 2, 1]])), Grade.DIFFERENT, "2 of 3 values differ")
    words = numpy.array(["a", "b"])
    told(written("a.npy", npy(words), npy(words[::-1])), Grade.DIFFERENT, "2 of 2", "'b' instead")
    fields = numpy.array([(1, 2.0)], dtype=[("n", "i4"), ("x", "f8")])
    changed = numpy.array([(1, 3.0)], dtype=[("n", "i4"), ("x", "f8")])
    told(written("a.npy", npy(fields), npy(changed)), Grade.DIFFERENT, "'values.x', [0]")
    told(
        written("a.npy", npy(array * 1j), npy(other * 1j)), Grade.DIFFERENT, "'values.imag', [1, 2]"
    )
    told(written("a.npy", npy(numpy.array(1.0)), npy(numpy.array(2.0))), Grade.DIFFERENT, "1 of 1")


def test_a_large_array_that_differs_everywhere(written: Written) -> None:
    array = numpy.arange(1.0, 30_001)
    told(written("a.npy", npy(array), npy(array + 1)), Grade.DIFFERENT, "30,000 of 30,000 values")
    near = written("a.npy", npy(array), npy(array * (1 + 1e-9)))
    told(near, Grade.WITHIN_TOLERANCE, "30,000 of 30,000 values differ within tolerance")
    learnt = Learnt(runs=3, spreads={"values": 0.6})
    found = written("a.npy", npy(array), npy(array + 1), learnt=learnt)
    words = "what the author's own 3 runs varied by"
    told(found, Grade.WITHIN_TOLERANCE, "30,000 of 30,000", words)


def test_parts_of_a_large_array_name_the_right_place(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reprokit.comparators import arrays

    monkeypatch.setattr(arrays, "_PART", 7)
    array = numpy.zeros((3, 4, 5))
    array[2, 1, 3] = 1
    told(written("a.npy", npy(array), npy(array * 2)), Grade.DIFFERENT, "of 60 values", "[2, 1, 3]")


def test_a_pickle_is_never_read(written: Written) -> None:
    objects = npy(numpy.array([{}], dtype=object), allow_pickle=True)
    found = written("a.npy", npy(numpy.zeros(1)), objects)
    told(found, Grade.DIFFERENT, "cannot be read as numpy array", "Python objects")
    huge = npy(numpy.zeros(3)).replace(b"(3,)", b"(9999999999999,)").replace(b"  \n", b"\n")
    told(written("a.npy", npy(numpy.zeros(1)), huge), Grade.DIFFERENT, "cannot be read as numpy")


def hdf5(path: Path, value: float = 2.0, **attributes: Any) -> Path:
    with h5py.File(path, "w") as file:
        group = file.create_group("fit")
        group.create_dataset("weights", data=numpy.array([[1.0, value]]), compression="gzip")
        group["names"] = ["a", "b"]
        group.attrs.update({"epoch": 5, "by": "ann", **attributes})
    return path


def test_hdf5(tmp_path: Path) -> None:
    one = hdf5(tmp_path / "a")
    found = compared("m.h5", one, hdf5(tmp_path / "b", 2.5))
    told(found, Grade.DIFFERENT, "1 of", "0.25 in dataset '/fit/weights', [0, 1]")
    told(compared("m.h5", one, hdf5(tmp_path / "c", 2 + 1e-9)), Grade.WITHIN_TOLERANCE)
    told(compared("m.h5", one, hdf5(tmp_path / "d", by="bob")), Grade.DIFFERENT, "/fit@by: 'bob'")
    told(compared("m.h5", one, hdf5(tmp_path / "e", new=1)), Grade.DIFFERENT, "new /fit@new")
    with h5py.File(hdf5(tmp_path / "f"), "a") as file:
        del file["fit/names"]
    told(compared("m.h5", one, tmp_path / "f"), Grade.DIFFERENT, "without /fit/names")


def test_hdf5_never_opens_other_files(tmp_path: Path) -> None:
    one = hdf5(tmp_path / "a")
    for name, made in (("b", "/secret"), ("c", "/other")):
        with h5py.File(hdf5(tmp_path / name), "a") as file:
            file["link"] = h5py.ExternalLink(str(tmp_path / "a"), made)
            file["loop"] = file["fit"]
    found = compared("m.h5", tmp_path / "b", tmp_path / "c")
    told(found, Grade.DIFFERENT, "'link to /other in", "1 of")
    for name in ("d", "e"):
        with h5py.File(hdf5(tmp_path / name), "a") as file:
            raw = [(str(one), 0, 8)]
            file.create_dataset("outside", (1,), dtype="i8", external=raw)
            file.attrs["n"] = name
    found = compared("m.h5", tmp_path / "d", tmp_path / "e")
    told(found, Grade.DIFFERENT, "cannot be read as HDF5: /outside keeps its data in other files")
    cut = tmp_path / "cut"
    cut.write_bytes(one.read_bytes()[:200])
    told(compared("m.h5", one, cut), Grade.DIFFERENT, "cannot be read as HDF5")


def test_hdf5_that_claims_to_be_huge(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with h5py.File(tmp_path / name, "w") as file:
            file.create_dataset("x", (10**12,), dtype="f8", chunks=(1000,))
            file.attrs["n"] = name
    found = compared("m.h5", tmp_path / "a", tmp_path / "b")
    told(found, Grade.DIFFERENT, "unpacks to more than")


def test_parquet(tmp_path: Path) -> None:
    table = pandas.DataFrame({"k": ["a", "b", None], "x": [1.0, float("nan"), 3.0], "n": [1, 2, 3]})
    table.to_parquet(tmp_path / "a")
    table.to_parquet(tmp_path / "b", compression=None, row_group_size=1)
    told(compared("a.parquet", tmp_path / "a", tmp_path / "b"), Grade.WITHIN_TOLERANCE)
    table.loc[2, "x"] = 3.3
    table.to_parquet(tmp_path / "c")
    found = compared("a.parquet", tmp_path / "a", tmp_path / "c")
    told(found, Grade.DIFFERENT, "1 of 9 values differs", "0.1 in column 'x', row 3")
    table.drop(columns="n").iloc[:2].to_parquet(tmp_path / "d")
    found = compared("a.parquet", tmp_path / "a", tmp_path / "d")
    told(found, Grade.DIFFERENT, "without the column 'n'; 2 rows instead of 3")
    (tmp_path / "e").write_bytes((tmp_path / "a").read_bytes()[:-20])
    told(compared("a.parquet", tmp_path / "a", tmp_path / "e"), Grade.DIFFERENT, "as Parquet")


def sheet(path: Path, kind: str, value: float = 0.25, text: str = "a") -> Path:
    frame = pandas.DataFrame({"name": [text, "b"], "x": [value, 0.5], "ok": [True, False]})
    with pandas.ExcelWriter(path, engine=kind) as writer:
        frame.to_excel(writer, sheet_name="Results", index=False)
        frame.to_excel(writer, sheet_name="Other")
    return path


@pytest.mark.parametrize(("ending", "kind"), [("xlsx", "openpyxl"), ("ods", "odf")])
def test_spreadsheets(ending: str, kind: Any, tmp_path: Path) -> None:
    one = sheet(tmp_path / f"a.{ending}", kind)
    found = compared(f"r.{ending}", one, sheet(tmp_path / f"b.{ending}", kind, 0.26))
    told(found, Grade.DIFFERENT, "2 of 20 cells differ, largest relative difference 0.04")
    assert [row["at"] for row in found.details["differences"]] == ["Results!B2", "Other!C2"]  # type: ignore[union-attr, index, call-overload]
    near = sheet(tmp_path / f"c.{ending}", kind, 0.25 + 1e-9)
    told(compared(f"r.{ending}", one, near), Grade.WITHIN_TOLERANCE, "2 of 20 cells")
    words = sheet(tmp_path / f"d.{ending}", kind, text="ü & <b>")
    told(
        compared(f"r.{ending}", one, words), Grade.DIFFERENT, "Results!A2: 'ü & <b>' instead of 'a'"
    )
    broken = tmp_path / "broken"
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr("content.xml", "<a><b></a>")
        archive.writestr("xl/workbook.xml", "<!DOCTYPE a [<!ENTITY x 'y'>]><a/>")
    told(compared(f"r.{ending}", one, broken), Grade.DIFFERENT, "cannot be read as spreadsheet")


def test_every_value_of_a_workbook_is_seen_as_openpyxl_sees_it(tmp_path: Path) -> None:
    from reprokit.comparators.sheets import _xlsx
    from tests.comparators.compared import settings

    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    values = {"A1": 1.5, "B1": "text", "AA3": True, "C9": "two\nlines", "D2": -3e-300, "E1": " s "}
    for address, value in values.items():
        book.active[address] = value
    book.save(path)
    with zipfile.ZipFile(path) as archive:
        assert _xlsx(archive, settings(path)) == {f"Sheet!{at}": v for at, v in values.items()}


def test_a_sheet_that_repeats_without_end(tmp_path: Path) -> None:
    one = sheet(tmp_path / "a.ods", "odf")
    bomb = tmp_path / "bomb"
    many = 'table:number-columns-repeated="900"'
    cell = f'<table:table-cell office:value-type="float" office:value="1" {many}/>'
    row = f'<table:table-row table:number-rows-repeated="900">{cell}</table:table-row>'
    body = '<table:table table:name="a">' + row * 99 + "</table:table>"
    with zipfile.ZipFile(bomb, "w") as archive:
        archive.writestr("content.xml", body)
    found = compared("r.ods", one, bomb, limits=Limits(values=100_000))
    told(found, Grade.DIFFERENT, "more than 100,000 cells")


TURTLE = """
@prefix e: <http://e/> .
e:a e:p [ e:q 1 ; e:r [ e:q 2 ] ] ; e:label "a"@en .
e:b e:p [ e:q 3 ], [ e:q 3 ] .
"""
TRIPLES = """
<http://e/b> <http://e/p> _:x .
<http://e/b> <http://e/p> _:w .
_:x <http://e/q> "3"^^<http://www.w3.org/2001/XMLSchema#integer> .
_:w <http://e/q> "3"^^<http://www.w3.org/2001/XMLSchema#integer> .
<http://e/a> <http://e/label> "a"@en .
<http://e/a> <http://e/p> _:y .
_:y <http://e/q> "1"^^<http://www.w3.org/2001/XMLSchema#integer> .
_:y <http://e/r> _:z .
_:z <http://e/q> "2"^^<http://www.w3.org/2001/XMLSchema#integer> .
"""


def test_the_same_graph(written: Written) -> None:
    other = TRIPLES.replace("_:y", "_:first").replace("_:z", "_:a")
    found = written("g.nt", TRIPLES, other)
    assert found.comparator == "RDF graph"
    told(found, Grade.WITHIN_TOLERANCE, "the same graph of 9 statements")
    shuffled = "\n".join(sorted(TRIPLES.splitlines()))
    told(written("g.nt", TRIPLES, shuffled), Grade.WITHIN_TOLERANCE)
    turned = TURTLE.replace("e:", "x:").replace("@prefix x:", "@prefix x:")
    told(written("g.ttl", TURTLE, turned), Grade.WITHIN_TOLERANCE)


def test_another_graph(written: Written) -> None:
    found = written("g.ttl", TURTLE, TURTLE.replace('"a"@en', '"b"@en'))
    told(found, Grade.DIFFERENT, "1 of 9 statements are missing, 1 are new", '"a"@en')
    told(written("g.ttl", TURTLE, TURTLE.replace("e:q 2", "e:q 4")), Grade.DIFFERENT, "of 9")
    quad = "<http://e/a> <http://e/p> <http://e/b> <http://e/{}> .\n"
    told(written("g.nq", quad.format("g"), quad.format("h")), Grade.DIFFERENT, "http://e/g")
    told(written("g.ttl", TURTLE, "e:a e:b"), Grade.DIFFERENT, "cannot be read as RDF graph")


def test_odd_addresses_are_not_logged(written: Written, caplog: pytest.LogCaptureFixture) -> None:
    written("g.ttl", TURTLE, TURTLE.replace("<http://e/>", "<http://e/<>"))
    written("g.nt", TRIPLES, TRIPLES.replace("<http://e/a>", "<http://e/a{>"))
    assert not caplog.records


def ring(*lengths: int) -> str:
    lines = []
    for which, length in enumerate(lengths):
        for n in range(length):
            lines.append(f"_:b{which}x{n} <http://e/next> _:b{which}x{(n + 1) % length} .\n")
    return "".join(lines)


def test_graphs_that_only_a_search_tells_apart(written: Written) -> None:
    told(written("g.nt", ring(6), ring(3, 3)), Grade.SIMILAR, "as far as its blank nodes")
    told(written("g.nt", ring(3, 3), ring(3, 3).replace("b0", "c")), Grade.WITHIN_TOLERANCE)
    told(written("g.nt", ring(600), ring(300, 300)), Grade.SIMILAR, "as far as its blank nodes")


def test_rdf_xml_with_entities(written: Written) -> None:
    def owl(entity: str, prefix: str) -> str:
        names = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
        return (
            f'<!DOCTYPE rdf [{entity}]><rdf:RDF {names} xmlns:{prefix}="http://e/">'
            f'<rdf:Description rdf:about="&e;a"><{prefix}:p>1</{prefix}:p></rdf:Description>'
            "</rdf:RDF>"
        )

    good = owl('<!ENTITY e "http://e/">', "x")
    told(written("g.owl", good, owl('<!ENTITY e "http://e/">', "y")), Grade.WITHIN_TOLERANCE)
    for entity in ("<!ENTITY e SYSTEM 'file:///etc/passwd'>", "<!ENTITY f 'b'><!ENTITY e '&f;'>"):
        told(written("g.owl", good, owl(entity, "y")), Grade.DIFFERENT, "declares entities")


def test_r_data_without_r_and_with_one_that_fails(written: Written) -> None:
    found = written("a.rds", b"\x1f\x8b one", b"\x1f\x8b two")
    told(found, Grade.DIFFERENT, "cannot be read as R data: no image with R is at hand")

    def fails(script: str, files: object) -> str:
        raise NoEngine("no engine answers")

    found = written("a.rds", b"\x1f\x8b one", b"\x1f\x8b two", run_r=fails)
    told(found, Grade.DIFFERENT, "cannot be read as R data: no engine answers")


def test_what_r_prints_is_compared(written: Written) -> None:
    def prints(script: str, files: Any) -> str:
        assert set(files) == {"expected", "actual"}
        return (
            "warning of R\nreprokit-leaf\texpected\tnumber\t$x[1]\t1.5\n"
            "reprokit-leaf\tactual\tnumber\t$x[1]\t1.6\nreprokit-leaf\tactual\ttext\t$y\tb\n"
        )

    found = written("a.RData", b"1", b"2", run_r=prints, tolerance=EXACT)
    told(found, Grade.DIFFERENT, "with the new $y; 1 of 2 values differs", "at $x[1]")


@pytest.mark.parametrize(
    ("name", "first", "library"),
    [
        ("a.npy", b"\x93NUMPY\1\0", "numpy"),
        ("a.png", b"\x89PNG\r\n", "PIL"),
        ("a.pdf", b"%PDF-1", "pypdfium2"),
        ("a.h5", b"\x89HDF\r\n\x1a\n", "h5py"),
        ("a.parquet", b"PAR1", "pyarrow"),
        ("a.ttl", b"<a>", "rdflib"),
    ],
)
def test_what_needs_an_extra_says_so(
    name: str, first: bytes, library: str, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = builtins.__import__

    def without(wanted: str, *others: Any, **named: Any) -> Any:
        if wanted.split(".")[0] == library:
            raise ImportError(wanted)
        return imported(wanted, *others, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    found = written(name, first, first + b"more")
    told(found, Grade.DIFFERENT, 'pip install "reprokit[compare]"', "bytes instead of")
    assert found.comparator == "bytes"
