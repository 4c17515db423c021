"""When a clock counts as off: who must say so, how often, and that no one peer can decide it."""

from __future__ import annotations

import email.utils

from hypothesis import given
from hypothesis import strategies as st

from hutong_node.peer_clocks import (
    CLOCK_OFF_MAX_MS,
    TOLD_MAX_S,
    ClockVerdict,
    PeerClocks,
    TimeTold,
    date_ms,
    date_text,
    ping_ms,
    ping_payload,
    span_text,
)
from hutong_node.publishing import PublishingRefused
from hutong_node.refusals import Code
from hutong_node.signing_gate import SigningGate
from hutong_protocol.ids import OrgId

NOW_MS = 1_766_000_000_000
MINUTE_MS = 60_000
FAR_MS = CLOCK_OFF_MAX_MS + 1_000
ONE, TWO, THREE, FOUR = (OrgId(bytes([number]) * 32) for number in range(1, 5))


class Hands:
    """Two clocks that a test sets."""

    def __init__(self) -> None:
        self.ms = NOW_MS
        self.seconds = 1_000.0

    def now_ms(self) -> int:
        return self.ms

    def monotonic_s(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self.ms += round(seconds * 1_000)


def clocks_of(hands: Hands, offs_ms: dict[OrgId, int], *expected: OrgId) -> PeerClocks:
    """Peers that say this clock is ahead of theirs by so much."""
    clocks = PeerClocks(hands, lambda: expected)
    for org, off in offs_ms.items():
        clocks.told(org, TimeTold(hands.ms - off, hands.seconds))
    return clocks


def is_off(offs_ms: dict[OrgId, int], *expected: OrgId) -> bool:
    return clocks_of(Hands(), offs_ms, *expected).verdict().is_off


def test_without_a_peer_there_is_nothing_to_compare_with() -> None:
    """Hard case 33: no network is no reason."""
    assert clocks_of(Hands(), {}, ONE, TWO).verdict() == ClockVerdict()


def test_ten_minutes_are_near_enough_and_more_are_not() -> None:
    for side in (1, -1):
        assert not is_off({ONE: side * CLOCK_OFF_MAX_MS})
        assert is_off({ONE: side * (CLOCK_OFF_MAX_MS + 1)})


def test_only_peer_counts_alone_but_not_the_only_one_heard_of_several() -> None:
    assert is_off({ONE: FAR_MS}, ONE)
    assert not is_off({ONE: FAR_MS}, ONE, TWO)
    assert is_off({ONE: FAR_MS, TWO: FAR_MS}, ONE, TWO)


def test_more_than_half_must_agree_on_the_same_side() -> None:
    assert not is_off({ONE: FAR_MS, TWO: 0})
    assert not is_off({ONE: FAR_MS, TWO: -FAR_MS})
    assert is_off({ONE: FAR_MS, TWO: FAR_MS, THREE: 0})
    assert not is_off({ONE: FAR_MS, TWO: -FAR_MS, THREE: 0})
    assert not is_off({ONE: FAR_MS, TWO: FAR_MS, THREE: 0, FOUR: 0})
    assert is_off({ONE: -FAR_MS, TWO: -FAR_MS, THREE: -FAR_MS, FOUR: FAR_MS})


@given(
    st.lists(st.integers(-(10**13), 10**13), min_size=1, max_size=9),
    st.integers(-(10**13), 10**13),
)
def test_no_single_peer_of_several_can_stop_a_node(offs_ms: list[int], lie_ms: int) -> None:
    """Time decides nothing: what one of several says changes nothing while the others agree."""
    honest = {OrgId(bytes([number]) * 32): off for number, off in enumerate(offs_ms)}
    if not all(abs(off) <= CLOCK_OFF_MAX_MS for off in offs_ms):
        honest = {org: max(-CLOCK_OFF_MAX_MS, min(off, CLOCK_OFF_MAX_MS))
                  for org, off in honest.items()}  # fmt: skip
    assert not is_off(honest)
    liar = OrgId(b"\xff" * 32)
    assert not is_off({**honest, liar: lie_ms}, *honest)
    assert not is_off({liar: lie_ms}, liar, *honest)  # heard before all others


@given(st.lists(st.integers(-(10**13), 10**13), min_size=1, max_size=9))
def test_verdict_says_what_the_offsets_say(offs_ms: list[int]) -> None:
    offs = {OrgId(bytes([number]) * 32): off for number, off in enumerate(offs_ms)}
    verdict = clocks_of(Hands(), offs).verdict()
    assert verdict.compared == len(offs)
    assert verdict.off_ms in offs_ms
    assert all(abs(offs[org]) > CLOCK_OFF_MAX_MS for org in verdict.apart)
    assert len({offs[org] > 0 for org in verdict.apart}) <= 1
    assert verdict.is_off == (2 * len(verdict.apart) > len(offs))
    if verdict.is_off:
        assert verdict.off_ms is not None
        assert abs(verdict.off_ms) > CLOCK_OFF_MAX_MS


def test_jump_of_this_clock_is_noticed_at_once_and_so_is_setting_it_right() -> None:
    """Threat 62: without a new connection, by the monotonic clock."""
    hands = Hands()
    clocks = clocks_of(hands, {ONE: 0})
    hands.wait(3_600)
    assert clocks.offsets_ms() == {ONE: 0}
    hands.ms -= 30 * 365 * 86_400_000
    assert clocks.verdict().is_off
    hands.ms += 30 * 365 * 86_400_000
    assert not clocks.verdict().is_off


def test_peer_that_sets_its_clock_right_is_believed_the_next_time_it_says_so() -> None:
    hands = Hands()
    clocks = clocks_of(hands, {ONE: FAR_MS})
    clocks.told(ONE, TimeTold(hands.ms, hands.seconds))
    assert not clocks.verdict().is_off


def test_what_was_said_a_day_ago_or_by_a_peer_since_removed_says_nothing() -> None:
    hands = Hands()
    clocks = clocks_of(hands, {ONE: FAR_MS, TWO: FAR_MS})
    clocks.forget(TWO)
    assert list(clocks.offsets_ms()) == [ONE]
    hands.wait(TOLD_MAX_S)
    assert clocks.verdict().is_off
    hands.wait(1)
    assert clocks.verdict() == ClockVerdict()


def test_refusal_says_how_far_beside_whom_and_the_way_out() -> None:
    clocks = clocks_of(Hands(), {ONE: -FAR_MS * 12, TWO: -FAR_MS * 12, THREE: 0})
    refused = SigningGate(clocks, clock_trusted=False)()
    assert isinstance(refused, PublishingRefused)
    assert "2 h 0 min behind those of 2 of 3 peers: org-" in str(refused)
    assert str(refused).count("org-") == 2
    assert refused.code is Code.CLOCK_OFF
    assert "--trust-clock" in refused.way_out
    assert "trusted = true" in refused.way_out
    assert SigningGate(clocks, clock_trusted=True)() is None
    only = SigningGate(clocks_of(Hands(), {ONE: FAR_MS}), clock_trusted=False)()
    assert "ahead of its only peer's" in str(only)


def test_many_peers_are_named_up_to_five() -> None:
    offs = {OrgId(bytes([number]) * 32): FAR_MS for number in range(8)}
    refused = SigningGate(clocks_of(Hands(), offs), clock_trusted=False)()
    assert str(refused).endswith("and 3 more")


def test_spans_are_told_as_people_say_them() -> None:
    spans = (1_400, 11 * MINUTE_MS, -125 * MINUTE_MS, 50 * 60 * MINUTE_MS)
    assert [span_text(span) for span in spans] == ["1 s", "11 min", "2 h 5 min", "2 days"]


@given(st.integers(0, 2**53 - 1))
def test_times_are_said_in_forms_that_are_read_again(now_ms: int) -> None:
    assert ping_ms(ping_payload(now_ms)) == now_ms
    last_of_9999 = 253_402_300_799
    seconds = min(now_ms // 1_000, last_of_9999)
    assert date_ms(date_text(now_ms)) == seconds * 1_000
    assert date_text(now_ms) == email.utils.formatdate(seconds, usegmt=True)


@given(st.one_of(st.none(), st.text(max_size=40), st.from_regex(r"[A-Z][a-z]{2}, .* GMT")))
def test_date_of_another_form_says_nothing(text: str | None) -> None:
    found = date_ms(text)
    assert found is None or date_text(found)


def test_impossible_dates_and_other_payloads_say_nothing() -> None:
    for text in (
        "Mon, 31 Feb 2026 00:00:00 GMT",
        "Thu, 01 Jan 2026 25:00:00 GMT",
        "Mon, 01 Jan 0000 00:00:00 GMT",
        "Thu, 01 Jan 2026 00:00:00 UTC",
        "Thu, 01 Jan 2026 00:00:00 GMT ",
        "Thu, ٠1 Jan 2026 00:00:00 GMT",
        "Fri, 01 Jan 2026 00:00:00 GMT",  # it was a Thursday
        "Thu, 1 Jan 2026 00:00:00 GMT",
        "",
        " ",
        ",",
        "0 0 0 0 0",
    ):
        assert date_ms(text) is None, text
    assert date_ms("Thu, 01 Jan 2026 00:00:00 GMT") == 1_767_225_600_000
    assert date_ms("Sat, 31 Dec 2016 23:59:60 GMT") == 1_483_228_799_000
    for payload in (b"", b"-1", b"1.5", b" 1", b"1\n", b"9" * 17, "١".encode(), b"\xff"):
        assert ping_ms(payload) is None, payload
