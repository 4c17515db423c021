"""How facts stand in JSON and come back: ids as text, other bytes as hex. Spec: 2.5, 12.4.

Owns the one translation that the local interface, files of drafts and adapters share. Only bytes
change their form, and which bytes are an id of what is said by the shape of the field; so every
value comes back as it was, except bytes in fields that this version does not know, which can only
be shown. Nothing is judged here but the form of ids and hex: that is `authoring`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from hutong_protocol.encoding import Value
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.ids import ID_BYTES, IdKind, format_id, parse_id_as
from hutong_protocol.schema import compound, shapes
from hutong_protocol.schema.problems import Problem, path_text
from hutong_protocol.schema.reading import known_type
from hutong_protocol.schema.shapes import Bin, Coded, Id, IdOf, ListOf, MapBy, MapOf, Shape

Json: TypeAlias = "None | bool | int | str | list[Json] | dict[str, Json]"

_KINDS: Final = {IdOf.ORG: IdKind.ORG, IdOf.RECORD: IdKind.RECORD}
_Path: TypeAlias = list[str | int]


def structure(shape: Shape, value: object = None) -> Shape:
    """The map, list or leaf that a shape with rules of its own consists of.

    Args:
        value: decides where a shape may be a map or a leaf: a party, or a code of somebody's list.
    """
    if isinstance(shape, compound.Place):
        return compound.PLACE_FIELDS
    if isinstance(shape, compound.Quantity):
        return compound.QUANTITY_FIELDS
    if isinstance(shape, compound.Answer):
        return shape.fields
    if isinstance(shape, compound.Party):
        return compound.LOCAL_PARTY if isinstance(value, Mapping) else Id(IdOf.ORG)
    if isinstance(shape, Coded) and isinstance(value, Mapping):
        return shapes.CODED_MAP
    return shape


def facts_to_json(type_name: str, facts: Mapping[str, object]) -> dict[str, Json]:
    """The facts of a record as JSON has them. Any map is allowed, also one that does not fit."""
    record_type = known_type(type_name)
    shown = _shown(None if record_type is None else record_type.facts, facts)
    assert isinstance(shown, dict)
    return shown


def facts_from_json(
    type_name: str, value: Mapping[str, object]
) -> tuple[dict[str, Value], list[Problem]]:
    """The facts that a JSON object states, and what is wrong with its ids and hex.

    Whatever else does not fit stays as it is, for `validate_facts` to judge. With problems the
    facts are not to be used.
    """
    problems: list[Problem] = []
    record_type = known_type(type_name)
    if record_type is None:
        return {}, [Problem("type", "is a record type of version 1", "need/1")]
    facts = _read(record_type.facts, value, [], problems)
    assert isinstance(facts, dict)
    return facts, problems


def _shown(shape: Shape | None, value: object) -> Json:
    shape = None if shape is None else structure(shape, value)
    if isinstance(value, bytes):
        if isinstance(shape, Id) and shape.of in _KINDS and len(value) == ID_BYTES:
            return format_id(_KINDS[shape.of], value)
        return value.hex()
    if isinstance(value, Mapping):
        return {
            str(name): _shown(_field(shape, name, value), element)
            for name, element in value.items()
        }
    if isinstance(value, list | tuple):
        element_shape = shape.shape if isinstance(shape, ListOf) else None
        return [_shown(element_shape, element) for element in value]
    assert value is None or isinstance(value, bool | int | str)
    return value


def _read(shape: Shape | None, value: object, path: _Path, problems: list[Problem]) -> Value:
    shape = None if shape is None else structure(shape, value)
    if isinstance(value, str):
        return _read_text(shape, value, path, problems)
    if isinstance(value, Mapping):
        return {
            str(name): _read(_field(shape, name, value), element, [*path, str(name)], problems)
            for name, element in value.items()
        }
    if isinstance(value, list | tuple):
        element_shape = shape.shape if isinstance(shape, ListOf) else None
        return [
            _read(element_shape, element, [*path, number], problems)
            for number, element in enumerate(value)
        ]
    if value is None or isinstance(value, bool | int):
        return value
    problems.append(Problem(path_text(path), "is text, a whole number, a list or a map"))
    return None


def _read_text(shape: Shape | None, text: str, path: _Path, problems: list[Problem]) -> Value:
    """A text as it is, or the bytes that it stands for."""
    if isinstance(shape, Id) and shape.of in _KINDS:
        kind = _KINDS[shape.of]
        try:
            return parse_id_as(kind, text)
        except ProtocolFault as refused:
            rule = f"is an id in its text form ({refused.detail})"
            problems.append(Problem(path_text(path), rule, f"{kind.value}-..."))
            return None
    if isinstance(shape, Id | Bin):
        try:
            content = bytes.fromhex(text)
        except ValueError:
            content = b""
        if content.hex() != text or not text:
            problems.append(Problem(path_text(path), "is bytes as lower-case hex", "00ff"))
        return content
    return text


def _field(shape: Shape | None, name: object, siblings: Mapping[str, object]) -> Shape | None:
    """The shape of one field of a map, as far as it is known."""
    if isinstance(shape, compound.Revised) and name == "body":
        of = siblings.get("of")
        return shape.bodies.get(of) if isinstance(of, str) else None
    if isinstance(shape, MapOf):
        known = shape.fields.get(str(name))
        return None if known is None else known.shape
    return shape.values if isinstance(shape, MapBy) else None
