"""No text that a project can hold alters a Dockerfile or a shell command.

The quoting is judged by those who read it: a real shell, an engine that builds, and our own reader
of Dockerfiles, which knows nothing of the quoting.
"""

from __future__ import annotations

import io
import json
import random
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reprokit import own_dockerfile
from reprokit.configuration import Configuration, load
from reprokit.engines.connect import connect
from reprokit.engines.protocol import BuildRequest
from reprokit.errors import BadRequest, ReprokitError
from reprokit.model import Step
from reprokit.phases.entries import choose
from reprokit.phases.entries_readme import candidates
from reprokit.project import Project
from reprokit.quoting import (
    DEBIAN_PACKAGE,
    DEBIAN_VERSION,
    checked_name,
    copy_form,
    dockerfile_value,
    exec_form,
    printable_command,
    refuse_control_characters,
    shell_command,
    shell_word,
)

PIECES = [
    "'", '"', "`", "\\", "$", "$(id)", "${HOME}", "$HOME", ";", "&&", "|", ">", "<", "<<EOF", "EOF",
    "\n", "\r\n", "\t", " ", "#", "# ", "\x00", "\x1b", "\x85", "\u2028", "\u202e", "\ufeff", "é",
    "日本", "🐝", "*", "?", "[a]", "{a,b}", "~", "!", "=", ",", "-", "--", "-rf", "\\\n", "'\\''",
    "RUN id", "\nRUN id\n", "\nFROM evil\n", "FROM", "USER root", "AS", "../", "/etc/passwd", "%s",
    "a", "numpy", "x.csv", "\udc80", "ONBUILD", "]", '["', "\\n", "\\x0a", "||", "&", "()", "!!",
]  # fmt: skip
texts = st.one_of(
    st.text(max_size=30),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join),
)
argvs = st.lists(texts, min_size=1, max_size=5)
BACKSLASH = "\\"
UNSAFE = "".join(chr(code) for code in (*range(32), *range(127, 160))) + (
    "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def words_of_a_shell(command: str) -> list[str]:
    """The words as /bin/sh understands them."""
    done = subprocess.run(
        ["/bin/sh", "-c", f"printf '%s\\0' {command}"],
        capture_output=True,
        check=True,
        env={"HOME": "/home/expanded", "PATH": "/usr/bin:/bin"},
    )
    return done.stdout.decode().split("\0")[:-1]


def hidden(text: str) -> bool:
    """Whether a text holds what may never be written."""
    return any(c in UNSAFE or "\ud800" <= c <= "\udfff" for c in text)


@given(argvs)
@settings(max_examples=150, deadline=None)
def test_a_shell_reads_the_words_that_were_meant(argv: list[str]) -> None:
    if any(hidden(word) for word in argv):
        with pytest.raises(BadRequest):
            shell_command(argv)
        return
    assert words_of_a_shell(shell_command(argv)) == argv


@given(st.text(alphabet=UNSAFE, min_size=1, max_size=1), texts)
def test_hidden_characters_are_refused_everywhere(character: str, text: str) -> None:
    for place in (character + text, text + character):
        for quote in (shell_word, dockerfile_value, refuse_control_characters):
            with pytest.raises(BadRequest):
                quote(place)
        with pytest.raises(BadRequest):
            copy_form(["a", place], "/b")


def test_a_backslash_in_the_source_of_a_copy() -> None:
    with pytest.raises(BadRequest, match="contains a backslash"):
        copy_form(["a", "b\\c"], "/d")


@given(argvs)
def test_exec_form_is_the_same_list_on_one_line(argv: list[str]) -> None:
    written = exec_form(argv)
    assert json.loads(written) == argv
    assert written.isascii()
    assert written.isprintable()


@given(argvs)
def test_what_people_see_is_on_one_line(argv: list[str]) -> None:
    assert not hidden(printable_command(argv))


def docker_value(written: str) -> str:
    """A double-quoted word as Docker's lexer reads it: a backslash takes the meaning from a quote,
    a dollar and itself; any other dollar or quote would be an expansion or the end."""
    assert written[0] == written[-1] == '"'
    found, index, inside = "", 0, written[1:-1]
    while index < len(inside):
        if inside[index] == "\\" and inside[index + 1 : index + 2] in ('"', "$", "\\"):
            index += 1
        else:
            assert inside[index] not in '"$'
        found += inside[index]
        index += 1
    return found


@given(texts)
def test_a_value_in_a_dockerfile(text: str) -> None:
    if hidden(text):
        return
    assert docker_value(dockerfile_value(text)) == text


@given(argvs, texts)
def test_a_dockerfile_keeps_its_instructions(argv: list[str], value: str) -> None:
    """Whatever the words are, a reader of Dockerfiles finds the same four instructions."""
    if hidden(value) or any(hidden(word) for word in argv):
        return
    text = "\n".join(
        (
            "FROM base:1",
            f"ENV NAME={dockerfile_value(value)}",
            f"RUN {shell_command(argv)} \\\n    && {shell_word(value)}",
            f"COPY --from=base:2 {copy_form([w.replace(BACKSLASH, '') for w in argv], '/app/')}",
            f"ENTRYPOINT {exec_form(argv)}",
        )
    )
    # A here-document would swallow lines up to its end, or fail to end.
    found = own_dockerfile.parse(text + "\n")
    assert [base.reference for base in found.bases] == ["base:1", "base:2"]
    assert found.has_command
    assert len(text.splitlines()) == 6


@given(texts)
def test_names_are_names_or_refused(text: str) -> None:
    for pattern in (DEBIAN_PACKAGE, DEBIAN_VERSION):
        try:
            name = checked_name(text, pattern, "package")
        except BadRequest:
            continue
        assert words_of_a_shell(name) == [text]


@given(st.dictionaries(st.sampled_from(["name", "base", "command", "date", "x"]), texts))
@settings(deadline=None)
def test_a_configuration_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("configuration")
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    (folder / "repro.toml").write_text("\n".join(lines), encoding="utf-8")
    try:
        found = load(folder)
    except ReprokitError as error:
        assert error.exit_code == 2
        assert error.where is not None
        assert error.where.startswith("repro.toml")
        return
    if found.name is not None:
        assert found.name.isascii()
        assert words_of_a_shell(found.name) == [found.name]


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_are_a_configuration_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    (folder / "repro.toml").write_bytes(content)
    try:
        assert load(folder).file == "repro.toml"
    except ReprokitError as error:
        assert error.exit_code == 2


@given(st.lists(texts, max_size=8))
@example(["> `id`"])
@example(["<$"])
@settings(deadline=None)
def test_a_readme_gives_only_commands_of_the_experiment(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("readme")
    (folder / "main.py").touch()
    body = "\n".join(["```sh", *(f"python main.py {line}" for line in lines), "```"])
    (folder / "README.md").write_bytes(body.encode("utf-8", "replace"))
    for entry in candidates(Project(folder))[0]:
        for step in entry.steps:
            assert step.argv[:2] == ("python", "main.py") or step.argv[:2] == ("sh", "-c")
            if step.argv[0] == "sh":
                # Left to a shell only as it stands, and never with an expansion in it.
                assert step.argv[2].startswith("python main.py")
                assert not set("`$\n") & set(step.argv[2])


@given(st.text(max_size=200))
@settings(deadline=None)
def test_any_text_is_a_dockerfile_or_an_error(text: str) -> None:
    try:
        found = own_dockerfile.parse(text)
    except BadRequest as error:
        assert str(error.where).startswith("Dockerfile")
        return
    for base in found.bases:
        assert text[base.start : base.end].startswith(base.written[0])


def test_names_of_files_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "main.py").touch()
    try:
        Path(
            bytes(tmp_path).decode() + "/" + b"bad\xff.py".decode("utf-8", "surrogateescape")
        ).touch()
    except OSError:
        pytest.skip("this file system has only names that are text")
    assert Project(tmp_path).files == ("main.py",)
    if shutil.which("git"):
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
        assert Project(tmp_path).files == ("main.py",)


def test_scripts_with_hostile_names_stay_one_word(tmp_path: Path) -> None:
    name = "a'; id; '$(id) `id`.py"
    (tmp_path / name).touch()
    choice = choose(Project(tmp_path), (), Configuration())
    assert choice.entry is not None
    assert choice.entry.steps == (Step(argv=("python", name)),)
    assert words_of_a_shell(shell_command(choice.entry.steps[0].argv)) == ["python", name]


@pytest.mark.engine
def test_an_engine_reads_what_was_meant(tmp_path: Path) -> None:
    """Labels and copied files of a real build, from many hostile texts at once."""
    chance = random.Random(0)
    made = ("".join(chance.choices(PIECES, k=chance.randint(1, 5))) for _ in range(300))
    values = sorted({text for text in made if not hidden(text)})
    names = [
        f"{n} {text.replace('/', '').replace(BACKSLASH, '')}" for n, text in enumerate(values)
    ][:60]
    lines = ["FROM scratch"]
    lines += [f"LABEL l{n}={dockerfile_value(value)}" for n, value in enumerate(values)]
    for name in names:
        (tmp_path / name).write_text(name, encoding="utf-8")
        lines.append(f"COPY {copy_form([name], f'/files/{name}')}")
    (tmp_path / "Dockerfile").write_text("\n".join(lines) + "\n", encoding="utf-8")
    tag = "localhost/reprokit-test/hostile:1"
    with connect() as engine:
        try:
            image = engine.build(BuildRequest(context=tmp_path, tag=tag), lambda line: None)
            assert [image.labels[f"l{n}"] for n in range(len(values))] == values
            assert copied(b"".join(engine.save(tag))) == {name: name for name in names}
        finally:
            engine.remove_image(tag)


def copied(archive: bytes) -> dict[str, str]:
    """The files below /files of a docker-archive, with their content."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as image:
        manifest = image.extractfile("manifest.json")
        assert manifest is not None
        for name in json.load(manifest)[0]["Layers"]:
            layer = image.extractfile(name)
            assert layer is not None
            with tarfile.open(fileobj=io.BytesIO(layer.read())) as files:
                for member in files:
                    content = files.extractfile(member) if member.isreg() else None
                    if content is not None:
                        found[member.name.removeprefix("files/")] = content.read().decode()
    return found
