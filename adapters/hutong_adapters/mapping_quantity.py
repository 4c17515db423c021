"""Takes the steps of a quantity that stands in words: number, bound and unit out of one cell.

Owns how a `Reading` becomes facts: its unit a code by the table of the mapping, a pack only where
its unit is that of the quantity, and what a person must look at as marks. What can't be used is
`unknown` with a mark, and its words are kept; a unit that the table refuses refuses the row.
Personal data in the cell stays at home. Spec: 12.3.8, 12.7.3, 13.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hutong_adapters.mapping import LookupStep, PackSpec, ValueSpec
from hutong_adapters.mapping_steps import (
    CellRefused,
    PersonalNote,
    Scope,
    Taken,
    cell_texts,
    looked_up,
    take,
)
from hutong_adapters.pack_text import read_pack
from hutong_adapters.quantity_text import CONCERN_WORDS, Concern, Reading, read_quantity
from hutong_protocol.personal_data import findings
from hutong_protocol.quantity import decimal_millionths

if TYPE_CHECKING:
    from hutong_protocol.schema.jsonform import Json

RAW_BYTES_MAX: Final = 2_048
"""As long as the wording of a quantity in a record may be. Spec: 12.5."""
IMPLAUSIBLE: Final = (
    "quantity-implausible",
    "is more than the mapping takes for plausible; ask whether it is meant",
)
"""The mark of a number that is above `doubt_above`."""


@dataclass(slots=True)
class InWords:
    """What came of a quantity in words.

    `facts` are those of 12.3.8; `raw` is the wording where a person has to see it. `held_back` is
    a wording with personal data, which stays at home.
    """

    facts: dict[str, Json]
    steps: list[str]
    unit_steps: list[str] = field(default_factory=list)
    unit_cells: tuple[str, ...] = ()
    marks: list[tuple[str, str]] = field(default_factory=list)
    raw: str = ""
    held_back: str | None = None
    personal: list[PersonalNote] = field(default_factory=list)


def quantity_in_words(
    text: str, unit: ValueSpec, scope: Scope, where: str, parameters: Mapping[str, str]
) -> InWords:
    """What a cell comes to.

    Args:
        unit: how the word of the unit becomes a code; its source, if any, is another column.
        where: how the cell is named to people.

    Raises:
        CellRefused: the table of units does not have a word, and the mapping says to refuse it.
    """
    kinds = [finding.kind.value for finding in findings(text)]
    if kinds:
        notes = [PersonalNote(where, kind, "at_home") for kind in kinds]
        said = InWords({"bound": "unknown"}, ["personal data: at_home"], held_back=text)
        said.personal = notes
        return said
    reading = read_quantity(text)
    taken = InWords(_numbers(reading), list(reading.steps))
    concerns = [reading.concern] if reading.concern is not None else []
    code = _unit(reading, unit, scope, where, parameters, taken, concerns)
    if code is not None:
        taken.facts["unit"] = code
    elif reading.bound not in ("unbounded", "unknown"):
        concerns.append(Concern.UNIT_MISSING)
        taken.facts = {"bound": "unknown"}
    for concern in concerns:
        taken.steps.append(f"to be looked at: {concern.value}")
        taken.marks.append((concern.value, CONCERN_WORDS[concern]))
    taken.raw = cut_raw(text) if concerns else ""
    return taken


def cut_raw(text: str) -> str:
    """A wording as far as a record can hold it."""
    if len(text.encode("utf-8", "ignore")) <= RAW_BYTES_MAX:
        return text
    kept = text.encode("utf-8", "ignore")[: RAW_BYTES_MAX - len("…".encode())]
    return kept.decode("utf-8", "ignore") + "…"


def is_implausible(facts: Mapping[str, Json], doubt_above: int) -> bool:
    """Whether a number of a quantity is above a limit in millionths."""
    numbers = (facts.get(name) for name in ("value", "min", "max"))
    found = (decimal_millionths(number) for number in numbers if isinstance(number, str))
    return any(number is not None and number > doubt_above for number in found)


def _numbers(reading: Reading) -> dict[str, Json]:
    numbers = {"value": reading.value, "min": reading.least, "max": reading.most}
    found: dict[str, Json] = {"bound": reading.bound}
    found.update({name: number for name, number in numbers.items() if number is not None})
    return found


def _unit(
    reading: Reading,
    unit: ValueSpec,
    scope: Scope,
    where: str,
    parameters: Mapping[str, str],
    taken: InWords,
    concerns: list[Concern],
) -> str | None:
    """The code of the unit: of the word in the cell, else of the column for units, else default."""
    own = None
    if reading.unit and unit.lookup is not None:
        own = looked_up(unit.lookup, [reading.unit], where, taken.unit_steps)
        taken.unit_cells = (where,)
    beside = Taken()
    if unit.source.columns:
        beside = take(unit, scope, parameters)
    if reading.unit:
        if beside.filled and beside.value != own:
            concerns.append(Concern.UNITS_DIFFER)
        return own
    taken.unit_cells = beside.cells or (where,)
    taken.unit_steps += beside.steps
    value = beside.value
    if value is None and unit.default is not None:
        value = unit.default
        taken.unit_steps.append("no unit: default")
    return value if isinstance(value, str) else None


def pack_in_words(
    spec: PackSpec, unit: object, scope: Scope, where: str, steps: list[str]
) -> dict[str, Json] | None:
    """The pack that a cell states for a unit; None if it states none, or that of another unit.

    Raises:
        CellRefused: the table of units does not have what the pack holds, and refuses it.
    """
    text = next((text for text in cell_texts(spec.text, scope) if text), "")
    stated = read_pack(text)
    if stated is None:
        steps.append("no pack stated" if text else "empty")
        return None
    if _holder_code(spec.lookup, stated.unit) != unit:
        steps.append(f"a pack of another unit, {stated.unit}")
        return None
    of = looked_up(spec.lookup, [stated.of], where, steps)
    if of is None:
        return None
    steps.append(f"one {stated.unit} is {stated.value} {stated.of}")
    return {"unit": str(unit), "of": {"value": stated.value, "unit": of}}


def _holder_code(lookup: LookupStep, word: str) -> str | None:
    """The code of the unit that a pack is of; a word that the table refuses is of no quantity."""
    try:
        return looked_up(lookup, [word], "", [])
    except CellRefused:
        return None
