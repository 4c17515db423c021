"""Private keys stand in the files made for them, and nowhere else. Threat 28."""

from __future__ import annotations

import base64
import io
from contextlib import suppress
from pathlib import Path

import pytest
import structlog

from hutong_node.keys import KeyFileRefused, KeyKind, load_key
from hutong_node.node import Node
from hutong_node.observe import set_up_logging
from hutong_node.roster import Peer
from hutong_node.store.interface import StoreMethods
from node.nodes import FSC, draft, endpoint, introduce, new_node, until


def spellings(secret: bytes) -> set[bytes]:
    """The ways in which a key could have been written down."""
    return {
        secret,
        secret.hex().encode(),
        secret.hex().upper().encode(),
        base64.b64encode(secret).rstrip(b"="),
        base64.urlsafe_b64encode(secret).rstrip(b"="),
        base64.b32encode(secret).rstrip(b"="),
        base64.b32encode(secret).rstrip(b"=").lower(),
    }


def secrets_of(node: Node) -> dict[Path, bytes]:
    """The private keys of a node by their files."""
    folder = node.parts.folder
    found = {}
    for path in folder.keys.iterdir():
        for kind in KeyKind:
            with suppress(KeyFileRefused):
                found[path] = load_key(path, kind)
        assert path in found
    tls = folder.certificate_key.read_bytes()
    found[folder.certificate_key] = b"".join(tls.splitlines()[1:-1])[:64]
    return found


def files_of(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def places(secret: bytes, files: list[Path]) -> list[Path]:
    """The files in which a secret stands in any spelling."""
    return [
        path for path in files if any(spelt in path.read_bytes() for spelt in spellings(secret))
    ]


async def test_private_keys_are_in_no_log_and_no_other_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Threat 28: after joining, exchanging, failing and stopping, also in what it printed."""
    lines = io.StringIO()
    set_up_logging(level="DEBUG", stream=lines)
    try:
        one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
        secrets = {**secrets_of(one), **secrets_of(two)}
        async with one, two:
            await introduce(one, two, [FSC])
            for number in range(20):
                await one.publish(FSC, [draft(number)])
                await two.publish(FSC, [draft(number)])
            await until(lambda: one.parts.store.run(StoreMethods.status).records == 42)
            (peer,) = two.parts.roster.peers()
            two.parts.roster.set_peer(Peer(peer.org, endpoint(one), bytes(32), 1))
            await two.peering.cut(peer.org)
            await two.roster_changed()
            await until(lambda: "certificate" in (two.peering.statuses()[0].last_reason or ""))
    finally:
        structlog.reset_defaults()
    log = tmp_path / "log"
    log.write_text(lines.getvalue() + "".join(capfd.readouterr()), encoding="utf-8")
    assert "peer-lost" in log.read_text(encoding="utf-8")
    files = files_of(tmp_path)
    assert len(secrets) >= 4
    assert len(files) > 15
    for path, secret in secrets.items():
        assert places(secret, files) == [path]


def test_a_secret_that_was_written_down_is_found(tmp_path: Path) -> None:
    secret = bytes(range(32))
    (tmp_path / "plain").write_bytes(b"x" + secret + b"y")
    (tmp_path / "text").write_text("key: " + base64.b64encode(secret).decode(), encoding="ascii")
    (tmp_path / "other").write_text(secret[1:].hex(), encoding="ascii")
    found = places(secret, sorted(tmp_path.iterdir()))
    assert [path.name for path in found] == ["plain", "text"]
