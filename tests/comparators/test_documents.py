"""JSON, JSON lines, YAML and XML."""

from __future__ import annotations

import json
from importlib.metadata import version

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from packaging.version import Version

from reprokit.comparators.leaves import compare_leaves, leaves
from reprokit.comparators.protocol import Limits
from reprokit.comparators.tally import Tally
from reprokit.verdict import Grade
from tests.comparators.compared import Written, settings, told

RESULT = {"models": [{"name": "a", "rmse": 0.5}, {"name": "b", "rmse": 0.25}], "ok": True}


def changed(**values: object) -> dict[str, object]:
    copy: dict[str, object] = json.loads(json.dumps(RESULT))
    copy["models"][1] |= values  # type: ignore[index]
    return copy


@pytest.mark.parametrize("name", ["a.json", "a.yaml", "a.jsonl"])
def test_one_altered_number_is_told_with_its_path(name: str, written: Written) -> None:
    dump = yaml.safe_dump if name == "a.yaml" else json.dumps
    found = written(name, dump(RESULT), dump(changed(rmse=0.26)))
    path = "/line 1/models[1]/rmse" if name == "a.jsonl" else "/models[1]/rmse"
    told(found, Grade.DIFFERENT, "1 of 5 values differs", f"difference 0.04 at {path}")
    assert found.details["differences"] == [{"at": path, "expected": 0.25, "actual": 0.26}]
    told(written(name, dump(RESULT), dump(changed(rmse=0.25 + 1e-12))), Grade.WITHIN_TOLERANCE)


def test_structure(written: Written) -> None:
    def same(**values: object) -> str:
        return json.dumps(changed(**values))

    old = json.dumps(RESULT)
    told(written("a.json", old, json.dumps(RESULT, indent=2)), Grade.WITHIN_TOLERANCE, "the same")
    told(written("a.json", old, same(new=1)), Grade.DIFFERENT, "with the new /models[1]/new")
    told(written("a.json", same(new=1), old), Grade.DIFFERENT, "without /models[1]/new")
    found = written("a.json", old, same(name=7))
    told(found, Grade.DIFFERENT, "/models[1]/name: '7 (int)' instead of 'b (str)'")
    found = written("a.json", old, json.dumps(dict(reversed(RESULT.items()))))
    told(found, Grade.WITHIN_TOLERANCE, "keys in another order")
    swapped = json.dumps({**RESULT, "models": [*reversed(RESULT["models"])]})  # type: ignore[call-overload]
    told(written("a.json", old, swapped), Grade.SIMILAR, "the same 5 values in another order")
    told(written("a.json", "[1]", "[true]"), Grade.DIFFERENT)
    told(written("a.json", '{"a": NaN}', '{"a":NaN}'), Grade.WITHIN_TOLERANCE)
    told(written("a.json", "[1]", "[1.0]"), Grade.WITHIN_TOLERANCE)


def test_lines_of_json(written: Written) -> None:
    old = '{"a": 1}\n{"a": 2}\n{"a": 3}\n'
    found = written("a.jsonl", old, '{"a": 3}\n{"a": 1}\n{"a": 2}\n')
    told(found, Grade.SIMILAR, "the same 3 lines in another order")
    told(written("a.jsonl", old, '{"a": 1}\n{"a": 2}\n'), Grade.DIFFERENT, "2 lines instead of 3")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.json", "{", "cannot be read as JSON: Expecting"),
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("a.json", b"\xff\xfe\xff", "cannot be read as JSON"),
        ("a.jsonl", "{]\n", "cannot be read as JSON lines"),
        ("a.yaml", "a: !!python/object/apply:os.system ['id']", "determine a constructor"),
        ("a.yaml", "a: &a [*a]", "nested deeper than"),
        (
            "a.yaml",
            "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
            + "\n".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)),
            "more than 2,000 values",
        ),
        ("a.xml", "<a>", "line 1"),
        ("a.xml", "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "declares entities"),
        ("a.xml", "<!DOCTYPE a [<!ENTITY x SYSTEM '/etc/passwd'>]><a>&x;</a>", "declares entities"),
        ("a.xml", "<a>" * 1000, "nested deeper"),
    ],
)
def test_a_broken_or_hostile_document_falls_to_bytes(
    name: str, content: str | bytes, why: str, written: Written
) -> None:
    good = "<a/>" if name == "a.xml" else "{}"
    for pair in ((good, content), (content, good)):
        found = written(name, *pair, limits=Limits(values=2000))
        assert found.comparator == "bytes"
        told(found, Grade.DIFFERENT, why)


def test_merges_of_merges_in_yaml_do_not_grow_without_end(written: Written) -> None:
    bomb = "a0: &a0 {a: 1, b: 2}\n" + "\n".join(
        f"a{n}: &a{n}\n  <<: [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)
    )
    found = written("a.yaml", "{}", bomb)
    # PyYAML itself takes each key once from 6.0.4 on; before that it is our limit that holds.
    if Version(version("PyYAML")) >= Version("6.0.4"):
        assert (found.comparator, found.grade) == ("YAML", Grade.DIFFERENT)
    else:
        told(found, Grade.DIFFERENT, "merges more than")


def test_a_document_that_is_too_large_is_not_read(written: Written) -> None:
    found = written("a.json", "[1, 2]", "[1, 3]" + " " * 50, limits=Limits(document=40))
    told(found, Grade.DIFFERENT, "cannot be read as JSON: it is larger than")


XML = '<?xml version="1.0"?>\n<r a="1" b="x"><v>0.5</v><v>0.25</v><e/></r>'


def test_xml(written: Written) -> None:
    same = '<r b="x"   a="1.0"><!-- other -->\n  <v> 0.50</v>\n  <v>0.25</v><e></e>\n</r>'
    told(written("a.xml", XML, same), Grade.WITHIN_TOLERANCE)
    found = written("a.xml", XML, XML.replace("0.25", "0.26"))
    told(found, Grade.DIFFERENT, "1 of 5 values differs", "0.04 at /r/v[1]")
    told(written("a.xml", XML, XML.replace("<e/>", "")), Grade.DIFFERENT, "without /r/e[0]")
    told(written("a.xml", XML, XML.replace('b="x"', 'b="y"')), Grade.DIFFERENT, "/r/@b: 'y'")
    moved = written(
        "a.xml", XML, XML.replace("0.5<", "@<").replace("0.25", "0.5").replace("@<", "0.25<")
    )
    told(moved, Grade.SIMILAR, "the same 5 values in another order")


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


@hypothesis_settings(deadline=None)
@given(documents, documents)
def test_any_document_is_the_same_as_itself_and_others_differ_both_ways(
    one: object, other: object
) -> None:
    left, right = leaves(one, Limits()), leaves(other, Limits())
    same, there, back = (Tally(settings()) for _ in range(3))
    compare_leaves(left, dict(left), same)
    compare_leaves(left, right, there)
    compare_leaves(right, left, back)
    assert not same.differs and there.words == back.words
    assert len(there.structure) == len(back.structure)
