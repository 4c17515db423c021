"""Addresses are read strictly and written back alike; what is wrong is refused by name."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_node.bulletin.filters import (
    FILTERS,
    Asked,
    BadParameter,
    Filters,
    position_text,
    read_position,
    read_query,
)
from hutong_node.listing import COVERAGES, URGENCIES, VERIFICATIONS, Role, State
from hutong_node.listing_values import Position
from hutong_protocol.exchange import Scope
from hutong_protocol.ids import IdKind, format_id

ORG, RECORD = bytes(range(32)), bytes(32)
ORG_TEXT, RECORD_TEXT = format_id(IdKind.ORG, ORG), format_id(IdKind.RECORD, RECORD)


def read(**given_parameters: str) -> Asked:
    return read_query(given_parameters.items(), (*FILTERS, "after", "start", "history"))


filters = st.builds(
    Filters,
    topic=st.sampled_from([None, Scope("", "fsc"), Scope("xian-2021", "fsc")]),
    place=st.sampled_from([None, "CN:61", "CN:610113", "PCODE:PH04 é&=", "ISO3166-2:CN-61"]),
    urgency=st.sampled_from([None, *URGENCIES]),
    life=st.sampled_from([None, "open", "active", "expired", "closed", "all"]),
    coverage=st.sampled_from([None, *COVERAGES]),
    verification=st.sampled_from([None, *VERIFICATIONS]),
    organisation=st.sampled_from([None, ORG]),
    incident=st.sampled_from([None, RECORD]),
)


@given(filters, st.sampled_from([None, "zh", "en"]))
def test_filters_survive_the_way_through_an_address(wanted: Filters, lang: str | None) -> None:
    address = Asked(lang=lang).address("/needs", wanted)
    path, _, query = address.partition("?")
    assert path == "/needs"
    asked = read_query(parse_qsl(query), FILTERS)
    assert (asked.filters, asked.lang, asked.ignored) == (wanted, lang, ())


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("lang", "fr", "lang"),
        ("topic", "Food", "topic"),
        ("topic", "a/b/c", "topic"),
        ("topic", "xian-2021/", "topic"),
        ("place", "610", "place"),
        ("place", "陕西", "place"),
        ("urgency", "IMMEDIATE", "urgency"),
        ("life", "alive", "life"),
        ("coverage", "half", "coverage"),
        ("verification", "true", "verification"),
        ("organisation", "org-abc", "id-org"),
        ("organisation", RECORD_TEXT, "id-org"),
        ("incident", ORG_TEXT, "id-rec"),
        ("incident", "' OR 1=1 --", "id-rec"),
        ("after", "0.1", "after"),
        ("after", f"0.1.{'0' * 63}G", "after"),
        ("after", "9.0." + "0" * 64, "after"),
        ("start", "x", "id-org"),
        ("history", "-1", "number"),
        ("history", "١", "number"),
        ("history", "999999999", "number"),
        ("place", "x" * 300, "too-long"),
    ],
)
def test_a_wrong_value_is_refused_with_the_name_and_the_rule(
    name: str, value: str, rule: str
) -> None:
    """Threat 49: nothing but the forms that are known gets any further."""
    with pytest.raises(BadParameter) as refused:
        read(**{name: value})
    assert (refused.value.name, refused.value.rule) == (name, rule)


def test_a_parameter_that_stands_twice_is_refused_and_an_empty_one_is_none() -> None:
    with pytest.raises(BadParameter) as refused:
        read_query([("urgency", "high"), ("urgency", "low")], FILTERS)
    assert refused.value.rule == "twice"
    assert read(urgency="", place="", lang="") == Asked()


def test_what_chat_programs_add_is_ignored_and_told() -> None:
    asked = read_query([("from", "singlemessage"), ("isappinstalled", "0")], FILTERS)
    assert asked == Asked(ignored=("from", "isappinstalled"))
    assert asked.address("/needs", asked.filters) == "/needs"


@given(
    st.integers(0, 5), st.integers(-(10**16) + 1, 10**16 - 1), st.binary(min_size=32, max_size=32)
)
def test_places_in_a_list_survive_the_way_through_an_address(
    urgency: int, due_ms: int, identifier: bytes
) -> None:
    at = Position(urgency, due_ms, identifier)
    assert read_position("after", position_text(at)) == at


@given(st.dictionaries(st.sampled_from([*FILTERS, "after", "start", "history", "lang"]), st.text()))
def test_any_values_are_read_or_refused_and_never_fail(parameters: dict[str, str]) -> None:
    refused = ""
    try:
        read(**parameters)
    except BadParameter as bad:
        refused = bad.name
    assert not refused or refused in parameters


def test_open_is_meant_without_a_word_and_active_where_a_coverage_is_asked_for() -> None:
    assert Filters().states() == (State.OPEN,)
    assert Filters(coverage="full").states() == (State.OPEN, State.COVERED)
    assert Filters(coverage="full", life="expired").states() == (State.EXPIRED,)
    wanted = Filters(urgency="high", incident=RECORD).wanted(Role.NEED)
    assert (wanted.urgency, wanted.incident) == (1, RECORD.hex())
    held = [Scope("a", "base"), Scope("a", "fsc"), Scope("b", "fsc")]
    assert Filters(topic=Scope("", "fsc")).scopes(held) == held[1:]
    assert Filters(topic=Scope("b", "fsc")).scopes(held) == held[2:]
    assert Filters(topic=Scope("b", "hea")).scopes(held) == []
