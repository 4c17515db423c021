"""How far this node had come with each peer: hints that save listings, kept with the store.

Owns their form. Losing one costs a longer comparison and nothing else, so anything odd counts as
nothing. Spec: 7.6.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hutong_node.store.interface import NodeStore, StoreMethods
from hutong_protocol.encoding import Encodable, decode, encode
from hutong_protocol.exchange import Cursor, Scope
from hutong_protocol.faults import ProtocolFault
from hutong_protocol.ids import OrgId

_BYTES_MAX: Final = 1_048_576


async def keep_cursors(
    store: NodeStore, org: OrgId | None, cursors: Mapping[Scope, Cursor]
) -> None:
    """Keeps what a settled session with a peer came to."""
    if org is not None:
        listed: list[Encodable] = [[*scope, *cursor] for scope, cursor in sorted(cursors.items())]
        await store.call(StoreMethods.set_hint, _name(org), encode(listed))


async def kept_cursors(store: NodeStore, org: OrgId) -> dict[Scope, Cursor]:
    """What was kept at the last settled session with a peer."""
    hint = await store.call(StoreMethods.hint, _name(org))
    cursors: dict[Scope, Cursor] = {}
    try:
        listed = decode(hint or b"\x90", bytes_max=_BYTES_MAX)
    except ProtocolFault:
        return cursors
    for entry in listed if isinstance(listed, list) else []:
        match entry:
            case [str(space), str(topic), bytes(epoch), int(counter)]:
                cursors[Scope(space, topic)] = Cursor(epoch, counter)
    return cursors


def _name(org: OrgId) -> str:
    return f"cursors/{org.hex()}"
