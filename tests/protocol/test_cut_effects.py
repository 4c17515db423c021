"""Which cut of a log is effective: what gives way, what is lowest, what keeps nothing.

Spec: 4.8.3 to 4.8.6. Hard cases 37, 43; threat 23.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol import identity_authoring as authoring
from hutong_protocol.cut_effects import Cut, cuts_of, effective_cut
from hutong_protocol.cuts import CutList, CutLog, cut_list_hash, encode_cut_list, parse_cut_list
from hutong_protocol.hashing import digest
from hutong_protocol.identity_authoring import ChainPlace, EpochPlace
from hutong_protocol.identity_events import Event
from hutong_protocol.identity_standing import standing_of
from hutong_protocol.ids import EventId, LogId, RecordId
from protocol.identity_actors import TS, actor, rotated

AID = actor()
NODE = AID.delegate("node")
OTHER = AID.delegate("other")
LOG, ANOTHER = (LogId(digest("record", name)) for name in (b"log", b"another log"))
SCOPE, ELSEWHERE = ("xian-2021", "fsc"), ("xian-2021", "hea")


def head(seq: int, branch: str = "") -> tuple[int, RecordId]:
    return seq, RecordId(digest("record", f"{seq} {branch}".encode()))


def cut_list(
    *heads: tuple[int, RecordId],
    log: LogId = LOG,
    of: Event = NODE,
    scope: tuple[str, str] = SCOPE,
    salt: int = 0,
) -> bytes:
    logs = (CutLog(log, heads),) if heads else ()
    return encode_cut_list(CutList(of.id, *scope, bytes([salt]) * 16, logs))


SEVEN, THREE, NINE = (cut_list(head(seq)) for seq in (7, 3, 9))
NOT_LISTED = cut_list(head(1), log=ANOTHER)
LISTS = (SEVEN, THREE, NINE, NOT_LISTED)


def revoke(*after: Event, lists: Iterable[bytes] = (), of: Event = NODE) -> Event:
    return authoring.revoke(
        AID.after(*(after or (NODE,))),
        delegation=of.id,
        cut_lists=map(cut_list_hash, lists),
        ts_ms=TS,
        signers=AID.control,
    )


def resolve(*after: Event, lists: Iterable[bytes] = ()) -> Event:
    return authoring.resolve(
        AID.after(*(after or (NODE,))),
        delegation=NODE.id,
        cut_lists=map(cut_list_hash, lists),
        ts_ms=TS,
        signers=AID.control,
    )


def cut(*events: Event, lists: Sequence[bytes] = LISTS, of: Event = NODE) -> Cut | None:
    """The effective cut of the log, the same in every order of up to five events."""
    known = {cut_list_hash(data): parse_cut_list(data) for data in lists}
    found = set()
    for order in permutations((AID.event, *events)):
        held = {event.id: event for event in order}
        cuts = cuts_of(held, standing_of(held.values()), of.id)
        found.add(effective_cut(cuts, known, SCOPE, LOG))
    [one] = found
    return one


def test_without_revoke_and_resolve_nothing_is_cut() -> None:
    assert cut(NODE) is None
    assert cut(NODE, OTHER, revoke(of=OTHER, lists=[SEVEN])) is None


def test_a_revoke_keeps_what_it_lists_and_nothing_else() -> None:
    for lists, heads in (([SEVEN], (head(7),)), ([NOT_LISTED], ()), ([], ())):
        taken = revoke(lists=lists)
        assert cut(NODE, taken) == Cut(taken.id, heads)


def test_a_resolve_cuts_only_the_logs_that_it_lists() -> None:
    settled = resolve(lists=[SEVEN])
    assert cut(NODE, settled) == Cut(settled.id, (head(7),))
    assert cut(NODE, resolve(lists=[NOT_LISTED])) is None
    nothing = cut_list()
    assert cut(NODE, resolve(lists=[nothing]), lists=[nothing]) is None


def test_an_event_whose_list_is_not_held_keeps_nothing_until_it_comes() -> None:
    for event in (revoke(lists=[SEVEN]), resolve(lists=[SEVEN]), resolve()):
        assert cut(NODE, event, lists=()) == Cut(event.id, ())


def test_lists_of_other_scopes_and_delegations_play_no_part() -> None:
    for data in (cut_list(head(7), scope=ELSEWHERE), cut_list(head(7), of=OTHER)):
        taken = revoke(lists=[data])
        assert cut(NODE, taken, lists=[data]) == Cut(taken.id, ())
    taken = revoke(lists=[SEVEN])
    assert cut(NODE, taken, lists=[THREE]) == Cut(taken.id, ())


def test_of_two_lists_for_one_scope_that_of_the_lowest_hash_counts() -> None:
    pair = sorted((cut_list(head(7)), cut_list(head(3), salt=1)), key=cut_list_hash)
    taken = revoke(lists=pair)
    kept = {data: parse_cut_list(data).logs[0].heads for data in pair}
    assert cut(NODE, taken, lists=pair) == Cut(taken.id, kept[pair[0]])
    assert cut(NODE, taken, lists=pair[1:]) == Cut(taken.id, kept[pair[1]])


def test_of_concurrent_cuts_the_lowest_holds_as_a_whole() -> None:
    """Threat 23: whoever still has the keys cannot raise the cut."""
    low, high = revoke(lists=[THREE]), revoke(lists=[NINE])
    assert cut(NODE, low, high) == Cut(low.id, (head(3),))
    four = cut_list(head(1), head(8, "x"))
    wide, seven = revoke(lists=[four]), resolve(lists=[SEVEN])
    assert cut(NODE, wide, seven, lists=(four, SEVEN)) == Cut(seven.id, (head(7),))


def test_of_cuts_at_one_seq_that_of_the_lowest_event_holds() -> None:
    branches = [cut_list(head(7, name)) for name in ("one", "two")]
    pair = [revoke(lists=[data]) for data in branches]
    first = min(pair, key=lambda event: event.id)
    heads = (head(7, ("one", "two")[pair.index(first)]),)
    assert cut(NODE, *pair, lists=branches) == Cut(first.id, heads)


def test_nothing_kept_is_lower_than_the_open_record() -> None:
    zero = cut_list(head(0))
    nothing = revoke()
    assert cut(NODE, revoke(lists=[zero]), nothing, lists=[zero]) == Cut(nothing.id, ())


def test_a_later_event_moves_a_cut_down_or_up() -> None:
    """Hard case 43: what was beyond comes back."""
    first = revoke(lists=[SEVEN])
    for data, seq in ((THREE, 3), (NINE, 9)):
        for moved in (revoke(first, lists=[data]), resolve(first, lists=[data])):
            assert cut(NODE, first, moved) == Cut(moved.id, (head(seq),))


def test_a_later_resolve_that_does_not_list_the_log_leaves_its_cut() -> None:
    first = revoke(lists=[SEVEN])
    silent = resolve(first, lists=[NOT_LISTED])
    assert cut(NODE, first, silent) == Cut(first.id, (head(7),))
    last = revoke(silent, lists=[NINE])
    assert cut(NODE, first, silent, last) == Cut(last.id, (head(9),))


def test_a_cut_that_follows_two_takes_the_place_of_both_and_of_one_only_of_that() -> None:
    low, high = revoke(lists=[THREE]), revoke(lists=[SEVEN])
    moved = revoke(high, lists=[NINE])
    assert cut(NODE, low, high, moved) == Cut(low.id, (head(3),))
    merged = revoke(low, high, lists=[NINE])
    assert cut(NODE, low, high, merged) == Cut(merged.id, (head(9),))


def test_a_cut_of_a_later_epoch_follows_those_that_were_sealed() -> None:
    first = revoke(lists=[THREE])
    turned = rotated(AID, AID.end(first))
    later = authoring.revoke(
        EpochPlace(AID.org, turned.id, (turned.id,)),
        delegation=NODE.id,
        cut_lists=[cut_list_hash(NINE)],
        ts_ms=TS,
        signers=AID.following,
    )
    assert cut(NODE, first, turned, later) == Cut(later.id, (head(9),))


def test_a_cut_that_becomes_void_gives_its_place_back() -> None:
    """Hard case 43: cut moved back."""
    first = revoke(lists=[SEVEN])
    moved = revoke(first, lists=[THREE])
    assert cut(NODE, first, moved, rotated(AID, AID.end(first))) == Cut(first.id, (head(7),))
    assert cut(NODE, first, rotated(AID, AID.end(NODE))) is None


def test_of_a_delegation_that_is_not_granted_nothing_is_kept() -> None:
    assert cut() == Cut(None, ())
    assert cut(NODE, rotated(AID, AID.end())) == Cut(None, ())
    assert cut(NODE, of=AID.event) == Cut(None, ())


def test_of_a_restored_delegation_everything_is_kept() -> None:
    turned = authoring.rotate(
        ChainPlace(AID.org, AID.event.id, 1, (AID.event.id,)),
        auth="control",
        control=authoring.key_set([key.key for key in AID.following], 1),
        next_keys=authoring.commit_to([AID.control[0].key], 1),
        affirmed=[NODE.id],
        ts_ms=TS,
        signers=AID.following,
    )
    assert cut(NODE, turned) is None


SOME = [
    NODE,
    OTHER,
    (A := revoke(lists=[SEVEN])),
    (B := revoke(lists=[THREE, NOT_LISTED])),
    resolve(lists=[NINE]),
    revoke(A, lists=[NINE]),
    resolve(A, B, lists=[NOT_LISTED]),
    revoke(of=OTHER),
]


@given(st.permutations(SOME), st.permutations(LISTS), st.integers(0, len(LISTS)))
def test_any_order_of_eight_events_and_any_part_of_the_lists_give_one_cut(
    order: list[Event], lists: list[bytes], count: int
) -> None:
    known = {cut_list_hash(data): parse_cut_list(data) for data in lists[:count]}
    found = []
    for events in (order, SOME):
        held: dict[EventId, Event] = {event.id: event for event in (*events, AID.event)}
        cuts = cuts_of(held, standing_of(held.values()), NODE.id)
        found.append(effective_cut(cuts, known, SCOPE, LOG))
    assert found[0] == found[1]
    assert found[0] is not None
