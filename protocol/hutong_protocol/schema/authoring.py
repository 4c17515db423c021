"""What an author may write: strict validation with path, rule, example. Spec: 12.6.4, 13.3, 13.4.

Owns the one question of every program that makes records: may this be signed? What is signed stays
for ever, so this refuses unknown fields, codes that are in no list, points that are too exact,
counts of sensitive groups that are not bands, and what the detector of personal data finds.
Readers never use this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hutong_protocol.encoding import encode
from hutong_protocol.faults import LocalProtocolError
from hutong_protocol.limits import PART_BYTES_MAX
from hutong_protocol.personal_data import Kind, findings
from hutong_protocol.schema.facts import REVISABLE
from hutong_protocol.schema.problems import Problem, Report, path_text
from hutong_protocol.schema.reading import fact_problems, known_type
from hutong_protocol.schema.refs import Refs, read_refs, refs_problems
from hutong_protocol.schema.texts import TEXTS
from hutong_protocol.taxonomy import SENSITIVE_GROUPS

_NUMERIC_FIELDS = frozenset({"code", "id", "stock_id"})
"""Fields in which a number of eleven digits is more likely not a telephone. Spec: 13.4.5."""
_PEOPLE_UNITS = frozenset({"person", "hh"})
_VAGUE = frozenset({"band", "unknown", "unbounded"})
_COMMUNITY_SCHEME = "CN-NBS12"


def record_problems(
    type_name: str,
    *,
    refs: Sequence[bytes],
    facts: Mapping[str, object],
    text: Mapping[str, object],
    author: bytes | None = None,
) -> list[Problem]:
    """Everything that forbids signing this record; empty when it may be signed.

    Args:
        refs: as the header would have them.
        facts, text: the values of the two parts; an empty map for a part that isn't written.
        author: the organisation; with it a promise for somebody else must state its basis.
    """
    record_type = known_type(type_name)
    if record_type is None:
        return [Problem("type", "is a record type of version 1", "need/1")]
    found = refs_problems(refs, record_type.refs)
    found += fact_problems(record_type, read_refs(refs, record_type.refs), facts, authoring=True)
    found += validate_text(type_name, text, of=facts.get("of"))
    if not found:
        found += _size_problems(facts, text)
        found += _proxy_problems(type_name, facts, author)
        found += _sensitive_problems(facts)
    return found + personal_data_problems(facts, text)


def validate_facts(type_name: str, facts: Mapping[str, object]) -> list[Problem]:
    """What is wrong with the facts of a record of this type, by shape alone. Spec: 12.4.

    Refs, text, sensitive groups and personal data are judged by `record_problems`.
    """
    record_type = known_type(type_name)
    if record_type is None:
        return [Problem("type", "is a record type of version 1", "need/1")]
    # A link's need of `far` depends on its refs, which aren't here: assume the target is given.
    return fact_problems(record_type, Refs(target=b"\0" * 32), facts, authoring=True)


def validate_text(
    type_name: str, text: Mapping[str, object], *, of: object = None
) -> list[Problem]:
    """What is wrong with the text of a record of this type. Spec: 12.5.

    Args:
        of: for a `revise`, the type that it states in its facts.
    """
    record_type = known_type(type_name)
    if record_type is None:
        return [Problem("type", "is a record type of version 1", "need/1")]
    shape = record_type.text
    if type_name == "revise/1" and isinstance(of, str) and of in REVISABLE:
        shape = TEXTS[of]
    report = Report(authoring=True)
    shape.check(text, report)
    return [Problem(f"text.{p.path}".rstrip("."), p.rule, p.example) for p in report.problems]


def personal_data_problems(
    facts: Mapping[str, object], text: Mapping[str, object]
) -> list[Problem]:
    """What the detector finds in a record, as problems with the rule `pii:<kind>`. Spec: 13.4.

    The desk contact of an organisation and waybills are left out; a possible telephone number in a
    numeric field is a warning elsewhere and no problem here.
    """
    found = []
    for where, part in (("", facts), ("text", text)):
        for path, value in _texts(part, [where] if where else []):
            if path[:2] == ["text", "desk"] or path[-1:] == ["waybill"]:
                continue
            numeric = path[-1] in _NUMERIC_FIELDS
            found += [
                Problem(path_text(path), f"pii:{finding.kind}", "leave it out, or seal it")
                for finding in findings(value)
                if not (numeric and finding.kind is Kind.CN_MOBILE)
            ]
    return found


def _texts(value: object, path: list[str | int]) -> Iterator[tuple[list[str | int], str]]:
    """Every str in a value with its path, keys of maps included."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, element in value.items():
            yield [*path, "key of a map"], str(name)
            yield from _texts(element, [*path, str(name)])
    elif isinstance(value, list | tuple):
        for number, element in enumerate(value):
            yield from _texts(element, [*path, number])


def _size_problems(facts: Mapping[str, object], text: Mapping[str, object]) -> list[Problem]:
    found = []
    for name, part in (("facts", facts), ("text", text)):
        try:
            size = len(encode(part))  # type: ignore[arg-type]
        except LocalProtocolError as refused:
            found.append(Problem(name, f"can be encoded ({refused})"))
            continue
        if size > PART_BYTES_MAX:
            found.append(Problem(name, f"is at most {PART_BYTES_MAX} bytes, not {size}"))
    return found


def _proxy_problems(
    type_name: str, facts: Mapping[str, object], author: bytes | None
) -> list[Problem]:
    provider = facts.get("provider", author)
    if type_name != "commitment/1" or author is None or provider == author or "basis" in facts:
        return []
    return [Problem("basis", "is required when the provider is somebody else", "phone")]


def _sensitive_problems(facts: Mapping[str, object]) -> list[Problem]:
    """Exact counts, communities and points beside a sensitive group. Spec: 13.3.1."""
    body = facts.get("body", facts)
    if not isinstance(body, Mapping) or not _names_sensitive_group(body):
        return []
    found: list[Problem] = []
    for path, value in _maps(body, ["body"] if "body" in facts else []):
        for name in ("people", "households", "people_served"):
            if type(value.get(name)) is int:
                rule = "is a band beside a sensitive group"
                found.append(Problem(path_text([*path, name]), rule, "1-4"))
        if value.get("unit") in _PEOPLE_UNITS and value.get("bound", "band") not in _VAGUE:
            rule = "has the bound band beside a sensitive group"
            found.append(Problem(path_text(path), rule, "min 1, max 4"))
        if value.get("scheme") == _COMMUNITY_SCHEME:
            rule = "is of a district or above beside a sensitive group"
            found.append(Problem(path_text(path), rule, "CN-GB2260 610113"))
        if "point" in value:
            rule = "does not stand beside a sensitive group"
            found.append(Problem(path_text([*path, "point"]), rule))
    return found


def _names_sensitive_group(body: Mapping[str, object]) -> bool:
    groups = body.get("groups")
    return isinstance(groups, list) and any(entry["group"] in SENSITIVE_GROUPS
                                            for entry in groups
                                            if isinstance(entry["group"], str))  # fmt: skip


def _maps(
    value: object, path: list[str | int]
) -> Iterator[tuple[list[str | int], Mapping[str, object]]]:
    if isinstance(value, Mapping):
        yield path, value
        for name, element in value.items():
            yield from _maps(element, [*path, str(name)])
    elif isinstance(value, list | tuple):
        for number, element in enumerate(value):
            yield from _maps(element, [*path, number])
