"""Needs and offers as they stand in lists: a title, a place, what is asked, how it stands.

Owns the reading of several things at once: their records come from the store in one call. A thing
whose words were erased or haven't arrived is shown as such; its numbers stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from hutong_node.backing import METHODS, backing_of
from hutong_node.bulletin.amounts import Scale, quantity_shown
from hutong_node.bulletin.filters import Filters, position_text
from hutong_node.bulletin.record_words import RecordWords, body_in_force, words_of
from hutong_node.bulletin.source import Glance
from hutong_node.bulletin.text_safety import NOTHING, Shown, has_personal, shown
from hutong_node.bulletin.times import TimeShown
from hutong_node.bulletin.views import Axis, Choice, LineBrief, MoreOf, PlaceShown, ThingRow
from hutong_node.listing_reading import COUNTED_MAX
from hutong_node.listing_values import LeftOut, StoredThing
from hutong_node.place_levels import CHINA, levels, parent_of, typed
from hutong_protocol import taxonomy
from hutong_protocol.encoding import Value
from hutong_protocol.fold import LineView, ThingView
from hutong_protocol.fold.versions import coded_text
from hutong_protocol.ids import RecordId
from hutong_protocol.instants import instant_ms

LINES_IN_LIST: Final = 3
_CODES_SHOWN: Final = 4


def thing_rows(glance: Glance, numbers: Sequence[int]) -> dict[int, ThingRow]:
    """Needs and offers by their numbers; those that are gone are left out."""
    things = glance.state.things(list(dict.fromkeys(numbers)))
    seen = {number: glance.view(thing) for number, thing in things.items()}
    views = {number: view for number, view in seen.items() if view is not None}
    records = glance.records(view.thing.revision for view in views.values())
    glance.learn(view.thing.author for view in views.values())
    rows = {}
    for number, view in views.items():
        record = records.get(RecordId(view.thing.revision))
        body, words = body_in_force(record), words_of(record)
        rows[number] = thing_row(glance, things[number], view, body, words)
    return rows


def with_left_out(
    glance: Glance,
    rows: Sequence[tuple[bytes, ThingRow]],
    left_out: Iterable[LeftOut],
    path: str,
    filters: Filters,
) -> tuple[ThingRow, ...]:
    """Rows of a page, with what was left out said after the last of each organisation.

    Args:
        rows: with the organisation under which each is listed.
        filters: those of the list.
    """
    found = list(rows)
    for left in left_out:
        last = max((at for at, (org, _) in enumerate(found) if org == left.org), default=None)
        if last is None:
            continue
        number = str(left.things)
        if left.things >= COUNTED_MAX:
            number = glance.words("list.more_than", left.things)
        more = MoreOf(
            glance.words("list.more_of", number),
            glance.org(left.org),
            glance.address(
                path, replace(filters, organisation=left.org), after=position_text(left.after)
            ),
        )
        org, row = found[last]
        found[last] = (org, replace(row, more=more))
    return tuple(row for _, row in found)


def title_of(glance: Glance, words: RecordWords) -> Shown:
    """The title of a thing, or why there is none."""
    title = words.text("title")
    if title:
        return title
    state = words.state if words.state in ("erased", "missing") else "untitled"
    return shown(glance.words(f"text.{state}"))


def urgency_axis(glance: Glance, body: Mapping[str, Value]) -> Axis | None:
    """How urgent a thing is."""
    urgency = body.get("urgency")
    if urgency is None:
        return None
    code = coded_text(urgency)
    known = code in taxonomy.URGENCIES
    return Axis(
        glance.words("axis.urgency"),
        code if known else "other",
        glance.words.label(taxonomy.URGENCIES, code).plain,
    )


def place_of(glance: Glance, body: Mapping[str, Value], words: RecordWords) -> PlaceShown:
    """Where a thing is."""
    place = body.get("place")
    codes = place.get("codes") if isinstance(place, dict) else None
    return PlaceShown(words.text("place_name"), *place_codes(glance, codes))


def place_codes(glance: Glance, codes: object) -> tuple[tuple[Choice, ...], tuple[Shown, ...]]:
    """Codes of places with the lists of needs there, and those without a list."""
    found, plain = [], []
    listed = codes if isinstance(codes, list) else []
    for code in listed[:_CODES_SHOWN]:
        name = levels(str(code["scheme"]), str(code["code"]))[-1]
        if has_personal(name):
            plain.append(shown(name))
            continue
        address = glance.address("/needs", Filters(place=name))
        found.append(Choice(address, place_label(glance, name)))
    left = len(listed) - _CODES_SHOWN
    if left > 0:
        plain.append(shown(glance.words("text.and_more", left)))
    return tuple(found), tuple(plain)


def place_label(glance: Glance, name: str) -> str:
    """A place by its code, with the province where that is known. Ready to show."""
    scheme, _, code = name.partition(":")
    label = shown(typed(name), personal=False).plain
    province = f"province.{code[:2]}"
    if scheme == CHINA and glance.words.has(province):
        return f"{glance.words(province)} {label}"
    return label


def wider_places(name: str) -> list[str]:
    """A place and those that it lies in, the widest first."""
    found = [name]
    while parent := parent_of(found[0]):
        found.insert(0, parent)
    return found


def line_maps(body: Mapping[str, Value]) -> dict[str, dict[str, Value]]:
    """The lines of a body by their ids."""
    lines = body.get("lines")
    found = [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []
    return {str(line["id"]): line for line in found}


def line_name(
    glance: Glance, view: LineView, facts: Mapping[str, Any], words: RecordWords
) -> Shown:
    """What a line is about: its words, or the code of its item, or its kind, or its id."""
    said = words.of(words.line(view.basis.id).get("item"))
    if said:
        return said
    item = facts.get("item")
    if isinstance(item, Mapping):
        return shown(str(item["code"]))
    if view.basis.kind is not None:
        return glance.words.label(taxonomy.KINDS, view.basis.kind)
    return shown(view.basis.id)


def asked_of(glance: Glance, facts: Mapping[str, Any]) -> Shown:
    """The quantity of a line as it was written, and what that comes to."""
    quantity = facts.get("quantity")
    if not isinstance(quantity, Mapping):
        return NOTHING
    text = quantity_shown(quantity, glance.words.bounds, glance.words.language)
    return shown(text)


def open_of(glance: Glance, view: LineView) -> Shown:
    """What of a line of a need is open, in a few words; nothing where that is no number."""
    words, numbers = glance.words, view.numbers
    if numbers.open is None or view.basis.closed:
        return NOTHING
    if numbers.open and numbers.open == numbers.required:
        return shown(words("list.all_open"))
    scale = Scale(numbers.dimension, [numbers.required], words.language)
    return shown(words("list.still_open", scale.amount(numbers.open)))


def due_of(
    glance: Glance, view: ThingView, body: Mapping[str, Value]
) -> tuple[str, TimeShown | None]:
    """What is due, and when: needed by a time, or else valid until one.

    A time by which something was needed and that is over says so as long as the thing stands: it is
    still the first in its list.
    """
    needed_by = body.get("needed_by")
    due_ms = instant_ms(needed_by) if isinstance(needed_by, str) else None
    name = "valid_until" if due_ms is None else "needed_by"
    time = glance.time(view.thing.valid_until_ms) if due_ms is None else glance.aged(due_ms)
    if time is not None and time.age:
        is_over = view.life == "active" and view.delivery != "full"
        time = replace(time, age=glance.words("age.overdue", time.age) if is_over else "")
    return glance.words(f"field.{name}"), time


def thing_axes(glance: Glance, view: ThingView) -> tuple[Axis, ...]:
    """Where a thing stands: life always, the others as far as they apply."""
    life = glance.axis("life", view.life)
    axes = [replace(life, is_usual=view.life == "active")]
    if view.coverage is not None:
        axes.append(glance.axis("coverage", view.coverage))
    if view.delivery is not None:
        delivery = glance.axis("delivery", view.delivery)
        axes.append(replace(delivery, is_usual=view.delivery == "none"))
    if view.thing.type in ("need/1", "offer/1"):
        axes.append(verification_axis(glance, view))
    return tuple(axes)


def verification_axis(glance: Glance, view: ThingView) -> Axis:
    """Whether a thing was checked, with who checked and how: no word of it stands alone."""
    axis = glance.axis("verification", view.thing.verification)
    backing = backing_of(view.thing.verification, view.thing.checks)
    if not backing:
        return axis
    words = glance.words
    methods = [
        words("backing.comma").join(
            words(f"method.{method if method in METHODS else 'other'}") for method in each.methods
        )
        for each in backing
    ]
    if axis.value == "confirmed" and not backing[0].third_party:
        text = words("backing.own_only", methods[0])
    else:
        said = words("backing.semicolon").join(
            words("backing.third" if each.third_party else "backing.own", used)
            for each, used in zip(backing, methods, strict=True)
        )
        text = words("backing.of", axis.text, said)
    # What nobody outside was asked about is not shown in the colour of what somebody answered.
    value = f"{axis.value}-desk" if all(each.is_desk_only for each in backing) else axis.value
    return replace(axis, value=value, text=text)


def last_checked_ms(view: ThingView) -> int | None:
    """When the latest of its checks was made, as its author says."""
    checked = [check.checked_at_ms for check in view.checks if check.checked_at_ms is not None]
    return max(checked, default=None)


def thing_row(
    glance: Glance,
    stored: StoredThing,
    view: ThingView,
    body: Mapping[str, Value],
    words: RecordWords,
    *,
    lines_max: int = LINES_IN_LIST,
) -> ThingRow:
    """A need or offer in short.

    Args:
        body: the facts in force.
        words: those of the same record.
    """
    facts, is_need = line_maps(body), view.thing.type == "need/1"
    lines = [
        LineBrief(
            line_name(glance, line, facts.get(line.basis.id, {}), words),
            asked_of(glance, facts.get(line.basis.id, {})),
            open_of(glance, line) if is_need else NOTHING,
            line.basis.closed,
        )
        for line in view.lines
        if line.basis.in_body
    ]
    due_name, due = due_of(glance, view, body)
    return ThingRow(
        href=glance.address(glance.thing_path(view.thing.type, view.key.id)),
        title=title_of(glance, words),
        author=glance.org(view.thing.author),
        topic=glance.topic(stored.scope),
        place=place_of(glance, body, words),
        urgency=urgency_axis(glance, body),
        due_name=due_name,
        due=due,
        lines=tuple(lines[:lines_max]),
        more_lines=max(0, len(lines) - lines_max),
        axes=thing_axes(glance, view),
        checked=glance.aged(last_checked_ms(view)),
        flags=len(view.flags),
    )
