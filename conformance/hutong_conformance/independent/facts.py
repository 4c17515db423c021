"""Whether facts fit their record type, from a table in a few letters. Spec: 12.2 to 12.6.

Owns a second reading of the specification's tables, for the checks of section 12: each row of
`TYPES` is a type, its refs and its fields. `name!shape` is required, `name:shape` is not,
`shape*2-9` is a list of 2 to 9, `*9` one of 0 to 9. Shares no code with the core.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from hutong_conformance.independent.mp_decoder import Rejected, decode

SHAPES = """
line id!key kind!coded quantity!quantity-line item:item skills:coded*16 modality:coded languages:code*16 windows:window*64
item scheme!code code!code
window key!code from:time until:time zone:code capacity:quantity-stated
placecode scheme!code code!code edition:code
point lat!int(-90000000,90000000) lon!int(-180000000,180000000) crs!one(WGS84) radius_m!int(500,1000000)
place codes:placecode*8 point:point
group group!coded people:count households:count
far id!id space:topic topic:topic
money value!decimal currency!currency
address by!id name!key version!int(1,9007199254740991)
codedmap list!address code!code
local key!key kind!coded
source platform!code key!bin(8,32)
extid scheme!code id!code
earmark areas:placecode*64 groups:coded*64 items:item*64
entry code!code sensitive:bool maps_to:coded*8
checked exists:true reachable:true place:id quantity:id urgency:id
home space!topic topic!topic
card lines!line*1-50 place:place urgency:coded valid_until!time
content value!positive unit!code
pack unit!code of!content
quantity bound!one(exact|estimate|at_least|up_to|unbounded|unknown|band) value:decimal min:decimal max:decimal unit:code pack:pack
"""  # noqa: E501
"""Maps with their fields."""

_SHARED = (
    "incident!id lines!line*1-50 place!place valid_until!time people:count households:count"
    " groups:group*32 tags:topic*16 on_behalf_of:party source:source restrictions:coded*16"
)
_GOODS = "line!key quantity!quantity-stated"
_OUTCOME = "outcome!one(accept|decline|wait|release) line!key quantity:quantity-stated"

TYPES = f"""
org/1 base ------ kind!coded ext_ids:extid*8 areas:placecode*64 topics:topic*32 facilitates:topic*32 has:coded*64 lacks:coded*64
incident/1 base ------ start!time glide:code areas:placecode*64 codelists:address*16
codelist/1 base ------ name!key version!int(1,9007199254740991) entries!entry*1-500
need/1 home ------ {_SHARED} urgency!coded needed_by:time severity:coded receivers:party*8 for_commitment:far
offer/1 home ------ {_SHARED} from:time until:time earmark:earmark stock_id:code standing:bool transport_included:bool funded_until:time funder:party
revise/1 any RR----s of!one(need/1|offer/1|org/1|incident/1) body!map
close/1 any Ro--o-s reason!coded lines:key*1-50
reopen/1 any Ro--o-s lines:key*1-50
reconfirm/1 any RR----s valid_until!time
verify/1 any R-R---s outcome!one(confirmed|partly|refuted|unreachable|follow_up) method!coded checked!checked line:key checked_at:time
commitment/1 home R-Ro--s line!key quantity!quantity-promised valid_until!time provider:party funder:party implementer:party eta:time basis:coded offer:far via:far
decision/1 home RRRoR-s {_OUTCOME} commitment_author!id provider:party funder:party implementer:party carrier:party receipt_by:party*8 via:far reason:coded
request/1 home R-oo--s {_GOODS} window:code need:far place:place groups:group*32
allocation/1 home R-ooo-s {_OUTCOME} to!party window:code areas:placecode*16 groups:group*32 commitment:far reason:coded
dispatch/1 home R-ooR-s {_GOODS} waybill:code left_at:time carrier:party
receipt/1 home R-oooos {_GOODS} waybill:code condition:one(ok|short|damaged|wrong_item) received_at:time place:place people:count households:count groups:group*32 people_served:count value:money method:coded
delivered/1 home R-ooRos {_GOODS} waybill:code delivered_at:time
loss/1 home R-ooRos {_GOODS} waybill:code reason:coded
relay/1 any o--o--s home!home subject!id of!one(need/1|offer/1) revision:id to:id*16 card!card
handoff/1 home RR----s to!id
handoff_accept/1 home R---R-
handoff_withdraw/1 home RR--R- reason:coded
link/1 home R--oo-s relation!one(same|not_same|defer) far:far basis:coded
post/1 any o--oo-s kind:coded
flag/1 any R--oo-s reason!coded
"""  # noqa: E501
"""Types: where they live, the use of positions 0 to 5 and (`s`) of 6 to 9, the fields."""

NUMBERS_BY_BOUND = {
    "exact": ("value",), "estimate": ("value", "min+max"), "at_least": ("min",),
    "up_to": ("max",), "unbounded": ("",), "unknown": ("",), "band": ("min+max", "min"),
}  # fmt: skip
BOUNDS = {
    "line": tuple(NUMBERS_BY_BOUND),
    "promised": ("exact", "estimate", "band", "up_to", "unknown"),
    "stated": ("exact", "estimate", "band"),
}
_MAPS = {row.split()[0]: row.split()[1:] for row in SHAPES.strip().splitlines()}
_TYPES = {row.split()[0]: row.split()[1:] for row in TYPES.strip().splitlines()}
PATTERNS = {
    "key": "[a-z0-9][a-z0-9._-]{0,47}",
    "topic": "[a-z0-9-]{1,64}",
    "currency": "[A-Z]{3}",
    "decimal": r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?",
}
MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def known(name: str) -> bool:
    """Whether version 1 has a type of this name."""
    return name in _TYPES


def lives(name: str) -> str:
    """`base`, `home` (anywhere else) or `any`."""
    return _TYPES[name][0]


def refs(name: str, entries: list[bytes]) -> tuple[list[bytes], list[bytes]] | None:
    """The ids at positions 0 to 5 and the list after them; None if a required one is missing."""
    uses = _TYPES[name][1].ljust(7, "-")
    padded = entries + [b""] * (10 - len(entries))
    fixed = [padded[i] if uses[i] != "-" else b"" for i in range(6)]
    if any(uses[i] == "R" and not fixed[i] for i in range(6)):
        return None
    if name in ("close/1", "reopen/1") and not fixed[1] and not fixed[4]:
        return None
    return fixed, [entry for entry in padded[6:10] if entry] if uses[6] == "s" else []


def read(name: str, entries: list[bytes], data: bytes | None) -> dict[str, Any] | None:
    """The facts of a readable record, None for an unreadable one. Spec: 12.6."""
    found = refs(name, entries)
    try:
        value = {} if data is None else decode(data, bytes_max=65_536)
    except Rejected:
        return None
    if found is None or not isinstance(value, dict) or not _fields(_TYPES[name][2:], value):
        return None
    if name == "link/1" and not found[0][4] and "far" not in value:
        return None
    if value.get("outcome") == "accept" and "quantity" not in value:
        return None
    if name == "revise/1" and not _fields(_TYPES[str(value["of"])][2:], value["body"]):
        return None
    return value


def _fields(fields: Sequence[str], value: Any) -> bool:
    if type(value) is not dict:
        return False
    for entry in fields:
        name, mark, shape = re.fullmatch(r"([a-z_]+)([!:])(.*)", entry).groups()  # type: ignore[union-attr]
        if name in value:
            if not fits(shape, value[name]):
                return False
        elif mark == "!":
            return False
    ids = [line["id"] for line in value.get("lines", []) if type(line) is dict]
    return len(ids) == len(set(ids))


def fits(shape: str, value: Any) -> bool:
    """Whether a decoded value has a shape."""
    base, star, bounds = shape.partition("*")
    if star:
        least, _, most = bounds.rpartition("-")
        right_size = type(value) is list and int(least or 0) <= len(value) <= int(most)
        return right_size and all(fits(base, element) for element in value)
    name, _, arguments = base.rstrip(")").partition("(")
    if name in ("int", "bin"):
        low, high = map(int, arguments.split(","))
        size = value if name == "int" else len(value) if type(value) is bytes else -1
        return type(value) is (int if name == "int" else bytes) and low <= size <= high
    if name == "one":
        return type(value) is str and value in arguments.split("|")
    if name in ("bool", "true"):
        return value is True or (name == "bool" and value is False)
    if name in PATTERNS:
        return type(value) is str and re.fullmatch(PATTERNS[name], value) is not None
    return _composed(name, value)


def _composed(name: str, value: Any) -> bool:
    if name == "id":
        return type(value) is bytes and len(value) == 32
    if name == "code":
        return type(value) is str and re.fullmatch(r"[^\x00-\x20\x7f]{1,64}", value) is not None \
            and len(value.encode()) <= 64  # fmt: skip
    if name == "positive":
        return fits("decimal", value) and Fraction(value) > 0
    if name == "time":
        return type(value) is str and instant(value) is not None
    if name == "count":
        return fits("int(0,9007199254740991)", value) or value in ("1-4", "5-9", "10-19", "20+")
    if name == "coded":
        return fits("codedmap" if type(value) is dict else "code", value)
    if name == "party":
        return fits("local" if type(value) is dict else "id", value)
    if name == "map":
        return type(value) is dict
    if name.startswith("quantity-"):
        return _quantity(value, BOUNDS[name[9:]])
    if not _fields(_MAPS[name], value):
        return False
    if name == "place":
        return bool(value.get("codes")) or "point" in value
    return name != "checked" or any(entry.partition(":")[0] in value for entry in _MAPS[name])


def _quantity(value: Any, bounds: tuple[str, ...]) -> bool:
    if not _fields(_MAPS["quantity"], value) or value["bound"] not in bounds:
        return False
    bound = value["bound"]
    if "+".join(n for n in ("value", "min", "max") if n in value) not in NUMBERS_BY_BOUND[bound]:
        return False
    ends = (value.get("min"), value.get("max"))
    if bound == "band" and ends not in (("1", "4"), ("5", "9"), ("10", "19"), ("20", None)):
        return False
    if bound == "estimate" and ends[0] is not None and Fraction(ends[0]) > Fraction(ends[1]):
        return False
    return "unit" in value or bound in ("unbounded", "unknown")


def instant(text: str) -> int | None:
    """Milliseconds since 1970 of a time, None for any other text. Spec: 12.3.5."""
    match = re.fullmatch(
        r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d{1,3})?(Z|([+-])(\d\d):(\d\d))",
        text,
        re.ASCII,
    )
    if match is None or match[8] == "-00:00":
        return None
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    if year < 1 or not 1 <= month <= 12 or hour > 23 or minute > 59 or second > 59:
        return None
    if not 1 <= day <= MONTHS[month - 1] + (leap and month == 2):
        return None
    offset = 0
    if match[9]:
        if int(match[10]) > 23 or int(match[11]) > 59:
            return None
        offset = (int(match[10]) * 60 + int(match[11])) * (1 if match[9] == "+" else -1)
    # Days by counting from 1 March of the year 0, which puts the leap day last.
    shifted = year - (month <= 2)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400 + of_year - 719_468
    seconds = ((days * 24 + hour) * 60 + minute - offset) * 60 + second
    return seconds * 1000 + int((match[7] or ".0")[1:].ljust(3, "0"))
