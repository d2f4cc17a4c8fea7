"""A project's own Dockerfile: which images it reads, and pinning them."""

from __future__ import annotations

import pytest

from reprokit.errors import BadRequest
from reprokit.own_dockerfile import base_references, parse, pinned

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64

STAGES = """\
# syntax=docker/dockerfile:1
# a comment with FROM nothing
ARG VERSION=3.11
ARG TAG=${VERSION}-slim
FROM --platform=linux/amd64 python:$TAG AS build
RUN echo FROM x && \\
    # FROM inside:1
    echo "FROM y"
RUN <<EOF
FROM heredoc:1
EOF

from debian:${RELEASE:-bookworm} \\
  as Final
COPY --from=build /a /a
COPY --from=busybox:1.36 /bin/sh /b
COPY --chown=1 --from=0 /a /c
RUN --mount=type=bind,from=alpine:3,target=/x --network=none ls
FROM scratch
FROM final
CMD ["x"]
"""


def test_the_bases_of_many_stages() -> None:
    assert base_references(STAGES) == (
        "python:3.11-slim",
        "debian:bookworm",
        "busybox:1.36",
        "alpine:3",
    )
    found = parse(STAGES)
    assert found.stages == ("build", "final", "", "")
    assert found.first_line == 5
    assert [base.line for base in found.bases] == [5, 13, 16, 18]
    assert found.has_command


def test_pinning_changes_nothing_else() -> None:
    digests = dict.fromkeys(base_references(STAGES), DIGEST)
    text = pinned(STAGES, digests)
    assert text == (
        STAGES.replace("python:$TAG", f"python:3.11-slim@{DIGEST}")
        .replace("debian:${RELEASE:-bookworm}", f"debian:bookworm@{DIGEST}")
        .replace("busybox:1.36", f"busybox:1.36@{DIGEST}")
        .replace("alpine:3", f"alpine:3@{DIGEST}")
    )
    assert base_references(text) == tuple(f"{name}@{DIGEST}" for name in digests)


def test_a_base_with_a_digest_and_a_whole_reference() -> None:
    text = f"FROM a/b@{DIGEST}\nFROM c:1\n"
    changed = pinned(text, {f"a/b@{DIGEST}": OTHER, "c:1": f"localhost/c@{DIGEST}"})
    assert changed == f"FROM a/b@{OTHER}\nFROM localhost/c@{DIGEST}\n"


def test_windows_line_ends_and_another_escape() -> None:
    text = "# escape=`\r\nFROM `\r\n  a:1\r\nRUN dir C:\\\r\nCMD x\r\n"
    assert base_references(text) == ("a:1",)
    assert pinned(text, {"a:1": DIGEST}) == text.replace("a:1", f"a:1@{DIGEST}")


def test_a_stage_is_not_an_image_only_after_its_definition() -> None:
    assert base_references("FROM debian\nFROM python AS debian\nFROM debian\n") == (
        "debian",
        "python",
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("FROM a\nCMD x\n", True),
        ('FROM a\nENTRYPOINT ["x"]\n', True),
        ("FROM a\nCMD x\nFROM b\n", False),
        ("FROM a\nENTRYPOINT []\n", False),
        ("FROM a\nRUN echo CMD x\n", False),
    ],
)
def test_whether_it_says_what_to_run(text: str, wanted: bool) -> None:
    assert parse(text).has_command is wanted


@pytest.mark.parametrize(
    ("argument", "reference", "wanted"),
    [
        ("A=1", "x:$A", "x:1"),
        ("A='1'", "x:${A}", "x:1"),
        ('A="1"', "x:${A:+yes}", "x:yes"),
        ("A", "x:${A:-2}", "x:2"),
        ("A=", "x${A-2}y", "xy"),
        ("A=1 B=2", "x:$A.$B", "x:1.2"),
    ],
)
def test_substitution(argument: str, reference: str, wanted: str) -> None:
    assert base_references(f"ARG {argument}\nFROM {reference}\n") == (wanted,)


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", "Dockerfile", "no FROM"),
        ("# FROM x\n", "Dockerfile", "no FROM"),
        ("\nRUN x\nFROM a\n", "Dockerfile:2", "before the first FROM"),
        ("FROM a\nRNU x\n", "Dockerfile:2", "'RNU' is not an instruction"),
        ("FROM a b\n", "Dockerfile:1", "not a FROM line"),
        ("FROM\n", "Dockerfile:1", "not a FROM line"),
        ("FROM a AS\n", "Dockerfile:1", "not a FROM line"),
        ("FROM x:$A\n", "Dockerfile:1", "$A has no value"),
        ("ARG A\nFROM $A\n", "Dockerfile:2", "is empty"),
        ("FROM a\nRUN <<END\nx\n", "Dockerfile:2", "never ends"),
        ("FROM a\n{}\n", "Dockerfile:2", "'{}' is not an instruction"),
    ],
)
def test_malformed(text: str, where: str, what: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(text)
    assert caught.value.where == where
    assert what in caught.value.what


def test_a_base_without_a_digest() -> None:
    with pytest.raises(BadRequest, match="no digest is known for b:1") as caught:
        pinned("FROM a\nFROM b:1\n", {"a": DIGEST})
    assert caught.value.where == "Dockerfile:2"


def test_quoted_text_begins_no_here_document() -> None:
    text = "FROM a:1\nRUN echo '<<A' x<<B \"c <<C\"\nCOPY --from=b:1 /x /y\n"
    assert base_references(text) == ("a:1", "b:1")
