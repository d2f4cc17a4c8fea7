"""What pom.xml files declare."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit.ecosystems.maven import MavenEcosystem, building
from reprokit.errors import BadRequest
from reprokit.model import Detection
from tests.projects import write

HEAD = "<modelVersion>4.0.0</modelVersion>"
NAMED = f"{HEAD}<groupId>org.x</groupId><artifactId>tool</artifactId><version>1.2</version>"


def detected(root: Path, files: dict[str, str]) -> Detection:
    found = MavenEcosystem().detect(write(root, files))
    assert found is not None
    return found


def pom(inner: str, head: str = NAMED) -> str:
    return f"<project>\n{head}\n{inner}\n</project>\n"


def main_class(name: str) -> str:
    package, _, stem = name.rpartition(".")
    return (
        f"package {package};\n/* public static void main(String[] no) */\n"
        f"public class {stem} {{\n  public static void main(String... a) {{ }}\n}}\n"
    )


def plugin(artifact: str, configuration: str, goal: str | None = None) -> str:
    execution = (
        f"<executions><execution><goals><goal>{goal}</goal></goals></execution></executions>"
    )
    return (
        "<build><plugins><plugin>\n"
        f"<artifactId>{artifact}</artifactId>\n<configuration>{configuration}</configuration>\n"
        f"{execution if goal else ''}</plugin></plugins></build>"
    )


def test_no_pom_is_no_maven_project(tmp_path: Path) -> None:
    assert MavenEcosystem().detect(write(tmp_path, {"a.py": ""})) is None


def test_versions_come_from_properties_parents_and_managed_dependencies(tmp_path: Path) -> None:
    parent = pom(
        "<packaging>pom</packaging><modules><module>core</module></modules>\n"
        "<properties><jena.version>4.10.0</jena.version></properties>\n"
        "<dependencyManagement><dependencies><dependency><groupId>org.slf4j</groupId>"
        "<artifactId>slf4j-api</artifactId><version>2.0.9</version></dependency>"
        "</dependencies></dependencyManagement>"
    )
    child = pom(
        "<dependencies>\n"
        "<dependency><groupId>org.apache.jena</groupId><artifactId>jena-arq</artifactId>"
        "<version>${jena.version}</version></dependency>\n"
        "<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-api</artifactId></dependency>\n"
        "</dependencies>",
        f"{HEAD}<parent><groupId>org.x</groupId><artifactId>tool</artifactId>"
        "<version>1.2</version></parent><artifactId>core</artifactId>",
    )
    found = detected(tmp_path, {"pom.xml": parent, "core/pom.xml": child})
    listed = [(r.name, r.specifier, r.reason.file, r.reason.line) for r in found.requirements]
    assert listed == [
        ("org.apache.jena:jena-arq", "4.10.0", "core/pom.xml", 4),
        ("org.slf4j:slf4j-api", "2.0.9", "core/pom.xml", 5),
    ]
    assert found.files == ("core/pom.xml", "pom.xml")
    assert found.settings["modules"] == [".", "core"]


def test_profiles_count_only_when_active_by_default(tmp_path: Path) -> None:
    def profile(name: str, active: str) -> str:
        return (
            f"<profile><activation><activeByDefault>{active}</activeByDefault></activation>"
            f"<dependencies><dependency><groupId>g</groupId><artifactId>{name}</artifactId>"
            "<version>1</version></dependency></dependencies></profile>"
        )

    inner = f"<profiles>{profile('yes', 'true')}{profile('no', 'false')}</profiles>"
    found = detected(tmp_path, {"pom.xml": pom(inner)})
    assert [r.name for r in found.requirements] == ["g:yes"]


@pytest.mark.parametrize(
    ("properties", "specifier"),
    [
        ("<maven.compiler.release>17</maven.compiler.release>", ">=17"),
        ("<maven.compiler.source>1.8</maven.compiler.source>", ">=8"),
        ("<maven.compiler.source>11</maven.compiler.source>", ">=11"),
        ("<maven.compiler.source>1.5</maven.compiler.source>", ">=8"),
        ("<maven.compiler.release>7</maven.compiler.release>", ">=8,<20"),
    ],
)
def test_java_release_from_properties(tmp_path: Path, properties: str, specifier: str) -> None:
    found = detected(tmp_path, {"pom.xml": pom(f"<properties>{properties}</properties>")})
    (runtime,) = found.runtimes
    assert (runtime.language, runtime.specifier, runtime.development) == ("java", specifier, True)
    assert (runtime.reason.file, runtime.reason.line) == ("pom.xml", 3)


def test_a_level_written_into_the_plugin_bounds_the_jdk(tmp_path: Path) -> None:
    inner = plugin("maven-compiler-plugin", "<source>1.6</source><target>1.6</target>")
    found = detected(tmp_path, {"pom.xml": pom(inner)})
    assert found.runtimes[0].specifier == ">=8,<12"
    assert "level" not in found.settings


@pytest.mark.parametrize(
    ("inner", "told"),
    [
        ("<properties><maven.compiler.release>17</maven.compiler.release></properties>", 17),
        (plugin("maven-compiler-plugin", "<release>11</release>"), 11),
        (plugin("maven-compiler-plugin", "<release>11</release></configuration>"
                "<version>3.11.0</version><configuration>"), None),
        ("<properties><maven.compiler.source>17</maven.compiler.source></properties>", None),
    ],
)  # fmt: skip
def test_a_release_is_told_to_compilers_that_may_not_know_it(
    tmp_path: Path, inner: str, told: int | None
) -> None:
    """Maven 3.8 binds a compiler plugin that ignores `release` and compiles for Java 5."""
    assert detected(tmp_path, {"pom.xml": pom(inner)}).settings.get("level") == told


def test_a_dependency_without_a_version_is_refused_unless_a_parent_may_have_it(
    tmp_path: Path,
) -> None:
    inner = (
        "<dependencies>\n<dependency><groupId>g</groupId><artifactId>a</artifactId></dependency>"
        "</dependencies>"
    )
    with pytest.raises(BadRequest, match="g:a has no version") as caught:
        detected(tmp_path, {"pom.xml": pom(inner)})
    assert caught.value.where == "pom.xml:4"
    parent = "<parent><groupId>g</groupId><artifactId>p</artifactId><version>1</version></parent>"
    assert detected(tmp_path, {"pom.xml": pom(inner, NAMED + parent)}).requirements
    bom = (
        "<dependencyManagement><dependencies><dependency><groupId>g</groupId>"
        "<artifactId>bom</artifactId><version>1</version><type>pom</type><scope>import</scope>"
        "</dependency></dependencies></dependencyManagement>"
    )
    assert detected(tmp_path, {"pom.xml": pom(bom + inner)}).requirements


def test_a_release_that_is_none_is_refused_with_its_line(tmp_path: Path) -> None:
    text = pom("<properties>\n<maven.compiler.release>seven</maven.compiler.release></properties>")
    with pytest.raises(BadRequest, match="'seven', which is no Java release") as caught:
        detected(tmp_path, {"pom.xml": text})
    assert caught.value.where == "pom.xml:4"


def test_spring_boot_3_is_for_java_17(tmp_path: Path) -> None:
    parent = (
        "<parent><groupId>org.springframework.boot</groupId>"
        "<artifactId>spring-boot-starter-parent</artifactId><version>3.2.1</version></parent>"
    )
    found = detected(tmp_path, {"pom.xml": pom("", NAMED + parent)})
    assert found.runtimes[0].specifier == ">=17"


def test_an_old_level_in_a_property_is_raised_and_said(tmp_path: Path) -> None:
    inner = "<properties><maven.compiler.source>1.5</maven.compiler.source></properties>"
    found = detected(tmp_path, {"pom.xml": pom(inner)})
    assert found.settings["level"] == 8
    assert any("Java 5 is older" in n.text and n.level == "warning" for n in found.notes)


@pytest.mark.parametrize("version", ["1.0-SNAPSHOT", "[1.0,2.0)", "LATEST"])
def test_versions_that_are_not_fixed_are_warned_of(tmp_path: Path, version: str) -> None:
    inner = (
        "<dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId>"
        f"<version>{version}</version></dependency></dependencies>"
    )
    notes = [n for n in detected(tmp_path, {"pom.xml": pom(inner)}).notes if "g:a" in n.text]
    assert [n.level for n in notes] == ["warning"]


@pytest.mark.parametrize(
    ("inner", "argv"),
    [
        (
            plugin(
                "exec-maven-plugin",
                "<mainClass>org.x.Run</mainClass><arguments><argument>--fast</argument></arguments>",
            ),
            (
                "java", "-cp", "target/tool-1.2.jar:target/dependency/*", "org.x.Run", "--fast",
            ),
        ),
        (
            plugin(
                "maven-shade-plugin",
                "<transformers><transformer><mainClass>org.x.Run</mainClass></transformer>"
                "</transformers>",
                "shade",
            ),
            ("java", "-jar", "target/tool-1.2.jar"),
        ),
        (
            plugin(
                "maven-assembly-plugin",
                "<archive><manifest><mainClass>org.x.Run</mainClass></manifest></archive>"
                "<descriptorRefs><descriptorRef>jar-with-dependencies</descriptorRef>"
                "</descriptorRefs>",
                "single",
            ),
            ("java", "-jar", "target/tool-1.2-jar-with-dependencies.jar"),
        ),
        # Without an execution, `mvn package` makes no such jar.
        (
            plugin(
                "maven-assembly-plugin",
                "<archive><manifest><mainClass>org.x.Run</mainClass></manifest></archive>"
                "<descriptorRefs><descriptorRef>jar-with-dependencies</descriptorRef>"
                "</descriptorRefs>",
            ),
            ("java", "-cp", "target/tool-1.2.jar:target/dependency/*", "org.x.Run"),
        ),
        (
            plugin(
                "exec-maven-plugin",
                "<executable>java</executable><arguments><argument>-Xmx2g</argument>"
                "<argument>-classpath</argument><classpath/><argument>org.x.Run</argument>"
                "<argument>in.nq</argument></arguments>",
                "exec",
            ),
            (
                "java", "-Xmx2g", "-cp", "target/tool-1.2.jar:target/dependency/*", "org.x.Run",
                "in.nq",
            ),
        ),
        (
            plugin(
                "maven-jar-plugin",
                "<archive><manifest><mainClass>org.x.Run</mainClass></manifest></archive>",
            ),
            ("java", "-cp", "target/tool-1.2.jar:target/dependency/*", "org.x.Run"),
        ),
        (
            "<build><finalName>short</finalName></build>",
            ("java", "-cp", "target/short.jar:target/dependency/*", "org.x.Only"),
        ),
    ],
)  # fmt: skip
def test_the_program_and_how_it_starts(tmp_path: Path, inner: str, argv: tuple[str, ...]) -> None:
    files = {"pom.xml": pom(inner), "src/main/java/org/x/Only.java": main_class("org.x.Only")}
    (entry,) = detected(tmp_path, files).entries
    assert (entry.steps[0].argv, entry.rank) == (argv, 30)
    assert entry.reason.line is not None


@pytest.mark.parametrize(
    ("file", "text", "name"),
    [
        (
            "kotlin/org/x/run.kt",
            "package org.x\n\nfun main(args: Array<String>) {}\n",
            "org.x.RunKt",
        ),
        ("kotlin/a.kt", '@file:JvmName("Tool")\npackage a\nsuspend fun main() {}\n', "a.Tool"),
        ("kotlin/b.kt", "class B {\n  fun main() {}\n}\n", None),
        (
            "scala/R.scala",
            "package org.x\nobject Other\nobject R {\n def main(a: Array[String]) = {} }\n",
            "org.x.R",
        ),
        ("scala/A.scala", "object A extends App {}\n", "A"),
        ("scala/C.scala", "// object C extends App\nobject C { def f = 1 }\n", None),
        ("java/D.java", "class D { static void main(String[] a) {} }\n", None),
    ],
)
def test_other_languages_have_main_classes_too(
    tmp_path: Path, file: str, text: str, name: str | None
) -> None:
    files = {"pom.xml": pom(""), f"src/main/{file}": text}
    classes = [entry.steps[0].argv[-1] for entry in detected(tmp_path, files).entries]
    assert classes == ([name] if name else [])


def test_a_jar_of_the_project_is_on_the_class_path(tmp_path: Path) -> None:
    inner = (
        "<dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId>"
        "<version>1</version><scope>system</scope>"
        "<systemPath>${project.basedir}/lib/a.jar</systemPath></dependency></dependencies>"
    )
    files = {"pom.xml": pom(inner), "lib/a.jar": "", "src/main/java/x/M.java": main_class("x.M")}
    found = detected(tmp_path, files)
    (entry,) = found.entries
    assert entry.steps[0].argv == (
        "java", "-cp", "target/tool-1.2.jar:target/dependency/*:lib/a.jar", "x.M",
    )  # fmt: skip
    assert found.requirements == ()


def test_several_main_classes_are_several_entries(tmp_path: Path) -> None:
    files = {"pom.xml": pom("")}
    files |= {f"src/main/java/org/x/{n}.java": main_class(f"org.x.{n}") for n in ("A", "B")}
    found = detected(tmp_path, files).entries
    assert [entry.steps[0].argv[-1] for entry in found] == ["org.x.A", "org.x.B"]
    assert found[0].reason.line == 4


def test_a_parent_beside_its_modules_builds_them(tmp_path: Path) -> None:
    parent = pom("<packaging>pom</packaging><modules><module>../app</module></modules>")
    link = (
        "<parent><groupId>org.x</groupId><artifactId>tool</artifactId><version>1.2</version>"
        "<relativePath>../parent</relativePath></parent><artifactId>app</artifactId>"
    )
    files = {
        "parent/pom.xml": parent,
        "app/pom.xml": pom("", HEAD + link),
        "app/src/main/java/x/M.java": main_class("x.M"),
    }
    found = detected(tmp_path, files)
    assert found.settings["roots"] == ["parent"]
    (entry,) = found.entries
    assert entry.steps[0].folder == "app"


def test_a_project_in_a_folder_starts_there(tmp_path: Path) -> None:
    files = {
        "code/pom.xml": pom(""),
        "code/src/main/java/org/x/Only.java": main_class("org.x.Only"),
    }
    found = detected(tmp_path, files)
    assert found.settings["roots"] == ["code"]
    (entry,) = found.entries
    assert entry.steps[0].folder == "code"
    assert entry.steps[0].argv[2] == "target/tool-1.2.jar:target/dependency/*"


def test_experiments_with_a_library_are_what_runs(tmp_path: Path) -> None:
    source = main_class("org.x.Run")
    files = {
        "pom.xml": pom(""),
        "src/main/java/org/x/Tool.java": "package org.x;\nclass Tool {}\n",
        "experiment/time/pom.xml": pom("", NAMED.replace("tool", "time")),
        "experiment/time/src/main/java/org/x/Run.java": source,
        "src/test/resources/pom.xml": "<project>",
        "sample/pom.xml": pom("", NAMED.replace("tool", "sample")),
    }
    found = detected(tmp_path, files)
    assert found.settings["roots"] == ["experiment/time"]
    (entry,) = found.entries
    assert entry.steps[0].argv[-1] == "org.x.Run" and entry.steps[0].folder == "experiment/time"
    # A project that has a program itself is what is meant.
    files["src/main/java/org/x/Tool.java"] = main_class("org.x.Tool")
    assert detected(tmp_path, files).settings["roots"] == ["."]


def test_the_wrapper_version_is_noted(tmp_path: Path) -> None:
    url = "distributionUrl=https://repo/org/apache/maven/apache-maven/3.9.6/apache-maven-3.9.6-bin.zip"
    files = {"pom.xml": pom(""), ".mvn/wrapper/maven-wrapper.properties": f"# x\n{url}\n"}
    found = detected(tmp_path, files)
    (note,) = (n for n in found.notes if "Maven 3.9.6" in n.text)
    assert note.reason is not None
    assert note.reason.line == 2


def test_sources_leave_out_what_no_pom_names(tmp_path: Path) -> None:
    files = {
        "pom.xml": pom("<properties><rules>${basedir}/config/rules.xml</rules></properties>"),
        "src/main/java/org/x/A.java": "",
        "config/rules.xml": "",
        "analysis.py": "",
        "data/a.csv": "",
    }
    assert detected(tmp_path, files).settings["sources"] == ["config", "pom.xml", "src"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("<project>\n<a>\n</project>", "pom.xml:3"),
        ("", "pom.xml:1"),
        ("<html/>", "pom.xml:1"),
        ('<!DOCTYPE p [<!ENTITY a "b">]>\n<project/>', "pom.xml:1"),
        (pom("<modules>\n<module>gone</module></modules>"), "pom.xml:4"),
        ("<project>\n<version>1</version></project>", "pom.xml:1"),
        ("<a>" * 200, "pom.xml:1"),
    ],
)
def test_malformed_files_are_refused_with_their_line(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(BadRequest) as caught:
        MavenEcosystem().detect(write(tmp_path, {"pom.xml": text}))
    assert caught.value.where == where


def test_parents_in_a_circle_are_refused(tmp_path: Path) -> None:
    def one(name: str, other: str) -> str:
        return pom(
            "",
            f"{HEAD}<parent><groupId>g</groupId><artifactId>{other}</artifactId>"
            f"<version>1</version><relativePath>../{other}</relativePath></parent>"
            f"<artifactId>{name}</artifactId>",
        )

    files = {"a/pom.xml": one("a", "b"), "b/pom.xml": one("b", "a")}
    with pytest.raises(BadRequest, match="its own parent"):
        MavenEcosystem().detect(write(tmp_path, files))


def test_properties_that_grow_without_end_stay_small(tmp_path: Path) -> None:
    grown = "".join(f"<p{n}>{f'${{p{n - 1}}}' * 10}</p{n}>" for n in range(1, 30))
    inner = (
        f"<properties><p0>x</p0>{grown}</properties><dependencies><dependency>"
        "<groupId>g</groupId><artifactId>a</artifactId><version>${p29}</version></dependency>"
        "</dependencies>"
    )
    (requirement,) = detected(tmp_path, {"pom.xml": pom(inner)}).requirements
    assert len(requirement.specifier) < 200_000


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("<version>1.2</version>", "<version>1.3</version>", False),
        ("</project>", "<build><plugins><plugin><artifactId>p</artifactId></plugin></plugins>"
         "</build></project>", False),
        ("</project>", "<!-- a remark -->\n\n</project>", True),
        ("</project>", "<description>of it</description></project>", True),
    ],
)  # fmt: skip
def test_what_decides_how_it_is_built_makes_a_lock_stale(
    tmp_path: Path, before: str, after: str, same: bool
) -> None:
    """A jar is named after the version, and plugins are no requirements."""
    text = pom("")
    first = detected(tmp_path, {"pom.xml": text}).settings
    second = detected(tmp_path, {"pom.xml": text.replace(before, after)}).settings
    assert (first == second) is same


def test_settings_of_the_wrapper_make_a_lock_stale(tmp_path: Path) -> None:
    first = detected(tmp_path, {"pom.xml": pom(""), ".mvn/maven.config": "-Pa\n"}).settings
    assert detected(tmp_path, {".mvn/maven.config": "-Pb\n"}).settings != first


def test_plugins_that_read_git_are_left_out(tmp_path: Path) -> None:
    settings = detected(tmp_path, {"pom.xml": pom(plugin("git-commit-id-plugin", ""))}).settings
    assert building.skipping(settings) == ("-Dmaven.gitcommitid.skip=true",)
