"""What build.xml and ivy.xml declare, and the stage that builds them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from reprokit.ecosystems.ant import AntEcosystem, building, ivy
from reprokit.ecosystems.java_needs import DRAWING
from reprokit.errors import BadRequest, BuildFailed, InputUnavailable
from reprokit.model import JSON, Artifact, Detection, LockedEcosystem, Mount
from reprokit.project import Project
from reprokit.resolving import Resolver
from reprokit.site import Site
from tests.projects import BASE, write

BUILD = """<project name="tool" default="jar" basedir=".">
  <property name="lib" value="lib"/>
  <property name="out" location="build"/>
  <property name="level" value="11"/>
  <path id="libraries"><fileset dir="${lib}" includes="*.jar"/></path>
  <target name="compile">
    <javac srcdir="src" destdir="${out}/classes" source="${level}" target="${level}"/>
  </target>
  <target name="jar" depends="compile">
    <jar destfile="${out}/tool.jar" basedir="${out}/classes"/>
  </target>
  <target name="run" depends="jar">
    <java classname="org.x.Main" fork="true" maxmemory="2g">
      <classpath><pathelement path="${out}/tool.jar"/><path refid="libraries"/></classpath>
      <arg value="--all"/><arg line="-n 3"/>
    </java>
  </target>
</project>
"""


def detected(root: Path, files: dict[str, str]) -> Detection:
    found = AntEcosystem().detect(write(root, files))
    assert found is not None
    return found


def test_target_java_and_program_of_a_usual_build(tmp_path: Path) -> None:
    found = detected(tmp_path, {"build.xml": BUILD, "lib/a.jar": ""})
    assert found.settings["target"] == "jar"
    (runtime,) = found.runtimes
    assert (runtime.specifier, runtime.reason.line) == (">=11", 7)
    (entry,) = found.entries
    assert entry.steps[0].argv == (
        "java", "-Xmx2g", "-cp", "build/tool.jar:lib/*", "org.x.Main", "--all", "-n", "3",
    )  # fmt: skip
    assert (entry.rank, entry.reason.line) == (30, 13)


def test_a_default_target_that_runs_the_program_is_not_what_builds(tmp_path: Path) -> None:
    found = detected(tmp_path, {"build.xml": BUILD.replace('default="jar"', 'default="run"')})
    assert found.settings["target"] == "jar"
    assert found.entries[0].steps[0].argv[0] == "java"


class Offering:
    def versions(self, names: Iterable[str]) -> dict[str, str]:
        have = {"openjdk-17-jdk-headless": "17", "strip-nondeterminism": "1.13"}
        return {name: have[name] for name in names if name in have}


def test_jars_are_freed_of_times_on_an_image_that_brings_java_too(tmp_path: Path) -> None:
    image = replace(BASE, name="eclipse-temurin:17", provides={"java": "17"})
    found = detected(tmp_path, {"build.xml": BUILD})
    packages = AntEcosystem().system_packages(found, image, Offering())
    assert [p.name for p in packages] == ["ant", "strip-nondeterminism"]


def test_a_run_target_that_does_more_needs_ant_itself(tmp_path: Path) -> None:
    text = BUILD.replace("</java>", '</java>\n<copy file="a" tofile="results/a"/>')
    found = detected(tmp_path, {"build.xml": text})
    assert found.entries[0].steps[0].argv == ("ant", "-noinput", "-buildfile", "build.xml", "run")

    packages = AntEcosystem().system_packages(found, BASE, Offering())
    assert {p.name: p.stage for p in packages} == {
        "ant": "run",
        "openjdk-17-jdk-headless": "run",
        "openjdk-17-jre-headless": "run",
        **dict.fromkeys(DRAWING, "run"),
        "strip-nondeterminism": "build",
    }


def test_without_a_java_task_the_main_class_of_the_source_counts(tmp_path: Path) -> None:
    text = BUILD[: BUILD.index('  <target name="run"')] + "</project>"
    source = "package org.x;\nclass Main { public static void main(String[] a) {} }"
    found = detected(tmp_path, {"build.xml": text, "src/org/x/Main.java": source, "lib/a.jar": ""})
    (entry,) = found.entries
    assert entry.steps[0].argv == (
        "java",
        "-cp",
        "build/classes:build/tool.jar:lib/*",
        "org.x.Main",
    )
    assert entry.reason.file == "src/org/x/Main.java"


def test_an_old_level_in_a_property_is_raised_one_in_the_text_bounds_the_jdk(
    tmp_path: Path,
) -> None:
    raised = detected(tmp_path, {"build.xml": BUILD.replace('value="11"', 'value="1.6"')})
    assert raised.settings["properties"] == {"level": "8"}
    assert raised.runtimes[0].specifier == ">=8"
    assert raised.notes[0].level == "warning"
    fixed = detected(tmp_path, {"build.xml": BUILD.replace("${level}", "1.6")})
    assert fixed.runtimes[0].specifier == ">=8,<12"
    assert fixed.settings["properties"] == {}


def test_a_download_in_the_build_is_warned_of(tmp_path: Path) -> None:
    text = BUILD.replace("<javac ", '<get src="https://x/y.jar" dest="lib"/>\n<javac ')
    (note,) = detected(tmp_path, {"build.xml": text}).notes
    assert (note.level, note.reason and note.reason.line) == ("warning", 7)


def test_imported_files_bring_their_targets(tmp_path: Path) -> None:
    head = '<project default="jar"><import file="more/common.xml"/></project>'
    found = detected(tmp_path, {"build.xml": head, "more/common.xml": BUILD})
    assert found.files == ("build.xml", "more/common.xml")
    assert found.settings["target"] == "jar"


def test_a_build_file_without_java_is_not_ours(tmp_path: Path) -> None:
    text = '<project default="a"><target name="a"><echo/></target></project>'
    assert AntEcosystem().detect(write(tmp_path, {"build.xml": text})) is None
    assert AntEcosystem().detect(write(tmp_path / "b", {"pom.xml": ""})) is None


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("<project>\n<target></project>", "build.xml:2"),
        ('<!DOCTYPE p [<!ENTITY a SYSTEM "/etc/passwd">]>\n<project>&a;</project>', "build.xml:1"),
        ('<project\n default="gone"/>', "build.xml:1"),
        ('<project>\n<target name="a" depends="b"/></project>', "build.xml:2"),
    ],
)
def test_malformed_files_are_refused_with_their_line(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(BadRequest) as caught:
        AntEcosystem().detect(write(tmp_path, {"build.xml": text}))
    assert caught.value.where == where


IVY = """<ivy-module version="2.0"><info organisation="org.x" module="tool"/>
<dependencies>
<dependency org="org.apache.jena" name="jena-arq" rev="4.10.0"/>
<dependency name="own" rev="latest.integration"/>
</dependencies></ivy-module>
"""


def with_ivy(root: Path) -> Detection:
    text = BUILD.replace('<project name="tool"', '<project xmlns:ivy="antlib:org.apache.ivy.ant"')
    text = text.replace('<target name="compile">', '<target name="compile"><ivy:retrieve/>')
    return detected(root, {"build.xml": text, "ivy.xml": IVY, "ivysettings.xml": ""})


def test_ivy_dependencies_are_requirements(tmp_path: Path) -> None:
    found = with_ivy(tmp_path)
    assert [(r.name, r.specifier, str(r.reason)) for r in found.requirements] == [
        ("org.apache.jena:jena-arq", "4.10.0", "ivy.xml:3: asks for it"),
        ("org.x:own", "latest.integration", "ivy.xml:4: asks for it"),
    ]
    assert [n.level for n in found.notes] == ["warning"]
    assert found.settings["ivy_settings"] == "ivysettings.xml"


def test_ivys_cache_becomes_a_maven_repository(tmp_path: Path) -> None:
    place = "https\\://mirror.example/m/org/x/a/1/a-1"
    data = (
        "#Mon Nov 23\n"
        f"artifact\\:a\\#pom.original\\#pom\\#1.location={place}.pom\n"
        f"artifact\\:a\\#jar\\#jar\\#2.location={place}.jar\n"
        f"artifact\\:ivy\\#ivy\\#xml\\#3.location={place}.pom\n"
    )
    files = {
        "cache/org.x/a/ivydata-1.properties": data,
        "cache/org.x/a/ivy-1.xml": "<ivy/>",
        "cache/org.x/a/ivy-1.xml.original": "<project/>",
        "cache/org.x/a/jars/a-1.jar": "jar",
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))

    class Keeping:
        site = Site(maven_mirror="https://mirror.example/m")

        def keep(self, content: Path, path: str, *, url: str | None) -> Artifact:
            return Artifact(path=path, sha256=content.read_text(), size=1, url=url)

    found = ivy.read([buffer.getvalue()], frozenset({"org.x:a"}), cast(Resolver, Keeping()))
    (package,) = found
    assert (package.name, package.version, package.requested) == ("org.x:a", "1", True)
    central = "https://repo1.maven.org/maven2/org/x/a/1/a-1"
    assert [(a.path, a.url, a.sha256) for a in package.artifacts] == [
        ("ivy/repository/org/x/a/1/a-1.jar", f"{central}.jar", "jar"),
        ("ivy/repository/org/x/a/1/a-1.pom", f"{central}.pom", "<project/>"),
    ]


def test_the_stage_uses_vendored_files_only() -> None:
    settings: dict[str, JSON] = {
        "file": "build.xml", "target": "jar", "ivy": True, "ivy_settings": "ivysettings.xml",
        "properties": {"level": "8"}, "ant_at_run": False, "epoch": 7,
        "outputs": ["build"], "jars": ["build/tool.jar"],
    }  # fmt: skip
    rendering = AntEcosystem().render(LockedEcosystem(ecosystem="ant", settings=settings), BASE)
    assert rendering.stage is not None
    (run,) = rendering.stage.run
    assert run.mounts == (Mount(source="vendor/ivy", target="/ivy"),)
    assert run.commands == (
        ("cp", "/ivy/ivysettings.xml", "./ivysettings.xml"),
        (
            "env", "LC_ALL=C.UTF-8",
            "ant", "-noinput", "-buildfile", "./build.xml", "-lib", "/usr/share/java/ivy.jar",
            "-Divy.settings.file=/ivy/ivysettings.xml",
            "-Divy.default.ivy.user.dir=/tmp/reprokit-ivy", "-Dlevel=8", "jar",
        ),
        ("strip-nondeterminism", "--type", "jar", "--timestamp", "7", "./build/tool.jar"),
        (
            "find", "./build", "-exec", "touch", "--no-dereference", "--date=@7", "{}", "+",
        ),
    )  # fmt: skip
    assert rendering.stage.outputs == (("/build/build", "/app/build"),)
    (file,) = rendering.files
    assert "https://" not in file.content


def test_a_source_in_latin_1_is_compiled_as_such(tmp_path: Path) -> None:
    files = {"build.xml": BUILD, "src/Main.java": "// f\u00fcr\nclass Main {}\n"}
    assert "encoding" not in detected(tmp_path, files).settings
    (tmp_path / "src/Main.java").write_text(files["src/Main.java"], encoding="latin-1")
    found = detected(tmp_path, {"build.xml": BUILD})
    assert building.command(found.settings, None)[:4] == (
        "env", "LC_ALL=C.UTF-8", "JAVA_TOOL_OPTIONS=-Dfile.encoding=ISO-8859-1", "ant",
    )  # fmt: skip


def test_only_what_is_new_and_topmost_is_an_output() -> None:
    before = {"src": "d", "src/A.java": "f"}
    after = {**before, "src/A.class": "f", "build": "d", "build/a": "d", "build/a/b": "f"}
    assert building.made(before, after) == ("build", "src/A.class")


def test_failures_name_the_line(tmp_path: Path) -> None:
    found = with_ivy(tmp_path)
    missing = "[ivy:resolve] \t\t:: org.apache.jena#jena-arq;4.10.0: not found\n\nBUILD FAILED\n"
    error = building.explained(missing, found)
    assert isinstance(error, InputUnavailable)
    assert error.where == "ivy.xml:3"
    wrong = "    [javac] /build/src/A.java:4: error: ';' expected\nBUILD FAILED\n"
    error = building.explained(wrong, found)
    assert isinstance(error, BuildFailed)
    assert error.where == "src/A.java:4"
    printed = (
        "BUILD FAILED\n/build/build.xml:9: The following error occurred in this line:\n"
        "/build/more/b.xml:3: no such task\n\tat org.apache.Ant(A.java:1)\n\nTotal time: 0 s\n"
    )
    error = building.explained(printed, found)
    assert error.where == "more/b.xml:3"
    assert error.what.splitlines()[-1].strip() == "more/b.xml:3: no such task"


def test_what_decides_how_it_is_built_makes_a_lock_stale(tmp_path: Path) -> None:
    head = BUILD.replace("<path id", '<property file="build.properties"/><path id')
    files = {"build.xml": head, "build.properties": "name=tool\n"}
    first = detected(tmp_path, files).settings
    assert detected(tmp_path, {"build.xml": head + "<!-- more -->"}).settings == first
    assert detected(tmp_path, {"build.properties": "name=other\n"}).settings != first
    assert (
        detected(tmp_path, {**files, "build.xml": head.replace("tool.jar", "t.jar")}).settings
        != first
    )


FETCHES_IVY = """<project default="jar" xmlns:ivy="antlib:org.apache.ivy.ant">
  <property name="ivy.jar" value="${{user.home}}/.ant/lib/ivy.jar"/>
  <target name="get-ivy" {condition}>
    <get src="https://repo1.maven.org/maven2/org/apache/ivy/ivy/2.5.0/ivy-2.5.0.jar"
         dest="${{ivy.jar}}" {option}/>
  </target>
  <target name="jar" depends="get-ivy"><ivy:retrieve/><javac srcdir="src" destdir="bin"/></target>
</project>"""


@pytest.mark.parametrize(
    ("condition", "option", "properties"),
    [
        ('unless="offline"', "", {"offline": "true"}),
        ("", 'skipexisting="true"', {}),
    ],
)
def test_a_build_that_fetches_ivy_gets_the_distributions(
    tmp_path: Path, condition: str, option: str, properties: dict[str, str]
) -> None:
    text = FETCHES_IVY.format(condition=condition, option=option)
    found = detected(tmp_path, {"build.xml": text})
    assert found.notes == ()
    assert found.settings["properties"] == properties
    assert building.ivy_in_place(found.settings) == (
        "install", "-D", "/usr/share/java/ivy.jar", "/root/.ant/lib/ivy.jar",
    )  # fmt: skip


def test_a_build_that_always_fetches_ivy_is_warned_of(tmp_path: Path) -> None:
    text = FETCHES_IVY.format(condition="", option='usetimestamp="true"')
    (note,) = detected(tmp_path, {"build.xml": text}).notes
    assert "<get> downloads" in note.text


def test_libraries_in_ivys_cache_are_copied_out_of_it(tmp_path: Path) -> None:
    text = """<project default="compile" xmlns:ivy="antlib:org.apache.ivy.ant">
      <target name="compile"><ivy:cachepath pathid="p"/>
        <javac srcdir="src" destdir="bin" classpathref="p"/></target>
      <target name="run"><java classname="a.Main"><classpath>
        <path refid="p"/><pathelement location="bin"/></classpath></java></target>
    </project>"""
    found = detected(tmp_path, {"build.xml": text})
    (entry,) = found.entries
    assert entry.steps[0].argv == ("java", "-cp", "ivy-libraries/*:bin", "a.Main")
    settings: dict[str, JSON] = {**found.settings, "epoch": 0, "outputs": ["ivy-libraries"]}
    locked = LockedEcosystem(ecosystem="ant", packages=(), settings=settings)
    stage = AntEcosystem().render(locked, BASE).stage
    assert stage is not None
    assert ("mkdir", "-p", "ivy-libraries") in stage.run[0].commands


@pytest.mark.parametrize(
    ("files", "lenient", "wanted"),
    [
        ({"run.sh": "ant clean jar\nant run > out.txt\n"}, True, True),
        ({"run.sh": "ant clean jar\n"}, False, False),
        ({"run.sh": "ant jar\n", "repro.lock": "{}"}, True, False),
        ({"Makefile": "all:\n\tcd tool && ant\n"}, True, True),
        ({"run.sh": "java -jar ant.jar vacant\n"}, True, False),
    ],
)
def test_an_image_has_ant_where_a_script_of_a_rerun_calls_it(
    tmp_path: Path, files: dict[str, str], lenient: bool, wanted: bool
) -> None:
    write(tmp_path, {"build.xml": BUILD, **files})
    found = AntEcosystem().detect(Project(tmp_path, lenient=lenient))
    assert found is not None and found.settings["ant_at_run"] is wanted
