"""What differs between two images is named, with its likely cause."""

from __future__ import annotations

from pathlib import Path

from reprokit.identity.canonical import Canonical
from reprokit.identity.comparison import Comparison, compare
from tests.identity import made
from tests.identity.made import file, folder
from tests.identity.test_canonical import canonical_of

METADATA = "opt/venv/lib/python3.11/site-packages/{0}-{1}.dist-info/METADATA"


def python(name: str, version: str) -> made.Member:
    content = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nText\n"
    return file(METADATA.format(name, version), content.encode())


def compared(before: Canonical, after: Canonical) -> Comparison:
    return compare(
        [layer.listing for layer in before.layers],
        [layer.listing for layer in after.layers],
        same_digest=before.digest == after.digest,
    )


def test_equal_images_are_the_same_environment(tmp_path: Path) -> None:
    layers = [made.tar([file("a", b"1")])]
    found = compared(canonical_of(tmp_path / "1", layers), canonical_of(tmp_path / "2", layers))
    assert (found.rung, found.files, found.layers) == ("same environment", (), ())


def test_another_layering_is_the_same_files(tmp_path: Path) -> None:
    one = canonical_of(tmp_path / "1", [made.tar([file("a", b"1"), file("b", b"2")])])
    two = canonical_of(tmp_path / "2", [made.tar([file("a", b"1")]), made.tar([file("b", b"2")])])
    found = compared(one, two)
    assert (found.rung, found.files, found.layers) == ("same files", (), (1, 2))


def test_each_kind_of_change_is_named_with_its_layer_and_cause(tmp_path: Path) -> None:
    before = [
        folder("d"), file("d/m", b"1"), file("d/o", b"1"), file("d/x.pyc", b"1"),
        file("d/lib.so.1", b"12"), file("d/gone", b"1"),
    ]  # fmt: skip
    after = [
        folder("d"), file("d/m", b"1", mode=0o600), file("d/o", b"1", uid=5),
        file("d/x.pyc", b"2"), file("d/lib.so.1", b"1"), file("d/new", b"1"),
    ]  # fmt: skip
    found = compared(
        canonical_of(tmp_path / "1", [made.tar(before)]),
        canonical_of(tmp_path / "2", [made.tar(after)]),
    )
    assert found.rung == "same packages" and found.layers == (1,)
    rows = {row.path: (row.change, row.detail) for row in found.files}
    assert rows == {
        "d/gone": ("removed", ""),
        "d/lib.so.1": ("content", "2 → 1 bytes"),
        "d/m": ("attributes", "mode 0644 → 0600"),
        "d/new": ("added", ""),
        "d/o": ("attributes", "owner 0:0 → 5:0"),
        "d/x.pyc": ("content", "1 → 1 bytes"),
    }
    causes = {row.path: row.cause for row in found.files}
    assert "byte-code" in causes["d/x.pyc"] and "compiled" in causes["d/lib.so.1"]
    assert {row.layer for row in found.files} == {1}


def test_what_packages_write_when_they_are_installed_has_its_cause(tmp_path: Path) -> None:
    causes = {
        "usr/lib/mono/aot-cache/amd64/mscorlib.dll.so": "mono",
        "var/lib/mysql/ibdata1": "database",
        "var/lib/postgresql/15/main/global/pg_control": "database",
        "var/lib/texmf/web2c/aleph/aleph.fmt": "TeX",
    }
    above = {str(p): None for name in causes for p in reversed(Path(name).parents)}
    images = [
        canonical_of(
            tmp_path / text,
            [made.tar([*map(folder, list(above)[1:]), *(file(p, text.encode()) for p in causes)])],
        )
        for text in ("1", "2")
    ]
    found = compared(*images)
    assert {row.path for row in found.files} == causes.keys()
    assert all(causes[row.path] in row.cause for row in found.files)


def test_another_version_is_told_and_explains_its_files(tmp_path: Path) -> None:
    before = [python("numpy", "1.26.3"), file("opt/venv/numpy/core.so", b"1")]
    after = [python("numpy", "1.26.4"), file("opt/venv/numpy/core.so", b"2")]
    found = compared(
        canonical_of(tmp_path / "1", [made.tar(before)]),
        canonical_of(tmp_path / "2", [made.tar(after)]),
    )
    assert found.rung == "other packages"
    assert found.packages == (("python", "numpy", "1.26.3", "1.26.4"),)
    assert {row.cause for row in found.files} == {"another version of numpy"}
    assert found.json()["rung"] == "other packages"  # type: ignore[index, call-overload]
