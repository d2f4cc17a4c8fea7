"""Every hook, implemented by a third party's package; and the package in examples/."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from reprokit import registry
from reprokit.comparators.dispatch import compare_files, settings_for
from reprokit.comparators.protocol import Limits, Unreadable
from reprokit.diagnosing.dispatch import diagnosed
from reprokit.diagnosing.pattern import Pattern
from reprokit.errors import BadRequest, InputUnavailable
from reprokit.hookspecs import hookimpl
from reprokit.model import Outcome
from reprokit.progress import Silent
from reprokit.project import Project
from reprokit.tolerance import CompareOptions
from reprokit.verdict import Comparison, Grade
from tests.phases.planned import BASIC, planned
from tests.test_lock_file import sample

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "plugin-ecosystem"


@pytest.fixture
def plugin() -> Iterator[Any]:
    """Register an object as a plugin for the length of a test."""
    registered = []

    def register(name: str, **hooks: Any) -> None:
        part = SimpleNamespace(**{hook: hookimpl(function) for hook, function in hooks.items()})
        registry.manager().register(part, name)
        registered.append(part)

    yield register
    for part in registered:
        registry.manager().unregister(part)


def ecosystem(name: str, **methods: Any) -> Any:
    """An ecosystem that finds nothing; its methods can be replaced or (by `None`) taken out."""
    nothing = dict.fromkeys(("detect", "system_packages", "resolve", "render"), lambda *given: None)
    kept = {key: value for key, value in {**nothing, **methods}.items() if value is not None}
    return SimpleNamespace(name=name, **kept)


def test_reprokit_ecosystems(plugin: Any) -> None:
    def offer(register: Any) -> None:
        register(ecosystem("zig"))
        register(ecosystem("ada"))

    plugin("third-party", reprokit_ecosystems=offer)
    names = [ecosystem.name for ecosystem in registry.ecosystems()]
    assert {"ada", "python", "zig"} <= set(names) and names == sorted(names)
    (listed,) = [found for found in registry.plugins() if found.name == "third-party"]
    assert listed.offers == (("ecosystem", "ada"), ("ecosystem", "zig"))


def test_reprokit_diagnoses(plugin: Any, tmp_path: Path) -> None:
    wanted = Pattern(
        "licence-server",
        re.compile(r"cannot reach the licence server (?P<host>\S+)"),
        "the solver wants its licence server {host}",
        "use the solver's free edition, or allow the network: --network",
    )
    plugin("third-party", reprokit_diagnoses=lambda register: register(wanted))
    log = tmp_path / "log.txt"
    log.write_text("error: cannot reach the licence server flex.example\n")
    outcome = Outcome(
        status="failed", exit_code=1, started="", finished="", seconds=1.0, peak_memory=None
    )
    plan = planned(tmp_path / "project", BASIC)
    cause = diagnosed(outcome, log, plan, sample(), pytest.fail)
    assert cause is not None
    assert (cause.name, cause.text[-12:]) == ("licence-server", "flex.example")


def test_reprokit_base_families(plugin: Any) -> None:
    def offer(register: Any) -> None:
        methods = dict.fromkeys(("candidates", "offer", "named", "lock", "provide"), lambda: None)
        register(SimpleNamespace(name="alpine", **methods))

    plugin("third-party", reprokit_base_families=offer)
    assert "alpine" in [family.name for family in registry.families()]


ENERGIES = """
import json
from reprokit.comparators.tally import Tally
from reprokit.hookspecs import hookimpl
from reprokit.model import Outcome

@hookimpl
def reprokit_comparators(register):
    register(Energies())

class Energies:
    name = "energies"

    def suits(self, path, first):
        return 90 if path.suffix == ".energies" else 0

    def compare(self, expected, actual, settings):
        tally = Tally(settings, kind="column")
        pairs = zip(*(map(float, p.read_text().split()) for p in (expected, actual)), strict=True)
        for row, (old, new) in enumerate(pairs, start=1):
            tally.total += 1
            tally.numbers("energy", f"row {row}", old, new)
        return tally.finding()
"""


def test_reprokit_comparators(plugin: Any, tmp_path: Path) -> None:
    module: dict[str, Any] = {}
    exec(ENERGIES, module)
    plugin("third-party", reprokit_comparators=module["reprokit_comparators"])
    found = compared(tmp_path, "a.energies", "1 2", "1 3")
    assert found.comparator == "energies" and found.grade is Grade.DIFFERENT
    assert "in column 'energy', row 2" in found.summary
    (listed,) = [part for part in registry.plugins() if part.name == "third-party"]
    assert listed.offers == (("comparator", "energies"),)


def compared(folder: Path, name: str, expected: str, actual: str) -> Comparison:
    paths = folder / "expected", folder / "actual"
    for path, content in zip(paths, (expected, actual), strict=True):
        path.write_text(content)
    settings = settings_for(name, paths, CompareOptions(), Limits(), None)
    return compare_files(name, *paths, settings)


def test_a_comparator_that_fails_names_its_plugin(plugin: Any, tmp_path: Path) -> None:
    def offer(method: Any) -> Any:
        part = SimpleNamespace(name="faulty", suits=lambda path, first: 100, compare=method)
        return lambda register: register(part)

    plugin("third-party", reprokit_comparators=offer(_raise))
    with pytest.raises(BadRequest, match=r"'third-party' failed in faulty.compare\(\)"):
        compared(tmp_path, "a.txt", "1", "2")


def test_a_comparator_may_say_that_it_cannot_read_a_file(plugin: Any, tmp_path: Path) -> None:
    def refuse(*given: object) -> None:
        raise Unreadable("its header is of version 9")

    part = SimpleNamespace(name="odd", suits=lambda path, first: 100, compare=refuse)
    plugin("third-party", reprokit_comparators=lambda register: register(part))
    found = compared(tmp_path, "a.txt", "1", "2")
    assert "cannot be read as odd: its header is of version 9" in found.summary


def test_reprokit_system_needs(plugin: Any) -> None:
    def one(register: Any) -> None:
        register({"python": {"invented-package": ["libb1", "liba1"]}})

    def other(register: Any) -> None:
        register({"python": {"invented-package": ["libc1"]}})

    plugin("one", reprokit_system_needs=one)
    plugin("other", reprokit_system_needs=other)
    assert registry.system_needs()["python"]["invented-package"] == ("liba1", "libb1", "libc1")


def test_a_name_taken_twice_is_an_error_that_names_both(plugin: Any) -> None:
    offered = ecosystem("python")
    plugin("third-party", reprokit_ecosystems=lambda register: register(offered))
    with pytest.raises(BadRequest, match="two plugins offer the ecosystem 'python'") as refused:
        registry.ecosystems()
    assert "PythonEcosystem" in refused.value.what and "third-party" in refused.value.what


def _raise(*given: object) -> None:
    raise ValueError("out of luck")


@pytest.mark.parametrize(
    ("hook", "implementation", "said"),
    [
        ("reprokit_ecosystems", lambda register: _raise(), "reprokit_ecosystems.*out of luck"),
        ("reprokit_ecosystems", lambda register: register(object()), "without a name"),
        (
            "reprokit_ecosystems",
            lambda register: register(ecosystem("zig", resolve=None)),
            r"'zig' without resolve\(\)",
        ),
        ("reprokit_system_needs", lambda register: register(["libgl1"]), "language -> package"),
        ("reprokit_system_needs", lambda register: register({"r": 3}), "language -> package"),
        ("reprokit_system_needs", lambda register: register({"r": {"x": "lib"}}), "-> list of"),
        ("reprokit_system_needs", lambda register: register({"r": {"x": ["a;b"]}}), "no package"),
    ],
)
def test_what_a_plugin_does_wrong_names_it(
    plugin: Any, hook: str, implementation: Any, said: str
) -> None:
    plugin("third-party", **{hook: implementation})
    with pytest.raises(BadRequest, match=said) as refused:
        registry.ecosystems() if hook == "reprokit_ecosystems" else registry.system_needs()
    assert "the plugin 'third-party'" in refused.value.what
    assert refused.value.next is not None


def test_an_implementation_may_leave_out_arguments(plugin: Any) -> None:
    plugin("third-party", reprokit_ecosystems=lambda: None)
    assert registry.ecosystems() and registry.plugins()


def test_a_method_that_fails_or_returns_another_type_names_its_plugin(plugin: Any) -> None:
    zig = ecosystem("zig", detect=_raise, render=lambda *given: {"a": 1})
    plugin("third-party", reprokit_ecosystems=lambda register: register(zig))
    found = next(e for e in registry.ecosystems() if e.name == "zig")
    with pytest.raises(BadRequest, match=r"failed in zig.detect\(\): ValueError") as refused:
        found.detect(Project(EXAMPLE))
    assert str(refused.value.where).startswith(__file__)
    with pytest.raises(BadRequest, match=r"returns a dict from zig.render\(\)"):
        found.render(None, None)  # type: ignore[arg-type]


def test_an_error_of_ours_passes_through_a_plugin(plugin: Any) -> None:
    def refuse(*given: object) -> None:
        raise InputUnavailable("no such module", where="cpanfile:1")

    zig = ecosystem("zig", resolve=refuse)
    plugin("third-party", reprokit_ecosystems=lambda register: register(zig))
    found = next(e for e in registry.ecosystems() if e.name == "zig")
    with pytest.raises(InputUnavailable, match="no such module"):
        found.resolve(None, None)  # type: ignore[arg-type]


def test_an_observer_that_fails_is_warned_of_and_changes_nothing(plugin: Any) -> None:
    seen = []
    plugin("faulty", reprokit_before_run=lambda run: _raise())
    plugin("watching", reprokit_before_run=lambda run: seen.append(run))

    class Listener(Silent):
        def warning(self, text: str) -> None:
            seen.append(text)

    registry.observe("reprokit_before_run", {"plan": None, "run": "r1"}, Listener())
    warned, told = sorted(seen, key=len, reverse=True)
    assert told == "r1" and "'faulty' failed in reprokit_before_run()" in warned


def packaged(site: Path, name: str, code: str, *, plugin: str | None = None) -> None:
    """Put a distribution with an entry point of ours into a folder of packages."""
    metadata = site / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / f"{name}.py").write_text(code)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[reprokit]\n{plugin or name} = {name}\n")


HOOK = "from reprokit.hookspecs import hookimpl\n@hookimpl\ndef "


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import nothing_of_this_name\n", "broken.py:1: the plugin 'broken' failed to load"),
        (HOOK + "reprokit_ecosystem(register): ...\n", "unknown hook 'reprokit_ecosystem'"),
        (HOOK + "reprokit_ecosystems(registr): ...\n", "registr"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_named(tmp_path: Path, code: str, said: str) -> None:
    packaged(tmp_path, "broken", code)
    done = command(tmp_path, "plugins")
    assert done.returncode == 2 and said in done.stderr
    assert "'broken'" in done.stderr and "Traceback" not in done.stderr


def test_two_plugins_of_one_name_are_an_error_that_names_both(tmp_path: Path) -> None:
    packaged(tmp_path, "first_one", "", plugin="same")
    packaged(tmp_path, "second_one", "", plugin="same")
    done = command(tmp_path, "plugins")
    assert done.returncode == 2 and "two plugins are called 'same'" in done.stderr
    assert "first_one" in done.stderr and "second_one" in done.stderr


OBSERVER = """
import json
from pathlib import Path
from reprokit.hookspecs import hookimpl
from reprokit.model import Outcome
from reprokit.progress import Silent

SEEN = Path(__file__).with_name("seen.txt")

@hookimpl
def reprokit_before_run(plan, run):
    SEEN.write_text(f"{plan.name} {run}\\n")

@hookimpl
def reprokit_after_run(record, run, outcome):
    with SEEN.open("a") as file:
        file.write(f"{record['run']} {run} {outcome.status}\\n")
"""


@pytest.mark.engine
@pytest.mark.network
def test_reprokit_before_run_and_reprokit_after_run(tmp_path: Path) -> None:
    site = tmp_path / "site"
    packaged(site, "observer", OBSERVER)
    project = tmp_path / "watched"
    project.mkdir()
    (project / "apt.txt").write_text("")
    record = json.loads(
        reprokit(site, "run", str(project), "--base", "debian", "--json", "--", "true")
    )
    name, run, *after = (site / "seen.txt").read_text().split()
    assert name == "watched" and run == record["run"]
    assert after == [run, run, "succeeded"]


# -- the example ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's package, installed as pip installs it."""
    source = tmp_path_factory.mktemp("source") / "plugin"
    shutil.copytree(EXAMPLE, source)
    target = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
         "--disable-pip-version-check", "--target", str(target), str(source)],
        check=True,
    )  # fmt: skip
    return target


def command(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`reprokit …` where the packages in `site` are installed."""
    paths = os.pathsep.join([str(site), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "reprokit", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )


def reprokit(site: Path, *words: str) -> str:
    """What it prints; it succeeds."""
    done = command(site, *words)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.fixture
def perl() -> Any:
    return module().Perl()


def module() -> ModuleType:
    specification = importlib.util.spec_from_file_location(
        "reprokit_perl", EXAMPLE / "reprokit_perl.py"
    )
    assert specification is not None and specification.loader is not None
    loaded = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(loaded)
    return loaded


class Debian:
    """A catalogue with a few packages."""

    OFFERED: Mapping[str, str] = {
        "libstatistics-descriptive-perl": "3.0800-1",
        "libtext-csv-perl": "1:2.02+ds-2",
    }

    def versions(self, names: Iterable[str]) -> Mapping[str, str]:
        return {name: self.OFFERED[name] for name in names if name in self.OFFERED}


def test_the_installed_example_is_listed_and_detects(installed: Path) -> None:
    listed = json.loads(reprokit(installed, "plugins", "--json"))
    (found,) = [plugin for plugin in listed if plugin["name"] == "reprokit-perl"]
    assert found["version"] == "1.0.0"
    assert found["offers"] == [{"kind": "ecosystem", "name": "perl"}]
    plan = json.loads(reprokit(installed, "plan", str(EXAMPLE / "sample"), "--json"))
    assert "perl" in [ecosystem["name"] for ecosystem in plan["ecosystems"]]


def test_the_example_names_packages_with_the_lines_that_ask_for_them(perl: Any) -> None:
    detection = perl.detect(Project(EXAMPLE / "sample"))
    assert detection.entries[0].steps[0].argv == ("perl", "gc_content.pl")
    packages = perl.system_packages(detection, SimpleNamespace(name="bookworm"), Debian())
    assert [(package.name, package.reason.line) for package in packages] == [
        ("perl", None),
        ("libstatistics-descriptive-perl", 2),
        ("libtext-csv-perl", 3),
    ]


@pytest.mark.parametrize(
    "line",
    ["requires 'A'; system('id');", 'requires "A;B";', "requires 'a b';", "on test => sub {"],
)
def test_the_example_refuses_what_is_no_requirement(perl: Any, tmp_path: Path, line: str) -> None:
    (tmp_path / "cpanfile").write_text(f"requires 'Text::CSV';\n{line}\n")
    with pytest.raises(BadRequest) as refused:
        perl.detect(Project(tmp_path))
    assert refused.value.where == "cpanfile:2"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("requires 'No::Such';", "bookworm has no libno-such-perl"),
        ("requires 'Text::CSV' => '2.1';", "bookworm has only Text::CSV 2.02"),
    ],
)
def test_the_example_says_what_cannot_be_had(
    perl: Any, tmp_path: Path, line: str, why: str
) -> None:
    (tmp_path / "cpanfile").write_text(line)
    detection = perl.detect(Project(tmp_path))
    with pytest.raises(InputUnavailable, match=why) as refused:
        perl.system_packages(detection, SimpleNamespace(name="bookworm"), Debian())
    assert refused.value.where == "cpanfile:1"


def test_the_example_orders_versions_as_perl_does() -> None:
    shuffled = ["2", "1.7", "1.6", "v1.661.101", "1.10.0", "1.6611"]
    ordered = ["1.10.0", "1.6", "1.6611", "v1.661.101", "1.7", "2"]
    assert sorted(shuffled, key=module().order) == ordered


@pytest.mark.engine
@pytest.mark.network
def test_the_example_runs_its_sample(installed: Path, tmp_path: Path) -> None:
    sample = tmp_path / "sample"
    shutil.copytree(EXAMPLE / "sample", sample)
    record = json.loads(reprokit(installed, "run", str(sample), "--base", "debian", "--json"))
    assert "reprokit-perl" in " ".join(record["reprokit"]["plugins"])
    subprocess.run([str(sample / "verify"), str(sample / "results")], check=True)
