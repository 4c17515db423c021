"""Random histories of several organisations: mostly sensible, partly wrong, partly gone.

Everything is drawn from the `Random` given, so a failing example shrinks and repeats.
"""

from __future__ import annotations

from random import Random
from typing import Any

from hutong_protocol.fold import FoldRecord, PartState
from protocol.fold.scenes import Scene, body, exact, line, org, pack

ORGS = ("SWA", "COOP", "FOUND", "SETTER", "TEAM", "ELSE")
UNITS = ("kg", "t", "jin_cn", "xiang", "hh")
TIMES = ("2022-01-02T00:00:00Z", "2022-01-04T00:00:00+08:00", "2022-01-08T12:00:00.5-03:30")


class History:
    """Says random things in a scene."""

    def __init__(self, rng: Random, *, wrongness: float = 0.15) -> None:
        self.rng = rng
        self.wrongness = wrongness
        self.scene = Scene(strict=False)
        self.ids: dict[str, list[bytes]] = {}
        self.things: list[bytes] = []

    def records(self, steps: int) -> list[FoldRecord]:
        """`steps` records."""
        self._root()
        for _ in range(steps - 1):
            self._step()
        return self.scene.records

    def _step(self) -> None:
        kinds = (
            ["revise"] * 2 + ["close", "reopen", "reconfirm", "verify", "delivered", "loss", "post"]
            + ["commitment"] * 4 + ["decision"] * 4 + ["dispatch"] * 3 + ["receipt"] * 5
        )  # fmt: skip
        if self.rng.random() < 0.04:
            self._root()
            return
        kind = self.rng.choice(kinds)
        thing = self.rng.choice(self.things)
        author = self.rng.choice(ORGS)
        facts, refs = getattr(self, f"_{kind}")()
        refs = {"thing": thing, **refs}
        if self.rng.random() < 0.3:
            refs["replaces"] = [self._any(kind) for _ in range(self.rng.randint(1, 2))]
        if self.rng.random() < 0.15 and kind not in ("revise", "close", "reopen"):
            refs["first"] = self._any(kind)
        self._keep(kind, author, facts, refs)

    def _keep(self, kind: str, author: str, facts: dict[str, Any], refs: dict[str, Any]) -> None:
        if self.rng.random() < self.wrongness:
            self._spoil(facts)
        if self.rng.random() < 0.5:
            # As one organisation would: its own thing, its own link.
            author = "SWA" if kind in ("revise", "decision", "close", "reconfirm") else author
        clock = self.rng.randint(1, 9) if self.rng.random() < 0.2 else None
        identifier = self.scene.say(author, kind, facts, clock=clock, **refs)
        self.ids.setdefault(kind, []).append(identifier)
        if self.rng.random() < self.wrongness / 3:
            self.scene.erase(identifier, self.rng.choice([PartState.ERASED, PartState.MISSING]))

    def _spoil(self, facts: dict[str, Any]) -> None:
        name = self.rng.choice([*facts, "novelty"])
        facts[name] = self.rng.choice([None, True, "", "x", 7, b"\1", [], {}, {"bound": "exact"}])

    def _any(self, kind: str) -> bytes:
        known = self.ids.get(kind)
        return self.rng.choice(known) if known and self.rng.random() < 0.9 else org("nobody")

    def _some(self, *choices: Any) -> Any:
        return self.rng.choice(choices)

    def _root(self) -> None:
        facts = body(*self._lines(), receivers=[org("TEAM")])
        self.things.append(self.scene.say(self._some("SWA", "SWA", "COOP"), "need", facts))

    def _lines(self) -> list[dict[str, Any]]:
        names = self.rng.sample(["a", "b", "c"], self.rng.randint(1, 3))
        return [line(name, self._quantity(of_a_line=True)) for name in names]

    def _quantity(self, *, of_a_line: bool = False) -> dict[str, Any]:
        unit = self.rng.choice(UNITS)
        packed = pack("xiang", self._some("0.5", "20"), "kg") if self.rng.random() < 0.3 else {}
        roll = self.rng.random()
        if of_a_line and roll < 0.15:
            return {"bound": "unbounded"}
        if roll < 0.25:
            return {"bound": "estimate", "min": "3", "max": "9.5", "unit": unit, **packed}
        if roll < 0.3:
            return {"bound": "band", "min": "5", "max": "9", "unit": "hh"}
        return exact(self._some(0, 1, 5, "12.75", 40, 900), unit, **packed)

    def _revise(self) -> tuple[dict[str, Any], dict[str, Any]]:
        facts = {"of": "need/1", "body": body(*self._lines(), receivers=[org("ELSE")])}
        return facts, {"link": self.rng.choice(self.things)}

    def _close(self) -> tuple[dict[str, Any], dict[str, Any]]:
        facts: dict[str, Any] = {"reason": self._some("fulfilled", "withdrawn", "duplicate")}
        if self.rng.random() < 0.6:
            return facts, {"target": self._any("commitment")}
        if self.rng.random() < 0.6:
            facts["lines"] = self._some(["a"], ["b", "c"])
        return facts, {"link": self.rng.choice(self.things)}

    def _reopen(self) -> tuple[dict[str, Any], dict[str, Any]]:
        facts, refs = self._close()
        del facts["reason"]
        return facts, refs

    def _reconfirm(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"valid_until": self._some(*TIMES)}, {"link": self.rng.choice(self.things)}

    def _verify(self) -> tuple[dict[str, Any], dict[str, Any]]:
        checked = self._some({"exists": True}, {"place": org("digest"), "exists": True})
        facts = {"outcome": self._some("confirmed", "refuted"), "method": "desk"}
        return {**facts, "checked": checked}, {"revision": self.rng.choice(self.things)}

    def _commitment(self) -> tuple[dict[str, Any], dict[str, Any]]:
        up_to = {"bound": "up_to", "max": "30", "unit": self.rng.choice(UNITS)}
        facts = {
            "line": self._some("a", "b", "zz"),
            "quantity": up_to if self.rng.random() < 0.1 else self._quantity(),
            "valid_until": self._some(*TIMES),
        }
        if self.rng.random() < 0.3:
            facts["provider"] = org(self._some(*ORGS))
        if self.rng.random() < 0.3:
            facts["eta"] = self._some(*TIMES)
        return facts, {"revision": self._some(*self.things, self._any("revise"))}

    def _decision(self) -> tuple[dict[str, Any], dict[str, Any]]:
        facts = {
            "line": self._some("a", "b"),
            "outcome": self._some("accept", "accept", "accept", "wait", "decline", "release"),
            "commitment_author": org(self._some(*ORGS)),
            "quantity": self._quantity(),
            "receipt_by": [org(self._some(*ORGS))],
        }
        if self.rng.random() < 0.3:
            facts["carrier"] = org(self._some(*ORGS))
        link = self.rng.choice(self.things)
        return facts, {"link": link, "revision": link, "target": self._any("commitment")}

    def _goods(self) -> tuple[dict[str, Any], dict[str, Any]]:
        facts = {"line": self._some("a", "b"), "quantity": self._quantity()}
        if self.rng.random() < 0.4:
            facts["waybill"] = self._some("W1", "W2")
        return facts, {"target": self._any("commitment")}

    _dispatch = _delivered = _goods

    def _loss(self) -> tuple[dict[str, Any], dict[str, Any]]:
        facts, refs = self._goods()
        return facts, {**refs, "dispatch": self._any("dispatch")}

    def _receipt(self) -> tuple[dict[str, Any], dict[str, Any]]:
        facts, refs = self._loss()
        facts["condition"] = self._some("ok", "ok", "short", "damaged")
        for name in ("target", "dispatch"):
            if self.rng.random() < 0.4:
                del refs[name]
        return facts, refs

    def _post(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"kind": "question"}, {}


def history(rng: Random, steps: int, *, wrongness: float = 0.15) -> list[FoldRecord]:
    """The records of a random history."""
    return History(rng, wrongness=wrongness).records(steps)
