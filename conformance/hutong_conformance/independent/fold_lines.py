"""The lines of a thing, written a second time from the specification.

Owns what a line is (12.13), its numbers by dimension (12.15) and form (12.21.5). `thing` is
the `Thing` of `fold_output` that it belongs to. Shares no code with the core.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hutong_conformance.independent.fold_numbers import Promise, of
from hutong_conformance.independent.fold_rules import coded, stated

SUMS = ("accepted", "in_transit", "received", "pledged", "proxy", "possible", "reported")


def text(amount: Fraction | None) -> str | None:
    """Spec: 12.7.8."""
    if amount is None:
        return None
    whole, rest = divmod(amount * 10**15, 10**15)
    assert rest.denominator == 1, "more than fifteen decimals"
    digits = f"{rest.numerator:015}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def dimension(quantity: dict[str, Any], pack: Any = None) -> str | None:
    """The dimension of a quantity. Spec: 12.7.6."""
    amount = stated({**quantity, "bound": "exact", "value": "1"}, pack)
    return None if amount is None else amount[0]


def item(line: dict[str, Any]) -> Any:
    """The item of a line, to compare."""
    return (line["item"]["scheme"], line["item"]["code"]) if "item" in line else None


class Line:
    """One line: its definition, and its numbers by dimension. Spec: 12.13, 12.15."""

    def __init__(self, thing: Any, name: str) -> None:
        self.id, self.thing, group = name, thing, thing.group
        versions = [v for v in group.versions if name in group.lines_of(v.id)]
        self.in_body = name in group.lines_of(group.in_force.id)
        chosen = group.in_force if self.in_body else versions[-1] if versions else None
        self.known = None if chosen is None else group.lines_of(chosen.id)[name]
        self.dimension = None if self.known is None else dimension(self.known["quantity"])
        amount = None if self.known is None else stated(self.known["quantity"])
        self.target = amount[1] if amount is not None and self.in_body else None
        if self.known is not None and not self.in_body and group.body is not None:
            self.target = Fraction()
        self.closed = thing.is_closed(name)
        self.history = [group.lines_of(v.id)[name] for v in versions]
        self.undecided = [p for p in thing.promises if p.line == name and p.undecided(thing.over)]
        goods = thing.goods
        found = {cell[1] for cell in (*goods.sent, *goods.received) if cell[0] == name}
        found |= {cell[1] for cell, _ in (*goods.delivered, *goods.lost) if cell[0] == name}
        found |= {p.accepted[0] for p in thing.promises if p.accepted and p.decided_line == name}
        found |= {a[0] for p in self.undecided for a in (p.amount, p.ceiling) if a is not None}
        self.main = self.numbers(self.dimension, self.target)
        others = [self.numbers(d, None) for d in sorted(found - {self.dimension})]
        self.other = [n for n in others if any(n[name] for name in SUMS)]

    def row(self, promise: Promise, dimension: str) -> dict[str, Fraction]:
        """a, d, r, l and v of a commitment."""
        cell, goods = (self.id, dimension), self.thing.goods
        accepted = Fraction()
        if promise.accepted and (promise.decided_line, promise.accepted[0]) == cell:
            accepted = promise.accepted[1]
        return {
            "accepted": accepted,
            "dispatched": of(goods.sent, cell, promise.id),
            "received": of(goods.received, cell, promise.id),
            "lost": goods.lost[cell, promise.id],
            "reported": goods.delivered[cell, promise.id],
        }

    def rows(self, promise: Promise) -> dict[str, dict[str, Fraction]]:
        """The rows of a commitment that are not all 0, by dimension."""
        cells = {cell[1] for cell in (*self.thing.goods.sent, *self.thing.goods.received)}
        cells |= {cell[1] for cell, _ in (*self.thing.goods.delivered, *self.thing.goods.lost)}
        cells |= {promise.accepted[0]} if promise.accepted else set()
        found = {d: self.row(promise, d) for d in cells}
        return {d: row for d, row in sorted(found.items()) if any(row.values())}

    def numbers(self, dimension: str | None, target: Fraction | None) -> dict[str, Any]:
        """The table of 12.15."""
        n: dict[str, Any] = {"dimension": dimension, "required": target}
        n |= {name: Fraction() for name in SUMS}
        direct = of(self.thing.goods.received, (self.id, dimension or ""), b"")
        n["received"] = direct
        due = hoped = Fraction()
        for promise in self.thing.promises if dimension is not None else []:
            row = self.row(promise, str(dimension))
            rest = {k: max(Fraction(), v - row["received"] - row["lost"]) for k, v in row.items()}
            n["accepted"] += row["accepted"]
            n["received"] += row["received"]
            n["in_transit"] += rest["dispatched"]
            n["reported"] += rest["reported"]
            due += rest["accepted"]
            own = Fraction()
            if promise in self.undecided:
                if promise.amount is not None and promise.amount[0] == dimension:
                    own = promise.amount[1]
                    n["proxy" if promise.provider != promise.author else "pledged"] += own
                if promise.ceiling is not None and promise.ceiling[0] == dimension:
                    n["possible"] += promise.ceiling[1]
            hoped += max(Fraction(), row["accepted"] + own - row["received"] - row["lost"])
        n["pledged"] += n["accepted"]
        zero = Fraction()
        n["open"] = n["over_promised"] = n["open_if_all_pledges_hold"] = None
        if target is not None:
            n["open"] = max(zero, target - n["received"] - due)
            n["over_promised"] = max(zero, n["pledged"] + n["proxy"] - target)
            n["open_if_all_pledges_hold"] = max(zero, target - n["received"] - hoped)
        return n

    @property
    def unquantified(self) -> int:
        """Undecided promises without amount or ceiling."""
        return sum(p.amount is None and p.ceiling is None for p in self.undecided)

    def delivery(self) -> str:
        """Spec: 12.17.4."""
        got = self.main["received"]
        if self.target is not None and got >= self.target:
            return "full"
        unmeasured = self.id in self.thing.goods.unmeasured
        return "part" if got or unmeasured or any(n["received"] for n in self.other) else "none"

    def json(self) -> dict[str, Any]:
        """Spec: 12.21.5."""
        names = ("required", "accepted", "in_transit", "received", "open", "pledged", "proxy",
                 "possible", "over_promised", "open_if_all_pledges_hold", "reported")  # fmt: skip
        return {
            "id": self.id,
            "kind": None if self.known is None else coded(self.known["kind"]),
            "closed": self.closed,
            "dimension": self.dimension,
            **{name: text(self.main[name]) for name in names},
            "unquantified": self.unquantified,
            "unmeasured": self.id in self.thing.goods.unmeasured,
            "other": [
                {"dimension": n["dimension"], **{name: text(n[name]) for name in SUMS}}
                for n in self.other
            ],
            "commitments": [self.promise_json(p) for p in self.shown()],
        }

    def shown(self) -> list[Promise]:
        """The commitments that stand at this line."""
        return [
            p for p in self.thing.promises if self.id in (p.line, p.decided_line) or self.rows(p)
        ]

    def promise_json(self, promise: Promise) -> dict[str, Any]:
        """Spec: 12.21.6."""
        rows, amounts = self.rows(promise), []
        promised = promise.amount if promise.line == self.id else None
        dimensions: set[str] = {*rows, *([promised[0]] if promised else [])}
        for d in sorted(dimensions):
            row = rows.get(d) or self.row(promise, d)
            is_promised = promised is not None and promised[0] == d
            amounts.append(
                {
                    "dimension": d,
                    "promised": text(promised[1]) if promised and is_promised else None,
                    **{name: text(amount) for name, amount in row.items()},
                }
            )
        return {
            "id": promise.id.hex(),
            "author": promise.author.hex() if promise.author else None,
            "provider": promise.provider.hex() if isinstance(promise.provider, bytes) else None,
            "proxy": promise.provider != promise.author,
            "held": promise.held is not None,
            "state": promise.state(self.thing.over),
            "overdue": self.overdue(promise),
            "amounts": amounts,
        }

    def overdue(self, promise: Promise) -> bool:
        """Whether a commitment is late here. Spec: 12.19.1."""
        due = promise.facts.get("eta", promise.facts.get("valid_until"))
        owing = (r["accepted"] > r["received"] + r["lost"] for r in self.rows(promise).values())
        return self.thing.over(due) and any(owing)
