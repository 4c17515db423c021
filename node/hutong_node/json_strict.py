"""JSON as the local API takes it: one meaning for one text, or none. Spec: none: local.

Owns the parsing of everything that programs send to this node. Python's own parser takes what other
languages refuse or read otherwise: keys that stand twice, NaN, halves of surrogate pairs, numbers
without bound. Each of those is refused here, and so is nesting that would exhaust the stack
(threat 47). No message quotes the text.

It knows nothing of shapes; those are `api_models`.
"""

from __future__ import annotations

import json
import re
from typing import Final, Never, TypeAlias

Json: TypeAlias = "None | bool | int | str | list[Json] | dict[str, Json]"

BODY_BYTES_MAX: Final = 1_048_576
"""Longest body of a request. Longer imports come in chunks."""
DEPTH_MAX: Final = 32
"""Twice the depth that facts may have, and far below what Python's stack takes."""
INTEGER_DIGITS_MAX: Final = 19
"""Beyond any integer of the protocol; the conversion of longer ones takes quadratic time."""

_BYTE_ORDER_MARK: Final = "\ufeff"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class BadJson(Exception):
    """A text that is no JSON, or means different things to different programs."""


def parse(data: bytes) -> Json:
    """The value of a JSON text in UTF-8.

    Raises:
        BadJson: anything but one JSON value, or a value with a key twice, a number that is no
            integer, a lone surrogate, or more than `DEPTH_MAX` levels.
    """
    if len(data) > BODY_BYTES_MAX:
        raise BadJson(f"longer than {BODY_BYTES_MAX} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise BadJson(f"not UTF-8 at byte {wrong.start}") from None
    if text.startswith(_BYTE_ORDER_MARK):
        raise BadJson("starts with a byte order mark")
    try:
        value: Json = json.loads(
            text,
            object_pairs_hook=_without_repeats,
            parse_constant=_no_constant,
            parse_float=_no_float,
            parse_int=_bounded_int,
        )
    except json.JSONDecodeError as wrong:
        # The message of the library is a fixed sentence with a place; it quotes nothing.
        raise BadJson(f"{wrong.msg}: line {wrong.lineno}, column {wrong.colno}") from None
    except RecursionError:
        raise BadJson(f"more than {DEPTH_MAX} levels") from None
    _require_decent(value)
    return value


def _without_repeats(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadJson("a key stands twice in one object")
    return found


def _no_constant(_name: str) -> Never:
    raise BadJson("NaN and Infinity are no JSON")


def _no_float(_text: str) -> Never:
    raise BadJson("a number with a fraction or an exponent: amounts are decimal text, as '2500.5'")


def _bounded_int(text: str) -> int:
    if len(text) > INTEGER_DIGITS_MAX:
        raise BadJson(f"a number of more than {INTEGER_DIGITS_MAX} digits")
    return int(text)


def _require_decent(value: Json) -> None:
    """Refuses what the parser let through: deep nesting, and halves of pairs written as escapes."""
    stack = [(value, 0)]
    while stack:
        entry, depth = stack.pop()
        if isinstance(entry, str):
            # Text with a lone surrogate is the only text that has no UTF-8.
            if not entry.isascii() and _SURROGATE.search(entry):
                raise BadJson("half of a surrogate pair is no character")
        elif isinstance(entry, list | dict):
            if depth == DEPTH_MAX:
                raise BadJson(f"more than {DEPTH_MAX} levels")
            stack.extend((element, depth + 1) for element in entry)
            if isinstance(entry, dict):
                stack.extend((element, depth + 1) for element in entry.values())
