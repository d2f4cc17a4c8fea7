"""What an image has in Maven's place where the project's own scripts call Maven in a rerun."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from reprokit.ecosystems import java_calls
from reprokit.ecosystems.maven import MavenEcosystem, building, standing_in
from reprokit.errors import BadRequest
from reprokit.model import JSON, Detection, LockedEcosystem
from reprokit.project import Project
from tests.ecosystems.maven.test_maven_detecting import NAMED, main_class, plugin, pom
from tests.projects import BASE, write

CALLS = "run:\n\tmvn -q exec:java > out.txt\n"
Maven = Callable[..., Any]


def detected(root: Path, files: Mapping[str, str]) -> Detection:
    write(root, dict(files))
    found = MavenEcosystem().detect(Project(root, lenient=True))
    assert found is not None
    return found


def maven(root: Path, files: Mapping[str, str]) -> Maven:
    """The stand-in for a project, beside a `java` that says how it was called."""
    project = root / "app"
    found = detected(project, files)
    described = standing_in.described(found.settings["stand_in"], str(project))  # type: ignore[arg-type]
    script = Path(standing_in.__file__).with_name("mvn.sh").read_text()
    java = '#!/bin/sh\nprintf "<%s>" "$@"\necho " in ${PWD##*/}"\nexit "${ENDS-0}"\n'
    for path, text in (
        ("bin/mvn", script),
        ("bin/java", java),
        ("share/reprokit/maven.sh", described),
    ):
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(0o755)
    for module in {Path(path).parent for path in files if path.endswith("pom.xml")}:
        (project / module / "target/dependency").mkdir(parents=True, exist_ok=True)
        (project / module / "target/dependency/a.jar").touch()

    def call(*words: str, folder: str = ".", **environment: str) -> Any:
        path = f"{root / 'bin'}:{os.environ['PATH']}"
        return subprocess.run(
            ["mvn", *words],
            cwd=project / folder,
            env={"PATH": path, "LANG": "C.UTF-8", **environment},
            executable=root / "bin" / "mvn",
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def started(root: Path, *words: str, module: str = "", folder: str = "app") -> str:
    """What the `java` of the tests says when it is called with the class path and these."""
    target = f"{root / 'app'}{module}/target"
    given = [word for word in words if word.startswith("-D")]
    rest = [word for word in words if not word.startswith("-D")]
    path = ["-cp", f"{target}/classes:{target}/dependency/*"]
    return "".join(f"<{word}>" for word in [*given, *path, *rest]) + f" in {folder}\n"


PLAIN = {"pom.xml": pom(""), "Makefile": CALLS, "other.xml": "<project/>"}


@pytest.mark.parametrize(
    "words",
    [
        ("clean", "compile"),
        ("-q", "-B", "clean", "package", "-DskipTests"),
        ("-f", "other.xml", "clean", "dependency:copy-dependencies"),
        ("--file=pom.xml", "-T", "2", "-P", "fast,slow", "install", "dependency:go-offline"),
        ("org.apache.maven.plugins:maven-compiler-plugin:3.8.1:compile", "-ntp", "test"),
    ],
)
def test_what_is_built_already_is_done(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = maven(tmp_path, PLAIN)(*words)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.endswith("built already in this image: nothing to do\n")
    assert (tmp_path / "app/target/dependency/a.jar").exists()


def test_a_program_starts_as_the_exec_plugin_starts_it(tmp_path: Path) -> None:
    call = maven(tmp_path, PLAIN)
    done = call("-q", "exec:java", "-Dexec.mainClass=org.x.Main", "-Dn=5")
    mine = "-Dexec.mainClass=org.x.Main"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == started(tmp_path, mine, "-Dn=5", "org.x.Main")
    args = """-Dexec.args=one "two  three" 'it"s' "" *.txt ä"""
    done = call("compile", "exec:java", mine, args)
    wanted = (mine, args, "org.x.Main", "one", "two  three", 'it"s', "", "*.txt", "ä")
    assert done.stdout == started(tmp_path, *wanted)
    assert done.stderr == "mvn: compile: built already in this image: nothing to do\n"
    # The working directory is the caller's, the pom.xml another one's.
    (tmp_path / "app/sub").mkdir()
    done = call("-f", "../pom.xml", "exec:java", mine, folder="sub", MAVEN_OPTS="-Xmx1g -ea")
    assert done.stdout == "<-Xmx1g><-ea>" + started(tmp_path, mine, "org.x.Main", folder="sub")
    assert call("exec:java", mine, ENDS="3").returncode == 3
    given = call("exec:exec", "-Dexec.executable=java", "-Dexec.args=-ea -cp %classpath org.x.M 1")
    assert given.stdout == "<-ea>" + started(tmp_path, "org.x.M", "1")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("exec:java",), "no main class is named"),
        (("deploy",), "deploy: this stand-in for Maven cannot do that"),
        (("exec:java@run",), "exec:java@run: pom.xml has no execution run"),
        (("-f", "none.xml", "compile"), "there is no none.xml"),
        (("compile", "-f"), "the option -f needs a value"),
        (("exec:java", "-Dexec.mainClass=a.B", "-Dexec.args='a"), "a quote is not closed"),
        (("test", "-Dtest=Large"), "so that Large cannot run"),
        ((), "no goal is named"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = maven(tmp_path, PLAIN)(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr.replace("./pom.xml", "pom.xml")


def test_the_configuration_of_the_exec_plugin_counts(tmp_path: Path) -> None:
    configuration = (
        "<mainClass>${main}</mainClass>"
        "<arguments><argument>${size}</argument><argument>$(touch x)</argument></arguments>"
    )
    run = (
        "<executions><execution><id>large</id><configuration><arguments><argument>99</argument>"
        "</arguments></configuration></execution></executions>"
    )
    properties = "<properties><main>org.x.${kind}</main><kind>Main</kind></properties>"
    text = pom(properties + plugin("exec-maven-plugin", configuration))
    text = text.replace("</plugin>", run + "</plugin>")
    call = maven(tmp_path, {**PLAIN, "pom.xml": text})
    done = call("exec:java", "-Dsize=7")
    assert done.stdout == started(tmp_path, "-Dsize=7", "org.x.Main", "7", "$(touch x)")
    # The pom.xml's word is stronger than exec.mainClass, and -D than a property of the pom.xml.
    done = call("exec:java", "-Dkind=B", "-Dexec.mainClass=org.x.C", "-Dexec.args=1 2")
    given = ("-Dkind=B", "-Dexec.mainClass=org.x.C", "-Dexec.args=1 2")
    assert done.stdout == started(tmp_path, *given, "org.x.B", "1", "2")
    assert call("exec:java@large").stdout == started(tmp_path, "org.x.Main", "99")
    assert not (tmp_path / "app/x").exists()


def test_profiles_programs_and_phases_start_what_is_bound_to_them(tmp_path: Path) -> None:
    words = "".join(
        f"<{tag}>{text}</{tag}>"
        for tag, text in (("argument", "-Xmx2g"), ("argument", "-cp"), ("classpath", ""),
                          ("argument", "org.x.Big"))
    )  # fmt: skip
    big = plugin(
        "exec-maven-plugin", f"<executable>java</executable><arguments>{words}</arguments>"
    )
    profile = f"<profiles><profile><id>big</id>{big}</profile></profiles>"
    bound = plugin("exec-maven-plugin", "<mainClass>org.x.Main</mainClass>", "java")
    bound = bound.replace("<execution>", "<execution><id>e</id><phase>verify</phase>")
    call = maven(tmp_path, {**PLAIN, "pom.xml": pom(profile + bound)})
    assert call("-Pbig", "exec:exec").stdout == "<-Xmx2g>" + started(tmp_path, "org.x.Big")
    assert call("package").stdout == ""
    assert call("install").stdout == started(tmp_path, "org.x.Main")


def test_modules_are_named_by_folder_and_artifact(tmp_path: Path) -> None:
    modules = "<modules><module>core</module></modules>"
    files = {
        "pom.xml": pom(f"<packaging>pom</packaging>{modules}"),
        "core/pom.xml": pom("").replace("<artifactId>tool<", "<artifactId>heart<"),
        "run.sh": "mvn exec:java -pl core\n",
    }
    call = maven(tmp_path, files)
    main = "-Dexec.mainClass=org.x.Main"
    for words in (("-pl", "core"), ("-pl", ":heart", "-am"), ("-f", "core/pom.xml")):
        done = call(*words, "exec:java", main)
        assert done.stdout == started(tmp_path, main, "org.x.Main", module="/core")
    assert "say with -pl" in call("exec:java", main).stderr
    assert "no module built in this image" in call("-pl", ":none", "compile").stderr
    assert call("clean", "verify").returncode == 0


def test_libraries_and_the_class_path_go_where_they_are_asked_for(tmp_path: Path) -> None:
    copies = plugin("maven-dependency-plugin", "<outputDirectory>lib</outputDirectory>")
    call = maven(tmp_path, {**PLAIN, "pom.xml": pom(copies)})
    assert call("dependency:copy-dependencies").returncode == 0
    assert (tmp_path / "app/lib/a.jar").exists()
    assert call("dependency:build-classpath", "-Dmdep.outputFile=cp.txt").stdout == ""
    listed = (tmp_path / "app/cp.txt").read_text()
    assert listed == str(tmp_path / "app/target/dependency/a.jar")
    done = call("-q", "help:evaluate", "-Dexpression=project.version", "-DforceStdout")
    assert done.stdout == "1.2\n"


def test_a_library_beside_the_experiments_need_not_be_built_again(tmp_path: Path) -> None:
    files = {
        "pom.xml": pom(""),
        "experiment/pom.xml": pom("", NAMED.replace("tool", "experiment")),
        "experiment/src/main/java/org/x/Main.java": main_class("org.x.Main"),
        "run.sh": "mvn install\ncd experiment && mvn exec:java\n",
    }
    call = maven(tmp_path, files)
    done = call("clean", "install")
    assert done.returncode == 0 and "./pom.xml was not built in this image" in done.stderr
    assert "built already" not in done.stderr
    main = "-Dexec.mainClass=org.x.Main"
    done = call("exec:java", main, folder="experiment")
    wanted = started(tmp_path, main, "org.x.Main", module="/experiment", folder="experiment")
    assert done.stdout == wanted
    assert "none of what was built" in call("exec:java", main).stderr


def test_what_a_script_removed_cannot_be_built_again(tmp_path: Path) -> None:
    call = maven(tmp_path, PLAIN)
    subprocess.run(["rm", "-r", str(tmp_path / "app/target")], check=True)
    done = call("package")
    assert done.returncode == 1 and "target is gone" in done.stderr


def test_only_a_rerun_whose_scripts_call_maven_has_it(tmp_path: Path) -> None:
    plain = write(tmp_path / "a", {"pom.xml": pom(""), "Makefile": CALLS})
    strict = MavenEcosystem().detect(plain)
    assert strict is not None and not {"stand_in", "goals"} & strict.settings.keys()
    for name, files in (
        ("b", {"Makefile": "# needs mvn\nall:\n\tjava -jar x.jar\n"}),
        ("c", {"Makefile": CALLS, "repro.lock": "{}"}),
        ("d", {"README.md": "Build it with `mvn package`.\n"}),
    ):
        assert "stand_in" not in detected(tmp_path / name, {"pom.xml": pom(""), **files}).settings
    found = detected(tmp_path / "e", {"pom.xml": pom(""), "Makefile": CALLS, "mvnw": "#!/bin/sh\n"})
    (note,) = (note for note in found.notes if "calls Maven" in note.text)
    assert note.level == "warning" and str(note.reason).startswith("Makefile:2: calls Maven")
    named: dict[str, JSON] = {"level": 8, "epoch": 1, "outputs": ["target/classes"], "roots": ["."]}
    settings: dict[str, JSON] = {**named, "stand_in": found.settings["stand_in"]}
    locked = LockedEcosystem(ecosystem="maven", settings=settings)
    rendering = MavenEcosystem().render(locked, BASE)
    assert [command[-1] for run in rendering.dependencies for command in run.commands] == [
        "/usr/local/bin/mvn",
        "/usr/local/share/reprokit/maven.sh",
    ]
    assert rendering.install[0].commands[0][-1] == "/app/mvnw"
    without = MavenEcosystem().render(LockedEcosystem(ecosystem="maven", settings=named), BASE)
    assert (without.dependencies, without.install) == ((), ())
    assert not any("mvn" in file.path for file in without.files)


def test_goals_that_the_readme_builds_with_are_part_of_the_build(tmp_path: Path) -> None:
    text = "```\nmvn clean compile assembly:single\n```\n"
    found = detected(tmp_path, {"pom.xml": pom(""), "README.md": text})
    argv = building.command(found.settings, ".", None, 1)
    assert argv[argv.index("package") + 1] == "assembly:single"
    with_option: dict[str, JSON] = {"goals": ["exec:java", "--settings=x", "shade:shade"]}
    assert standing_in.goals(with_option) == ("shade:shade",)


def test_texts_that_no_shell_can_hold_are_refused(tmp_path: Path) -> None:
    module: dict[str, JSON] = {"folder": "a\nb", "artifact": "x", "packaging": "jar"}
    with pytest.raises(BadRequest, match="control character"):
        standing_in.described({"modules": [module | {"properties": {}, "copied": {}}]})


def test_calls_are_found_with_their_lines(tmp_path: Path) -> None:
    files = {
        "run.py": 'import subprocess\nsubprocess.run(["mvn", "test"])\n',
        "run.sh": "set -e\n./mvnw \\\n  exec:java\necho mvnrun\n# mvn\nmvn -q\n",
    }
    found = java_calls.lines(write(tmp_path, files), "mvnw?")
    assert [(place.file, place.line) for place, _ in found] == [
        ("run.py", 2),
        ("run.sh", 2),
        ("run.sh", 6),
    ]
