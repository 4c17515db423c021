"""How the desk of an organisation is reached, from its own card.

Owns what may be shown of it. A desk is an organisation's own and public by design (Spec: 13.4.1):
it is the one place whose telephone numbers and addresses are not hidden, and those of a person
don't belong there. What can be followed is made a link, and nothing else is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hutong_node.bulletin.source import Glance
from hutong_node.bulletin.text_safety import mail_link, phone_link, shown, web_link
from hutong_node.bulletin.views import Link

WHOLE: Final = ("name", "phone", "email", "url", "address", "hours")
IN_SHORT: Final = ("name", "phone", "email", "hours")
_LINKS: Final = {"phone": phone_link, "email": mail_link, "url": web_link}


def desk_of(
    glance: Glance, org: bytes, fields: Sequence[str] = WHOLE
) -> tuple[tuple[str, Link], ...]:
    """The fields that its card states, by name; none without a card."""
    card = glance.card(org)
    desk = {} if card is None else card.words.fields.get("desk", {})
    found = []
    for name in fields:
        value = desk.get(name)
        if isinstance(value, str) and value.strip():
            link = _LINKS[name](value.strip()) if name in _LINKS else None
            text = shown(value, personal=False)
            found.append((glance.words(f"desk.{name}"), Link(text, link)))
    return tuple(found)
