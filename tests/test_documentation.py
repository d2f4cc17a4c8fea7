"""What the documentation says of code is compared with the code."""

from __future__ import annotations

import inspect
import json
import re
import shlex
import textwrap
from pathlib import Path
from typing import Any

import pytest

from reprokit import arguments, hookspecs
from reprokit.bases.protocol import BaseFamily
from reprokit.comparators.protocol import Comparator
from reprokit.diagnosing.protocol import Diagnosis
from reprokit.ecosystems.protocol import Ecosystem, Maker
from reprokit.identity import POLICY, policy
from reprokit.resolving import Catalogue, Resolver

ROOT = Path(__file__).parents[1]
PLUGINS = ROOT / "docs" / "plugins.md"
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").glob("*/README.md"),
        *(ROOT / "templates" / "starters").glob("*/README.md"),
    ]
)
NOTEBOOKS = sorted([*(ROOT / "docs").glob("*.ipynb"), *(ROOT / "templates").rglob("*.ipynb")])
HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("reprokit_"))
PROTOCOLS = (Ecosystem, Maker, BaseFamily, Comparator, Diagnosis, Resolver, Catalogue)


def documented() -> dict[str, Any]:
    """The functions and classes that the Python blocks of docs/plugins.md declare."""
    found: dict[str, Any] = {"Protocol": object}
    for block in re.findall(r"```python\n(.*?)```", PLUGINS.read_text(encoding="utf-8"), re.DOTALL):
        if "@hookimpl" not in block:
            exec("from __future__ import annotations\n" + textwrap.dedent(block), found)
    return found


def members(protocol: type) -> dict[str, str]:
    """Each public member: a method's signature, or the type of an attribute."""
    found = {name: str(kind) for name, kind in inspect.get_annotations(protocol).items()}
    for name, value in vars(protocol).items():
        if name.startswith("_"):
            continue
        if isinstance(value, property):
            found[name] = str(inspect.signature(value.fget).return_annotation)  # type: ignore[arg-type]
        elif callable(value):
            found[name] = str(inspect.signature(value))
    return found


def test_there_are_hooks_and_pages() -> None:
    assert len(HOOKS) >= 5 and PLUGINS in PAGES


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_documented_with_its_arguments(hook: str) -> None:
    assert inspect.signature(documented()[hook]) == inspect.signature(getattr(hookspecs, hook))


def test_no_hook_is_documented_that_does_not_exist() -> None:
    assert sorted(name for name in documented() if name.startswith("reprokit_")) == HOOKS


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_protocol_is_documented_with_its_signatures(protocol: type) -> None:
    assert members(documented()[protocol.__name__]) == members(protocol)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_has_a_test(hook: str) -> None:
    source = (ROOT / "tests" / "test_plugins.py").read_text(encoding="utf-8")
    assert re.search(rf"^def test_\w*{hook}\b|^def test_{hook}", source, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_in_the_documentation_can_be_given(page: Path) -> None:
    parser = arguments.build_parser()
    for line in commands(page.read_text(encoding="utf-8")):
        words, _ = arguments.split_command(shlex.split(as_given(line), comments=True))
        if {"--help", "--version"}.isdisjoint(words):
            parser.parse_args(words)


def as_given(line: str) -> str:
    """A synopsis with everything optional given, and numbers for its placeholders; of a verb's help
    (`%repro run?`) the verb."""
    plain = line.replace("[", "").replace("]", "").removesuffix("?")
    return re.sub(r"\b(N|DAYS|SECONDS)\b", "1", plain)


def commands(page: str) -> list[str]:
    """The arguments of each `reprokit …` and `%repro …` that a page shows as code."""
    start = r"(?:\$ )?(?:\w+ = )?(?:reprokit|%repro) "
    blocks = re.findall(r"^```.*?^```$", page, re.MULTILINE | re.DOTALL)
    blocks += re.findall(r"^ {4}.*$", page, re.MULTILINE)
    lines = [line for block in blocks for line in re.findall(rf"^ *{start}(\S.*)$", block, re.M)]
    return lines + re.findall(rf"`{start}([^`]*[^`\s…])`", page)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_magic_in_a_notebook_can_be_given(notebook: Path) -> None:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    page = "\n".join("```\n" + "".join(cell["source"]) + "\n```" for cell in cells)
    lines = commands(page)
    assert len(lines) >= 4
    for line in lines:
        arguments.build_parser().parse_args(shlex.split(line))


def test_commands_are_found() -> None:
    page = (
        "reprokit is\n\n    reprokit run . # here\n\nand `%repro plan`,\n`reprokit fly x`\n"
        "```\nr = %repro show\n$ reprokit runs\n```\n"
    )
    assert commands(page) == ["show", "runs", "run . # here", "plan", "fly x"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("why", [rule.why for rule in (*policy.DROPPED, *policy.REWRITTEN)])
def test_each_rule_of_the_policy_is_documented(why: str) -> None:
    page = (ROOT / "docs" / "identity.md").read_text(encoding="utf-8")
    assert f"`{POLICY}`" in page and why in page
