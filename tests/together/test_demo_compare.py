"""The demo's verdict: equal stores pass, a changed byte does not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from hutong_node.config import DataFolder
from hutong_node.demo.compare import are_equal, fingerprint, read_back
from hutong_node.demo.members import Member, free_ports
from node.nodes import FSC, draft, introduce, new_node, until
from node.test_two_nodes import root_of

AS_OF_MS = 1_641_000_000_000
FLIPS = 24


def member(folder: DataFolder) -> Member:
    return Member(folder.root.name, "test", folder, 0, 0)


@pytest.fixture
async def members(tmp_path: Path) -> list[Member]:
    """Two organisations whose stores hold the same, with their nodes stopped."""
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    async with one, two:
        await introduce(one, two, [FSC])
        await one.publish(FSC, [draft(number) for number in range(200)])
        await two.publish(FSC, [draft(number) for number in range(200)])
        await until(lambda: root_of(one) == root_of(two))
    return [member(node.parts.folder) for node in (one, two)]


async def test_equal_stores_pass_and_a_lost_record_does_not(members: list[Member]) -> None:
    results = await read_back(members, AS_OF_MS)
    assert are_equal(results)
    assert [result.records for result in results] == [402, 402]
    assert not are_equal([results[0], replace(results[1], records=401)])
    assert not are_equal([results[0], replace(results[1], frontier_digest="00")])
    assert not are_equal([results[0], replace(results[1], fold_digest="00")])
    assert not are_equal([results[0], replace(results[1], problems=("rot",))])


async def test_changed_byte_in_a_database_is_noticed(members: list[Member], tmp_path: Path) -> None:
    """The issue: a byte changed in any node's database makes the demo exit with 1.

    With the fingerprint every byte shows. Without it nearly every byte that is not zero does: what
    is left over are counters of SQLite and room that it keeps free.
    """
    source = members[1].folder.database
    content = source.read_bytes()
    left = [fingerprint(each) for each in members]
    used = [at for at, byte in enumerate(content) if byte]
    rng = Random(1)
    unnoticed = 0
    for number in range(FLIPS):
        at = rng.choice(used)
        root = tmp_path / f"flipped-{number}"
        shutil.copytree(members[1].folder.root, root)
        changed = DataFolder(root)
        changed.database.write_bytes(
            content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]
        )
        pair = [members[0], member(changed)]
        assert not are_equal(await read_back(pair, AS_OF_MS, left))
        changed.database.write_bytes(
            content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]
        )
        unnoticed += are_equal(await read_back(pair, AS_OF_MS))
        shutil.rmtree(root)
    assert unnoticed <= FLIPS // 8


def test_ports_of_the_demo_are_all_different() -> None:
    ports = free_ports(6)
    assert len(set(ports)) == 6
    assert all(1_024 <= port <= 65_535 for port in ports)
