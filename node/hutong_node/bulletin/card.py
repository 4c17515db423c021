"""The share card of one need or offer: a text for a chat, a link, and a code to point a camera at.

Owns what leaves the bulletin by people's hands. A message in a chat is read days later and without
the page around it, so it says as of when it is and who says so. The code is made here, as a path
for the template; without the extra `qr` the card says how to get it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from hutong_node.bulletin.desk import desk_of
from hutong_node.bulletin.record_words import body_in_force, words_of
from hutong_node.bulletin.rows import (
    asked_of,
    due_of,
    last_checked_ms,
    line_maps,
    line_name,
    open_of,
    place_of,
    title_of,
    urgency_axis,
    verification_axis,
)
from hutong_node.bulletin.source import Glance
from hutong_node.bulletin.text_safety import NOTHING, Shown, joined, one_line, shown
from hutong_node.bulletin.views import Card, QrPath
from hutong_protocol.encoding import Value
from hutong_protocol.fold import ThingView
from hutong_protocol.ids import RecordId

_LINES_MAX = 8
_QUIET_MODULES = 4
"""The margin without which cameras don't find a code."""


def card_page(glance: Glance, identifier: bytes, kind: str, origin: str) -> Card | None:
    """The card of the thing with this id; None if it can't be seen here.

    Args:
        kind: `need` or `offer`.
        origin: scheme, host and port with which links that are passed on begin.
    """
    stored = glance.state.thing(identifier)
    view = None if stored is None else glance.view(stored)
    if view is None or view.thing.type != f"{kind}/1":
        return None
    words = glance.words
    record = glance.records([view.thing.revision]).get(RecordId(view.thing.revision))
    body, said = body_in_force(record), words_of(record)
    path = glance.thing_path(view.thing.type, identifier)
    address = f"{origin}{path}"
    place = place_of(glance, body, said)
    facts = line_maps(body)
    lines: list[Shown] = [_filled(words(f"card.{kind}"), title_of(glance, said))]
    place_text = joined((place.name, *(shown(code.text) for code in place.codes)), " · ")
    if place_text:
        lines.append(_filled(words("card.place"), place_text))
    in_body = [line for line in view.lines if line.basis.in_body]
    for line in in_body[:_LINES_MAX]:
        own = facts.get(line.basis.id, {})
        name, asked = line_name(glance, line, own, said), asked_of(glance, own)
        left = open_of(glance, line) if kind == "need" else NOTHING
        key = "line_offer" if kind == "offer" else "line_open" if left else "line"
        lines.append(_filled(words(f"card.{key}"), name, asked, *([left] if left else ())))
    if len(in_body) > _LINES_MAX:
        lines.append(shown(words("list.more_lines", len(in_body) - _LINES_MAX)))
    lines += _standing(glance, view, body)
    lines.append(shown(address, personal=False))
    return Card(
        kind=kind,
        title=title_of(glance, said),
        href=glance.address(path),
        message=joined(lines, "\n"),
        address=address,
        is_reachable=glance.source.listen.address is not None,
        qr=qr_path(address),
    )


def _standing(glance: Glance, view: ThingView, body: Mapping[str, Value]) -> Iterable[Shown]:
    """How the thing stands, until when, who says so, whom to turn to, and as of when this is."""
    words, thing = glance.words, view.thing
    urgency = urgency_axis(glance, body)
    axes = [glance.axis("life", view.life), verification_axis(glance, view)]
    yield shown(" · ".join(axis.text for axis in ([urgency] if urgency else []) + axes))
    checked = glance.time(last_checked_ms(view))
    if checked is not None:
        yield shown(words("card.checked", checked.text))
    name, due = due_of(glance, view, body)
    if due is not None:
        over = f" ({due.age})" if due.age else ""
        yield shown(words("card.due", name, due.text + over))
    author = glance.org(thing.author)
    by = joined((author.name, shown(author.short, personal=False)), " ")
    yield _filled(words("card.published"), by)
    desk = [link.text for _, link in desk_of(glance, thing.steward, ("name", "phone", "email"))]
    if desk:
        yield _filled(words("card.desk"), joined(desk, " "))
    as_of = glance.time(glance.as_of_ms)
    yield shown(words("card.as_of", "" if as_of is None else as_of.text))


@lru_cache(maxsize=256)
def qr_path(text: str) -> QrPath | None:
    """A QR code of `text`; None where the package that makes it isn't installed."""
    try:
        import segno
    except ImportError:
        return None
    matrix = segno.make_qr(text, error="m").matrix
    return QrPath(len(matrix) + 2 * _QUIET_MODULES, "".join(_strokes(matrix)))


def _strokes(matrix: Iterable[Iterable[int]]) -> Iterable[str]:
    """The dark modules as horizontal bars: one for each run in a row."""
    for y, row in enumerate(matrix):
        start = None
        for x, dark in enumerate((*row, 0)):
            if dark and start is None:
                start = x
            elif not dark and start is not None:
                yield f"M{start + _QUIET_MODULES} {y + _QUIET_MODULES}h{x - start}v1h{start - x}z"
                start = None


def _filled(phrase: str, *values: Shown) -> Shown:
    """A phrase with texts of others where `{}` stand, each still in its pieces."""
    parts = phrase.split("{}")
    texts: list[Shown] = [shown(parts[0])]
    for value, after in zip(values, parts[1:], strict=True):
        # A title with lines of its own could add what looks like ours.
        texts += [one_line(value), shown(after)]
    return joined(texts, "")
