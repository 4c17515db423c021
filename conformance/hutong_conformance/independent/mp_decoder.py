"""A strict decoder of Hutong-mp from scratch, the oracle for the vectors of section 2.

Owns: bytes -> value, or the name of the fault. Spec: 2.1, 2.2. It reads the format byte by byte
and checks each rule where the byte stands, so nothing is re-encoded and no library is asked.

Shares no code with the core and does not use msgpack. A length is compared with the bytes that
are left before anything is allocated, and the nesting is bounded before the stack is.
"""

from __future__ import annotations

from typing import TypeAlias

from hutong_conformance.cases import Json

Value: TypeAlias = "None | bool | int | bytes | str | list[Value] | dict[str, Value]"

INT_LIMIT = 2**53 - 1
DEPTH_LIMIT = 16


class Rejected(Exception):
    """The bytes are not Hutong-mp; `fault` is the name that section 10 gives to the reason."""

    def __init__(self, fault: str, detail: str) -> None:
        super().__init__(f"{fault}: {detail}")
        self.fault = fault


def decode(data: bytes, *, bytes_max: int | None = None) -> Value:
    """The one value that `data` encodes; raises `Rejected`. Spec: 2.1."""
    if bytes_max is not None and len(data) > bytes_max:
        raise Rejected("too-large", f"{len(data)} bytes where {bytes_max} may stand")
    reader = _Reader(data)
    value = reader.value(depth=0)
    if reader.at != len(data):
        raise Rejected("not-canonical", f"{len(data) - reader.at} bytes after the value")
    return value


def tagged(value: Value) -> Json:
    """The form of `value` in a vector, where JSON alone would lose its type."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, bytes):
        return {"bin": value.hex()}
    if isinstance(value, str):
        return {"str": value}
    if isinstance(value, list):
        return [tagged(item) for item in value]
    return {"map": [[tagged(key), tagged(item)] for key, item in value.items()]}


class _Reader:
    """A position in the bytes; each method consumes what it returns."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise Rejected("not-canonical", f"{count} bytes announced at {self.at}, fewer follow")
        piece = self.data[self.at : self.at + count]
        self.at += count
        return piece

    def unsigned(self, width: int, floor: int) -> int:
        """A big-endian number of `width` bytes that no shorter form could have said."""
        number = int.from_bytes(self.take(width), "big")
        if number < floor:
            raise Rejected("not-canonical", f"{number} in {width} bytes is over-long")
        return number

    def signed(self, width: int, ceiling: int) -> int:
        number = int.from_bytes(self.take(width), "big", signed=True)
        if number > ceiling:
            raise Rejected("not-canonical", f"{number} in {width} signed bytes is over-long")
        return number

    def value(self, depth: int) -> Value:
        lead = self.take(1)[0]
        if lead < 0x80:
            return lead
        if lead >= 0xE0:
            return lead - 0x100
        if lead < 0x90:
            return self.mapping(lead & 0x0F, depth + 1)
        if lead < 0xA0:
            return self.array(lead & 0x0F, depth + 1)
        if lead < 0xC0:
            return self.text(lead & 0x1F)
        return self.long_form(lead, depth)

    def long_form(self, lead: int, depth: int) -> Value:
        """A value whose lead byte is 0xc0-0xdf. Floors are the first value each form is for."""
        match lead:
            case 0xC0:
                return None
            case 0xC2 | 0xC3:
                return lead == 0xC3
            case 0xC4 | 0xC5 | 0xC6:
                width = 1 << (lead - 0xC4)
                return self.take(self.unsigned(width, (0, 0x100, 0x10000)[lead - 0xC4]))
            case 0xCC | 0xCD | 0xCE | 0xCF:
                floor = (0x80, 0x100, 0x10000, 0x100000000)[lead - 0xCC]
                return self.bounded(self.unsigned(1 << (lead - 0xCC), floor))
            case 0xD0 | 0xD1 | 0xD2 | 0xD3:
                ceiling = (-0x21, -0x81, -0x8001, -0x80000001)[lead - 0xD0]
                return self.bounded(self.signed(1 << (lead - 0xD0), ceiling))
            case 0xD9 | 0xDA | 0xDB:
                floor = (0x20, 0x100, 0x10000)[lead - 0xD9]
                return self.text(self.unsigned(1 << (lead - 0xD9), floor))
            case 0xDC | 0xDD:
                return self.array(
                    self.unsigned((2, 4)[lead - 0xDC], (16, 0x10000)[lead - 0xDC]), depth + 1
                )
            case 0xDE | 0xDF:
                return self.mapping(
                    self.unsigned((2, 4)[lead - 0xDE], (16, 0x10000)[lead - 0xDE]), depth + 1
                )
        raise Rejected("not-canonical", f"lead byte {lead:#x} is a float, an ext or unassigned")

    def bounded(self, number: int) -> int:
        if not -INT_LIMIT <= number <= INT_LIMIT:
            raise Rejected("not-canonical", "an integer beyond 2^53-1")
        return number

    def text(self, count: int) -> str:
        raw = self.take(count)
        if 0 in raw:
            raise Rejected("not-canonical", "NUL in a string")
        return _utf8(raw)

    def array(self, count: int, depth: int) -> Value:
        self.check_container(count, depth)
        return [self.value(depth) for _ in range(count)]

    def mapping(self, count: int, depth: int) -> Value:
        self.check_container(2 * count, depth)
        pairs: dict[str, Value] = {}
        before: bytes | None = None
        for _ in range(count):
            key = self.value(depth)
            if not isinstance(key, str):
                raise Rejected("not-canonical", "a map key that is no string")
            order = key.encode("utf-8")
            if before is not None and order <= before:
                raise Rejected("not-canonical", "map keys unsorted or repeated")
            before = order
            pairs[key] = self.value(depth)
        return pairs

    def check_container(self, items: int, depth: int) -> None:
        if depth > DEPTH_LIMIT:
            raise Rejected("too-deep", f"nesting beyond {DEPTH_LIMIT}")
        if items > len(self.data) - self.at:
            raise Rejected("not-canonical", f"{items} items announced, fewer bytes follow")


def _utf8(raw: bytes) -> str:
    """`raw` as text by the table of well-formed UTF-8, written out: no codec decides here."""
    points: list[int] = []
    at = 0
    while at < len(raw):
        lead = raw[at]
        if lead < 0x80:
            follow, point, floor = 0, lead, 0
        elif 0xC2 <= lead <= 0xDF:
            follow, point, floor = 1, lead & 0x1F, 0x80
        elif 0xE0 <= lead <= 0xEF:
            follow, point, floor = 2, lead & 0x0F, 0x800
        elif 0xF0 <= lead <= 0xF4:
            follow, point, floor = 3, lead & 0x07, 0x10000
        else:
            raise Rejected("not-canonical", f"byte {lead:#x} cannot start a UTF-8 sequence")
        tail = raw[at + 1 : at + 1 + follow]
        if len(tail) < follow or any(byte & 0xC0 != 0x80 for byte in tail):
            raise Rejected("not-canonical", "a UTF-8 sequence breaks off")
        for byte in tail:
            point = point << 6 | byte & 0x3F
        if point < floor or point > 0x10FFFF or 0xD800 <= point <= 0xDFFF:
            raise Rejected(
                "not-canonical", "an over-long UTF-8 form, a surrogate or beyond Unicode"
            )
        points.append(point)
        at += 1 + follow
    return "".join(map(chr, points))
