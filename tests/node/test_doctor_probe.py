"""What the doctor says of strangers at a peer's address, and of addresses that lead nowhere."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hutong_node.clock import SystemClock
from hutong_node.doctor import peer_checks, peer_probe
from hutong_node.doctor.peer_probe import Card, Probed, card_of, probe
from hutong_node.node import Node
from hutong_node.roster import Peer
from hutong_protocol.ids import IdKind, OrgId, format_id
from node.doctor_steps import listening, silent
from node.nodes import new_node

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


def context_of(node: Node, *, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    folder = node.parts.folder
    context.load_cert_chain(folder.certificate, folder.certificate_key)
    if version is not None:
        context.maximum_version = version
    return context


def answering(answer: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    return talk


def ok(body: object, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\n\r\n".encode() + json.dumps(body).encode()


def outcome(node: Node, found: Probed, url: str = "wss://h:1") -> list[tuple[str, str]]:
    peer = Peer(node.parts.identity.org, url, node.parts.certificate, 1)
    return [(f.code, f.case) for f in peer_checks.address(peer, found)][-1:]


async def test_each_way_in_which_no_node_answers_has_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer_probe, "STEP_S", 1.0)
    node = new_node(tmp_path, "one")
    own = format_id(IdKind.ORG, node.parts.identity.org)
    other = format_id(IdKind.ORG, OrgId(bytes(32)))
    card = {"protocol": "hutong", "organisation": own, "versions": [1]}
    strangers: list[tuple[Talk, dict[str, Any], tuple[str, str]]] = [
        (silent, {}, ("peer-tls", "none")),
        (silent, {"context": context_of(node)}, ("peer-card", "none")),
        (silent, {"context": context_of(node, version=ssl.TLSVersion.TLSv1_2)},
         ("peer-tls", "old")),
        (answering(b"SSH-2.0\r\n\r\n"), {"context": context_of(node)}, ("peer-card", "none")),
        (answering(b"x" * 100_000), {"context": context_of(node)}, ("peer-card", "none")),
        (answering(ok(card, "404 Not Found")), {"context": context_of(node)},
         ("peer-card", "status")),
        (answering(ok({})), {"context": context_of(node)}, ("peer-card", "none")),
        (answering(ok(card | {"organisation": other})), {"context": context_of(node)},
         ("peer-card", "other")),
        (answering(ok(card | {"versions": [2, 7]})), {"context": context_of(node)},
         ("peer-versions", "none")),
        (answering(ok(card)), {"context": context_of(node)}, ("peer-versions", "ok")),
    ]  # fmt: skip
    for talk, options, expected in strangers:
        async with listening(talk, **options) as port:
            seen_there = await probe(f"wss://127.0.0.1:{port}", SystemClock())
            assert outcome(node, seen_there) == [expected]
    stranger = new_node(tmp_path, "stranger")
    async with listening(silent, context_of(stranger)) as port:
        found = await probe(f"wss://127.0.0.1:{port}", SystemClock())
        assert outcome(node, found) == [("peer-certificate", "other")]
    async with listening(answering(ok(card))) as port:
        url = f"ws://127.0.0.1:{port}"
        assert outcome(node, await probe(url, SystemClock()), url) == [("peer-versions", "ok")]
    await node.stop()
    await stranger.stop()


async def test_names_and_addresses_that_lead_nowhere_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = new_node(tmp_path, "one")

    async def unknown(*_: object, **__: object) -> None:
        raise OSError

    async def never(*_: object, **__: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(peer_probe, "STEP_S", 0.05)
    loop = asyncio.get_running_loop()
    for way, case in ((unknown, "unreachable"), (never, "silent")):
        with monkeypatch.context() as patched:
            patched.setattr(asyncio, "open_connection", way)
            found = await probe("wss://127.0.0.1:9", SystemClock())
            assert outcome(node, found) == [("peer-port", case)]
        with monkeypatch.context() as patched:
            patched.setattr(loop, "getaddrinfo", way)
            found = await probe("wss://node.invalid", SystemClock())
            assert outcome(node, found) == [("peer-name", "unknown")]
    await node.stop()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", None),
        (b"[]", None),
        (b"{" * 500, None),
        (b'{"protocol": "other"}', None),
        (b'{"protocol": "hutong"}', Card(None, (), "")),
        (b'{"protocol": "hutong", "organisation": "x", "versions": 1, "software": []}',
         Card(None, (), "")),
        (b'{"protocol": "hutong", "versions": [true, 1, "2", 3], "software":'
         b' {"name": "hutong", "version": "\\u001b[2J<script>"}}', Card(None, (1, 3), "hutong")),
    ],
)  # fmt: skip
def test_card_of_a_stranger_is_taken_as_far_as_it_has_the_form(
    body: bytes, expected: Card | None
) -> None:
    assert card_of(body) == expected
