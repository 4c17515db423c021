"""Times and instants against the standard library. Spec: 12.3.5."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from hutong_protocol.instants import instant_ms, instant_text

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59)
TIMES = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31))  # noqa: DTZ001 offsets come later


@given(TIMES, OFFSETS)
def test_the_instant_is_that_of_the_calendar(moment: datetime, minutes: int) -> None:
    moment = moment.replace(
        tzinfo=timezone(timedelta(minutes=minutes)), microsecond=moment.microsecond // 1000 * 1000
    )
    expected = (moment - EPOCH) // timedelta(milliseconds=1)
    assert instant_ms(moment.isoformat(timespec="milliseconds")) == expected


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_an_instant_written_in_utc_reads_back(ms: int) -> None:
    assert instant_ms(instant_text(ms)) == ms


def test_equal_instants_in_several_zones_are_equal() -> None:
    texts = ("2022-01-03T18:00:00+08:00", "2022-01-03T10:00:00Z", "2022-01-03T06:30:00.000-03:30")
    assert {instant_ms(text) for text in texts} == {1_641_204_000_000}
    assert instant_text(1_641_204_000_000) == "2022-01-03T10:00:00Z"
    assert instant_text(-1) == "1969-12-31T23:59:59.999Z"


def test_the_first_and_last_moment_are_outside_what_dates_can_hold() -> None:
    assert instant_ms("0001-01-01T00:00:00+23:59") == -62_135_596_800_000 - 86_340_000
    assert instant_ms("9999-12-31T23:59:59.999-23:59") == 253_402_300_799_999 + 86_340_000


@given(st.text())
def test_no_text_raises_when_read_as_a_time(text: str) -> None:
    assert instant_ms(text) is None or text
