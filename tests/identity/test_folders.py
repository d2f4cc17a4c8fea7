"""An overlay's folders say the same as the exported image. Root only: others cannot make them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from reprokit.identity.raw import FolderLayer, Redirected, TarLayer
from tests.identity import made
from tests.identity.made import file, folder, hard_link, link

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device nodes")


@needs_root
def test_a_folder_and_a_tar_of_the_same_layer_say_the_same(tmp_path: Path) -> None:
    upper = tmp_path / "upper"
    (upper / "d" / "deep").mkdir(parents=True)
    (upper / "d" / "a").write_bytes(b"12")
    os.link(upper / "d" / "a", upper / "d" / "b")
    (upper / "d" / "l").symlink_to("x//y/")
    os.chown(upper / "d" / "a", 1000, 7)
    os.mkfifo(upper / "d" / "p", 0o600)
    os.mknod(upper / "d" / "gone", 0o20000, os.makedev(0, 0))
    os.setxattr(upper / "d" / "deep", "trusted.overlay.opaque", b"y")
    for path in (upper / "d", upper / "d" / "deep"):
        path.chmod(0o750)
    (upper / "d" / "a").chmod(0o4755)

    plain = tmp_path / "layer.tar"
    plain.write_bytes(
        made.tar(
            [
                folder("d", mode=0o750),
                file("d/.wh.gone"),
                file("d/a", b"12", mode=0o4755, uid=1000, gid=7),
                hard_link("d/b", "d/a"),
                folder("d/deep", mode=0o750),
                file("d/deep/.wh..wh..opq"),
                link("d/l", "x//y/"),
                ("d/p", {"type": b"6", "mode": 0o600}, b""),
            ]
        )
    )
    ours, theirs = FolderLayer(upper), TarLayer(plain, 0, plain.stat().st_size)
    one, other = ours.read(), theirs.read()
    assert (
        (one.whiteouts, one.opaque) == (other.whiteouts, other.opaque) == ({"d/gone"}, {"d/deep"})
    )
    assert {p: raw.node for p, raw in one.members.items()} == {
        p: raw.node for p, raw in other.members.items()
    }
    for members in (one.members, other.members):
        assert members["d/a"].inode == members["d/b"].inode
    assert b"".join(ours.content(one.members["d/a"])) == b"12"


@needs_root
def test_what_only_a_kernel_can_read_is_left_to_the_engine(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    os.setxattr(tmp_path / "d", "trusted.overlay.redirect", b"/old")
    with pytest.raises(Redirected):
        FolderLayer(tmp_path).read()
    shutil.rmtree(tmp_path / "d")
