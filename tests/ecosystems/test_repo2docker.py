"""postBuild, start and the variables of Binder; and all of it in a real image."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit import verbs
from reprokit.configuration import load
from reprokit.ecosystems.repo2docker import Repo2DockerEcosystem
from reprokit.errors import BadRequest
from reprokit.model import Argv, Detection, LockedEcosystem, Plan, Rendering, Step
from reprokit.phases.plan import Given, plan
from reprokit.phases.render import STEPS, entry_command, steps_command
from reprokit.registry import ecosystems, families
from tests.conftest import engines
from tests.projects import BASE, write

START = '#!/bin/sh\nexport GREETING=hello\nexec "$@"\n'


def detected(folder: Path, files: dict[str, str]) -> Detection | None:
    return Repo2DockerEcosystem().detect(write(folder, files))


@pytest.mark.parametrize(
    ("files", "settings"),
    [
        ({"postBuild": "#!/bin/sh\n"}, {"post_build": "postBuild"}),
        ({"start": START}, {"start": "start"}),
        ({"start": "#!/usr/bin/env python\nos.execvp(sys.argv[1], sys.argv[1:])"},
         {"start": "start"}),
        ({"binder/start": START, "start": "#!/bin/sh\n", "postBuild": "exit 1"},
         {"start": "binder/start"}),
        ({"binder/requirements.txt": "", "postBuild": "exit 1"}, {}),
        ({"fit.py": 'import os\nos.chdir(os.environ["REPO_DIR"])\n'}, {}),
        ({"fit": '#!/bin/sh\ncd "$REPO_DIR"\n'}, {}),
    ],
)  # fmt: skip
def test_what_is_binders(tmp_path: Path, files: dict[str, str], settings: dict[str, str]) -> None:
    found = detected(tmp_path, files)
    assert found is not None and dict(found.settings) == settings


@pytest.mark.parametrize(
    "files",
    [
        {"fit.py": "print(1)\n", "apt.txt": "jq\n"},
        {"notes": "REPO_DIR\n"},
        {"lib/deep.py": "REPO_DIR\n"},
        {"start/a.py": "", "binder/sheets.txt": ""},
    ],
)
def test_what_is_not(tmp_path: Path, files: dict[str, str]) -> None:
    assert detected(tmp_path, files) is None


def test_a_start_that_starts_nothing_is_named_and_not_used(tmp_path: Path) -> None:
    found = detected(tmp_path, {"start": "#!/bin/sh\njava -jar server.jar\n", "postBuild": ""})
    assert found is not None and dict(found.settings) == {"post_build": "postBuild"}
    told = [(note.level, note.text.partition(":")[0]) for note in found.notes]
    assert told == [
        ("information", "postBuild runs in the build, without a network"),
        ("warning", "start is not used"),
    ]


def rendered(**settings: str) -> Rendering:
    locked = LockedEcosystem(ecosystem="repo2docker", settings=settings)
    return Repo2DockerEcosystem().render(locked, BASE)


def test_the_variables_and_folders_that_binder_promises() -> None:
    share = rendered()
    assert share.install == ()
    assert share.environment == (("REPO_DIR", "/app"),)
    assert share.path == ("/app/.local/bin", "/home/repro/.local/bin")


@pytest.mark.parametrize("path", ["../../bin/sh", "a//b"])
def test_a_lock_names_no_script_elsewhere(path: str) -> None:
    with pytest.raises(BadRequest):
        rendered(post_build=path)


def test_post_build_comes_behind_every_language() -> None:
    assert max(ecosystem.name for ecosystem in ecosystems()) == "repo2docker"


def planned(folder: Path, files: dict[str, str], *steps: Step) -> Plan:
    project, given = write(folder, files), Given(steps=steps)
    return plan(
        project,
        ecosystems(),
        families(),
        load(folder),
        commit_day=None,
        locked_day=None,
        given=given,
    )


@pytest.mark.parametrize(
    ("steps", "in_image", "by_hand"),
    [
        ((), ("/app/start", "python", "a.py"), ("/app/start", "python", "a.py")),
        ((Step(argv=("ls",)),), ("/app/start", "ls"), ("/app/start", "ls")),
        (
            (Step(argv=("ls",)), Step(argv=("id",))),
            ("/app/start", STEPS),
            ("/app/start", "sh", "-c"),
        ),
    ],
)
def test_start_is_given_the_command_whatever_it_is(
    tmp_path: Path, steps: tuple[Step, ...], in_image: Argv, by_hand: Argv
) -> None:
    made = planned(tmp_path, {"start": START, "a.py": ""}, *steps)
    assert made.entry is not None
    assert entry_command(made.entry) == in_image
    assert steps_command(made.entry)[:3] == by_hand


def test_beside_a_dockerfile_start_is_the_dockerfiles_business(tmp_path: Path) -> None:
    made = planned(tmp_path, {"start": START, "a.py": "", "Dockerfile": "FROM a\n"})
    assert made.entry is not None and made.entry.through == ()


def test_the_configuration_leaves_post_build_out(tmp_path: Path) -> None:
    files = {"postBuild": "exit 1", "a.py": "", "repro.toml": "[binder]\npost_build = false\n"}
    made = planned(tmp_path, files)
    assert [dict(d.settings) for d in made.detections if d.ecosystem == "repo2docker"] == [{}]


CHECK = """#!/bin/sh
set -eu
test "$(cat ~/built.txt)" = "hello of the build"
test "$GREETING" = hello
test "$PWD" = "$REPO_DIR"
test -w ~/built.txt
test -w beside.txt
test -w made/deep.txt
case ":$PATH:" in *":$HOME/.local/bin:"*) ;; *) exit 5 ;; esac
case ":$PATH:" in *":$REPO_DIR/.local/bin:"*) ;; *) exit 6 ;; esac
echo 1 > results/done.txt
"""


@pytest.mark.engine
@pytest.mark.network
@pytest.mark.parametrize("engine", engines())
def test_a_real_project_of_binders(engine: str, tmp_path: Path) -> None:
    """Neither script may be executable in the project, and one of each outside must not run."""
    post_build = (
        "#!/bin/sh\nset -e\nexport GREETING=bye\n"
        'echo "hello of the build" > "$HOME/built.txt"\n'
        'mkdir made\necho > made/deep.txt\necho > "$REPO_DIR/beside.txt"\n'
    )
    files = {
        ".binder/postBuild": post_build,
        ".binder/start": START,
        "postBuild": "#!/bin/sh\nexit 1\n",
        "start": '#!/bin/sh\nexit 1\n"$@"\n',
        "check": CHECK,
        "repro.toml": 'base = "bookworm"\n',
    }
    write(tmp_path, files)
    done = verbs.run(tmp_path, command=["sh", "check"], engine=engine)
    assert done.record["status"] == "succeeded", (done.folder / "log.txt").read_text()
    assert (tmp_path / "results" / "done.txt").read_text() == "1\n"
