"""A look at a peer's address, step by step: name, port, TLS, certificate, card.

Owns one connection that says nothing but a request for the public card (spec 7.12, `/.well-known`),
and names the step that failed. Whoever answers is a stranger: sizes and times are bounded, and of
what comes only numbers, an organisation id and a version of a plain form are kept. Nothing of this
node is told to anybody. The handshake of a session is for `session_probe`.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from hutong_node.clock import Clock
from hutong_node.json_strict import BadJson, parse
from hutong_node.peer_clocks import TimeTold, date_ms
from hutong_node.transport import is_loopback
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.ids import IdKind, OrgId, parse_id_as

CARD_PATH: Final = "/.well-known/hutong"
STEP_S: Final = 5.0
_CARD_BYTES_MAX: Final = 65_536
_VERSIONS_MAX: Final = 32
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+ -]{0,31}")


@dataclass(frozen=True, slots=True)
class Card:
    """What a node says of itself to anybody, as far as it has the right form."""

    organisation: OrgId | None
    versions: tuple[int, ...]
    software: str


@dataclass(frozen=True, slots=True)
class Probed:
    """How far the look came. `failed` names the step: resolve, connect, tls, card; None for none.

    `reason` is the system's name of an error, or one of this module; `certificate` is the SHA-256
    of what was shown; `told` is what its clock said; `status` that of the answer to the card's
    request, 0 for none.
    """

    failed: str | None = None
    reason: str = ""
    addresses: int = 0
    tls: str = ""
    certificate: bytes | None = None
    status: int = 0
    card: Card | None = None
    told: TimeTold | None = None


async def probe(endpoint: str, clock: Clock) -> Probed:
    """Looks at `wss://host[:port]` or `ws://host[:port]`. Takes at most four times `STEP_S`."""
    parts = urlsplit(endpoint)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)
    try:
        async with asyncio.timeout(STEP_S):
            loop = asyncio.get_running_loop()
            addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as refused:
        return Probed("resolve", _name_of(refused))
    count = len({info[4][0] for info in addresses})
    try:
        async with asyncio.timeout(STEP_S):
            _, writer = await asyncio.open_connection(host, port)
        writer.transport.abort()
    except (OSError, TimeoutError) as refused:
        return Probed("connect", _name_of(refused), count)
    return await _greeted(parts, host, port, count, clock)


async def _greeted(parts: SplitResult, host: str, port: int, count: int, clock: Clock) -> Probed:
    """The look at a port where something listens."""
    context = _lenient() if parts.scheme == "wss" else None
    try:
        async with asyncio.timeout(STEP_S):
            reader, writer = await asyncio.open_connection(
                host, port, ssl=context, limit=_CARD_BYTES_MAX
            )
    except (OSError, TimeoutError) as refused:
        return Probed("tls", _name_of(refused), count)
    try:
        tls, certificate = "", None
        if (secured := writer.get_extra_info("ssl_object")) is not None:
            tls = secured.version() or ""
            shown = secured.getpeercert(binary_form=True)
            certificate = None if shown is None else hashlib.sha256(shown).digest()
        seen = Probed(addresses=count, tls=tls, certificate=certificate)
        try:
            async with asyncio.timeout(STEP_S):
                return await _card(reader, writer, parts.netloc, seen, clock)
        except (OSError, TimeoutError, EOFError, asyncio.LimitOverrunError) as refused:
            return _failed(seen, _name_of(refused))
    finally:
        writer.transport.abort()


async def _card(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    host: str,
    seen: Probed,
    clock: Clock,
) -> Probed:
    """Asks for the card, in the oldest form of HTTP: its answer is one piece, and then the end."""
    writer.write(f"GET {CARD_PATH} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode("ascii"))
    await writer.drain()
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    heard_s = clock.monotonic_s()
    line, *fields = head.split("\r\n")
    found = re.fullmatch(r"HTTP/1\.[01] ([0-9]{3})(?: .*)?", line)
    if found is None:
        return _failed(seen, "no-http")
    body = b""
    while len(body) <= _CARD_BYTES_MAX and (chunk := await reader.read(_CARD_BYTES_MAX)):
        body += chunk
    dates = [field[5:].strip() for field in fields if field.lower().startswith("date:")]
    peer_ms = date_ms(dates[0]) if dates else None
    status = int(found[1])
    card = card_of(body) if status == 200 else None
    return Probed(
        failed=None if card is not None else "card",
        reason="" if card is not None else ("no-card" if status == 200 else "status"),
        addresses=seen.addresses,
        tls=seen.tls,
        certificate=seen.certificate,
        status=status,
        card=card,
        told=None if peer_ms is None else TimeTold(peer_ms, heard_s),
    )


def card_of(body: bytes) -> Card | None:
    """The card in the body of an answer; None if it is none. Odd fields count as missing."""
    try:
        value = parse(body)
    except BadJson:
        return None
    if not isinstance(value, dict) or value.get("protocol") != "hutong":
        return None
    organisation = None
    if isinstance(text := value.get("organisation"), str):
        with suppress(ProtocolFault):
            organisation = OrgId(parse_id_as(IdKind.ORG, text))
    listed = value.get("versions")
    versions = [v for v in listed if type(v) is int] if isinstance(listed, list) else []
    software = value.get("software")
    named = [software.get("name"), software.get("version")] if isinstance(software, dict) else []
    words = " ".join(word for word in named if isinstance(word, str) and _PLAIN.fullmatch(word))
    return Card(organisation, tuple(versions[:_VERSIONS_MAX]), words)


def is_plain(endpoint: str) -> bool:
    """Whether an address is one without TLS, which only loopback may be."""
    parts = urlsplit(endpoint)
    return parts.scheme == "ws" and is_loopback(parts.hostname or "")


def _lenient() -> ssl.SSLContext:
    """Takes any certificate, since the pin is compared afterwards, and TLS 1.2 so as to name it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _failed(seen: Probed, reason: str) -> Probed:
    return Probed("card", reason, seen.addresses, seen.tls, seen.certificate)


def _name_of(error: Exception) -> str:
    """The kind of an error, without its words."""
    return "timed-out" if isinstance(error, TimeoutError) else type(error).__name__
