"""Vectors of amounts and instants, with the amounts worked out by hand. Spec: 12.3.5, 12.7.

Amounts of the greatest and least numbers never round; a word nobody knows is a unit of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hutong_conformance import raw
from hutong_conformance.cases import Case, Json
from hutong_conformance.fold_scenes.stage import exact, pack

GREATEST = "999999999999999999.999999"

QUANTITIES: tuple[tuple[str, Any, tuple[str | None, str | None, str | None] | None, str], ...] = (
    ("kilogram", exact("2.5", "kg"), ("kg", "2.5", None), "The base unit"),
    ("gram", exact("1", "g"), ("kg", "0.001", None), "g is 0.001 kg"),
    ("ton", exact("1", "t"), ("kg", "1000", None), "t is 1000 kg"),
    ("jin", exact("5000000", "jin_cn"), ("kg", "2500000", None), "5,000,000 jin are 2,500 t"),
    ("catty", exact("5000000", "catty_tw"), ("kg", "3000000", None), "and in catties 3,000 t"),
    ("liang", exact("3", "liang_cn"), ("kg", "0.15", None), "liang_cn is 0.05 kg"),
    ("dan", exact("3", "dan_cn"), ("kg", "150", None), "dan_cn is 50 kg"),
    ("litre", exact("1", "l"), ("l", "1", None), "Volume is in litres"),
    ("millilitre", exact("1", "ml"), ("l", "0.001", None), "ml is 0.001 l"),
    ("cubic-metre", exact("1", "m3"), ("l", "1000", None), "m3 is 1000 l"),
    ("minute", exact("1", "min"), ("min", "1", None), "Time is in minutes"),
    ("hour", exact("1.5", "h"), ("min", "90", None), "h is 60 min"),
    ("box", exact("3", "xiang"), ("xiang", "3", None), "A counting word is a dimension"),
    ("jian-is-no-ge", exact("3", "jian"), ("jian", "3", None), "件 is not 个"),
    ("bare-character", exact("3", "斤"), ("斤", "3", None), "A bare 斤 is nobody's half kilogram"),
    ("raw-word", exact("3", "raw:篓"), ("raw:篓", "3", None), "A word nobody translated"),
    ("money", exact("1.50", "CNY"), ("CNY", "1.5", None), "Money does not convert"),
    ("zero", exact("0.000000", "t"), ("kg", "0", None), "Zero is written 0"),
    ("greatest", exact(GREATEST, "t"), ("kg", "999999999999999999999.999", None), "Exact"),
    ("least", exact("0.000001", "g"), ("kg", "0.000000001", None), "Exact"),
    ("packed", exact("100", "xiang", **pack("xiang", "20", "kg")), ("kg", "2000", None),
     "100 boxes of 20 kg"),
    ("packed-least", exact("0.000001", "xiang", **pack("xiang", "0.000001", "g")),
     ("kg", "0.000000000000001", None), "Fifteen decimals"),
    ("packed-greatest", exact(GREATEST, "xiang", **pack("xiang", GREATEST, "t")),
     ("kg", "999999999999999999999998000000000000000.000000001", None), "No rounding above"),
    ("packed-in-boxes", exact("2", "xiang", **pack("xiang", "12", "he")), ("he", "24", None),
     "A pack of counting words"),
    ("packs-do-not-nest", exact("2", "xiang", **pack("xiang", "2", "xiang")),
     ("xiang", "4", None), "What is in a pack has no pack"),
    ("pack-for-another-unit", exact("2", "kg", **pack("xiang", "20", "kg")), ("kg", "2", None),
     "A pack for another unit does not hold"),
    ("range", {"bound": "estimate", "min": "2", "max": "9", "unit": "t"}, ("kg", "2000", None),
     "Of a range the least"),
    ("at-least", {"bound": "at_least", "min": "2", "unit": "hh"}, ("hh", "2", None), "The least"),
    ("up-to", {"bound": "up_to", "max": "2", "unit": "h"}, ("min", None, "120"),
     "A ceiling and no amount"),
    ("band", {"bound": "band", "min": "1", "max": "4", "unit": "hh"}, ("hh", None, None),
     "A band has no amount"),
    ("unbounded", {"bound": "unbounded", "unit": "ge"}, ("ge", None, None), "nor unbounded"),
    ("unknown", {"bound": "unknown"}, (None, None, None), "nor unknown, which is never 1"),
    ("no-number", exact("１２", "ge"), None, "Full-width digits are no number"),
    ("exponent", exact("1e3", "ge"), None, "nor an exponent"),
    ("sign", exact("-1", "ge"), None, "nor a sign"),
    ("leading-zero", exact("01", "ge"), None, "nor a leading zero"),
    ("nineteen-digits", exact("1" * 19, "ge"), None, "nor nineteen digits"),
    ("seven-decimals", exact("1.0000000", "ge"), None, "nor seven decimals, even zeros"),
    ("no-digit-after-point", exact("1.", "ge"), None, "nor a bare point"),
)  # fmt: skip

TIMES: tuple[tuple[str, str, int | None, str], ...] = (
    ("epoch", "1970-01-01T00:00:00Z", 0, "The instant 0"),
    ("shanghai", "2022-01-03T18:00:00+08:00", 1_641_204_000_000, "East of Greenwich"),
    ("newfoundland", "2022-01-03T06:30:00-03:30", 1_641_204_000_000, "West of Greenwich"),
    ("one-decimal", "1970-01-01T00:00:00.5Z", 500, "Tenths of a second"),
    ("three-decimals", "1970-01-01T00:00:00.005Z", 5, "Milliseconds"),
    ("before-1970", "1969-12-31T23:59:59.999Z", -1, "Negative before 1970"),
    ("first", "0001-01-01T00:00:00+23:59", -62_135_683_140_000, "The first of all"),
    ("last", "9999-12-31T23:59:59.999-23:59", 253_402_387_139_999, "The last of all"),
    ("leap-day", "2020-02-29T00:00:00Z", 1_582_934_400_000, "A leap day"),
    ("leap-century", "2000-02-29T00:00:00Z", 951_782_400_000, "2000 was a leap year"),
    ("no-leap-century", "1900-02-29T00:00:00Z", None, "1900 was none"),
    ("no-leap-day", "2022-02-29T00:00:00Z", None, "No such day"),
    ("day-31-of-april", "2022-04-31T00:00:00Z", None, "No such day"),
    ("month-13", "2022-13-01T00:00:00Z", None, "No such month"),
    ("year-0", "0000-01-01T00:00:00Z", None, "No such year"),
    ("hour-24", "2022-01-03T24:00:00Z", None, "No such hour"),
    ("leap-second", "2016-12-31T23:59:60Z", None, "No leap second"),
    ("no-offset", "2022-01-03T18:00:00", None, "An offset is needed"),
    ("unknown-offset", "2022-01-03T18:00:00-00:00", None, "-00:00 says that nobody knows"),
    ("plus-zero", "2022-01-03T18:00:00+00:00", 1_641_232_800_000, "+00:00 is Z"),
    ("offset-24", "2022-01-03T18:00:00+24:00", None, "No such offset"),
    ("short-offset", "2022-01-03T18:00:00+0800", None, "A colon in the offset"),
    ("no-seconds", "2022-01-03T18:00Z", None, "Seconds are needed"),
    ("four-decimals", "2022-01-03T18:00:00.0000Z", None, "At most three decimals"),
    ("lower-case", "2022-01-03t18:00:00z", None, "T and Z are upper case"),
    ("blank", "2022-01-03 18:00:00Z", None, "T, not a blank"),
    ("full-width", "２０２２-01-03T18:00:00Z", None, "ASCII digits only"),
    ("newline", "2022-01-03T18:00:00Z\n", None, "and nothing after it"),
)


def cases() -> Iterator[Case]:
    """Quantities, the pack of a line, and times."""
    for slug, quantity, expected, comment in QUANTITIES:
        yield _quantity(slug, quantity, expected, comment)
    boxes = pack("xiang", "20", "kg")["pack"]
    yield _quantity("pack-of-the-line", exact("3", "xiang"), ("kg", "60", None),
                    "Without an own pack that of the line holds", boxes)  # fmt: skip
    yield _quantity("own-pack-first", exact("3", "xiang", **pack("xiang", "5", "he")),
                    ("he", "15", None), "The own pack goes before it", boxes)  # fmt: skip
    yield _quantity("pack-of-the-line-for-boxes", exact("3", "jian"), ("jian", "3", None),
                    "A pack of the line for another unit does not hold", boxes)  # fmt: skip
    for slug, text, instant, comment in TIMES:
        yield Case(
            f"12/time-{slug}",
            "12.3.5",
            "MUST",
            comment,
            "time.instant",
            {"text": text},
            {"ok": instant},
        )


def _quantity(
    slug: str,
    quantity: Any,
    expected: tuple[str | None, str | None, str | None] | None,
    comment: str,
    line_pack: Any = None,
) -> Case:
    request: dict[str, Json] = {"quantity": raw.encode(quantity).hex()}
    if line_pack is not None:
        request["line_pack"] = raw.encode(line_pack).hex()
    reply: Json = None
    if expected is not None:
        dimension, amount, ceiling = expected
        reply = {"dimension": dimension, "amount": amount, "ceiling": ceiling}
    section = "12.7.4" if expected is not None else "12.3.8"
    return Case(
        f"12/quantity-{slug}", section, "MUST", comment, "quantity.read", request, {"ok": reply}
    )
