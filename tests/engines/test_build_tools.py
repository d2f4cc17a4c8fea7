"""Published experiments whose Makefile calls Maven or Ant are rerun where neither could fetch."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.engines.test_rerun import engine, reprokit
from tests.projects import write

__all__ = ["engine"]

pytestmark = [pytest.mark.engine, pytest.mark.network]
POM = """<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>org.example</groupId><artifactId>sums</artifactId><version>1.0</version>
  <properties>
    <maven.compiler.source>11</maven.compiler.source>
    <maven.compiler.target>11</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies><dependency>
    <groupId>org.apache.commons</groupId><artifactId>commons-csv</artifactId><version>1.9.0</version>
  </dependency></dependencies>
</project>
"""
SUMS = """package org.example;
import java.io.StringReader;
import org.apache.commons.csv.CSVFormat;
public class Sums {
    public static void main(String[] args) throws Exception {
        int sum = Integer.getInteger("offset", 0);
        for (var row : CSVFormat.DEFAULT.parse(new StringReader(args[0])))
            for (String cell : row) sum += Integer.parseInt(cell.trim());
        System.out.println(sum);
    }
}
"""
MAKEFILE = """all: build first.txt second.txt
build:
\tmvn clean package
\tmvn dependency:copy-dependencies
first.txt:
\tmvn -f other.xml exec:java -q -Doffset=7 -Dexec.mainClass=org.example.Sums \
-Dexec.args="'1, 2'" > first.txt
second.txt:
\tjava -cp "target/sums-1.0.jar:target/dependency/*" org.example.Sums 5 > second.txt
.PHONY: all build
"""


def test_what_a_makefile_starts_with_maven_gives_the_published_results(
    engine: str, tmp_path: Path
) -> None:
    write(
        tmp_path,
        {
            "pom.xml": POM,
            "other.xml": POM,
            "Makefile": MAKEFILE,
            "src/main/java/org/example/Sums.java": SUMS,
            "first.txt": "10\n",
            "second.txt": "5\n",
        },
    )
    git = ("git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.org")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], check=True)
    status, found = reprokit("rerun", str(tmp_path), "--yes")
    assert (status, found["status"]) == (0, "identical"), (found["cause"], found.get("log"))
    assert {f["path"] for f in found["verdict"]["files"]} == {"first.txt", "second.txt"}
    assert "Makefile:3: calls Maven" in json.dumps(found)


BUILD = """<project name="sums" default="jar" basedir=".">
  <target name="clean"><delete dir="build"/></target>
  <target name="jar">
    <mkdir dir="build/classes"/>
    <javac srcdir="src" destdir="build/classes" release="11" includeantruntime="false"/>
    <jar destfile="build/sums.jar" basedir="build/classes"/>
  </target>
</project>
"""
HELLO = 'public class Hello { public static void main(String[] a) { System.out.println("hi"); } }\n'


def test_a_run_script_that_builds_with_ant(engine: str, tmp_path: Path) -> None:
    script = "set -e\nant clean jar\njava -cp build/sums.jar Hello > hello.txt\n"
    write(tmp_path, {"build.xml": BUILD, "src/Hello.java": HELLO, "run.sh": script})
    (tmp_path / "hello.txt").write_text("hi\n")
    status, found = reprokit("rerun", str(tmp_path), "--yes")
    assert (status, found["status"]) == (0, "identical"), found["cause"]
