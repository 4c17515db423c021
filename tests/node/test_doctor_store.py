"""The doctor and stores that were damaged, mixed up, put back or moved. It changes none of them."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from contracts.contract_steps import revocation
from contracts.made_logs import MadeLog
from hutong_node.clock import SystemClock
from hutong_node.config import DataFolder
from hutong_node.doctor import store_checks
from hutong_node.doctor.premises import premises
from hutong_node.founding import CONTROL_FILE, load_identity
from hutong_node.keys import KeyKind, load_key
from hutong_node.node import Node, open_parts
from hutong_node.store.interface import Policy, StoreMethods
from hutong_node.store.sqlite import glance as looking
from hutong_node.store.sqlite.connection import WAL_BYTES_MAX
from hutong_protocol import signatures
from hutong_protocol.exchange import RunWant
from hutong_protocol.identity import evaluate
from hutong_protocol.identity_authoring import KeySigner, epoch_place, revoke
from hutong_protocol.identity_contents import EVERYTHING, Rights
from hutong_protocol.identity_events import parse_event
from hutong_protocol.ids import EventId
from node.doctor_steps import At, Found, Sick, looked, paste, told
from node.nodes import BASE, FSC, draft, new_node
from simulation.parties import Party, found


@asynccontextmanager
async def stopped(root: Path, name: str = "one") -> AsyncIterator[DataFolder]:
    """The folder of a node that wrote two records, gave them away, and was stopped."""
    node = new_node(root, name)
    await signed(node)
    await node.stop()
    yield node.parts.folder


async def signed(node: Node) -> None:
    """Two more records in the open log, and all of them gone out."""
    await node.publish(FSC, [draft(1), draft(2)])
    for log in node.parts.store.run(StoreMethods.own_logs):
        wants = [RunWant(log.log, 0)]
        node.parts.store.run(StoreMethods.read_runs, log.scope, wants, 2**21)


def sql(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, values)


def seen(found: Found, code: str) -> set[str]:
    return set(found[code])


async def test_store_of_a_stopped_node_is_read_and_not_changed(tmp_path: Path) -> None:
    async with stopped(tmp_path) as folder:
        kept = {path: path.read_bytes() for path in (folder.database, folder.marker)}
        finding = await looked(folder)
        assert finding["store"]["ok"].facts["records"] == 3
        for code, case in (
            ("restore-marker", "ok"),
            ("own-identity", "ok"),
            ("own-times", "ok"),
            ("other-identities", "ok"),
            ("forks", "none"),
            ("missing-parts", "none"),
            ("index", "ok"),
            ("roster", "no-peer"),
        ):
            assert seen(finding, code) == {case}, code
        assert {path: path.read_bytes() for path in kept} == kept
        again = Node(open_parts(folder))
        assert again.parts.store.mismatch is None
        await again.stop()


@pytest.mark.parametrize(
    ("reason", "state"),
    [("marker-missing", "bad"), ("marker-damaged", "bad"), ("other-store", "bad"),
     ("store-copied", "warn"), ("store-behind", "bad"), ("other-machine", "warn")],
)  # fmt: skip
async def test_restore_marker_that_does_not_fit_is_told_while_it_can_be_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str, state: str
) -> None:
    """Threats 24 to 26. The next start would give up the logs; looking doesn't."""
    async with stopped(tmp_path) as folder, stopped(tmp_path, "other") as other:
        kept, older = tmp_path / "kept", tmp_path / "older"
        shutil.copytree(folder.root, kept)
        match reason:
            case "marker-missing":
                folder.marker.unlink()
            case "marker-damaged":
                folder.marker.write_bytes(b"x" * 100)
            case "other-store":
                shutil.copy(other.marker, folder.marker)
            case "store-copied":
                folder.database.rename(older)
                shutil.copy(older, folder.database)
            case "store-behind":
                shutil.copy(folder.database, older)
                node = Node(open_parts(folder))
                await signed(node)
                await node.stop()
                folder.database.write_bytes(older.read_bytes())  # the same file, an older content
            case "other-machine":
                monkeypatch.setattr(store_checks, "machine_id", lambda: bytes(32))
        finding = await looked(folder)
        assert seen(finding, "restore-marker") == {reason}
        assert told(finding["restore-marker"][reason]).state == state
        assert seen(await looked(folder), "restore-marker") == {reason}
        if reason.startswith("marker") or reason == "other-store":
            shutil.copy(kept / folder.marker.name, folder.marker)
            node = Node(open_parts(folder))
            assert node.parts.store.mismatch is None
            await node.stop()


async def test_store_that_is_gone_is_told_apart_from_one_that_never_was(tmp_path: Path) -> None:
    async with stopped(tmp_path) as folder:
        folder.database.unlink()
        assert seen(await looked(folder), "store") == {"missing"}
        assert not folder.database.exists()
        folder.marker.unlink()
        assert seen(await looked(folder), "store") == {"new"}


@pytest.mark.parametrize(
    ("statement", "case"),
    [
        ("INSERT INTO schema_version VALUES (99, 'later.sql', 'x')", "newer"),
        ("UPDATE schema_version SET checksum = 'x'", "other-version"),
        ("DELETE FROM schema_version", "older"),
        ("PRAGMA journal_mode = DELETE", "not-wal"),
        ("DROP TABLE own_logs", "unreadable"),
    ],
)
async def test_store_of_another_version_or_mode_is_named(
    tmp_path: Path, statement: str, case: str
) -> None:
    async with stopped(tmp_path) as folder:
        sql(folder.database, statement)
        finding = await looked(folder)
        assert case in finding["store"]
        if case == "not-wal":
            assert finding["database"]["not-wal"].facts["mode"] == "delete"
            assert seen(await looked(folder), "store") == {"not-wal"}


async def test_files_that_are_no_sound_databases_are_named_and_saved_by_the_command(
    tmp_path: Path,
) -> None:
    async with stopped(tmp_path) as folder:
        node = Node(open_parts(folder))
        await node.publish(FSC, [draft(number) for number in range(300)])
        await node.stop()
        (folder.root / "intake.db").write_bytes(b"no database " * 1_000)
        content = bytearray(folder.database.read_bytes())
        page = len(content) - 4 * 4_096
        content[page : page + 512] = bytes(512)
        folder.database.write_bytes(content)
        finding = await looked(folder)
        assert finding["database"]["unreadable"].facts["name"] == "intake.db"
        assert finding["database"]["unreadable"].facts["error"] == "SQLITE_NOTADB"
        damaged = finding["database"]["damaged"]
        assert damaged.facts["name"] == "hutong.db"
        assert damaged.facts["problem"]
        paste(damaged)
        copy = folder.root.with_name(folder.root.name + ".copy")
        assert (copy / "hutong.db").read_bytes() == bytes(content)


async def test_time_for_looking_through_files_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "_STEPS", 1)
    async with stopped(tmp_path) as folder:
        finding = await looked(folder, seconds=0)
        assert "unfinished" in finding["database"]
        assert "--seconds" in told(finding["database"]["unfinished"]).command
        assert seen(await looked(folder), "database") == {"ok"}


async def test_write_ahead_log_that_nobody_empties_is_told(tmp_path: Path) -> None:
    async with stopped(tmp_path) as folder:
        node = Node(open_parts(folder))
        log = folder.root / "index.db-wal"
        try:
            with log.open("r+b") as stream:
                stream.truncate(2 * WAL_BYTES_MAX + 1)
            finding = await looked(folder)
            assert finding["write-ahead-log"]["large"].facts["name"] == "index.db"
        finally:
            await node.stop()


def own_revocation(folder: DataFolder) -> object:
    """An event by which this organisation takes its node's rights away, which this version can't
    apply yet."""
    identity = load_identity(folder)
    seed = load_key(folder.keys / CONTROL_FILE, KeyKind.CONTROL)
    state = evaluate([parse_event(event) for event in identity.events])[identity.org]
    signer = KeySigner(signatures.public_key(seed), lambda m: signatures.sign(seed, m))
    return revoke(
        epoch_place(state),
        delegation=identity.delegation,
        cut_lists=[],
        ts_ms=9,
        signers=[signer],
    ).to_value()


async def test_own_organisation_that_is_frozen_is_bad_and_others_are_a_warning(
    tmp_path: Path,
) -> None:
    async with stopped(tmp_path) as folder:
        node = Node(open_parts(folder))
        party = await let_in(node)
        store = node.parts.store
        store.run(StoreMethods.store_events, party.org, [revocation(party)])
        finding = await looked(folder)
        assert finding["other-identities"]["frozen"].facts["count"] == 1
        assert seen(finding, "own-identity") == {"ok"}
        own = node.parts.identity.org
        store.run(StoreMethods.store_events, own, [own_revocation(folder)])
        finding = await looked(folder)
        assert finding["own-identity"]["frozen"].facts["reason"] == "revoke"
        assert finding["other-identities"]["frozen"].facts["count"] == 1
        await node.stop()


async def let_in(node: Node) -> Party:
    party = found(Random(3))
    node.parts.roster.let_in(party.org, "", 1)
    await node.roster_changed()
    node.parts.store.run(StoreMethods.store_events, party.org, party.values)
    return party


@pytest.mark.parametrize(
    ("rights", "case"),
    [
        (Rights(EVERYTHING, EVERYTHING, write=True, session=True, erase=False), "ok"),
        (Rights(EVERYTHING, EVERYTHING, write=False, session=True, erase=True), "rights-lacking"),
        (Rights(EVERYTHING, EVERYTHING, write=True, session=False, erase=True), "rights-lacking"),
        (Rights(EVERYTHING, ("hea",), write=True, session=True, erase=True), "scopes-outside"),
    ],
)
def test_delegation_that_gives_too_little_is_told(rights: Rights, case: str) -> None:
    (finding,) = store_checks._rights(rights, [FSC, BASE])
    assert finding.case == case
    if case == "scopes-outside":
        assert finding.facts["scopes"] == "xian-2021/fsc, xian-2021/base"


async def test_delegation_that_the_store_does_not_know_is_told(tmp_path: Path) -> None:
    async with stopped(tmp_path) as folder:
        with premises(folder, Sick(), SystemClock(), None) as at:
            assert at.identity is not None
            other = replace(at, identity=replace(at.identity, delegation=EventId(bytes(32))))
            findings = list(store_checks.store(other))
        assert [f.case for f in findings if f.code == "own-identity"] == ["not-delegated"]
        sql(folder.database, "DELETE FROM identity_events")
        assert seen(await looked(folder), "own-identity") == {"not-stored"}


async def test_forks_of_others_and_of_this_organisation_are_told_apart(tmp_path: Path) -> None:
    """Threat 15."""
    rng = Random(15)
    async with stopped(tmp_path) as folder:
        node = Node(open_parts(folder))
        party = await let_in(node)
        log = MadeLog(party, rng, FSC)
        log.data(3)
        branch = log.fork(2)
        log.data(1)
        branch.data(2)
        node.parts.store.run(StoreMethods.store_runs, FSC, [log.run(), branch.run()], party.org)
        finding = await looked(folder)
        assert seen(finding, "forks") == {"others"}
        await node.stop()
        sql(
            folder.database,
            "UPDATE fork_proofs SET log = (SELECT log FROM logs JOIN own_logs USING (id) LIMIT 1)",
        )
        assert seen(await looked(folder), "forks") == {"own"}


async def test_record_with_a_time_that_has_not_come_yet_is_told(tmp_path: Path) -> None:
    node = new_node(tmp_path, "one", clock=At(3 * 3_600_000))
    await signed(node)
    await node.stop()
    finding = await looked(node.parts.folder)
    assert 3 * 3_600 - 60 <= int(finding["own-times"]["ahead"].facts["ahead_s"]) <= 3 * 3_600


async def test_parts_that_nobody_had_are_counted(tmp_path: Path) -> None:
    async with stopped(tmp_path) as folder:
        sql(
            folder.database,
            "INSERT INTO missing_parts SELECT scope, id, 1, 1 FROM scopes, records WHERE row = 1",
        )
        assert (await looked(folder))["missing-parts"]["some"].facts["count"] == 1


async def test_index_is_told_when_a_running_node_does_not_keep_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stopped(tmp_path) as folder:
        node = Node(open_parts(folder))
        await node.index_is_current()
        await node.publish(FSC, [draft(3)])
        assert (await looked(folder))["index"]["ok"].facts["count"] == 1
        monkeypatch.setattr(store_checks, "_INDEX_BEHIND_MAX", 0)
        assert seen(await looked(folder), "index") == {"ok"}  # it doesn't run, so nothing is late
        await node.stop()
        (folder.root / "index.db").unlink()
        assert seen(await looked(folder), "index") == {"anew"}


async def test_file_of_peers_that_is_gone_is_told_and_not_made_anew(tmp_path: Path) -> None:
    async with stopped(tmp_path) as folder:
        path = folder.root / "node.db"
        path.rename(tmp_path / "kept")
        assert seen(await looked(folder), "roster") == {"missing"}
        assert not path.exists()
        path.write_bytes(b"no database at all, but as long as one" * 100)
        assert seen(await looked(folder), "roster") == {"missing"}


async def test_node_without_a_scope_is_told_what_to_do(tmp_path: Path) -> None:
    async with stopped(tmp_path) as folder:
        sql(folder.root / "node.db", "DELETE FROM subscriptions")
        finding = await looked(folder)
        assert seen(finding, "roster") == {"no-scope"}
        assert told(finding["roster"]["no-scope"]).command.startswith("hutong subscribe")


async def test_store_that_was_put_back_says_that_it_must_be_compared(tmp_path: Path) -> None:
    async with stopped(tmp_path) as folder:
        folder.marker.unlink()
        node = Node(open_parts(folder))
        await node.stop()
        finding = await looked(folder)
        assert seen(finding, "restored") == {"waits"}
        assert seen(finding, "restore-marker") == {"ok"}
        assert finding["restore-marker"]["ok"].facts["count"] == 1


async def test_looking_beside_a_running_node_takes_no_lock_away_from_it(tmp_path: Path) -> None:
    """SQLite's locks belong to the process: a file that is opened and closed would drop them."""
    async with stopped(tmp_path) as folder:
        node = Node(open_parts(folder))
        for _ in range(3):
            assert seen(await looked(folder), "database") == {"ok"}
            await node.publish(FSC, [draft(4)])
        script = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=0);"
            " c.execute('PRAGMA locking_mode=EXCLUSIVE'); c.execute('BEGIN EXCLUSIVE')"
        )
        process = await asyncio.create_subprocess_exec(
            "python3", "-c", script, str(folder.database), stderr=asyncio.subprocess.PIPE
        )
        _, said = await process.communicate()
        assert b"locked" in said
        await node.stop()


def test_what_a_glance_may_not_do_is_refused(tmp_path: Path) -> None:
    node = new_node(tmp_path, "one")
    asyncio.run(signed(node))
    (log,) = node.parts.store.run(StoreMethods.own_logs)
    policy = Policy(scopes=None)
    with looking.glance(node.parts.folder.database, node.parts.identity.org, policy) as store:
        assert store.holds(log.log, log.head.seq, log.head.record)
        assert not store.holds(log.log, log.head.seq + 1, log.head.record)
        assert not store.holds(log.log, 0, log.head.record)
        assert store.reading.read_runs(FSC, [RunWant(log.log, 0)], 2**21).runs == ()
        with pytest.raises(sqlite3.OperationalError):
            store.reading.connection.execute("DELETE FROM records")
    asyncio.run(node.stop())
