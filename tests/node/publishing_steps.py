"""Steps of publishing in tests: saying something, letting it leave, what a log continues."""

from __future__ import annotations

from contracts.made_logs import SCOPE
from hutong_node.store.interface import (
    NewPart,
    NewRecord,
    Publication,
)
from hutong_protocol.exchange import RunWant, Scope
from hutong_protocol.records import open_info, parse_header
from node.sqlite_stores import (
    OpenStore,
    require,
)


def need(text: bytes = b"facts") -> NewRecord:
    return NewRecord("need/1", parts=(NewPart(0, text),))


def publish(store: OpenStore, count: int = 1, scope: Scope = SCOPE) -> Publication:
    return store.publish(scope, [need()] * count)


def serve(store: OpenStore, publication: Publication) -> None:
    """Lets a log leave."""
    assert store.read_runs(SCOPE, [RunWant(publication.log, 0)], 2**21).runs


def after_of(store: OpenStore, publication: Publication) -> tuple[bytes, int, bytes] | None:
    """What the log of a publication says that it continues."""
    record = require(store, publication.log)
    after = open_info(parse_header(record.header)).after
    return None if after is None else tuple(after)  # type: ignore[return-value]
