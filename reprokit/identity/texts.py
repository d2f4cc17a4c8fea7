"""Text files of maintainer scripts, written so that they are the same in every build."""

from __future__ import annotations

import re

_CREATED = re.compile(rb"# Created by Octave [^\n]*\n")


def sorted_file_list(content: bytes, epoch: int) -> bytes:
    """TeX's ls-R, the names of files folder by folder, which come in the order of the disk.

    The first line is a magic one; sections begin with a folder's name and end with an empty line.
    """
    magic, *sections = content.split(b"\n\n")
    first, _, rest = magic.partition(b"\n")
    found = [section.strip(b"\n").split(b"\n") for section in (rest, *sections)]
    ordered = sorted([lines[0], *sorted(lines[1:])] for lines in found if lines != [b""])
    return b"\n\n".join([first, *(b"\n".join(lines) for lines in ordered)]) + b"\n"


def without_octave_time(content: bytes, epoch: int) -> bytes:
    """Octave's list of packages without the line that states when and by whom it was written."""
    return _CREATED.sub(b"", content, count=1)
