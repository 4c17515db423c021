"""The drills of node/README.md, "Backups": a node is lost, and goes on from last week's backup.

Nodes are processes of their own, started and killed as people do it. After each drill nobody has
seen a fork, all hold the same, and what was erased meanwhile is gone.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hutong_node.clock import SystemClock
from hutong_node.config import DataFolder
from hutong_node.desk import running_desk
from hutong_node.marker import Mismatch
from hutong_node.node import Node, NodeParts, open_parts
from hutong_node.publishing import PublishingRefused
from hutong_node.refusals import Code
from hutong_node.restoring import WAIT_S
from hutong_node.store.interface import NewErase, StoreMethods
from hutong_node.store.sqlite.verify import verify_store
from hutong_protocol.ids import IdKind, RecordId, parse_id_as
from node.backup_steps import (
    asked,
    backed_up,
    checked,
    holding,
    hutong,
    incident,
    need,
    new_folder,
    restored,
    running,
)
from node.local_nodes import need_facts
from node.nodes import FSC, SPACE, draft

LEAK = "不该公开的一句话"
"""Words that a need brings and that are erased while the other node is lost."""


class Hands(SystemClock):
    """A clock whose monotonic time is set by hand."""

    seconds = 0.0

    def monotonic_s(self) -> float:
        return self.seconds


@dataclass(frozen=True, slots=True)
class Two:
    """The node that is lost, and its peer, which others dial; and what the first said."""

    node: DataFolder
    peer: DataFolder
    leaked: str


@pytest.fixture
def two(tmp_path: Path) -> Two:
    """Two organisations that know each other; one need with words that will be erased."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    peer = new_folder(tmp_path / "peer")
    node = new_folder(tmp_path / "node")
    text = peer.config.read_text(encoding="utf-8").replace("port = 0", f"port = {port}", 1)
    public = f'public = "wss://127.0.0.1:{port}"'
    peer.config.write_text(text.replace('# public = "wss://host:8640"', public), encoding="utf-8")
    leaked = need(peer, incident(peer), LEAK)
    with running(peer):
        invite = asked("invite", f"{SPACE}/fsc", "--data", str(peer.root))["invite"]
        asked("join", "-", "--data", str(node.root), stdin=invite)
    return Two(node, peer, leaked)


def status(folder: DataFolder) -> Any:
    return asked("status", "--data", str(folder.root))


def wait(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for what processes do by themselves."""
    end_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.2)


def equal(one: DataFolder, other: DataFolder) -> bool:
    return bool(status(one)["frontier_digest"] == status(other)["frontier_digest"])


def records_of(folder: DataFolder) -> set[str]:
    things = asked("list", "need", "--data", str(folder.root))["things"]
    return {str(thing["id"]) for thing in things}


@contextmanager
def parts_of(folder: DataFolder) -> Iterator[NodeParts]:
    """The parts of a node that doesn't run."""
    parts = open_parts(folder)
    try:
        yield parts
    finally:
        for part in (parts.index, parts.store, parts.roster):
            part.close()


def erase(folder: DataFolder, need_id: str) -> None:
    """Signs, on a node that doesn't run, that the words of a need are to go."""

    async def work() -> None:
        node = Node(open_parts(folder))
        target = RecordId(parse_id_as(IdKind.RECORD, need_id))
        try:
            await node.publish(FSC, [NewErase({target: 0b10})])
        finally:
            await node.stop()

    asyncio.run(work())


def logs_of(folder: DataFolder) -> dict[bytes, str | None]:
    """The own logs of a node that doesn't run, and why each was given up."""
    with parts_of(folder) as parts:
        return {log.log: log.retired for log in parts.store.run(StoreMethods.own_logs)}


def require_sound(*folders: DataFolder) -> None:
    """No fork, no fault, no words that were erased, all alike. None of the nodes runs."""
    ids = []
    for folder in folders:
        with parts_of(folder) as parts:
            assert parts.store.run(StoreMethods.fork_proofs) == []
            held = parts.store.run(StoreMethods.status)
            assert (held.forked_logs, held.damaged_logs) == (0, ())
            ids.append(held.records)
        assert verify_store(folder.database).problems == []
        assert status(folder)["forks"] == []
    assert len(set(ids)) == 1
    assert len({status(folder)["frontier_digest"] for folder in folders}) == 1


def test_last_weeks_backup_is_put_back_with_a_peer_in_reach(two: Two, tmp_path: Path) -> None:
    """Threat 25, hard cases 33 and 34: all that had left comes back, nothing erased does."""
    file = tmp_path / "b"
    with running(two.peer), running(two.node) as first:
        wait(lambda: equal(two.node, two.peer))
        about = incident(two.node)
        old = need(two.node, about, "备份之前")
        wait(lambda: equal(two.node, two.peer))
        told = asked("backup", "create", str(file), "--data", str(two.node.root))
        assert told["verified"]
        since = need(two.node, about, "备份之后")
        wait(lambda: equal(two.node, two.peer))
        first.kill()  # the laptop is gone, at once and for good
        first.wait()
    before = logs_of(two.node)
    shutil.rmtree(two.node.root)
    erase(two.peer, two.leaked)
    assert holding(LEAK.encode(), two.peer.root) == []
    again = DataFolder(two.node.root)
    assert hutong("backup", "restore", str(file), "--data", str(again.root)).exit_code == 0
    assert holding(LEAK.encode(), again.root) == ["hutong.db"]  # the backup is from before
    with running(two.peer), running(again):
        wait(lambda: equal(again, two.peer))
        wait(lambda: hutong("list", "need", "--data", str(again.root)).exit_code == 0)
        assert {old, since, two.leaked} <= records_of(again)
        new = need(again, about, "恢复之后")
        wait(lambda: new in records_of(two.peer))
        wait(lambda: equal(again, two.peer))
        shown = asked("show", two.leaked, "--data", str(again.root))
        assert LEAK not in str(shown)
        assert status(again)["marker_mismatch"] == Mismatch.PUT_BACK.value
    after = logs_of(again)
    assert set(before) < set(after)
    assert {log: why for log, why in after.items() if log in before and why is None} == {}
    assert [log for log, why in after.items() if why is None] == [*set(after) - set(before)]
    require_sound(again, two.peer)
    assert holding(LEAK.encode(), again.root) == []


def test_last_weeks_backup_is_put_back_with_nobody_in_reach(two: Two, tmp_path: Path) -> None:
    """Threat 26, hard case 33: after a minute it works; when a peer comes, both become equal."""
    with running(two.peer), running(two.node):
        wait(lambda: equal(two.node, two.peer))
        about = incident(two.node)
        need(two.node, about)
        wait(lambda: equal(two.node, two.peer))
        backed_up(two.node, tmp_path / "b")
        need(two.node, about, "备份之后")
        wait(lambda: equal(two.node, two.peer))
    before = logs_of(two.node)
    shutil.rmtree(two.node.root)
    erase(two.peer, two.leaked)
    again = restored(tmp_path / "b", two.node.root)

    async def minute() -> None:
        clock = Hands()
        async with Node(open_parts(again, clock)) as node:
            with pytest.raises(PublishingRefused) as refused:
                await node.publish(FSC, [draft(1)])
            assert refused.value.code is Code.RESTORING
            clock.seconds = WAIT_S
            published = await node.publish(FSC, [draft(1)])
            assert published.log not in before
            assert node.parts.restoring.withholds  # nobody gets anything of it yet

    asyncio.run(minute())
    assert "before it was compared" in str(status(again)["alarms"])
    with running(two.peer), running(again):
        wait(lambda: equal(again, two.peer))
        wait(lambda: not status(again)["alarms"] or "no peer" not in str(status(again)["alarms"]))
        new = need(again, about, "之后")
        wait(lambda: new in records_of(two.peer))
        wait(lambda: equal(again, two.peer))
    require_sound(again, two.peer)
    assert holding(LEAK.encode(), again.root) == []


def test_node_without_peers_goes_on_from_its_backup_at_once(tmp_path: Path) -> None:
    node = new_folder(tmp_path / "node")
    about = incident(node)
    with running(node) as first:
        need(node, about)
        backed_up(node, tmp_path / "b")
        first.kill()
    before = logs_of(node)
    shutil.rmtree(node.root)
    again = restored(tmp_path / "b", node.root)
    with running(again):
        need(again, about, "恢复之后")
        assert len(records_of(again)) == 2
    after = logs_of(again)
    assert set(before) < set(after)
    assert verify_store(again.database).problems == []


def test_store_copied_to_a_second_machine_continues_no_log(two: Two, tmp_path: Path) -> None:
    """Threat 24, hard case 35: the folder was copied, and both copies were started by turns."""
    with running(two.peer), running(two.node):
        about = incident(two.node)
        need(two.node, about)
        wait(lambda: equal(two.node, two.peer))
    before = logs_of(two.node)
    second = DataFolder(tmp_path / "second")
    shutil.copytree(two.node.root, second.root)
    with running(two.peer):
        with running(two.node):
            one = need(two.node, about, "原来的机器")
            wait(lambda: one in records_of(two.peer))
        with running(second):
            wait(lambda: equal(second, two.peer))
            other = need(second, about, "第二台机器")
            wait(lambda: other in records_of(two.peer))
        with running(two.node):
            wait(lambda: equal(two.node, two.peer))
            third = need(two.node, about, "又是原来的机器")
            wait(lambda: third in records_of(two.peer))
            wait(lambda: equal(two.node, two.peer))
        with running(second):
            wait(lambda: equal(second, two.peer))
    assert {log for log, why in logs_of(two.node).items() if why is None} == set(before)
    assert all(why is not None for log, why in logs_of(second).items() if log in before)
    require_sound(two.node, second, two.peer)


def test_backup_of_a_node_that_publishes_without_a_pause_is_whole(two: Two, tmp_path: Path) -> None:
    """Threat 61: each is of one moment; the node signs on, and nothing that it does fails."""
    signed: list[str] = []
    stop = threading.Event()

    async def publish(about: str) -> None:
        desk = running_desk(two.node)
        assert desk is not None
        while not stop.is_set():
            item = {"type": "need/1", "space": SPACE, "topic": "fsc", "facts": need_facts(about)}
            drafts = [{**item, "text": {"title": f"第 {len(signed)} 条"}}]
            answer = await desk.call("publish", body={"drafts": drafts})
            signed.append(answer["records"][0]["id"])

    with running(two.peer), running(two.node):
        about = incident(two.node)
        writer = threading.Thread(target=lambda: asyncio.run(publish(about)))
        writer.start()
        made = None
        try:
            for number in range(3):
                before = len(signed)
                made = backed_up(two.node, tmp_path / f"b-{number}")
                assert len(signed) > before
                assert made.packing.records > before
        finally:
            stop.set()
            writer.join()
        wait(lambda: equal(two.node, two.peer))
        assert made is not None
        assert checked(tmp_path / "b-2", tmp_path).records == made.packing.records
        assert status(two.peer)["records"] >= len(signed)
    require_sound(two.node, two.peer)
