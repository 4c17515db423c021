"""Facts of records in words: each field with its name and its value, in one order.

Owns how the values of section 12.3 read: codes by their labels, times in the zone of the bulletin,
quantities as written and converted, parties by name. It takes facts of readable records only; a
field that it doesn't know isn't shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

from hutong_node.bulletin.amounts import grouped, quantity_shown
from hutong_node.bulletin.record_words import RecordWords
from hutong_node.bulletin.rows import place_codes
from hutong_node.bulletin.source import Glance
from hutong_node.bulletin.text_safety import NOTHING, Shown, joined, shown
from hutong_protocol import taxonomy
from hutong_protocol.fold.versions import coded_text
from hutong_protocol.instants import instant_ms
from hutong_protocol.taxonomy import Label

LISTED_MAX: Final = 16
"""Values of one field that are shown; the rest is counted."""
_REASONS: Final[Mapping[str, Mapping[str, Label]]] = {
    "close/1": taxonomy.CLOSE_REASONS,
    "reopen/1": taxonomy.CLOSE_REASONS,
    "decision/1": taxonomy.DECISION_REASONS,
    "allocation/1": taxonomy.DECISION_REASONS,
    "loss/1": taxonomy.LOSS_REASONS,
    "flag/1": taxonomy.FLAG_REASONS,
}
_KINDS: Final[Mapping[str, Mapping[str, Label]]] = {
    "org/1": taxonomy.ORG_KINDS,
    "post/1": taxonomy.POST_KINDS,
}
_METHODS: Final[Mapping[str, Mapping[str, Label]]] = {
    "verify/1": taxonomy.CHECK_METHODS,
    "receipt/1": taxonomy.HANDOVER_METHODS,
}
_NO_LABELS: Final[Mapping[str, Label]] = {}


class FactWords:
    """Puts the facts of one record into words."""

    def __init__(
        self,
        glance: Glance,
        type_name: str,
        words: RecordWords,
        lines: Mapping[str, Shown] | None = None,
    ) -> None:
        """`words` are those of the same record: they name its lines, and parties without a node.

        `lines` are names of lines by their ids, for records that only give the id.
        """
        self._glance = glance
        self._names = lines or {}
        self._type = type_name
        self._words = words
        self._say = self._sayings(type_name)

    def _sayings(self, type_name: str) -> Mapping[str, _Say]:
        """How each field is said, in the order in which they are shown."""
        return {
            "line": self._line,
            "quantity": self.quantity,
            "outcome": partial(self._enum, "outcome"),
            "reason": partial(self._coded, _REASONS.get(type_name, _NO_LABELS)),
            "condition": partial(self._enum, "condition"),
            "kind": partial(self._coded, _KINDS.get(type_name, _NO_LABELS)),
            "checked": self._checked,
            "method": partial(self._coded, _METHODS.get(type_name, _NO_LABELS)),
            "basis": partial(self._coded, taxonomy.BASES),
            "provider": self.party,
            "funder": self.party,
            "implementer": self.party,
            "carrier": self.party,
            "to": self._to,
            "on_behalf_of": self.party,
            "receivers": partial(self._each, self.party),
            "needed_by": self._time,
            "from": self._time,
            "until": self._time,
            "eta": self._time,
            "valid_until": self._time,
            "funded_until": self._time,
            "left_at": self._time,
            "delivered_at": self._time,
            "received_at": self._time,
            "checked_at": self._time,
            "start": self._time,
            "waybill": self._waybill,
            "lines": self._lines,
            "severity": partial(self._coded, taxonomy.SEVERITIES),
            "people": self._count,
            "households": self._count,
            "groups": partial(self._each, self._group),
            "people_served": self._count,
            "value": self._money,
            "tags": partial(self._each, self._topic),
            "restrictions": partial(self._each, partial(self._coded, _NO_LABELS)),
            "earmark": self._earmark,
            "stock_id": self._code,
            "standing": self._yes,
            "transport_included": self._yes,
            "source": self._source,
            "glide": self._code,
            "ext_ids": partial(self._each, self._ext_id),
            "areas": self._areas,
            "topics": partial(self._each, self._topic),
            "facilitates": partial(self._each, self._topic),
            "has": partial(self._each, partial(self._coded, _NO_LABELS)),
            "lacks": partial(self._each, partial(self._coded, _NO_LABELS)),
        }

    def fields(
        self, facts: Mapping[str, Any], *, without: Iterable[str] = ()
    ) -> list[tuple[str, Shown]]:
        """The fields that say something: name and value, in the order of this module."""
        left_out = set(without)
        found = []
        for name, say in self._say.items():
            if name in facts and name not in left_out:
                said = say(facts[name])
                if said:
                    found.append((self._glance.words(f"field.{name}"), said))
        return found

    def quantity(self, value: Any) -> Shown:
        """A quantity with its conversion, and as it was typed where that is another text."""
        words = self._glance.words
        text = quantity_shown(value, words.bounds, words.language)
        raw = self._words.text("raw")
        if not raw:
            return shown(text)
        return joined((shown(text), raw), f" · {words('field.raw')} ")

    def party(self, value: Any) -> Shown:
        """A party: an organisation by its name and id, or one without a node by its name."""
        if isinstance(value, bytes):
            ref = self._glance.org(value)
            return joined((ref.name, shown(ref.short, personal=False)), " ")
        key = str(value["key"])
        kind = self._coded(taxonomy.ORG_KINDS, value["kind"])
        return joined((self._words.party(key) or shown(key), kind), " · ")

    # One kind of value each

    def _line(self, value: Any) -> Shown:
        return self._names.get(str(value)) or shown(str(value))

    def _enum(self, section: str, value: Any) -> Shown:
        return shown(self._glance.words(f"{section}.{value}"))

    def _coded(self, labels: Mapping[str, Label], value: Any) -> Shown:
        return self._glance.words.label(labels, coded_text(value))

    def _time(self, value: Any) -> Shown:
        time = self._glance.time(instant_ms(value))
        return NOTHING if time is None else shown(time.text)

    def _checked(self, value: Any) -> Shown:
        words = self._glance.words
        return self._list(
            shown(words(f"group.{group}"))
            for group in ("exists", "place", "quantity", "reachable", "urgency")
            if group in value
        )

    def _to(self, value: Any) -> Shown:
        values = value if isinstance(value, list) else [value]
        return self._each(self.party, values)

    def _code(self, value: Any) -> Shown:
        return shown(str(value))

    def _waybill(self, value: Any) -> Shown:
        # The number of a carrier may look like anything. Spec: 13.4.1.
        return shown(str(value), personal=False)

    def _lines(self, value: Any) -> Shown:
        """Lines by name: of a close or reopen their ids alone, of a need with what is asked."""
        found = [self._line_asked(line) for line in value[:LISTED_MAX]]
        if len(value) > LISTED_MAX:
            found.append(shown(self._glance.words("text.and_more", len(value) - LISTED_MAX)))
        # Amounts have commas of their own.
        return joined(found, "；" if self._glance.words.language == "zh" else "; ")

    def _line_asked(self, value: Any) -> Shown:
        if not isinstance(value, dict):
            return self._line(value)
        said = self._words.of(self._words.line(str(value["id"])).get("item"))
        name = said or self._line(value["id"])
        quantity = value.get("quantity")
        if quantity is None:
            return name
        words = self._glance.words
        return joined((name, shown(quantity_shown(quantity, words.bounds, words.language))), " ")

    def _count(self, value: Any) -> Shown:
        return shown(grouped(value) if isinstance(value, int) else str(value))

    def _group(self, value: Any) -> Shown:
        words = self._glance.words
        counts = [
            shown(words("group_count." + name, words.plain(self._count(value[name]))))
            for name in ("people", "households")
            if name in value
        ]
        return joined((self._coded(taxonomy.GROUPS, value["group"]), *counts), " ")

    def _money(self, value: Any) -> Shown:
        return shown(f"{grouped(value['value'])} {value['currency']}")

    def _topic(self, value: Any) -> Shown:
        return shown(self._glance.words.topic(str(value)))

    def _yes(self, value: Any) -> Shown:
        return shown(self._glance.words("text.yes")) if value is True else NOTHING

    def _source(self, value: Any) -> Shown:
        return shown(str(value["platform"]))

    def _ext_id(self, value: Any) -> Shown:
        return shown(f"{value['scheme']} {value['id']}")

    def _areas(self, value: Any) -> Shown:
        choices, rest = place_codes(self._glance, value)
        return self._list((*(shown(choice.text) for choice in choices), *rest))

    def _earmark(self, value: Any) -> Shown:
        groups = [
            self._coded(taxonomy.GROUPS, group) for group in value.get("groups", [])[:LISTED_MAX]
        ]
        items = [
            shown(f"{item['scheme']} {item['code']}")
            for item in value.get("items", [])[:LISTED_MAX]
        ]
        return self._list((self._areas(value.get("areas", [])), *groups, *items))

    def _each(self, say: _Say, values: Any) -> Shown:
        found = [say(value) for value in values[:LISTED_MAX]]
        if len(values) > LISTED_MAX:
            found.append(shown(self._glance.words("text.and_more", len(values) - LISTED_MAX)))
        return self._list(found)

    def _list(self, found: Iterable[Shown]) -> Shown:
        return joined(found, "、" if self._glance.words.language == "zh" else ", ")


_Say: TypeAlias = Callable[[Any], Shown]
