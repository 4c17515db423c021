"""One valid frame of every type, for tests that need any."""

from __future__ import annotations

from hutong_protocol.exchange import (
    Cursor,
    Head,
    LogHeads,
    OfferedScope,
    OrgDigest,
    PartItem,
    PartWant,
    RunWant,
    Scope,
)
from hutong_protocol.frames import (
    Auth,
    Bye,
    Credit,
    Done,
    Events,
    EventsWanted,
    Frame,
    Have,
    Heads,
    HeadsWanted,
    Hello,
    Parts,
    PartsWanted,
    Refused,
    Root,
    Roots,
    Runs,
    RunsEnd,
    RunsWanted,
    Scopes,
    Shared,
)
from hutong_protocol.ids import EventId, LogId, OrgId, RecordId
from hutong_protocol.limits import FRAME_BYTES_MAX, INT_MAX

LOG, LOG_2 = LogId(RecordId(b"\x01" * 32)), LogId(RecordId(b"\x02" * 32))
RECORD = RecordId(b"\x03" * 32)
ORG, EVENT = OrgId(EventId(b"\x04" * 32)), EventId(b"\x05" * 32)
HASH, SALT, EPOCH = b"\x06" * 32, b"\x07" * 16, b"\x08" * 16
CURSOR = Cursor(EPOCH, 9)

SAMPLES: list[Frame] = [
    Hello((1, 2), ("live",), 0, HASH, ORG, EVENT, FRAME_BYTES_MAX, 8),
    Auth(b"\x09" * 64),
    Events(ORG, ([b"body", [], None],), more=True),
    EventsWanted(ORG, (EVENT,)),
    Scopes((OfferedScope(Scope("a", "base"), None), OfferedScope(Scope("b", "fsc"), SALT))),
    Shared(((0, None), (1023, SALT))),
    Root(HASH, done=True),
    Roots((HASH, EVENT)),
    HeadsWanted(0, CURSOR, HASH),
    HeadsWanted(1, None, None),
    Heads(
        2,
        CURSOR,
        True,
        (LogHeads(LOG, (Head(0, RECORD), Head(INT_MAX, RECORD))), LogHeads(LOG_2, ())),
        (OrgDigest(ORG, HASH),),
        more=False,
    ),
    RunsWanted(0, (RunWant(LOG, 0), RunWant(LOG_2, 7, 1))),
    Runs(0, ([LOG, 0, b"", [], b""], [0, 1])),
    RunsEnd(3),
    Credit(64),
    PartsWanted(0, (PartWant(RECORD, 15),)),
    Parts(0, (PartItem(RECORD, 3, SALT, b"x"),), more=False),
    Done(HASH, 8, again=True),
    Refused(0, LOG, 3, "fork"),
    Have(0, ((LOG, Head(3, RECORD)),)),
    Bye("", "going home"),
]
