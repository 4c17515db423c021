"""What may be signed: everything that an author is told, with path and rule. Spec: 12.6.4, 13."""

from __future__ import annotations

from typing import Any

import pytest

from hutong_conformance.fact_samples import FACTS, NEED
from hutong_protocol.limits import PART_BYTES_MAX
from hutong_protocol.schema import record_problems, validate_facts, validate_text
from hutong_protocol.schema.authoring import personal_data_problems
from protocol.fold.scenes import body, exact, line, org

TITLE = {"title": "大米"}
REFS: dict[str, Any] = {"refs": ()}


def paths(problems: object) -> list[str]:
    """The paths of problems."""
    assert isinstance(problems, list)
    return [problem.path for problem in problems]


def test_a_plain_need_may_be_signed() -> None:
    facts = body(line("a", exact(100, "ge")))
    assert record_problems("need/1", facts=facts, text=TITLE, **REFS) == []


def test_a_type_that_is_not_in_version_1_may_not_be_signed() -> None:
    for found in (
        record_problems("need/2", facts={}, text={}, **REFS),
        validate_facts("need/2", {}),
        validate_text("need/2", {}),
    ):
        assert paths(found) == ["type"]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    facts = body(line("a", exact(100, "ge")), urgency="soonish", colour="red")
    found = record_problems("need/1", facts=facts, text={"note": "打13800138000"}, **REFS)
    assert sorted(paths(found)) == ["colour", "text.note", "text.title", "urgency"]
    assert all(problem.rule for problem in found)
    assert "13800138000" not in repr(found)


def test_the_text_of_a_revision_is_that_of_the_type_it_revises() -> None:
    assert validate_text("revise/1", {"title": "x", "desk": {"phone": "029-12345678"}}, of="org/1")\
        == []  # fmt: skip
    assert paths(validate_text("revise/1", {"title": "x", "desk": {}}, of="need/1")) == [
        "text.desk"
    ]
    assert paths(validate_text("revise/1", {}, of="need/1")) == ["text.title"]


def test_a_part_that_is_too_large_is_refused_before_signing() -> None:
    lines = [
        line(f"l{number}", exact(1, "ge"), windows=[{"key": f"{n:064}"} for n in range(64)])
        for number in range(50)
    ]
    found = record_problems("need/1", facts=body(*lines), text=TITLE, **REFS)
    assert paths(found) == ["facts"]
    assert str(PART_BYTES_MAX) in found[0].rule


def test_text_that_has_no_encoding_is_refused() -> None:
    facts = body(line("a", exact(1, "ge")))
    for title in ("a\x00b", "\ud800"):
        assert paths(record_problems("need/1", facts=facts, text={"title": title}, **REFS)) == [
            "text"
        ]


def test_a_promise_for_somebody_else_states_how_one_knows() -> None:
    facts = {k: v for k, v in FACTS["commitment/1"].items() if k != "basis"}
    refs = (org("need"), b"", org("need"))

    def found(author: bytes | None, provider: object) -> list[str]:
        promise = {**facts, "provider": provider}
        return paths(
            record_problems("commitment/1", refs=refs, facts=promise, text={}, author=author)
        )

    assert found(org("SETTER"), org("COOP")) == ["basis"]
    assert found(org("COOP"), org("COOP")) == []
    assert found(None, org("COOP")) == []


SENSITIVE = {"groups": [{"group": "patients", "people": "1-4"}]}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"groups": [{"group": "patients", "people": 3}]}, "groups[0].people"),
        ({"people": 3}, "people"),
        ({"households": 3}, "households"),
        ({"lines": [line("a", exact(3, "person"))]}, "lines[0].quantity"),
        ({"place": {"codes": [{"scheme": "CN-NBS12", "code": "6"}]}}, "place.codes[0]"),
        (
            {"place": {"point": {"lat": 0, "lon": 0, "crs": "WGS84", "radius_m": 500}}},
            "place.point",
        ),
    ],
)
def test_beside_a_sensitive_group_nothing_is_exact(change: dict[str, Any], path: str) -> None:
    """A9, Threat 55."""
    facts = {**body(line("a", exact(1, "session"))), **SENSITIVE}
    assert record_problems("need/1", facts=facts, text=TITLE, **REFS) == []
    found = record_problems("need/1", facts={**facts, **change}, text=TITLE, **REFS)
    assert paths(found) == [path]
    revised = {"of": "need/1", "body": {**facts, **change}}
    refs = (org("need"), org("need"))
    found = record_problems("revise/1", refs=refs, facts=revised, text=TITLE)
    assert paths(found) == [f"body.{path}"]


def test_groups_that_are_not_sensitive_are_counted_exactly() -> None:
    facts = body(line("a", exact(3, "person")), groups=[{"group": "elderly", "people": 3}])
    assert record_problems("need/1", facts=facts, text=TITLE, **REFS) == []


def test_personal_data_is_refused_in_every_text_and_key() -> None:
    """A1, A9."""
    number = "13800138000"
    found = personal_data_problems(
        {"source": {"platform": number}},
        {"title": number, "parties": {"p1": f"张某 {number}"}, "names": {number: "x"}},
    )
    assert {(p.path, p.rule) for p in found} == {
        ("source.platform", "pii:cn_mobile"),
        ("text.title", "pii:cn_mobile"),
        ("text.parties.p1", "pii:cn_mobile"),
        ("text.names.key of a map", "pii:cn_mobile"),
    }


def test_desk_contacts_waybills_and_numeric_codes_may_look_like_telephones() -> None:
    number = "13800138000"
    assert personal_data_problems({}, {"desk": {"phone": number}}) == []
    assert personal_data_problems({"waybill": number, "stock_id": number}, {}) == []
    assert personal_data_problems({"ext_ids": [{"scheme": "x", "id": number}]}, {}) == []
    identity = personal_data_problems({"stock_id": "11010519491231002X"}, {})
    assert [p.rule for p in identity] == ["pii:cn_id18"]


def test_the_full_need_of_the_samples_may_be_signed() -> None:
    assert record_problems("need/1", facts=NEED, text=TITLE, **REFS) == []
