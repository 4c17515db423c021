"""The shapes of values in facts and text: one class for each kind of section 12.3.

A shape judges a decoded Hutong-mp value. Nothing is converted (Threat 48): `True` is no integer,
`"1"` is none either, and None is no absence. The same walk serves readers, who take fields that
they don't know, and authors, who may not write them; `Report.authoring` tells which.

The rules are written out here and in the specification rather than left to a validation library:
whether a record counts must not depend on that library's version. Which fields a record type has
stands in `record_types`; the shapes with rules of their own in `compound`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from hutong_protocol.instants import instant_ms
from hutong_protocol.limits import INT_MAX
from hutong_protocol.quantity import decimal_millionths
from hutong_protocol.schema.problems import Report
from hutong_protocol.taxonomy import CODE_LISTS

CODE_BYTES_MAX: Final = 64
KEY: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}")
TOPIC: Final = re.compile(r"[a-z0-9-]{1,64}")
CURRENCY: Final = re.compile(r"[A-Z]{3}")
COUNT_BANDS: Final = frozenset({"1-4", "5-9", "10-19", "20+"})


class Shape(Protocol):
    """What a value must look like."""

    def check(self, value: object, report: Report) -> None:
        """Notes every problem of `value` in `report`; never raises, whatever the value."""


class IdOf(StrEnum):
    """What 32 bytes are the id of, so that interfaces can show them as text."""

    ORG = "org"
    RECORD = "rec"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Id:
    """A bin of 32 bytes. Spec: 12.3.1."""

    of: IdOf

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.3.1."""
        if type(value) is not bytes or len(value) != 32:
            report.add("is 32 bytes", f"{self.of.value}-..." if self.of is not IdOf.DIGEST else "")


@dataclass(frozen=True, slots=True)
class Bin:
    """A bin of a length within bounds. Spec: 12.3.1."""

    least: int
    most: int

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.3.1."""
        if type(value) is not bytes or not self.least <= len(value) <= self.most:
            report.add(f"is {self.least} to {self.most} bytes")


@dataclass(frozen=True, slots=True)
class Bool:
    """True or false; `only_true` where false would say nothing. Spec: 12.3.1."""

    only_true: bool = False

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.3.1."""
        if value is not True and (self.only_true or value is not False):
            report.add("is true" if self.only_true else "is true or false", "true")


@dataclass(frozen=True, slots=True)
class Int:
    """An integer within bounds. Spec: 12.3.1."""

    least: int = 0
    most: int = INT_MAX

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.3.1."""
        if type(value) is not int or not self.least <= value <= self.most:
            report.add(f"is a whole number, {self.least} to {self.most}", str(self.least))


@dataclass(frozen=True, slots=True)
class Code:
    """A code of any list; `bare` says that it may hold no map. Spec: 12.3.2."""

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.3.2."""
        if not is_code(value):
            report.add("is 1 to 64 bytes of text without blanks", "goods")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A str that a pattern matches whole. Spec: 12.3.2."""

    pattern: re.Pattern[str]
    example: str

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.3.2."""
        if type(value) is not str or self.pattern.fullmatch(value) is None:
            report.add(f"matches {self.pattern.pattern}", self.example)


@dataclass(frozen=True, slots=True)
class Words:
    """A str up to a number of UTF-8 bytes. Spec: 12.3.2."""

    bytes_max: int
    may_be_empty: bool = True

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.3.2."""
        if type(value) is not str or byte_length(value) > self.bytes_max:
            report.add(f"is text of at most {self.bytes_max} bytes")
        elif report.authoring and not self.may_be_empty and not value.strip():
            report.add("is not empty")


@dataclass(frozen=True, slots=True)
class Enum:
    """One of a closed set of strings. Spec: 12.3.2."""

    values: tuple[str, ...]

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.3.2."""
        if type(value) is not str or value not in self.values:
            report.add(f"must be one of {', '.join(self.values)}", self.values[0])


@dataclass(frozen=True, slots=True)
class Decimal:
    """A number as text. Spec: 12.3.4."""

    positive: bool = False

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.3.4."""
        number = decimal_millionths(value) if type(value) is str else None
        if number is None:
            report.add(
                "is a number as text: up to 18 digits, then up to 6 decimals, no sign or blank",
                "2500.5",
            )
        elif self.positive and number == 0:
            report.add("is above zero", "20")


@dataclass(frozen=True, slots=True)
class Time:
    """A time with its offset. Spec: 12.3.5."""

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.3.5."""
        if type(value) is not str or instant_ms(value) is None:
            report.add("is a time with its offset from UTC", "2022-01-03T18:00:00+08:00")


@dataclass(frozen=True, slots=True)
class Count:
    """A number of people or households, or a band. Spec: 12.3.6."""

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.3.6."""
        if type(value) is int:
            fits = 0 <= value <= INT_MAX
        else:
            fits = type(value) is str and value in COUNT_BANDS
        if not fits:
            report.add("is a whole number or one of 1-4, 5-9, 10-19, 20+", "37")


@dataclass(frozen=True, slots=True)
class ListOf:
    """An array with a bounded number of elements of one shape. Spec: 12.4."""

    shape: Shape
    most: int
    least: int = 0
    unique: str = ""
    """The field of the elements that may have no value twice; empty for none."""

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.4."""
        if type(value) is not list or not self.least <= len(value) <= self.most:
            report.add(f"is a list of {self.least} to {self.most}")
            return
        for number, element in enumerate(value):
            report.enter(number)
            self.shape.check(element, report)
            report.leave()
        if self.unique and len(self._seen(value)) < len(value):
            report.add(f"has no {self.unique} twice")

    def _seen(self, elements: list[object]) -> set[object]:
        """The values of the unique field; an element without a usable one counts by its place,
        since it has its own problem already."""
        found: set[object] = set()
        for number, element in enumerate(elements):
            value = element.get(self.unique) if type(element) is dict else None
            found.add(value if type(value) is str else number)
        return found


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a map."""

    shape: Shape
    required: bool = False


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map with known fields; others are for readers of a later version. Spec: 12.6.2."""

    fields: Mapping[str, Field]
    at_least_one: bool = False
    rule: str = field(default="has at least one of its fields", compare=False)

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.6."""
        if type(value) is not dict:
            report.add("is a map")
            return
        for name, known in self.fields.items():
            if name in value:
                report.enter(name)
                known.shape.check(value[name], report)
                report.leave()
            elif known.required:
                report.add_at(name, "is required")
        if self.at_least_one and not any(name in value for name in self.fields):
            report.add(self.rule)
        if report.authoring:
            for name in value:
                if name not in self.fields:
                    report.add_at(name, f"is no field here; known: {', '.join(self.fields)}")


@dataclass(frozen=True, slots=True)
class MapBy:
    """A map from keys of one shape to values of one shape. Spec: 12.5."""

    keys: Shape
    values: Shape
    most: int

    def check(self, value: object, report: Report) -> None:
        """Spec: 12.5."""
        if type(value) is not dict or len(value) > self.most:
            report.add(f"is a map with at most {self.most} entries")
            return
        for name, element in value.items():
            report.enter(name)
            self.keys.check(name, report)
            self.values.check(element, report)
            report.leave()


@dataclass(frozen=True, slots=True)
class Coded:
    """A code of the named list of the specification, or of somebody's code list. Spec: 12.3.3."""

    list_name: str

    def check(self, value: object, report: Report) -> None:
        """Any code is readable; authors write codes of the list, `x-...`, or a map."""
        if type(value) is dict:
            CODED_MAP.check(value, report)
        elif not is_code(value):
            report.add("is a code, or a map of list and code", self._example())
        elif report.authoring and not self._listed(str(value)):
            report.add(f"must be one of the {self.list_name} of 12.8, or start with x-: "
                       f"{', '.join(CODE_LISTS[self.list_name])}", self._example())  # fmt: skip

    @property
    def is_closed(self) -> bool:
        """Whether authors may only write codes of the list, or `x-...`."""
        return self.list_name in CODE_LISTS

    def _listed(self, code: str) -> bool:
        codes = CODE_LISTS.get(self.list_name)
        return codes is None or code in codes or code.startswith("x-")

    def _example(self) -> str:
        return next(iter(CODE_LISTS.get(self.list_name, {"x-example": None})))


LIST_ADDRESS: Final = MapOf(
    {
        "by": Field(Id(IdOf.ORG), required=True),
        "name": Field(Pattern(KEY, "groups"), required=True),
        "version": Field(Int(1), required=True),
    }
)
"""Which `codelist` record a code is from. Spec: 12.3.3."""

CODED_MAP: Final = MapOf(
    {"list": Field(LIST_ADDRESS, required=True), "code": Field(Code(), required=True)}
)


def is_code(value: object) -> bool:
    """Whether a value is a code. Spec: 12.3.2."""
    return (
        type(value) is str
        and 0 < byte_length(value) <= CODE_BYTES_MAX
        and not any(letter <= " " or letter == "\x7f" for letter in value)
    )


def byte_length(text: str) -> int:
    """The length in UTF-8. Texts from outside may hold lone surrogates, which count as three."""
    return len(text.encode("utf-8", "surrogatepass"))
