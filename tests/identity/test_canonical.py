"""The same files give the same image, however they were layered and stamped."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from reprokit.errors import BadRequest, BuildFailed
from reprokit.identity import archive, canonical, source
from reprokit.identity.canonical import Canonical, tree_digest
from reprokit.identity.listing import Listings
from tests.identity import made
from tests.identity.made import EPOCH, file, folder, hard_link, link

BASE = made.tar([folder("bin"), file("bin/sh", b"#!"), folder("etc"), file("etc/hostname")])


def canonical_of(
    root: Path,
    layers: Sequence[bytes],
    config: Mapping[str, object] | None = None,
    *,
    epoch: int = EPOCH,
) -> Canonical:
    """The canonical form of BASE with raw layers above."""
    root.mkdir(exist_ok=True)
    path = made.image(root / "raw.tar", [BASE, *layers], config)
    raw = source.from_archive(path, root)
    listings = Listings(root / "listings")
    return canonical.canonical(raw, [made.digest(BASE)], listings, epoch=epoch)


def paths(image: Canonical, number: int) -> list[str]:
    return list(image.layers[number].listing.delta.added)


def test_times_names_order_and_repeated_members_do_not_matter(tmp_path: Path) -> None:
    content = [folder("app"), file("app/a", b"1"), file("app/b", b"2")]
    plain = canonical_of(tmp_path / "1", [made.tar(content, mtime=1)])
    other = made.tar([*reversed(content), folder("etc"), file("bin/sh", b"#!")], mtime=99, user="x")
    again = canonical_of(tmp_path / "2", [other])
    assert again.digest == plain.digest
    assert paths(again, 1) == ["app", "app/a", "app/b"]


def test_a_byte_a_mode_an_owner_or_the_date_matters(tmp_path: Path) -> None:
    layers = {
        "plain": [file("a", b"1")],
        "byte": [file("a", b"2")],
        "mode": [file("a", b"1", mode=0o600)],
        "owner": [file("a", b"1", uid=7)],
        "kind": [link("a", "1")],
        "capability": [
            file("a", b"1", pax_headers={"SCHILY.xattr.security.capability": "\x01\x02"})
        ],
    }
    digests = {
        name: canonical_of(tmp_path / name, [made.tar(members)]).digest
        for name, members in layers.items()
    }
    later = canonical_of(tmp_path / "later", [made.tar(layers["plain"])], epoch=EPOCH + 1)
    assert len({*digests.values(), later.digest}) == len(layers) + 1


def test_layers_without_a_change_vanish(tmp_path: Path) -> None:
    change = made.tar([file("a", b"1")])
    nothing = made.tar([folder("etc"), folder("bin")], mtime=5)
    with_it = canonical_of(tmp_path / "1", [nothing, change, made.tar([])])
    without = canonical_of(tmp_path / "2", [change])
    assert with_it.digest == without.digest and len(with_it.layers) == 2


def test_the_bases_layers_stay_as_they_are(tmp_path: Path) -> None:
    found = canonical_of(tmp_path, [made.tar([file("a")])])
    assert found.layers[0].listing.digest == made.digest(BASE)
    assert found.layers[0].listing.dropped == ()
    with pytest.raises(BuildFailed, match="does not stand on the base"):
        canonical.canonical(
            source.from_archive(tmp_path / "raw.tar", tmp_path),
            [made.digest(b"another")],
            Listings(tmp_path / "listings"),
            epoch=EPOCH,
        )


def test_folders_above_a_change_are_written_with_it(tmp_path: Path) -> None:
    """An engine would else make them anew, with root as their owner."""
    below = made.tar([folder("app", uid=1000, mode=0o775), folder("app/x"), file("app/x/old")])
    above = made.tar([file("app/x/new", b"1"), file("app/x/.wh.old")])
    found = canonical_of(tmp_path, [below, above])
    assert paths(found, 2) == ["app", "app/x", "app/x/new"]
    assert found.layers[2].listing.delta.added["app"].owner == 1000


@pytest.mark.parametrize(
    "above",
    [
        [file("d/.wh.gone"), file("d/.wh.never-there"), file("d/new", b"1")],
        [folder("d"), file("d/.wh..wh..opq"), file("d/kept", b"1"), file("d/new", b"1")],
        [file("d/kept", b"1"), file(".wh.d"), folder("d"), file("d/new", b"1")],
    ],
)
def test_each_way_to_remove_gives_the_same_layer(tmp_path: Path, above: list[made.Member]) -> None:
    below = made.tar([folder("d"), file("d/kept", b"1"), folder("d/gone"), file("d/gone/x", b"1")])
    found = canonical_of(tmp_path, [below, made.tar(above)])
    tree = found.tree()
    assert sorted(path for path in tree if path.startswith("d")) == ["d", "d/kept", "d/new"]
    assert found.layers[2].listing.delta.removed == ("d/gone",)


def test_a_folder_that_becomes_a_file_takes_its_content_along(tmp_path: Path) -> None:
    below = made.tar([folder("d"), file("d/x", b"1")])
    found = canonical_of(tmp_path, [below, made.tar([file("d", b"now a file")])])
    assert "d/x" not in found.tree() and found.tree()["d"].kind == "file"


def test_hard_links_stay_links(tmp_path: Path) -> None:
    one = made.tar([file("b", b"12"), hard_link("a", "b")])
    other = made.tar([file("a", b"12"), hard_link("b", "a")])
    copies = made.tar([file("a", b"12"), file("b", b"12")])
    digests = [
        canonical_of(tmp_path / str(n), [layer]).digest for n, layer in enumerate((one, other))
    ]
    assert digests[0] == digests[1]
    assert canonical_of(tmp_path / "copies", [copies]).digest != digests[0]


def test_what_the_policy_drops_is_gone_and_told(tmp_path: Path) -> None:
    volatile = [
        folder("var/log"), file("var/log/dpkg.log", b"2026"), file("etc/machine-id", b"random"),
        file("etc/hosts", b"127.0.0.1 localhost"), file("etc/hostname"),
        folder("mnt"), folder("mnt/wheels"), folder("mnt/kept"),
        file("mnt/kept/x", b"1"), file("home/.cache/matplotlib/fontlist-v3.json", b"{}"),
    ]  # fmt: skip
    found = canonical_of(tmp_path, [made.tar(volatile)])
    assert paths(found, 1) == ["mnt", "mnt/kept", "mnt/kept/x", "var/log"]
    told = dict(found.layers[1].listing.dropped)
    assert set(told) == {
        "var/log/dpkg.log", "etc/machine-id", "etc/hosts", "etc/hostname", "mnt/wheels",
        "home/.cache/matplotlib/fontlist-v3.json",
    }  # fmt: skip
    assert "times" in told["var/log/dpkg.log"]


def test_a_config_keeps_what_runs_and_nothing_of_the_builder(tmp_path: Path) -> None:
    ours: dict[str, object] = {
        "Env": ["B=2", "A=1", "PATH=/bin", "A=3"],
        "Cmd": ["x"],
        "User": "1000:0",
        "Labels": {"org.reprokit.owner": "reprokit", "io.buildah.version": "1.28"},
        "Volumes": {"/app/results": {}},
        "Hostname": "builder",
        "Image": "sha256:parent",
        "OnBuild": None,
    }
    other = {
        "Env": ["PATH=/bin", "A=3", "B=2"],
        "Cmd": ["x"],
        "Entrypoint": [],
        "User": "1000:0",
        "Labels": {"org.reprokit.owner": "reprokit"},
        "Volumes": {"/app/results": {}},
    }
    layer = made.tar([file("a")])
    first = canonical_of(tmp_path / "1", [layer], ours)
    assert first.digest == canonical_of(tmp_path / "2", [layer], other).digest
    assert b"builder" not in first.config and b"buildah" not in first.config
    assert first.digest == made.digest(first.config)
    changed = {**other, "User": "0"}
    assert canonical_of(tmp_path / "3", [layer], changed).digest != first.digest


def test_a_canonical_image_is_its_own_canonical_form(tmp_path: Path) -> None:
    layers = [
        made.tar([folder("app", uid=1000), file("app/a", b"1"), hard_link("app/b", "app/a")]),
        made.tar([file("app/.wh.a"), link("app/c", "/etc//x/"), file("app/ü" + "x" * 150, b"2")]),
    ]
    first = canonical_of(tmp_path / "1", layers, {"Cmd": ["x"]})
    path = tmp_path / "canonical.tar"
    archive.write(path, first, "made:1")
    raw = source.from_archive(path, tmp_path)
    again = canonical.canonical(raw, [made.digest(BASE)], Listings(tmp_path / "other"), epoch=EPOCH)
    assert again.digest == first.digest
    assert tree_digest(again.tree()) == tree_digest(first.tree())
    assert [layer.listing.digest for layer in first.layers] == raw.config["rootfs"]["diff_ids"]


def test_an_archive_can_leave_out_what_the_engine_has(tmp_path: Path) -> None:
    found = canonical_of(tmp_path, [made.tar([file("a", b"1")]), made.tar([file("b", b"2")])])
    path = tmp_path / "partial.tar"
    archive.write(path, found, "made:1", omitted=2)
    with tarfile.open(path) as opened:
        names = [member.name for member in opened if member.name.endswith("layer.tar")]
    last = found.layers[2].listing.digest.removeprefix("sha256:")
    assert names == [f"{last}/layer.tar"]


def test_a_layer_is_read_once_ever(tmp_path: Path) -> None:
    layer = made.tar([file("a", b"1")])
    first = canonical_of(tmp_path, [layer])
    path = made.image(tmp_path / "raw.tar", [BASE, layer])
    raw = source.from_archive(path, tmp_path)
    path.unlink()  # nothing may be read any more
    again = canonical.canonical(
        raw, [made.digest(BASE)], Listings(tmp_path / "listings"), epoch=EPOCH
    )
    assert again.digest == first.digest


def test_a_damaged_listing_is_made_again(tmp_path: Path) -> None:
    layers = [made.tar([file("a", b"1")])]
    first = canonical_of(tmp_path, layers)
    for listing in (tmp_path / "listings" / "listings").iterdir():
        listing.write_bytes(b"\x1f\x8bdamaged")
    assert canonical_of(tmp_path, layers).digest == first.digest


@pytest.mark.parametrize("name", ["../evil", "a/../../evil"])
def test_a_layer_that_climbs_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadRequest, match="leads out"):
        canonical_of(tmp_path, [made.tar([file(name, b"1")])])


def test_compressed_layers_are_read_as_well(tmp_path: Path) -> None:
    import gzip
    import json

    layer = made.tar([file("a", b"1")])
    plain = canonical_of(tmp_path / "1", [layer])
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"diff_ids": [made.digest(BASE), made.digest(layer)]},
    }
    manifest = [{"Config": "blobs/c", "Layers": ["blobs/0", "blobs/1"], "RepoTags": None}]
    members = [
        file("blobs/0", gzip.compress(BASE)),
        file("blobs/1", gzip.compress(layer)),
        file("blobs/c", json.dumps(config).encode()),
        file("manifest.json", json.dumps(manifest).encode()),
    ]
    path = tmp_path / "oci.tar"
    path.write_bytes(made.tar(members))
    raw = source.from_archive(path, tmp_path)
    found = canonical.canonical(raw, [made.digest(BASE)], Listings(tmp_path / "l"), epoch=EPOCH)
    assert found.digest == plain.digest


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    for content in (b"", b"text", made.tar([file("manifest.json", b"[{}]")]), made.tar([])):
        path.write_bytes(content)
        with pytest.raises(BadRequest, match="not an exported image"):
            source.from_archive(path, tmp_path)


def test_a_canonical_layer_is_a_tar_that_others_read(tmp_path: Path) -> None:
    members = [
        folder("d", mode=0o1777),
        file("d/" + "n" * 200, b"long"),
        file("d/ü", b"umlaut", uid=3_000_000, gid=3_000_001),
        link("d/l", "t" * 150),
        file("d/capable", b"x", pax_headers={"SCHILY.xattr.security.capability": "\x01\x00é"}),
    ]
    found = canonical_of(tmp_path, [made.tar(members)])
    written = io.BytesIO()
    canonical.write_layer(found, 1, written)
    assert made.digest(written.getvalue()) == found.layers[1].listing.digest
    with tarfile.open(fileobj=io.BytesIO(written.getvalue())) as opened:
        read = {member.name: member for member in opened}
        assert {member.mtime for member in read.values()} == {EPOCH}
        assert {member.uname for member in read.values()} == {""}
        assert read["d"].mode == 0o1777
        long = opened.extractfile("d/" + "n" * 200)
        assert long is not None and long.read() == b"long"
        assert (read["d/ü"].uid, read["d/ü"].gid) == (3_000_000, 3_000_001)
        assert read["d/l"].linkname == "t" * 150
        assert "SCHILY.xattr.security.capability" in read["d/capable"].pax_headers
