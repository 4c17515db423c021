"""Facts go to JSON and come back unchanged; wrong ids are named by their field."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol.ids import IdKind, format_id
from hutong_protocol.schema import validate_facts
from hutong_protocol.schema.jsonform import facts_from_json, facts_to_json

ORG, RECORD = bytes(range(32)), bytes(range(32, 64))

NEED = {
    "incident": RECORD,
    "lines": [{"id": "rice", "kind": "goods", "quantity": {"bound": "unknown"}}],
    "place": {"codes": [{"scheme": "CN-GB2260", "code": "420100"}]},
    "urgency": {"list": {"by": ORG, "name": "urgency", "version": 2}, "code": "now"},
    "valid_until": "2020-03-31T00:00:00+08:00",
    "receivers": [ORG, {"key": "hospital", "kind": "hospital"}],
    "source": {"platform": "wuhan2020", "key": bytes(16)},
    "groups": [{"group": "elderly", "people": 37}],
}
VERIFY = {"outcome": "partly", "method": "desk", "checked": {"exists": True, "place": ORG}}


@pytest.mark.parametrize(
    ("type_name", "facts"),
    [
        ("need/1", NEED),
        ("verify/1", VERIFY),
        ("revise/1", {"of": "need/1", "body": NEED}),
        ("decision/1", {"outcome": "wait", "line": "rice", "commitment_author": ORG}),
    ],
)
def test_facts_come_back_from_json_as_they_were(type_name: str, facts: dict[str, object]) -> None:
    shown = json.loads(json.dumps(facts_to_json(type_name, facts)))
    assert facts_from_json(type_name, shown) == (facts, [])
    assert validate_facts(type_name, facts) == []


def test_ids_stand_in_their_text_form_and_other_bytes_as_hex() -> None:
    shown = facts_to_json("need/1", NEED)
    assert shown["incident"] == format_id(IdKind.RECORD, RECORD)
    assert shown["receivers"] == [
        format_id(IdKind.ORG, ORG),
        {"key": "hospital", "kind": "hospital"},
    ]
    assert shown["source"] == {"platform": "wuhan2020", "key": "00" * 16}


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"incident": format_id(IdKind.ORG, ORG)}, "incident"),
        ({"receivers": ["org-nonsense"]}, "receivers[0]"),
        ({"source": {"platform": "x", "key": "0G"}}, "source.key"),
        ({"source": {"platform": "x", "key": "AB" * 8}}, "source.key"),
        ({"people": 1.0}, "people"),
    ],
)
def test_a_wrong_id_hex_or_number_is_named_by_its_field(
    value: dict[str, object], path: str
) -> None:
    _, problems = facts_from_json("need/1", value)
    assert [problem.path for problem in problems] == [path]


def test_a_type_that_is_not_known_is_shown_and_not_read() -> None:
    assert facts_to_json("future/9", {"a": [b"\1"]}) == {"a": ["01"]}
    assert [problem.path for problem in facts_from_json("future/9", {})[1]] == ["type"]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["lines", "id", "code", "source", "key", "x"]), inner)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(sorted(NEED)), values))
def test_any_map_can_be_shown_as_json_and_any_json_read(facts: dict[str, object]) -> None:
    shown = facts_to_json("need/1", facts)
    read, _ = facts_from_json("need/1", json.loads(json.dumps(shown)))
    assert read.keys() == facts.keys()
