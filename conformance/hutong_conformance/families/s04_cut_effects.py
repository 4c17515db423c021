"""Vectors of which cut of a log is effective. Spec: 4.8.3 to 4.8.6.

One log of one delegation in one scope is asked for; `KEPT` is its cut at seq 7. Nothing here needs
records: which heads a cut keeps is all that is decided. Hard cases 37, 43; threat 23.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, permutations
from typing import Any

from hutong_conformance import raw
from hutong_conformance.cases import Case, Json
from hutong_conformance.identity_stage import founded
from hutong_conformance.raw_identity import Event, Org

START = founded(Org("aid"))
FIRST = START.last
NODE = START.delegate("node")
OTHER = START.delegate("other")
LOG, ANOTHER = raw.bytes_from("a log"), raw.bytes_from("another log")
SCOPE = ("xian-2021", "fsc")
Heads = Sequence[tuple[int, bytes]]


def _head(seq: int, branch: str = "one") -> tuple[int, bytes]:
    return seq, raw.bytes_from(f"record {seq} of branch {branch}")


def _list(
    logs: Mapping[bytes, Heads],
    *,
    of: Event = NODE,
    scope: tuple[str, str] = SCOPE,
    salt: str = "salt",
) -> bytes:
    listed: list[Any] = [
        [log, [[seq, head] for seq, head in sorted(heads)]] for log, heads in sorted(logs.items())
    ]
    return raw.encode([of.id, list(scope), raw.bytes_from(salt, 16), listed])


KEPT = _list({LOG: [_head(7)]})
LESS = _list({LOG: [_head(3)]})
MORE = _list({LOG: [_head(9)]})
NONE = _list({ANOTHER: [_head(1)]})
SEVEN, THREE, NINE = [_head(7)], [_head(3)], [_head(9)]


def cases() -> Iterator[Case]:
    """One event, then several, then what has no effect."""
    yield from _single()
    yield from _lists()
    yield from _concurrent()
    yield from _later()
    yield from _no_effect()


def _single() -> Iterator[Case]:
    comment = "Without a revoke or resolve nothing is cut"
    yield _case("nothing", "4.8.4", comment, [NODE], [KEPT])
    taken = START.revoke(NODE, lists=[KEPT])
    comment = "A revoke keeps what its list names"
    yield _case("revoke", "4.8.4", comment, [NODE, taken], [KEPT], by=taken, heads=SEVEN)
    comment = "A revoke with an empty manifest keeps nothing"
    bare = START.revoke(NODE)
    yield _case("revoke-all", "4.8.4", comment, [NODE, bare], [], by=bare)
    comment = "A log that the list of a revoke does not have keeps nothing"
    narrow = START.revoke(NODE, lists=[NONE])
    yield _case("revoke-not-listed", "4.8.4", comment, [NODE, narrow], [NONE], by=narrow)
    settled = START.revoke(NODE, kind="resolve", lists=[KEPT])
    comment = "A resolve keeps what its list names"
    yield _case("resolve", "4.8.4", comment, [NODE, settled], [KEPT], by=settled, heads=SEVEN)
    comment = "A log that the list of a resolve does not have is not cut"
    settled = START.revoke(NODE, kind="resolve", lists=[NONE])
    yield _case("resolve-not-listed", "4.8.4", comment, [NODE, settled], [NONE])
    comment = "A resolve without a list for the scope keeps nothing"
    settled = START.revoke(NODE, kind="resolve")
    yield _case("resolve-all", "4.8.4", comment, [NODE, settled], [], by=settled)
    four = [_head(5), _head(5, "two"), _head(6, "three"), _head(4, "four")]
    whole = _list({LOG: four})
    settled = START.revoke(NODE, kind="resolve", lists=[whole])
    comment = "Hard case 37: a resolve keeps up to four heads"
    yield _case(
        "four-heads", "4.8.6", comment, [NODE, settled], [whole], by=settled, heads=sorted(four)
    )
    comment = "A revoke of another delegation does not cut"
    other = START.revoke(OTHER)
    yield _case("revoke-of-another", "4.8.4", comment, [NODE, OTHER, other], [])


def _lists() -> Iterator[Case]:
    """Which list counts. 4.8.3, 4.8.4."""
    for kind in ("revoke", "resolve"):
        cut = START.revoke(NODE, kind=kind, lists=[KEPT])
        comment = f"A {kind} whose list is not held keeps nothing until it comes"
        yield _case(f"{kind}-list-missing", "4.8.4", comment, [NODE, cut], [], by=cut)
    elsewhere = _list({LOG: SEVEN}, scope=("xian-2021", "hea"))
    foreign = _list({LOG: SEVEN}, of=OTHER)
    for name, comment, lists, held in (
        ("of-another-topic", "The list of another topic plays no part", [elsewhere], [elsewhere]),
        (
            "of-another-delegation",
            "The list of another delegation plays no part",
            [foreign],
            [foreign],
        ),
        ("not-named", "A list that the manifest does not name plays no part", [LESS], [KEPT]),
    ):
        cut = START.revoke(NODE, lists=lists)
        yield _case(f"list-{name}", "4.8.3", comment, [NODE, cut], held, by=cut)
    low, high = sorted([LESS, KEPT], key=lambda data: raw.digest("cut-list", data))
    heads = {LESS: THREE, KEPT: SEVEN}
    cut = START.revoke(NODE, lists=[low, high])
    comment = "Of two lists for the scope the one with the lowest hash counts"
    for number, held in enumerate(([low, high], [high, low]), start=1):
        yield _case(
            f"two-lists-{number}", "4.8.3", comment, [NODE, cut], held, by=cut, heads=heads[low]
        )
    comment = "Of two lists for the scope only one is held"
    yield _case(
        "two-lists-one-held", "4.8.3", comment, [NODE, cut], [high], by=cut, heads=heads[high]
    )
    lists = [KEPT, _list({LOG: THREE}, scope=("xian-2021", "hea"))]
    cut = START.revoke(NODE, lists=lists)
    comment = "Each scope has its list"
    yield _case("list-of-each-scope", "4.8.3", comment, [NODE, cut], lists, by=cut, heads=SEVEN)


def _concurrent() -> Iterator[Case]:
    """Cuts of which none follows the other. 4.8.5."""
    low, high = START.revoke(NODE, NODE, lists=[LESS]), START.revoke(NODE, NODE, lists=[KEPT])
    comment = "Threat 23: of two concurrent cuts the lower one, in any order of arrival"
    for number, three in enumerate(permutations([NODE, low, high]), start=1):
        yield _case(f"lowest-{number}", "4.8.5", comment, three, [LESS, KEPT], by=low, heads=THREE)
    wide = _list({LOG: [_head(1, "two"), _head(8)]})
    broad = START.revoke(NODE, NODE, lists=[wide])
    comment = "The highest seq of a cut counts, and the cut holds whole, never mixed"
    events = [NODE, broad, high]
    yield _case("highest-of-each", "4.8.5", comment, events, [wide, KEPT], by=high, heads=SEVEN)
    branches = [_list({LOG: [_head(7, name)]}) for name in ("one", "two")]
    pair = [START.revoke(NODE, NODE, lists=[data]) for data in branches]
    first = min(pair, key=lambda event: event.id)
    comment = "Of two cuts at one seq that of the lowest event id"
    for number, order in enumerate((pair, pair[::-1]), start=1):
        yield _case(
            f"equal-seq-{number}",
            "4.8.5",
            comment,
            [NODE, *order],
            branches,
            by=first,
            heads=[_head(7, ("one", "two")[pair.index(first)])],
        )
    zero = _list({LOG: [_head(0)]})
    opening = START.revoke(NODE, NODE, lists=[zero])
    nothing = START.revoke(NODE, NODE)
    comment = "Nothing kept is lower than seq 0"
    yield _case("below-seq-0", "4.8.5", comment, [NODE, opening, nothing], [zero], by=nothing)
    settled = START.revoke(NODE, NODE, kind="resolve", lists=[LESS])
    comment = "A resolve beside a revoke: the lower one"
    events = [NODE, high, settled]
    yield _case("resolve-beside", "4.8.5", comment, events, [LESS, KEPT], by=settled, heads=THREE)
    silent = START.revoke(NODE, NODE, kind="resolve", lists=[NONE])
    six = [FIRST, NODE, low, high, settled, silent]
    lowest = min((low, settled), key=lambda event: event.id)
    comment = "Hard case 43: six events in several orders, one cut"
    for number, races in enumerate(islice(permutations(six), 0, None, 719 // 5), start=1):
        yield _case(
            f"six-{number}",
            "4.8.5",
            comment,
            races,
            [LESS, KEPT, NONE],
            by=lowest,
            heads=THREE,
            first=(),
        )


def _later() -> Iterator[Case]:
    """A later event may move a cut. 4.8.5."""
    cut = START.revoke(NODE, NODE, lists=[KEPT])
    for name, data, heads in (("down", LESS, THREE), ("up", MORE, NINE)):
        moved = START.revoke(NODE, cut, lists=[data])
        comment = f"Hard case 43: a later revoke moves the cut {name}"
        yield _case(
            f"moved-{name}",
            "4.8.5",
            comment,
            [NODE, cut, moved],
            [KEPT, data],
            by=moved,
            heads=heads,
        )
    settled = START.revoke(NODE, cut, kind="resolve", lists=[MORE])
    comment = "A later resolve moves the cut of a revoke"
    events = [NODE, cut, settled]
    yield _case("moved-by-resolve", "4.8.5", comment, events, [KEPT, MORE], by=settled, heads=NINE)
    silent = START.revoke(NODE, cut, kind="resolve", lists=[NONE])
    comment = "A later resolve that does not list the log leaves its cut"
    events = [NODE, cut, silent]
    yield _case("resolve-leaves", "4.8.5", comment, events, [KEPT, NONE], by=cut, heads=SEVEN)
    last = START.revoke(NODE, silent, lists=[MORE])
    comment = "A cut gives way to one that follows it through other events"
    events = [NODE, cut, silent, last]
    yield _case("moved-deeper", "4.8.5", comment, events, [KEPT, NONE, MORE], by=last, heads=NINE)
    turned = START.rotate(cut)
    later = turned.revoke(NODE, lists=[MORE])
    comment = "A cut of a later epoch follows what its chain events sealed"
    events = [NODE, cut, turned.last, later]
    yield _case("moved-in-next-epoch", "4.8.5", comment, events, [KEPT, MORE], by=later, heads=NINE)
    below = START.revoke(NODE, NODE, lists=[LESS])
    moved = START.revoke(NODE, cut, lists=[MORE])
    comment = "Moving one of two concurrent cuts up leaves the other"
    events = [NODE, cut, below, moved]
    yield _case(
        "moved-one-of-two", "4.8.5", comment, events, [KEPT, LESS, MORE], by=below, heads=THREE
    )
    merged = START.revoke(NODE, cut, below, lists=[MORE])
    comment = "A cut that follows two takes the place of both"
    events = [NODE, cut, below, merged]
    yield _case("moved-both", "4.8.5", comment, events, [KEPT, LESS, MORE], by=merged, heads=NINE)
    comment = "A later cut whose list is not held keeps nothing until it comes"
    events = [NODE, cut, moved]
    yield _case("moved-list-missing", "4.8.4", comment, events, [KEPT], by=moved)


def _no_effect() -> Iterator[Case]:
    """Events that do not count, delegations that are not granted. 4.8.4, 4.8.6."""
    cut = START.revoke(NODE, NODE, lists=[KEPT])
    turned = START.rotate(NODE)
    comment = "A revoke that a key change made void does not cut"
    yield _case("void", "4.8.4", comment, [NODE, cut, turned.last], [KEPT])
    moved = START.revoke(NODE, cut, lists=[MORE])
    turned = START.rotate(cut)
    comment = "Hard case 43: the cut returns when the one that moved it becomes void"
    events = [NODE, cut, moved, turned.last]
    yield _case("moved-void", "4.8.5", comment, events, [KEPT, MORE], by=cut, heads=SEVEN)
    pair = [START.rotate(cut, name="one").last, START.rotate(NODE, name="two").last]
    comment = "Threat 23: in a dispute a revoke cuts where one contender follows it"
    yield _case("in-dispute", "4.8.4", comment, [NODE, cut, *pair], [KEPT], by=cut, heads=SEVEN)
    pair = [START.rotate(NODE, name=name).last for name in ("one", "two")]
    comment = "In a dispute a revoke does not cut where no contender follows it"
    yield _case("in-dispute-none", "4.8.4", comment, [NODE, cut, *pair], [KEPT])
    comment = "Of a delegation that is not held nothing is kept"
    yield _case("not-held", "4.8.6", comment, [], [KEPT], kept=False)
    comment = "Of an organisation that is not held nothing is kept"
    yield _case("unknown-org", "4.8.6", comment, [NODE], [KEPT], kept=False, first=())
    turned = START.rotate()
    comment = "Of a delegation that is void nothing is kept, whatever its cuts are"
    events = [NODE, turned.last, turned.revoke(NODE, lists=[KEPT])]
    yield _case("not-granted", "4.8.6", comment, events, [KEPT], kept=False)
    turned = START.rotate(affirm=[NODE])
    comment = "Of a delegation that is restored everything is kept"
    yield _case("restored", "4.8.6", comment, [NODE, turned.last], [])
    events = [NODE, turned.last, (later := turned.revoke(NODE, lists=[KEPT]))]
    comment = "A delegation that is restored can be cut"
    yield _case("restored-and-cut", "4.8.4", comment, events, [KEPT], by=later, heads=SEVEN)
    vouched = START.add("endorse", subject=raw.bytes_from("x"), spaces="*", topics="*")
    comment = "Of what is no delegation nothing is kept"
    yield _case("no-delegation", "4.8.6", comment, [vouched], [], kept=False, delegation=vouched)


def _case(
    name: str,
    section: str,
    comment: str,
    events: Sequence[Event],
    lists: Sequence[bytes],
    *,
    by: Event | None = None,
    heads: Heads = (),
    kept: bool = True,
    first: Sequence[Event] = (FIRST,),
    delegation: Event = NODE,
) -> Case:
    """The cut is `by` and keeps these heads; without it all is kept, or nothing unless `kept`."""
    given: dict[str, Json] = {
        "events": [one.json() for one in (*first, *events)],
        "org": START.org.id.hex(),
        "delegation": delegation.hex,
        "space": SCOPE[0],
        "topic": SCOPE[1],
        "log": LOG.hex(),
        "lists": [data.hex() for data in lists],
    }
    shown: Json = [[seq, head.hex()] for seq, head in heads]
    ok: Json = {"event": None if by is None else by.hex, "heads": shown}
    if kept and by is None:
        ok = None
    return Case(f"4/cut-{name}", section, "MUST", comment, "cut.effective", given, {"ok": ok})
