"""The restore marker: what it remembers, and when own logs must not be continued."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_node import marker as markers
from hutong_node.keys import KeyFileRefused
from hutong_node.marker import (
    Belonging,
    Marked,
    Mismatch,
    Place,
    RestoreMarker,
    belonging_of,
    judge,
    machine_id,
    mark_put_back,
    read_marker,
)
from hutong_protocol.exchange import Scope

SCOPE = Scope("xian-2021", "fsc")
BELONGING = Belonging(b"g" * 16, b"m" * 32, 77)
LOGS = [bytes([number]) * 32 for number in range(5)]


def place(seq: int) -> Place:
    return Place(seq, seq.to_bytes(32, "big"), SCOPE)


def holds_all(log: bytes, seq: int, record: bytes) -> bool:
    return True


def test_the_highest_place_of_each_log_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "marker"
    marker = RestoreMarker(path, BELONGING, {})
    marker.mark_left([(LOGS[0], place(3)), (LOGS[1], place(0)), (LOGS[0], place(9))])
    marker.mark_left([(LOGS[0], place(5))])
    marker.mark_left([])
    expected = Marked(BELONGING, {LOGS[0]: place(9), LOGS[1]: place(0)})
    assert read_marker(path) == expected
    marker.close()
    RestoreMarker(path, BELONGING, expected.left).close()
    assert read_marker(path) == expected


def test_what_is_known_already_costs_no_write(tmp_path: Path) -> None:
    path = tmp_path / "marker"
    marker = RestoreMarker(path, BELONGING, {})
    marker.mark_left([(LOGS[0], place(3))])
    before = path.stat().st_size
    marker.mark_left([(LOGS[0], place(3)), (LOGS[0], place(2))])
    assert path.stat().st_size == before
    marker.close()


def test_what_is_marked_is_synced_before_the_call_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threat 58: the marker is on disk before the record leaves."""
    marker = RestoreMarker(tmp_path / "marker", BELONGING, {})
    synced: list[bytes] = []
    monkeypatch.setattr(
        os, "fdatasync", lambda file: synced.append((tmp_path / "marker").read_bytes())
    )
    marker.mark_left([(LOGS[0], place(3))])
    assert len(synced) == 1
    assert LOGS[0].hex().encode() in synced[0]
    marker.close()


def test_nothing_may_leave_when_the_marker_cannot_be_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = RestoreMarker(tmp_path / "marker", BELONGING, {})

    def broken(file: int) -> None:
        raise OSError("input/output error")

    monkeypatch.setattr(os, "fdatasync", broken)
    with pytest.raises(OSError, match="input/output"):
        marker.mark_left([(LOGS[0], place(3))])
    monkeypatch.undo()
    with pytest.raises(OSError, match="could not be written before"):
        marker.mark_left([(LOGS[0], place(3))])


def test_a_long_marker_is_rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markers, "_REWRITE_BYTES", 2_000)
    path = tmp_path / "marker"
    marker = RestoreMarker(path, BELONGING, {})
    for seq in range(100):
        marker.mark_left([(LOGS[seq % 2], place(seq))])
        assert path.stat().st_size <= 2_000
    assert read_marker(path) == Marked(BELONGING, {LOGS[0]: place(98), LOGS[1]: place(99)})
    marker.close()


@given(cut=st.integers(0, 400))
def test_a_torn_line_is_left_out_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    """A crash while the marker was appended to: what the torn line names has not left."""
    path = tmp_path_factory.mktemp("torn") / "marker"
    marker = RestoreMarker(path, BELONGING, {LOGS[0]: place(1)})
    before = path.stat().st_size
    marker.mark_left([(LOGS[0], place(2))])
    marker.close()
    content = path.read_bytes()
    length = before + cut % (len(content) - before + 1)
    path.write_bytes(content[:length])
    expected = place(2) if length == len(content) else place(1)
    assert read_marker(path) == Marked(BELONGING, {LOGS[0]: expected})


@pytest.mark.parametrize("content", [b"", b"\n", b"something else\n", b"\xff\xfe" * 40 + b"\n"])
def test_a_file_that_is_no_marker_is_a_mismatch(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "marker"
    path.write_bytes(content)
    assert read_marker(path) is Mismatch.MARKER_DAMAGED


def test_a_changed_line_in_the_middle_is_a_mismatch(tmp_path: Path) -> None:
    path = tmp_path / "marker"
    RestoreMarker(path, BELONGING, {log: place(3) for log in LOGS}).close()
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b" 3 ", b" 2 ")
    path.write_bytes(b"\n".join(lines))
    assert read_marker(path) is Mismatch.MARKER_DAMAGED


def test_a_store_and_its_own_marker_belong_together() -> None:
    marked = Marked(BELONGING, {LOGS[0]: place(3)})
    assert judge(marked, BELONGING, False, holds_all) is None
    assert judge(None, BELONGING, True, holds_all) is None


@pytest.mark.parametrize(
    ("marked", "belonging", "expected"),
    [
        (None, BELONGING, Mismatch.MARKER_MISSING),
        (Mismatch.MARKER_DAMAGED, BELONGING, Mismatch.MARKER_DAMAGED),
        (Marked(BELONGING, {}), Belonging(b"h" * 16, b"m" * 32, 77), Mismatch.OTHER_STORE),
        (Marked(BELONGING, {}), Belonging(b"g" * 16, b"n" * 32, 77), Mismatch.OTHER_MACHINE),
        (Marked(BELONGING, {}), Belonging(b"g" * 16, b"m" * 32, 78), Mismatch.STORE_COPIED),
    ],
)
def test_anything_that_does_not_fit_is_a_mismatch(
    marked: Marked | Mismatch | None, belonging: Belonging, expected: Mismatch
) -> None:
    """Threats 24, 25."""
    assert judge(marked, belonging, False, holds_all) is expected


def test_a_store_that_lacks_what_has_left_is_an_older_copy() -> None:
    """Threat 25, hard case 33."""
    marked = Marked(BELONGING, {LOGS[0]: place(3), LOGS[1]: place(4)})

    def holds(log: bytes, seq: int, record: bytes) -> bool:
        return (log, seq, record) == (LOGS[0], 3, place(3).record)

    assert judge(marked, BELONGING, False, holds) is Mismatch.STORE_BEHIND


def test_a_copy_of_a_store_file_does_not_belong_to_its_marker(tmp_path: Path) -> None:
    """Threat 24."""
    (tmp_path / "records.db").write_bytes(b"store")
    (tmp_path / "copy.db").write_bytes(b"store")
    original = belonging_of(tmp_path / "records.db", b"g" * 16, b"m" * 32)
    assert original == belonging_of(tmp_path / "records.db", b"g" * 16, b"m" * 32)
    assert original != belonging_of(tmp_path / "copy.db", b"g" * 16, b"m" * 32)


def test_a_folder_that_was_put_back_says_so_and_belongs_to_no_store(tmp_path: Path) -> None:
    """Threats 25 and 26: whatever the store is, even one without records."""
    path = tmp_path / "marker"
    mark_put_back(path)
    assert read_marker(path) is Mismatch.PUT_BACK
    assert path.stat().st_mode & 0o777 == 0o600
    for is_new in (True, False):
        assert judge(read_marker(path), BELONGING, is_new, holds_all) is Mismatch.PUT_BACK
    with pytest.raises(KeyFileRefused):
        mark_put_back(path)
    RestoreMarker(path, BELONGING, {}).close()
    assert read_marker(path) == Marked(BELONGING, {})


def test_the_machine_is_told_by_the_id_that_its_system_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "machine-id").write_text("abc\n")
    monkeypatch.setattr(markers, "_MACHINE_FILES", (tmp_path / "none", tmp_path / "machine-id"))
    first = machine_id()
    assert first == machine_id()
    assert b"abc" not in first
    (tmp_path / "machine-id").write_text("abd\n")
    assert machine_id() != first
    monkeypatch.setattr(markers, "_MACHINE_FILES", ())
    assert len(machine_id()) == 32
