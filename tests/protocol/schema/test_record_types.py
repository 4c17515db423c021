"""The table of record types against the specification and full examples. Spec: 12.2 to 12.6."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_conformance.fact_samples import FACTS, NEED
from hutong_protocol.encoding import encode
from hutong_protocol.schema import (
    RECORD_TYPES,
    Position,
    Refs,
    decode_part,
    read_record,
    validate_facts,
    write_refs,
)
from hutong_protocol.schema.refs import RefRules, missing_refs, read_refs, refs_problems
from hutong_protocol.schema.shapes import MapOf
from hutong_protocol.taxonomy import CODE_LISTS, SENSITIVE_GROUPS, TOPICS, UNITS
from protocol.fold.scenes import org

SPEC = (Path(__file__).parents[3] / "spec" / "12-coordination.md").read_text("utf-8")
FULL_REFS = tuple(org(f"ref {number}") for number in range(10))


def fits(type_name: str, facts: object, refs: tuple[bytes, ...] = FULL_REFS) -> bool:
    """Whether a record with these facts is readable."""
    return read_record(RECORD_TYPES[type_name], refs, encode(facts)) is not None  # type: ignore[arg-type]


def spec_rows(section: str) -> list[list[str]]:
    """The cells of the tables of one numbered section."""
    part = SPEC.partition(f"\n## {section} ")[2].partition("\n## ")[0]
    return [
        [cell.strip() for cell in row.strip().strip("|").split("|")]
        for row in part.splitlines()
        if row.strip().startswith("|") and not set(row.strip()) <= set("|- ")
    ]


def test_every_type_of_the_specification_is_in_the_table_and_no_other() -> None:
    named = {
        name
        for row in spec_rows("12.2")
        if len(row) == 9
        for name in re.findall(r"`([a-z_]+)`", row[0])
    }
    assert {f"{name}/1" for name in named} == set(RECORD_TYPES)
    assert set(FACTS) == set(RECORD_TYPES)


def test_the_use_of_each_position_is_that_of_the_specification() -> None:
    for row in spec_rows("12.2"):
        if len(row) != 9 or not row[0].startswith("`"):
            continue
        for name in re.findall(r"`([a-z_]+)`", row[0]):
            rules = RECORD_TYPES[f"{name}/1"].refs
            for position, cell in enumerate(row[2:8]):
                stated = cell[:1].replace("–", "-")
                if cell.startswith("R unless"):
                    assert rules.link_or_target
                    stated = "o"
                assert rules.use(Position(position)) == stated, (name, position)
            assert rules.replaces == (row[8] == "o"), name


def test_the_codes_of_each_list_are_those_of_the_specification() -> None:
    stated = {row[0]: set(re.findall(r"`([^`]+)`", row[1])) for row in spec_rows("12.8")}
    for name, codes in CODE_LISTS.items():
        assert set(codes) == stated[name] - {"x-"}, name
    assert set(TOPICS) == stated["topics"]
    starred = next(row[1] for row in spec_rows("12.8") if row[0] == "groups")
    assert set(re.findall(r"`([a-z_]+)`\*", starred)) == SENSITIVE_GROUPS


def test_units_with_a_label_include_all_that_convert() -> None:
    convertible = {
        code for row in spec_rows("12.7") for code in re.findall(r"`([a-z0-9_]+)` [0-9]", row[1])
    }
    assert convertible < set(UNITS)


@pytest.mark.parametrize("type_name", FACTS)
def test_a_full_example_is_readable_and_may_be_authored(type_name: str) -> None:
    assert fits(type_name, FACTS[type_name])
    assert validate_facts(type_name, FACTS[type_name]) == []


def known_fields() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every field of every type, with the path to it through maps and first elements."""
    for name, facts in FACTS.items():
        for path in _paths(facts):
            yield name, path


def _paths(value: object) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, element in value.items():
            yield (key,)
            yield from ((key, *rest) for rest in _paths(element))
    elif isinstance(value, list):
        for number, element in enumerate(value):
            yield from ((number, *rest) for rest in _paths(element))


def _unshared(value: Any) -> Any:
    """A copy in which no two places are the same object, as `deepcopy` would leave them."""
    if isinstance(value, dict):
        return {name: _unshared(element) for name, element in value.items()}
    return [_unshared(element) for element in value] if isinstance(value, list) else value


def changed(facts: dict[str, Any], path: tuple[Any, ...], value: object) -> dict[str, Any]:
    """A copy of facts with another value at a path."""
    result: dict[str, Any] = _unshared(facts)
    where: Any = result
    for step in path[:-1]:
        where = where[step]
    where[path[-1]] = value
    return result


@pytest.mark.parametrize(("type_name", "path"), list(known_fields()))
def test_no_known_field_takes_a_value_of_another_kind(type_name: str, path: tuple[str]) -> None:
    """Threat 48: nothing is converted, at any depth; nil is no absence."""
    out_of_range = 2**53 - 1 if path[-1] in ("lat", "lon") else -1
    for wrong in (None, out_of_range, "\x07", b"\x00", [None], {"x": 1}):
        if path == ("earmark",) and wrong == {"x": 1}:
            continue  # all of its own fields are optional
        facts = changed(FACTS[type_name], path, wrong)
        assert not fits(type_name, facts), wrong
        assert validate_facts(type_name, facts), wrong


@pytest.mark.parametrize(("type_name", "path"), list(known_fields()))
def test_unknown_fields_are_readable_at_every_level_and_not_for_authors(
    type_name: str, path: tuple[str]
) -> None:
    """Threat 67."""
    value = FACTS[type_name]
    for step in path:
        value = value[step]
    if not isinstance(value, dict):
        return
    facts = changed(FACTS[type_name], (*path, "novelty"), [None])
    assert fits(type_name, facts)
    problems = validate_facts(type_name, facts)
    assert [problem.path.rpartition(".")[2] for problem in problems] == ["novelty"]


@pytest.mark.parametrize("type_name", FACTS)
def test_unknown_fields_at_the_top_are_named_for_authors(type_name: str) -> None:
    facts = {**FACTS[type_name], "novelty": 1}
    assert fits(type_name, facts)
    assert [problem.path for problem in validate_facts(type_name, facts)] == ["novelty"]


@pytest.mark.parametrize("type_name", FACTS)
def test_facts_that_are_no_map_are_refused_for_authors_too(type_name: str) -> None:
    problems = validate_facts(type_name, [])  # type: ignore[arg-type]
    assert "" in {problem.path for problem in problems}
    assert not fits(type_name, [])


@pytest.mark.parametrize("type_name", FACTS)
def test_each_required_field_is_missed(type_name: str) -> None:
    shape = RECORD_TYPES[type_name].facts
    fields = shape.fields if isinstance(shape, MapOf) else {}
    for name, known in fields.items():
        facts = {k: v for k, v in FACTS[type_name].items() if k != name}
        assert fits(type_name, facts) is not known.required, name


@pytest.mark.parametrize("type_name", FACTS)
def test_every_field_of_the_table_stands_in_the_example(type_name: str) -> None:
    shape = RECORD_TYPES[type_name].facts
    if isinstance(shape, MapOf):
        assert set(shape.fields) == set(FACTS[type_name])


@pytest.mark.parametrize(
    "facts", [b"", b"\xc0", b"\x93\x01\x02\x03", b"\x81\xa1a", b"\x81\xa1a\xcc\x01", b"\x80\x80"]
)
def test_bytes_that_are_no_canonical_map_are_unreadable(facts: bytes) -> None:
    assert decode_part(facts) is None
    assert read_record(RECORD_TYPES["handoff_accept/1"], FULL_REFS, facts) is None


def test_a_record_without_facts_has_the_empty_map() -> None:
    assert read_record(RECORD_TYPES["handoff_accept/1"], FULL_REFS, None) is not None
    assert read_record(RECORD_TYPES["flag/1"], FULL_REFS, None) is None


def test_a_record_of_no_thing_is_readable_only_where_it_may_stand_alone() -> None:
    alone = {name for name in FACTS if fits(name, FACTS[name], ())}
    assert alone == {
        "org/1", "incident/1", "codelist/1", "need/1", "offer/1", "relay/1", "post/1",
    }  # fmt: skip


def test_a_line_id_stands_once_in_a_need() -> None:
    assert not fits("need/1", {**NEED, "lines": [NEED["lines"][0]] * 2})


def test_a_link_to_something_elsewhere_says_where() -> None:
    facts = {"relation": "same"}
    assert fits("link/1", facts)
    assert not fits("link/1", facts, FULL_REFS[:1])
    assert fits("link/1", FACTS["link/1"], FULL_REFS[:1])


@pytest.mark.parametrize("name", ["decision/1", "allocation/1"])
def test_accepting_states_a_quantity_and_declining_none(name: str) -> None:
    without = {k: v for k, v in FACTS[name].items() if k != "quantity"}
    assert not fits(name, without)
    declined = {**without, "outcome": "decline"}
    assert fits(name, declined)
    assert validate_facts(name, declined) == []
    assert fits(name, {**FACTS[name], "outcome": "decline"})
    assert validate_facts(name, {**FACTS[name], "outcome": "decline"}) != []


REFS = st.lists(st.sampled_from([b"", org("x"), org("y")]), max_size=16).map(tuple)


@given(REFS, st.sampled_from(sorted(RECORD_TYPES)))
def test_refs_are_read_for_every_list_that_a_header_can_have(
    refs: tuple[bytes, ...], type_name: str
) -> None:
    rules = RECORD_TYPES[type_name].refs
    found = read_refs(refs, rules)
    assert b"" not in found.replaces
    assert len(found.replaces) <= 4
    if not refs_problems(refs, rules):
        assert missing_refs(found, rules) == []
        assert read_refs(write_refs(found), rules) == found


def test_written_refs_have_no_empty_end() -> None:
    refs = Refs(thing=org("t"), target=org("c"))
    assert write_refs(refs) == (org("t"), b"", b"", b"", org("c"))
    assert write_refs(Refs()) == ()
    both = write_refs(Refs(thing=org("t"), replaces=frozenset({org("b"), org("a")})))
    assert both == (org("t"), b"", b"", b"", b"", b"", *sorted([org("a"), org("b")]))


def test_authors_are_told_which_position_is_wrong() -> None:
    rules = RECORD_TYPES["reconfirm/1"].refs
    found = refs_problems((org("t"), b"", org("x"), *[b""] * 7, org("y")), rules)
    assert [problem.path for problem in found] == ["refs[1]", "refs[2]", "refs[10]"]
    closing = RECORD_TYPES["close/1"].refs
    assert [p.path for p in refs_problems((org("t"),), closing)] == ["refs[1]"]
    both = (org("t"), org("l"), b"", b"", org("c"))
    assert [p.path for p in refs_problems(both, closing)] == ["refs[1]"]
    assert read_refs(both, RefRules()) == Refs()
