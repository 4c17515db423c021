"""Reads the fields of a request of the harness: hex, text, numbers, lists and objects.

A field that is missing or of another form is a `BadRequest`: the caller's mistake, told apart from
every fault of the bytes under test. Keys that an operation doesn't read are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"
Request: TypeAlias = Mapping[str, Json]
Operation: TypeAlias = Callable[[Request], Json]

_HEX = re.compile(r"(?:[0-9a-f]{2})*")


class BadRequest(Exception):
    """The request itself is malformed; nothing was tested."""


def field(request: Request, name: str) -> Json:
    """The field `name`, of any type; raises `BadRequest` if it is missing."""
    try:
        return request[name]
    except KeyError:
        raise BadRequest(f"{name} is missing") from None


def as_bytes(value: Json, name: str) -> bytes:
    """The bytes that lower-case hex spells; `name` is for the message."""
    text = as_text(value, name)
    if not _HEX.fullmatch(text):
        raise BadRequest(f"{name} is not lower-case hexadecimal")
    return bytes.fromhex(text)


def as_text(value: Json, name: str) -> str:
    """`value` if it is a text."""
    if not isinstance(value, str):
        raise BadRequest(f"{name} is not a text")
    return value


def as_int(value: Json, name: str) -> int:
    """`value` if it is a whole number; true and 1.0 are none."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRequest(f"{name} is not a whole number")
    return value


def as_list(value: Json, name: str) -> list[Json]:
    """`value` if it is a list."""
    if not isinstance(value, list):
        raise BadRequest(f"{name} is not a list")
    return value


def as_object(value: Json, name: str) -> dict[str, Json]:
    """`value` if it is an object."""
    if not isinstance(value, dict):
        raise BadRequest(f"{name} is not an object")
    return value


def bytes_field(request: Request, name: str) -> bytes:
    """The bytes of the hex field `name`."""
    return as_bytes(field(request, name), name)


def text_field(request: Request, name: str) -> str:
    """The text field `name`."""
    return as_text(field(request, name), name)


def int_field(request: Request, name: str, default: int | None = None) -> int:
    """The whole number in the field `name`; `default`, if given, where the field is missing."""
    if default is not None and name not in request:
        return default
    return as_int(field(request, name), name)


def list_field(request: Request, name: str) -> list[Json]:
    """The list in the field `name`."""
    return as_list(field(request, name), name)


def object_field(request: Request, name: str) -> dict[str, Json]:
    """The object in the field `name`."""
    return as_object(field(request, name), name)
