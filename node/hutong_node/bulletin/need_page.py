"""One need or offer: its lines with their numbers, who is waited for, checks, history, sources.

Owns the page of one thing. Numbers and axes are the fold's and are only put into words; what
everybody may write about a thing (promises, checks, flags) is shown for each organisation up to a
share, and the rest is counted, so that nobody can bury a page (threat 20).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from hutong_node.backing import DESK
from hutong_node.bulletin.amounts import Scale, amount_shown, grouped, unit_name
from hutong_node.bulletin.desk import IN_SHORT, desk_of
from hutong_node.bulletin.fact_words import FactWords
from hutong_node.bulletin.history import PAGE, history_page
from hutong_node.bulletin.lists_page import incident_name
from hutong_node.bulletin.record_words import RecordWords, body_in_force, words_of
from hutong_node.bulletin.rows import (
    asked_of,
    line_maps,
    line_name,
    thing_axes,
    thing_row,
    title_of,
    urgency_axis,
)
from hutong_node.bulletin.source import Glance
from hutong_node.bulletin.text_safety import NOTHING, Shown, joined, short_id, shown
from hutong_node.bulletin.views import (
    Axis,
    CheckRow,
    LineShown,
    PromiseRow,
    ThingPage,
    WaitingRow,
)
from hutong_node.listing_values import StoredThing
from hutong_node.store.interface import StoredRecord
from hutong_protocol import quantity, taxonomy
from hutong_protocol.encoding import Value
from hutong_protocol.fold import LineView, Numbers, ThingView, thing_digest
from hutong_protocol.fold.basis import Check
from hutong_protocol.fold.flags import Flag
from hutong_protocol.fold.thing_view import PromiseView
from hutong_protocol.ids import IdKind, RecordId, format_id
from hutong_protocol.quantity import AMOUNT_SCALE

PER_ORGANISATION: Final = 10
LISTED_MAX: Final = 60
LINES_IN_SHORT: Final = 6
_SETTLED: Final = ("required", "accepted", "in_transit", "received", "open")
_CLAIMED: Final = (
    "pledged",
    "proxy",
    "possible",
    "over_promised",
    "open_if_all_pledges_hold",
    "reported",
)
_ELSEWHERE: Final = ("lines", "place", "incident", "urgency", "valid_until", "needed_by")
_TIMES: Final = ("needed_by", "valid_until")
_AMOUNTS: Final = ("accepted", "dispatched", "received", "lost")
_T = TypeVar("_T")


def thing_page(glance: Glance, identifier: bytes, kind: str) -> ThingPage | None:
    """The page of the need or offer with this id; None if it can't be seen here.

    Args:
        kind: `need` or `offer`.
    """
    stored = glance.state.thing(identifier)
    view = None if stored is None else glance.view(stored)
    if stored is None or view is None or view.thing.type != f"{kind}/1":
        return None
    record = glance.records([view.thing.revision]).get(RecordId(view.thing.revision))
    return _Writer(glance, stored, view, record).page(kind)


class _Writer:
    """Puts one thing into words."""

    def __init__(
        self,
        glance: Glance,
        stored: StoredThing,
        view: ThingView,
        record: StoredRecord | None,
    ) -> None:
        self._glance = glance
        self._stored = stored
        self._view = view
        self._body: Mapping[str, Value] = body_in_force(record)
        self._words: RecordWords = words_of(record)
        self._lines = line_maps(self._body)
        names = {
            line.basis.id: line_name(glance, line, self._lines.get(line.basis.id, {}), self._words)
            for line in view.lines
        }
        taken = Counter(names.values())
        self._names = {
            line: name if taken[name] == 1 else joined((name, shown(line)), " · ")
            for line, name in names.items()
        }
        glance.learn(
            (view.thing.author, view.thing.steward, *(each.who for each in view.waiting_on))
        )

    def page(self, kind: str) -> ThingPage:
        """The whole page."""
        glance, view, asked = self._glance, self._view, self._glance.asked
        thing = view.thing
        path = glance.thing_path(thing.type, view.key.id)
        urgency = urgency_axis(glance, self._body)
        axes = thing_axes(glance, view)
        say = FactWords(glance, thing.type, self._words)
        checks, more_checks = _shares(view.checks, lambda check: check.by)
        total = self._stored.records
        older = max(0, asked.history - PAGE)
        return ThingPage(
            kind=kind,
            id=format_id(IdKind.RECORD, view.key.id),
            title=title_of(glance, self._words),
            author=glance.org(thing.author),
            steward=None if thing.steward == thing.author else glance.org(thing.steward),
            short=thing_row(
                glance, self._stored, view, self._body, self._words, lines_max=LINES_IN_SHORT
            ),
            in_charge=glance.org(thing.steward),
            desk=desk_of(glance, thing.steward, IN_SHORT),
            axes=axes if urgency is None else (urgency, *axes),
            facts=tuple(say.fields(self._body, without=_ELSEWHERE)),
            times=tuple(self._times()),
            incident=self._incident(),
            topic=glance.topic_choice(self._stored.scope),
            note=self._words.text("note"),
            reason=(
                NOTHING
                if thing.reason is None
                else glance.words.label(taxonomy.CLOSE_REASONS, thing.reason)
            ),
            lines=tuple(self._line(line) for line in view.lines),
            waiting=tuple(self._waiting()),
            more_waiting=max(0, len(view.waiting_on) - LISTED_MAX),
            checks=tuple(self._checks(checks)),
            more_checks=sum(more_checks.values()),
            flags=tuple(dict.fromkeys(self._flag(flag) for flag in view.flags))[:LISTED_MAX],
            history=history_page(glance, self._stored, asked.history, self._names),
            history_total=total,
            history_from=asked.history,
            history_older=(
                glance.address(path, history=str(older)) + "#history" if asked.history else None
            ),
            history_newer=(
                glance.address(path, history=str(asked.history + PAGE)) + "#history"
                if asked.history + PAGE < total
                else None
            ),
            card=glance.address(f"{path}/card"),
            digest=thing_digest(view).hex(),
        )

    def _times(self) -> Iterable[tuple[str, Any]]:
        say = FactWords(self._glance, self._view.thing.type, self._words)
        needed_by = self._body.get("needed_by")
        if needed_by is not None:
            yield from say.fields({"needed_by": needed_by})
        until = self._glance.time(self._view.thing.valid_until_ms)
        if until is not None:
            yield self._glance.words("field.valid_until"), shown(until.text)

    def _incident(self) -> tuple[str, Shown] | None:
        incident = self._body.get("incident")
        if not isinstance(incident, bytes):
            return None
        address = self._glance.address(self._glance.thing_path("incident/1", incident))
        return address, incident_name(self._glance, incident)

    # Lines

    def _line(self, line: LineView) -> LineShown:
        glance, words = self._glance, self._glance.words
        facts, said = self._lines.get(line.basis.id, {}), self._words.line(line.basis.id)
        promises, more = _shares(line.promises, lambda entry: entry.promise.author or b"")
        is_need = self._view.thing.type == "need/1"
        kind = line.basis.kind
        return LineShown(
            id=shown(line.basis.id),
            name=self._names[line.basis.id],
            kind=NOTHING if kind is None else words.label(taxonomy.KINDS, kind),
            asked=asked_of(glance, facts),
            written=self._words.of(said.get("raw")),
            spec=self._words.of(said.get("spec")),
            note=self._words.of(said.get("note")),
            facts=tuple(self._line_facts(facts)),
            numbers=tuple(self._settled(line)) if is_need else (),
            claims=tuple(self._claims(line)) if is_need else (),
            is_closed=line.basis.closed,
            promises=tuple(self._promise(line, entry) for entry in promises),
            more_promises=tuple(
                words("thing.more_promises", grouped(count))
                if not org
                else words("thing.more_promises_of", grouped(count), _name_text(glance, org))
                for org, count in more.items()
            ),
        )

    def _line_facts(self, facts: Mapping[str, Any]) -> Iterable[tuple[str, Shown]]:
        words = self._glance.words
        if "modality" in facts:
            label = words.label(taxonomy.MODALITIES, _code(facts["modality"]))
            yield words("field.modality"), label
        for name in ("skills", "languages"):
            if name in facts:
                texts = [_code(value) for value in facts[name][:LISTED_MAX]]
                yield words(f"field.{name}"), shown(", ".join(texts))
        windows = facts.get("windows")
        if windows:
            keys = [str(window["key"]) for window in windows[:LISTED_MAX]]
            yield words("field.windows"), shown(", ".join(keys))

    def _settled(self, line: LineView) -> Iterable[tuple[str, Shown]]:
        numbers = line.numbers
        scale = self._scale(line)
        for name in _SETTLED:
            # Without a target nothing is open, and what is nought says nothing.
            if numbers.required is None and not getattr(numbers, name):
                continue
            # What was closed is asked for no longer, whatever of it never came.
            if name == "open" and line.basis.closed:
                continue
            yield self._glance.words(f"number.{name}"), shown(scale.amount(getattr(numbers, name)))

    def _claims(self, line: LineView) -> Iterable[tuple[str, Shown]]:
        """The claimed numbers that say something, and what there is in other units."""
        words, numbers = self._glance.words, line.numbers
        scale = self._scale(line)
        for name in _CLAIMED:
            amount = getattr(numbers, name)
            redundant = name == "pledged" and amount == numbers.accepted
            redundant |= name == "open_if_all_pledges_hold" and amount == numbers.open
            if amount and not redundant:
                yield words(f"number.{name}"), shown(scale.amount(amount))
        if numbers.open and numbers.open_if_all_pledges_hold == 0:
            yield words("number.open_if_all_pledges_hold"), shown(scale.amount(0))
        if line.unquantified:
            yield words("number.unquantified"), shown(grouped(line.unquantified))
        if line.basis.unmeasured:
            yield words("number.unmeasured"), shown(words("text.yes"))
        for other in line.other:
            yield from self._other(other)

    def _other(self, numbers: Numbers) -> Iterable[tuple[str, Shown]]:
        words = self._glance.words
        scale = Scale(numbers.dimension, _amounts(numbers), words.language)
        for name in ("pledged", "proxy", "possible", "accepted", "in_transit", "received"):
            amount = getattr(numbers, name)
            if amount and not (name == "pledged" and amount == numbers.accepted):
                yield words("number.in_other", words(f"number.{name}")), shown(scale.amount(amount))

    def _scale(self, line: LineView) -> Scale:
        numbers = line.numbers
        return Scale(numbers.dimension, _amounts(numbers), self._glance.words.language)

    def _promise(self, line: LineView, entry: PromiseView) -> PromiseRow:
        glance, words, promise = self._glance, self._glance.words, entry.promise
        language = words.language
        own = promise.line == line.basis.id
        amounts = []
        if own and promise.units is not None:
            amounts.append(
                (
                    words("promise.promised"),
                    shown(amount_shown(promise.dimension, promise.units, language)),
                )
            )
        elif own and promise.ceiling is not None:
            ceiling = amount_shown(promise.dimension, promise.ceiling, language)
            amounts.append((words("promise.promised"), shown(words("bound.up_to", ceiling))))
        for row in entry.rows:
            for name in _AMOUNTS:
                if amount := getattr(row, name):
                    text = amount_shown(row.dimension, amount, language)
                    amounts.append((words(f"promise.{name}"), shown(text)))
            if row.delivered > row.received + row.lost:
                text = amount_shown(row.dimension, row.delivered, language)
                amounts.append((words("promise.reported"), shown(text)))
        if not amounts:
            amounts.append((words("promise.promised"), shown(words("promise.unmeasured"))))
        note = ""
        if not promise.held:
            note = words("promise.not_held")
        elif promise.proxy and promise.provider is not None:
            note = words("promise.proxy", _name_text(glance, promise.provider))
        elif promise.proxy:
            note = words("promise.proxy_other")
        who = promise.author or promise.provider
        return PromiseRow(
            org=None if who is None else glance.org(who),
            state=Axis(words("table.state"), entry.state, words(f"promise.{entry.state}")),
            amounts=tuple(amounts),
            note=shown(note),
            record=short_id(format_id(IdKind.RECORD, promise.id)),
            is_overdue=entry.overdue,
        )

    # Around the lines

    def _waiting(self) -> Iterable[WaitingRow]:
        for entry in self._view.waiting_on[:LISTED_MAX]:
            yield WaitingRow(
                self._glance.org(entry.who),
                self._glance.words(f"waiting.{entry.what}"),
                NOTHING if entry.line is None else self._names.get(entry.line, NOTHING),
            )

    def _checks(self, checks: Iterable[Check]) -> Iterable[CheckRow]:
        """One row for what one record checked of one line, as far as it holds alike."""
        together: dict[tuple[bytes, str | None, bool], list[Check]] = {}
        for check in checks:
            together.setdefault((check.record, check.line, check.fresh), []).append(check)
        for (_, line, _), found in together.items():
            name = None if line is None else self._names.get(line, shown(line))
            groups = tuple(check.group for check in found)
            yield check_row(self._glance, found[0], name, groups=groups)

    def _flag(self, flag: Flag) -> Shown:
        """A flag in words. Ids in it are left out: the history has them."""
        words = self._glance.words
        value = ""
        if flag.count is not None:
            value = grouped(flag.count)
        elif flag.amount is not None and flag.line is not None:
            value = self._flag_amount(flag.line, flag.amount)
        text = words(f"flag.{flag.flag}", value)
        if flag.line is not None:
            name = words.plain(self._names.get(flag.line, NOTHING)) or flag.line
            text = words("flag.line", name, text)
        return shown(text)

    def _flag_amount(self, line: str, amount: str) -> str:
        """An amount of a flag, which is a decimal in the base unit of the line's dimension."""
        millionths = quantity.decimal_millionths(amount)
        dimension = next(
            (each.numbers.dimension for each in self._view.lines if each.basis.id == line), None
        )
        if millionths is None:
            unit = "" if dimension is None else unit_name(dimension, self._glance.words.language)
            return f"{amount} {unit}".strip()
        units = millionths * (AMOUNT_SCALE // 10**6)
        return amount_shown(dimension, units, self._glance.words.language)


def check_row(
    glance: Glance,
    check: Check,
    line: Shown | None,
    *,
    groups: tuple[str, ...] = (),
    thing: Shown = NOTHING,
    href: str = "",
) -> CheckRow:
    """A check in words.

    Args:
        line: the name of the line that was checked, None for the whole.
        groups: what was checked, where this row stands for several checks.
    """
    words = glance.words
    comma = "、" if words.language == "zh" else ", "
    what = comma.join(words(f"group.{group}") for group in groups or (check.group,))
    if line is not None and line:
        what = words("check.of_line", what, words.plain(line))
    value = check.outcome if check.method != DESK else f"{check.outcome}-desk"
    return CheckRow(
        org=glance.org(check.by),
        what=shown(what),
        outcome=Axis(words("table.outcome"), value, words(f"outcome.{check.outcome}")),
        method=words.label(taxonomy.CHECK_METHODS, check.method),
        when=glance.aged(check.checked_at_ms),
        freshness=words("check.fresh" if check.fresh else "check.outdated"),
        party=words("check.third" if check.third_party else "check.own"),
        thing=thing,
        href=href,
    )


def _shares(entries: Sequence[_T], who: Any) -> tuple[list[_T], Counter[bytes]]:
    """At most `PER_ORGANISATION` of each and `LISTED_MAX` in all; how many are left out of whom."""
    taken: Counter[bytes] = Counter()
    kept: list[_T] = []
    left: Counter[bytes] = Counter()
    for entry in entries:
        org = who(entry)
        if taken[org] < PER_ORGANISATION and len(kept) < LISTED_MAX:
            taken[org] += 1
            kept.append(entry)
        else:
            left[org] += 1
    return kept, left


def _amounts(numbers: Numbers) -> list[int | None]:
    return [getattr(numbers, name) for name in (*_SETTLED, *_CLAIMED)]


def _name_text(glance: Glance, org: bytes) -> str:
    ref = glance.org(org)
    return f"{glance.words.plain(ref.name)} {ref.short}".strip()


def _code(value: Any) -> str:
    return str(value["code"]) if isinstance(value, dict) else str(value)
