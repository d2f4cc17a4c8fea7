"""Build files that IDEs write: macros, launch targets, properties over several lines."""

from __future__ import annotations

from pathlib import Path

from reprokit.ecosystems.ant import AntEcosystem
from reprokit.model import Detection
from reprokit.project import Project

# What NetBeans writes, shortened: nothing is compiled or started but through macros, the default
# target tests, and targets whose names start with "-" are for other targets only.
NETBEANS = """<project xmlns:j1="urn:1" xmlns:j3="urn:3" basedir=".." default="default" name="impl">
  <target name="default" depends="test,jar"/>
  <target name="-init-project"><property file="nbproject/project.properties"/></target>
  <target name="-init-macrodef-javac">
    <macrodef name="javac" uri="urn:3">
      <attribute name="destdir" default="${build.classes.dir}"/>
      <attribute name="classpath" default="${javac.classpath}"/>
      <sequential>
        <javac srcdir="src" destdir="@{destdir}" source="${javac.source}"
               target="${javac.source}"><classpath path="@{classpath}"/></javac>
      </sequential>
    </macrodef>
  </target>
  <target name="-init-macrodef-java">
    <macrodef name="java" uri="urn:1">
      <attribute name="classname" default="${main.class}"/>
      <element name="customize" optional="true"/>
      <sequential>
        <java classname="@{classname}" fork="true">
          <classpath><path path="${run.classpath}"/></classpath><customize/>
        </java>
      </sequential>
    </macrodef>
  </target>
  <target name="init" depends="-init-project,-init-macrodef-javac,-init-macrodef-java"/>
  <target name="-do-compile" depends="init"><j3:javac/></target>
  <target name="compile" depends="init,-do-compile"/>
  <target name="jar" depends="compile"><jar destfile="dist/tool.jar" basedir="build"/></target>
  <target name="run" depends="compile">
    <j1:java><customize><arg line="${application.args}"/></customize></j1:java>
  </target>
  <target name="test" depends="compile"><junit/></target>
</project>
"""
PROPERTIES = """build.classes.dir=build/classes
javac.source=11
main.class=org.x.Main
application.args=-n 3
javac.classpath=\\
    lib/a.jar:\\
    lib/b.jar
run.classpath=\\
    ${javac.classpath}:\\
    ${build.classes.dir}
"""


def detected(root: Path, files: dict[str, str]) -> Detection:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = AntEcosystem().detect(Project(root))
    assert found is not None
    return found


def test_a_netbeans_project(tmp_path: Path) -> None:
    found = detected(
        tmp_path,
        {
            "build.xml": '<project name="tool" default="default" basedir=".">'
            '<import file="nbproject/build-impl.xml"/></project>',
            "nbproject/build-impl.xml": NETBEANS,
            "nbproject/project.properties": PROPERTIES,
        },
    )
    assert found.settings["target"] == "jar"
    assert found.runtimes[0].specifier == ">=11"
    (entry,) = found.entries
    assert entry.steps[0].argv == (
        "java", "-cp", "lib/a.jar:lib/b.jar:build/classes", "org.x.Main", "-n", "3",
    )  # fmt: skip
    assert entry.reason.file == "nbproject/build-impl.xml"


def test_macros_that_use_themselves_or_double_without_end_are_cut_off(tmp_path: Path) -> None:
    doubling = "".join(
        f'<macrodef name="m{n}"><sequential><m{n + 1}/><m{n + 1}/></sequential></macrodef>'
        for n in range(40)
    )
    text = (
        '<project default="a"><macrodef name="m"><sequential><m/><m/></sequential></macrodef>'
        f'{doubling}<target name="a"><javac srcdir="s" destdir="d"/><m/><m0/></target></project>'
    )
    assert detected(tmp_path, {"build.xml": text}).settings["target"] == "a"


def test_launch_configurations_that_eclipse_exports_are_choices(tmp_path: Path) -> None:
    text = """<project default="build">
      <path id="c"><pathelement location="bin"/></path>
      <target name="build"><javac srcdir="src" destdir="bin"/></target>
      <target name="Main"><java classname="a.Main"><arg line="-n 3"/>
        <classpath refid="c"/></java></target>
      <target name="Main (2)"><java classname="a.Main"><classpath refid="c"/></java></target>
    </project>"""
    found = detected(tmp_path, {"build.xml": text})
    assert [entry.steps[0].argv for entry in found.entries] == [
        ("java", "-cp", "bin", "a.Main", "-n", "3"),
        ("java", "-cp", "bin", "a.Main"),
    ]
