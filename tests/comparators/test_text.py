"""Texts, and the rules for what changes with every run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from reprokit.comparators.text_rules import RULES, normalised
from reprokit.verdict import Grade
from tests.comparators.compared import Written, told


@pytest.mark.parametrize(
    ("rule", "one", "other"),
    [
        ("dates", "written 2024-01-02T03:04:05.678Z", "written 2026-11-30 13:14:15"),
        ("dates", "Mon Jan  2 15:04:05 2006", "Tue Feb 13 05:04:05 2024"),
        ("dates", "on 2 January 2024", "on 31 December 2025"),
        ("dates", "on 01/02/2024 at noon", "on 11/12/2026 at noon"),
        ("times of day", "[03:04:05] start", "[13:14:15.123] start"),
        ("durations", "took 3.21 s", "took 14 s"),
        ("durations", "real 0m1.234s", "real 1m0.9s"),
        ("durations", "Time difference of 1.2 secs", "Time difference of 2.56 mins"),
        ("memory addresses", "<obj at 0x7f1234567890>", "<obj at 0x55aa12345678>"),
        ("memory addresses", "java.lang.Object@1b6d3586", "java.lang.Object@4554617c"),
        ("absolute paths", "wrote /home/ann/p/out.csv", "wrote /app/out.csv"),
        ("absolute paths", r"wrote C:\Users\ann\out.csv", "wrote /app/results/out.csv"),
        ("temporary names", "in tmpab12cd_9", "in tmp00000000"),
        ("temporary names", "in RtmpAb12Cd", "in Rtmpzzzzzz"),
        (
            "UUIDs",
            "id 123e4567-e89b-12d3-a456-426614174000",
            "id 00000000-e89b-12d3-a456-426614174001",
        ),
        (
            "who drew PostScript",
            "%%Creator: matplotlib version 3.3.2, http://matplotlib.org/",
            "%%Creator: Matplotlib v3.5.3, https://matplotlib.org/",
        ),
        ("process ids", "pid 123 ended", "pid 4 ended"),
        ("terminal colours", "\x1b[31mred\x1b[0m", "red"),
        ("progress bars", "10%\r 55%\rdone", "done"),
        ("progress bars", "fit: 100%|####| 5/5 [00:01<00:00, 3it/s]", "fit:  60%|##  | 3/5 [?]"),
        ("line ends and trailing spaces", "a  \r", "a"),
    ],
)
def test_a_rule_is_applied_and_shown(rule: str, one: str, other: str, written: Written) -> None:
    assert rule in {known.name for known in RULES}
    found = written("a.log", f"begin\n{one}\nend\n", f"begin\n{other}\nend\n")
    told(found, Grade.WITHIN_TOLERANCE, rule)
    assert rule in [row["rule"] for row in found.details["rules"]]  # type: ignore[union-attr, index, call-overload]


@pytest.mark.parametrize(
    "line", ["see https://example.org/a/b/c", "ratio 3/4", "mean 12.5 m", "f(x) = x / y / z"]
)
def test_what_no_rule_touches(line: str) -> None:
    assert normalised(line) == (line, frozenset())


def test_a_word_after_a_time_stays() -> None:
    assert normalised("at 12:30:01 RMSE 5")[0] == "at <time> RMSE 5"


def test_numbers_in_a_text_are_compared_by_tolerance(written: Written) -> None:
    near = written("a.txt", "RMSE = 0.123456789 of 3\n", "RMSE = 0.123456790 of 3\n")
    told(near, Grade.WITHIN_TOLERANCE, "1 of 2 numbers differs within tolerance")
    far = written("a.txt", "x\nRMSE = 0.50 of 3\n", "x\nRMSE = 0.51 of 3\n")
    told(far, Grade.DIFFERENT, "1 of 2 numbers differs", "0.02 at line 2")


def test_a_changed_line_is_shown(written: Written) -> None:
    found = written("a.txt", "one\ntwo\nthree\n", "one\nTWO\nthree\n")
    told(found, Grade.DIFFERENT, "1 line differs", "line 2", "'TWO' instead of 'two'")
    assert found.details["diff"] == ["@@ -2,1 +2,1 @@", "-two", "+TWO"]


def test_lines_that_came_and_went_do_not_shift_the_rest(written: Written) -> None:
    found = written("a.txt", "a\nb 1.0\nc\n", "a\nnew\nb 1.5\nc\n")
    told(found, Grade.DIFFERENT, "1 line came and 0 lines went", "line 2", "1 of 1 numbers differs")
    told(written("a.txt", "a\nb\n", "a\n"), Grade.DIFFERENT, "0 lines came and 1 line went")


def test_arrays_are_laid_out_by_each_version_in_its_way(written: Written) -> None:
    old = "x\narray([ 0.        ,  0.55555556,\n        1.11111111])\n[[ 1.  2.]\n [ 3. nan]]\n"
    new = "x\narray([0.        , 0.55555556, 1.11111111])\n[[1. 2.]\n [3. nan]]\n"
    told(written("a.txt", old, new), Grade.WITHIN_TOLERANCE, "the layout of arrays")
    told(written("a.txt", old, new.replace("3. nan", "4. nan")), Grade.DIFFERENT)
    told(written("a.txt", old, new.replace("x", "y")), Grade.DIFFERENT)
    told(written("a.txt", "['a',\n 1]\n", "['a', 1]\n"), Grade.DIFFERENT)


def test_a_text_that_goes_on_and_on_is_not_matched(written: Written) -> None:
    old = "\n".join(f"word{n}x" for n in range(5000))
    new = "\n".join(f"other{n}x" for n in range(5000))
    told(written("a.txt", old, new), Grade.DIFFERENT, "another from line 1 on")


def test_other_encodings_and_binary(written: Written) -> None:
    told(written("a.txt", "a ü 1.5".encode("utf-16"), "a ü 1.5".encode()), Grade.WITHIN_TOLERANCE)
    told(written("a.txt", "größe\n".encode("latin-1"), "grösse\n"), Grade.DIFFERENT, "line 1")
    found = written("a.txt", "a text", b"\0\1\2\3")
    told(found, Grade.DIFFERENT, "cannot be read as text: it is no text")
    assert found.comparator == "bytes"


@hypothesis_settings(deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_any_line_is_normalised_the_same_way_twice_or_less(line: str) -> None:
    once, _ = normalised(line)
    assert isinstance(once, str)


@pytest.mark.parametrize(
    "line", ["/a" * 10_000, "1:" * 10_000, "a@" * 10_000, "1.2.3." * 5_000, "Jan " * 5_000,
             " " * 19_000 + "x", "1h " * 6_000, "C:\\" + "a b\\" * 5_000, "\r" * 19_000 + "x",
             "5%|" * 6_000, "0m" * 9_000, "-" * 20_000]
)  # fmt: skip
def test_no_rule_takes_long_for_a_hostile_line(line: str, benchmark_seconds: Any) -> None:
    assert benchmark_seconds(lambda: normalised(line)) < 3
