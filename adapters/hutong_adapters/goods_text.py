"""Splits a cell that lists goods in words into pieces of item, specification and quantity.

Owns where one thing ends and the next begins: 护目镜98个，手套198副 are two; 口罩（N95型、一次性）
5万只 is one thing of two kinds, 口罩（KN95型1200盒、一次性3.4万只） two under one head word. The
number of a piece is the amount that ends it (or begins it, 20箱方便面), with a unit that is known;
how much that is `quantity_text` says. A thing without a number stays. Money is no goods.

Pure: text in, `Goods` out. Nothing is dropped without a concern, and nothing raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hutong_adapters.number_text import cleaned, folded, number_at
from hutong_adapters.quantity_text import Concern, read_quantity
from hutong_adapters.unit_words import KNOWN, MEASURES, SMALL_MEASURES, known_at

PIECES_MAX: Final = 50
"""As many as a record has lines."""
CHARACTERS_MAX: Final = 4_000
PIECE_COLUMNS: Final = ("item", "spec", "quantity", "raw")
"""What a mapping can name of a piece."""
_TAIL_MAX: Final = 40
_POINTS: Final = " :-*"
_FOR_EACH: Final = "各每"
_NO_BEGINNING: Final = " ([【{)]】}"


class GoodsConcern(StrEnum):
    """What a person has to look at in a cell that lists goods."""

    MONEY = "money-not-goods"
    NOT_SPLIT = "goods-not-split"
    ITEM_GUESSED = "item-guessed"
    NUMBER_LEFT = "number-not-used"


GOODS_CONCERN_WORDS: Final[Mapping[GoodsConcern, str]] = MappingProxyType(
    {
        GoodsConcern.MONEY: "names money, which is no line of goods and was left out",
        GoodsConcern.NOT_SPLIT: "is too long to be split into items",
        GoodsConcern.ITEM_GUESSED: "has only a size and a number here; taken for the item before",
        GoodsConcern.NUMBER_LEFT: "has a number that was not read as an amount; it stands as words",
    }
)
"""The same for people. Never quotes the cell."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One item of a list. `quantity` is the text of its amount, empty where it has none."""

    item: str
    spec: str
    quantity: str
    raw: str
    concern: GoodsConcern | None = None


@dataclass(frozen=True, slots=True)
class Goods:
    """The pieces of a cell, and concerns that belong to none of them."""

    pieces: tuple[Piece, ...]
    concerns: tuple[GoodsConcern, ...] = ()


@dataclass(frozen=True, slots=True)
class _Text:
    """A stretch of a cell, as it is shown and as it is read, place by place."""

    shown: str
    plain: str

    def part(self, start: int, end: int | None = None) -> _Text:
        return _Text(self.shown[start:end], self.plain[start:end])

    def trimmed(self, signs: str = " ") -> _Text:
        start = len(self.plain) - len(self.plain.lstrip(signs))
        return self.part(start, max(start, len(self.plain.rstrip(signs))))

    def __bool__(self) -> bool:
        return bool(self.plain)


_OPEN: Final = "([【{"
_CLOSE: Final = ")]】}"
_BETWEEN_NUMBERS: Final = re.compile("[0-9][,、.][0-9]")
_SEPARATORS: Final = "、,;。"
_JOINS: Final = re.compile(" *(?:以及|及|和|与|并| (?=[^\\W\\d_]))")
_NUMBERING: Final = re.compile(
    r"(?:\(?[0-9]{1,2}\)|[0-9]{1,2}[.、](?![0-9])|[一二三四五六七八九十]{1,2}、)[ ]*"
)
_AND_MORE: Final = re.compile(
    "等(?:用品|物资|物品|防护用品|医疗物资|医用物资|防护物资|生活物资|若干)?$"
)
_GIVEN: Final = re.compile("^(?:捐赠|捐献|捐助)(?=.)")
_MONEY: Final = re.compile("(?:爱心|定向)?(?:捐款|善款|现金|人民币|资金|款项|捐资)")
_MONEY_UNITS: Final = frozenset({"元"})
_ADJACENT: Final = re.compile(r"[0-9A-Za-z.*/_-]")
_MEASURE: Final = "(?:mm|cm|ml|kg|g|l|m)"
_SIZE_BEHIND: Final = re.compile(rf"[0-9][0-9.]*{_MEASURE}$", re.IGNORECASE)
_SIZE: Final = re.compile(
    rf"[0-9.]+(?: *[*x×] *[0-9.]+){{1,3}} *{_MEASURE}?$|[0-9.]+{_MEASURE}$", re.IGNORECASE
)
_SIZE_CHARACTERS: Final = 40
_ONLY_NAMED: Final = re.compile(r"[^\W\d_]")
_AMOUNT_START: Final = re.compile("(?<![0-9.,A-Za-z])[0-9]+")
_BARE_NUMBER: Final = re.compile("(?<![0-9A-Za-z.-])[0-9][0-9.,]*[百千万亿]?$")
_OF_A_NAME: Final = re.compile("[装套入]")
_NO_AMOUNT: Final = re.compile("若干|不限量?|大量")


def split_goods(text: str) -> Goods:
    """The items that a cell lists. Any text is allowed.

    Returns at most `PIECES_MAX` + 1 pieces, so that too many are noticed where records are judged.
    """
    shown = cleaned(text)
    whole = _Text(shown, folded(shown.replace("\n", "；").replace("\r", "；")))
    whole = whole.trimmed(" ,;、。")
    if not whole:
        return Goods(())
    if len(whole.plain) > CHARACTERS_MAX:
        return Goods((), (GoodsConcern.NOT_SPLIT,))
    pieces: list[Piece] = []
    money = False
    for stretch in _stretches(whole):
        for piece in _pieces(_without_numbering(stretch), stretch.shown):
            if _is_money(piece):
                money = True
            else:
                _add(piece, pieces)
        if len(pieces) > PIECES_MAX:
            break
    return Goods(tuple(pieces[: PIECES_MAX + 1]), (GoodsConcern.MONEY,) if money else ())


def _add(piece: Piece, pieces: list[Piece]) -> None:
    """Adds a piece; one without an item goes on with the item before it.

    A size and a number are another kind of the same thing. A bare number is a second amount of it
    (1400瓶、60箱), which is not to be added to the first.
    """
    if piece.item or not pieces or not piece.quantity:
        pieces.append(piece)
    elif piece.spec:
        guessed = GoodsConcern.ITEM_GUESSED
        pieces.append(replace(piece, item=pieces[-1].item, concern=guessed))
    else:
        last = pieces[-1]
        amounts = "、".join(filter(None, (last.quantity, piece.quantity)))
        concern = last.concern if last.quantity else GoodsConcern.ITEM_GUESSED
        raw = f"{last.raw}、{piece.raw}"
        pieces[-1] = replace(last, quantity=amounts, raw=raw, concern=concern)


def _is_money(piece: Piece) -> bool:
    unit = read_quantity(piece.quantity).unit
    return _MONEY.match(folded(piece.item)) is not None or unit in _MONEY_UNITS


# --- Where one thing ends


def _stretches(whole: _Text) -> Iterator[_Text]:
    """The parts between separators that stand outside of brackets."""
    depth, start = 0, 0
    plain = whole.plain
    unbalanced = sum(map(plain.count, _OPEN)) != sum(map(plain.count, _CLOSE))
    skip = 0
    for at, sign in enumerate(plain):
        if at < skip:
            continue
        if sign in _OPEN and not unbalanced:
            depth += 1
        elif sign in _CLOSE:
            depth = max(0, depth - 1)
        if depth:
            continue
        numbering = _NUMBERING.match(plain, at) if at == start else None
        if numbering is not None:
            skip = numbering.end()
            continue
        inside = _BETWEEN_NUMBERS.match(plain, at - 1) if at else None
        joined = _joined_at(plain, at)
        if (sign in _SEPARATORS and inside is None) or joined:
            end = at + max(joined, 1)
            stretch = whole.part(start, at).trimmed()
            if stretch:
                yield stretch
            start = skip = end
    last = whole.part(start).trimmed()
    if last:
        yield last


def _joined_at(plain: str, at: int) -> int:
    """How long the joint is that follows an amount here: 20箱和手套, 20箱 手套. Else 0."""
    if at == 0 or plain[at] not in " 以及和与并":
        return 0
    joint = _JOINS.match(plain, at)
    if joint is None:
        return 0
    for start in range(max(0, at - 12), at):
        number = None if plain[start - 1 : start].isdigit() else number_at(plain, start)
        if number is not None and not number.chinese:
            length = known_at(plain, number.end)
            if length and number.end + length == at:
                return joint.end() - at
    return 0


def _without_numbering(stretch: _Text) -> _Text:
    match = _NUMBERING.match(stretch.plain)
    return stretch if match is None else stretch.part(match.end()).trimmed()


# --- One thing


def _pieces(stretch: _Text, raw: str) -> list[Piece]:
    """The piece, or the pieces under one head word, that a stretch names."""
    if not stretch:
        return []
    bracket = _last_bracket(stretch)
    if bracket is not None:
        head, inside = bracket
        found = _inside_bracket(head, inside, raw)
        if found is not None:
            return found
    return [_one(stretch, raw)]


def _last_bracket(stretch: _Text) -> tuple[_Text, _Text] | None:
    """What stands before the bracket that ends a stretch, and what is in it."""
    plain = stretch.plain
    if plain[-1:] not in _CLOSE or not plain:
        return None
    depth = 0
    for at in range(len(plain) - 1, -1, -1):
        depth += (plain[at] in _CLOSE) - (plain[at] in _OPEN)
        if depth == 0:
            inside = stretch.part(at + 1, len(plain) - 1).trimmed()
            return stretch.part(0, at).trimmed(), inside
    return None


def _inside_bracket(head: _Text, inside: _Text, raw: str) -> list[Piece] | None:
    """The pieces of a bracket that ends a stretch, if it holds their numbers."""
    if not head or not inside or _tail(head) is not None:
        return None
    ones = [_one(part, part.shown) for part in _stretches(inside)]
    if not any(one.quantity for one in ones):
        return None
    named = _one(head, head.shown)
    if not any(one.item or one.spec for one in ones if one.quantity):
        # 胶囊（400盒）: the number of the head word. A size, 大米（50kg）, is none.
        bare = [one.quantity for one in ones if one.quantity]
        if _measure(bare[0]):
            return None
        spec = [named.spec, *(one.raw for one in ones if not one.quantity)]
        quantity = bare[0] if len(bare) == 1 else inside.shown
        return [Piece(named.item, "、".join(filter(None, spec)), quantity, raw)]
    return [
        Piece(
            named.item, "、".join(filter(None, (named.spec, one.item, one.spec))), one.quantity, raw
        )
        for one in ones
    ]


def _one(stretch: _Text, raw: str) -> Piece:
    """A stretch as one item with its specification and amount."""
    rest, remark = stretch, ""
    tail = _tail(stretch)
    bracket = _last_bracket(stretch) if stretch and tail is None else None
    if bracket is not None and _tail(bracket[0]) is not None:
        # 口罩20箱（N95）: the bracket says more about the item.
        rest, remark = bracket[0], bracket[1].shown
        tail = _tail(rest)
    quantity = ""
    if tail is not None:
        quantity = rest.shown[tail:].strip()
        rest = rest.part(0, tail).trimmed(_POINTS)
    elif front := _front(rest):
        quantity = rest.shown[:front].strip()
        rest = rest.part(front).trimmed()
    item, spec = _item_and_spec(rest)
    left = _number_left(folded(item) if quantity else rest.plain, any_unit=not quantity)
    concern = GoodsConcern.NUMBER_LEFT if left else None
    return Piece(item, "、".join(filter(None, (spec, remark))), quantity, raw, concern)


def _item_and_spec(rest: _Text) -> tuple[str, str]:
    """The words of an item without what brackets and sizes say about it."""
    specs: list[str] = []
    while rest:
        bracket = _last_bracket(rest)
        if bracket is None:
            break
        rest, inside = bracket
        specs.insert(0, inside.shown)
    begin = max(0, len(rest.plain) - _SIZE_CHARACTERS)
    size = _SIZE.search(rest.plain, begin)
    if size is not None and not (size.start() and rest.plain[size.start() - 1].isascii()):
        specs.insert(0, rest.shown[size.start() :].strip())
        rest = rest.part(0, size.start()).trimmed()
    more = _AND_MORE.search(rest.plain)
    if more is not None and more.start():
        rest = rest.part(0, more.start())
    given = _GIVEN.match(rest.plain)
    if given is not None:
        rest = rest.part(given.end())
    return rest.shown.strip(), "、".join(filter(None, specs))


def _tail(stretch: _Text) -> int | None:
    """Where the amount begins that ends a stretch; None if none does."""
    plain = stretch.plain
    for at in range(max(0, len(plain) - _TAIL_MAX), len(plain)):
        if not _may_begin(plain, at):
            continue
        said = _NO_AMOUNT.match(plain, at) is not None
        reading = read_quantity(stretch.shown[at:])
        unit = folded(reading.unit).lower()
        if reading.before or not (reading.clean or (said and reading.concern is None)):
            continue
        if unit not in KNOWN and (unit or not (said or _needs_no_unit(plain[at], reading.bound))):
            continue
        if reading.after and not _only_amounts(reading.after):
            continue
        if unit in SMALL_MEASURES and (at or reading.concern is Concern.TWO_AMOUNTS):
            continue
        return at - 1 if plain[at - 1 : at] in _FOR_EACH and at else at
    return None


def _needs_no_unit(sign: str, bound: str) -> bool:
    """口罩*20 and 口罩5000+ state a number without a unit; 口罩9001 may name a model."""
    return sign in "*xX×" or bound == "at_least"


def _only_amounts(text: str) -> bool:
    """Whether what follows a first amount is another one and nothing else."""
    reading = read_quantity(folded(text).strip(" +*x×、,;/"))
    return reading.clean and not reading.before and not reading.after


def _may_begin(plain: str, at: int) -> bool:
    """Whether an amount could begin here: not inside of a number, a name, a size or a bracket."""
    if plain[at] in _NO_BEGINNING:
        return False
    before = plain[max(0, at - _SIZE_CHARACTERS) : at]
    if not before or not _ADJACENT.match(before[-1]):
        return True
    return before[-1].isalpha() and _SIZE_BEHIND.search(before) is not None


def _front(stretch: _Text) -> int:
    """Where the amount ends that begins a stretch: 20箱方便面; 0 if none does."""
    plain = stretch.plain
    number = number_at(plain, 0)
    if number is None or number.chinese:
        return 0
    end = number.end + known_at(plain, number.end)
    rest = plain[end:].lstrip(" ")
    stated = end > number.end and _ONLY_NAMED.match(rest) and rest[0] not in "装入半余多"
    if not stated or folded(plain[number.end : end]).lower() in SMALL_MEASURES:
        return 0
    return end


def _measure(quantity: str) -> bool:
    return folded(read_quantity(quantity).unit).lower() in MEASURES


def _number_left(plain: str, *, any_unit: bool) -> bool:
    """Whether the words of a piece still hold a number that may say how much there is.

    Args:
        any_unit: measures count, and a number without a unit at the end; else only what counts.
    """
    for match in _AMOUNT_START.finditer(plain):
        number = number_at(plain, match.start())
        length = 0 if number is None else known_at(plain, number.end)
        if number is None or not length:
            continue
        end = number.end + length
        if any_unit or not (
            plain[number.end : end].lower() in MEASURES or _OF_A_NAME.match(plain, end)
        ):
            return True
    return (
        any_unit and _BARE_NUMBER.search(plain, max(0, len(plain) - _SIZE_CHARACTERS)) is not None
    )
