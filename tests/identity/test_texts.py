"""Text files of maintainer scripts, the same in every build."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from reprokit.identity import policy
from reprokit.identity.texts import sorted_file_list, without_octave_time

MAGIC = "% ls-R -- filename database for kpathsea; do not change this line."
FOLDERS = {"./": ["web2c", "dvips", "ls-R"], "./web2c": ["pdftex"], "./dvips/config": ["b", "a"]}


def listed(folders: dict[str, list[str]]) -> bytes:
    sections = ["\n".join([f"{folder}:", *names]) for folder, names in folders.items()]
    return ("\n".join([MAGIC, "\n\n".join(sections)]) + "\n\n").encode()


def test_the_order_of_the_disk_is_not_seen() -> None:
    shuffled = list(FOLDERS.items())
    random.Random(1).shuffle(shuffled)
    other = listed({folder: names[::-1] for folder, names in shuffled})
    one = sorted_file_list(listed(FOLDERS), 0)
    assert one == sorted_file_list(other, 0)
    assert one.startswith(MAGIC.encode() + b"\n")
    assert b"./dvips/config:\na\nb\n" in one
    assert sorted_file_list(one, 0) == one


@given(st.binary())
def test_no_line_of_another_file_is_lost(content: bytes) -> None:
    kept = [line for line in sorted_file_list(content, 0).split(b"\n") if line]
    assert sorted(kept) == sorted(line for line in content.split(b"\n") if line)


def test_octave_s_time_goes_and_the_packages_stay() -> None:
    body = b"# name: global_packages\n# type: cell\n# rows: 0\n"
    times = (b"Tue Nov 24 16:31:14 2026 UTC <root@a>", b"Wed Nov 25 01:02:03 2026 UTC <root@b>")
    for time in times:
        assert without_octave_time(b"# Created by Octave 7.3.0, " + time + b"\n" + body, 0) == body
    assert without_octave_time(body, 0) == body


def test_the_policy_uses_them() -> None:
    for path, rewrite in (
        ("var/lib/texmf/ls-R", sorted_file_list),
        ("var/lib/texmf/ls-R-TEXLIVEDIST", sorted_file_list),
        ("usr/share/octave/octave_packages", without_octave_time),
    ):
        rule = policy.rewriting(path)
        assert rule is not None and rule.rewrite is rewrite
    assert policy.rewriting("app/ls-R") is None
