"""The bytes of session frames: parsed with every bound checked, and encoded.

Owns the shapes of section 7.2. Parsing judges values, not bytes (frames are neither hashed nor
signed), and never looks into runs and events. It gives `bad-frame` or `limit-exceeded` as a
`ProtocolFault` and raises nothing else. Elements beyond those listed are ignored, and so is a whole
frame of an unknown type. Spec: 7.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, cast

import msgpack

from hutong_protocol.exchange import (
    Cursor,
    Head,
    LogHeads,
    LogRun,
    OfferedScope,
    OrgDigest,
    PartItem,
    PartWant,
    RunWant,
    Scope,
)
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.frame_bounds import decode_frame
from hutong_protocol.frames import (
    BYE_TEXT_BYTES_MAX,
    CREDIT_MAX,
    ENTRIES_MAX,
    EPOCH_BYTES,
    FAULT_BYTES_MAX,
    FEATURE_BYTES_MAX,
    FRAME_BYTES_MIN,
    FRAME_TYPES,
    HELLO_ITEMS_MAX,
    PART_WANTS_MAX,
    PROTOCOL_NAME,
    SCOPES_MAX,
    Auth,
    Bye,
    Credit,
    Done,
    Events,
    EventsWanted,
    Frame,
    FrameType,
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
from hutong_protocol.hashing import HASH_BYTES
from hutong_protocol.ids import EventId, LogId, OrgId, RecordId
from hutong_protocol.limits import (
    EPOCH_EVENTS_MAX,
    FRAME_BYTES_MAX,
    FRAME_ITEMS_MAX,
    INT_MAX,
    NAME_BYTES_MAX,
    PART_BYTES_MAX,
    PARTS_MAX,
    SALT_BYTES,
)

_NAME = re.compile(rf"[a-z0-9-]{{1,{NAME_BYTES_MAX}}}")


def parse_frame(data: bytes) -> Frame | None:
    """The frame in `data`, or None if its type is not known.

    Raises:
        ProtocolFault: LIMIT_EXCEEDED for a frame beyond its bounds or a list that is too long;
            BAD_FRAME for anything else that is not the frame its type says; nothing else.
    """
    value = decode_frame(data)
    if not isinstance(value, list) or not value or type(value[0]) is not int or value[0] < 0:
        raise _bad("a frame is an array that begins with its type")
    form = _FORMS.get(value[0])
    if form is None:
        return None
    count, parse = form
    if len(value) <= count:
        raise _bad(f"frame {value[0]} has {len(value) - 1} elements, needs {count}")
    return parse(value)


def encode_frame(frame: Frame) -> bytes:
    """The bytes of a frame. Runs and events in it must be as a store gave them."""
    # Packed without the walk of `encoding.encode`: the values come from the store or from this
    # module, maps with their keys in order, and the walk would cost more than the packing.
    return cast(bytes, msgpack.packb([FRAME_TYPES[type(frame)].value, *_elements(frame)]))


def encode_runs(scope: int, runs: Sequence[LogRun], log_name: Callable[[LogId], object]) -> bytes:
    """The bytes of a RUNS, with element 0 of each run replaced by the name of its log."""
    named = [[log_name(log), *run[1:]] for log, run in runs]
    return cast(bytes, msgpack.packb([FrameType.RUNS.value, scope, named]))


def _elements(frame: Frame) -> list[object]:
    """The elements of a frame after its type."""
    match frame:
        case Hello():
            limits = {"credit": frame.credit, "frame": frame.frame_bytes_max}
            head = [PROTOCOL_NAME, frame.versions, frame.features, frame.role]
            return [*head, frame.nonce, frame.org, frame.delegation, limits]
        case Auth(signature):
            return [signature]
        case Events(org, events, more):
            return [org, events, more]
        case EventsWanted(org, have):
            return [org, have]
        case Scopes(offers):
            return [[[*scope, salt] for scope, salt in offers]]
        case Shared(choices):
            return [choices]
        case Root(root, done):
            return [root, done]
        case Roots(roots):
            return [roots]
        case HeadsWanted(scope, since, after):
            return [scope, *(since or (None, 0)), after]
        case Heads(scope, cursor, full, logs, orgs, more):
            listed = [[log.log, log.heads] for log in logs]
            return [scope, *cursor, full, listed, orgs, more]
        case RunsWanted(scope, wants):
            return [scope, [want if want.runs_max else want[:2] for want in wants]]
        case Runs(scope, runs):
            return [scope, runs]
        case RunsEnd(scope):
            return [scope]
        case Credit(frames):
            return [frames]
        case PartsWanted(scope, wants):
            return [scope, wants]
        case Parts(scope, items, more):
            return [scope, items, more]
        case Done(root, round_number, again):
            return [root, round_number, again]
        case Refused(scope, log, first_seq, fault):
            return [scope, log, first_seq, fault]
        case Have(scope, logs):
            return [scope, [[log, *head] for log, head in logs]]
        case Bye(fault, text):
            return [fault, text]


def _bad(rule: str) -> ProtocolFault:
    return ProtocolFault(Fault.BAD_FRAME, rule)


def _int(value: object, low: int = 0, high: int = INT_MAX) -> int:
    if type(value) is not int or not low <= value <= high:
        raise _bad(f"needs an int from {low} to {high}")
    return value


def _bool(value: object) -> bool:
    if type(value) is not bool:
        raise _bad("needs a bool")
    return value


def _bin(value: object, length: int = HASH_BYTES) -> bytes:
    if type(value) is not bytes or len(value) != length:
        raise _bad(f"needs a bin of {length} bytes")
    return value


def _text(value: object, bytes_max: int) -> str:
    if type(value) is not str or len(value.encode("utf-8", "surrogatepass")) > bytes_max:
        raise _bad(f"needs a text of at most {bytes_max} bytes")
    return value


def _name(value: object) -> str:
    if type(value) is not str or not _NAME.fullmatch(value):
        raise _bad("needs a name of a space or topic")
    return value


def _array(value: object, count_max: int, count_min: int = 0) -> list[object]:
    if type(value) is not list or len(value) < count_min:
        raise _bad(f"needs an array of at least {count_min}")
    if len(value) > count_max:
        raise ProtocolFault(Fault.LIMIT_EXCEEDED, f"array of {len(value)}, at most {count_max}")
    return value


def _tuple(value: object, length: int) -> list[object]:
    if type(value) is not list or len(value) < length:
        raise _bad(f"needs an array of {length} elements")
    return value


def _log(value: object) -> LogId:
    return LogId(RecordId(_bin(value)))


def _scope(value: object) -> int:
    return _int(value, 0, SCOPES_MAX - 1)


def _ascending(ids: Sequence[bytes]) -> None:
    if any(second <= first for first, second in pairwise(ids)):
        raise _bad("ids out of order")


def _hello(value: list[object]) -> Hello:
    if value[1] != PROTOCOL_NAME:
        raise _bad("another protocol")
    limits = value[8]
    if not isinstance(limits, dict):
        raise _bad("limits are a map")
    return Hello(
        versions=tuple(_int(item) for item in _array(value[2], HELLO_ITEMS_MAX, 1)),
        features=tuple(
            _text(item, FEATURE_BYTES_MAX) for item in _array(value[3], HELLO_ITEMS_MAX)
        ),
        role=_int(value[4], 0, 1),
        nonce=_bin(value[5]),
        org=OrgId(EventId(_bin(value[6]))),
        delegation=EventId(_bin(value[7])),
        frame_bytes_max=_int(limits.get("frame"), FRAME_BYTES_MIN, FRAME_BYTES_MAX),
        credit=_int(limits.get("credit"), 1, CREDIT_MAX),
    )


def _events(value: list[object]) -> Events:
    return Events(OrgId(_bin(value[1])), tuple(_array(value[2], FRAME_ITEMS_MAX)), _bool(value[3]))


def _events_wanted(value: list[object]) -> EventsWanted:
    have = tuple(EventId(_bin(item)) for item in _array(value[2], EPOCH_EVENTS_MAX))
    return EventsWanted(OrgId(_bin(value[1])), have)


def _salt(value: object) -> bytes | None:
    return None if value is None else _bin(value, SALT_BYTES)


def _scopes(value: list[object]) -> Scopes:
    offers = []
    for item in _array(value[1], SCOPES_MAX):
        space, topic, salt = _tuple(item, 3)[:3]
        offers.append(OfferedScope(Scope(_name(space), _name(topic)), _salt(salt)))
    scopes = [offer.scope for offer in offers]
    if any(second <= first for first, second in pairwise(scopes)):
        raise _bad("scopes out of order")
    return Scopes(tuple(offers))


def _shared(value: list[object]) -> Shared:
    choices = []
    for item in _array(value[1], SCOPES_MAX):
        position, salt = _tuple(item, 2)[:2]
        choices.append((_scope(position), _salt(salt)))
    if any(second[0] <= first[0] for first, second in pairwise(choices)):
        raise _bad("positions out of order")
    return Shared(tuple(choices))


def _roots(value: list[object]) -> Roots:
    return Roots(tuple(_bin(item) for item in _array(value[1], SCOPES_MAX, 1)))


def _heads_wanted(value: list[object]) -> HeadsWanted:
    counter = _int(value[3])
    since = None if value[2] is None else Cursor(_bin(value[2], EPOCH_BYTES), counter)
    return HeadsWanted(_scope(value[1]), since, None if value[4] is None else _bin(value[4]))


def _head(value: list[object]) -> Head:
    return Head(_int(value[0]), RecordId(_bin(value[1])))


def _heads(value: list[object]) -> Heads:
    logs = []
    for item in _array(value[5], ENTRIES_MAX):
        log, listed = _tuple(item, 2)[:2]
        heads = tuple(_head(_tuple(head, 2)) for head in _array(listed, 4))
        logs.append(LogHeads(_log(log), heads))
    orgs = []
    for item in _array(value[6], ENTRIES_MAX - len(logs)):
        org, digest = _tuple(item, 2)[:2]
        orgs.append(OrgDigest(OrgId(_bin(org)), _bin(digest)))
    _ascending([log.log for log in logs])
    _ascending([org.org for org in orgs])
    cursor = Cursor(_bin(value[2], EPOCH_BYTES), _int(value[3]))
    scope, full, more = _scope(value[1]), _bool(value[4]), _bool(value[7])
    return Heads(scope, cursor, full, tuple(logs), tuple(orgs), more)


def _runs_wanted(value: list[object]) -> RunsWanted:
    wants = []
    for item in _array(value[2], ENTRIES_MAX, 1):
        want = _tuple(item, 2)
        runs_max = _int(want[2]) if len(want) > 2 else 0
        wants.append(RunWant(_log(want[0]), _int(want[1]), runs_max))
    return RunsWanted(_scope(value[1]), tuple(wants))


def _runs(value: list[object]) -> Runs:
    runs = []
    for run in _array(value[2], FRAME_ITEMS_MAX, 1):
        if type(run) is not list or not run:
            raise _bad("a run is an array")
        if type(run[0]) is not int:
            _bin(run[0])
        runs.append(run)
    return Runs(_scope(value[1]), tuple(runs))


def _parts_wanted(value: list[object]) -> PartsWanted:
    wants = []
    for item in _array(value[2], PART_WANTS_MAX, 1):
        record, mask = _tuple(item, 2)[:2]
        wants.append(PartWant(RecordId(_bin(record)), _int(mask, 1, 2**PARTS_MAX - 1)))
    return PartsWanted(_scope(value[1]), tuple(wants))


def _parts(value: list[object]) -> Parts:
    items = []
    for item in _array(value[2], PART_WANTS_MAX * PARTS_MAX):
        record, position, salt, content = _tuple(item, 4)[:4]
        if type(content) is not bytes or not 1 <= len(content) <= PART_BYTES_MAX:
            raise _bad("a part is a bin within its limit")
        place = _int(position, 0, PARTS_MAX - 1)
        items.append(PartItem(RecordId(_bin(record)), place, _bin(salt, SALT_BYTES), content))
    return Parts(_scope(value[1]), tuple(items), _bool(value[3]))


def _have(value: list[object]) -> Have:
    logs = []
    for item in _array(value[2], ENTRIES_MAX, 1):
        log, *head = _tuple(item, 3)
        logs.append((_log(log), _head(head)))
    return Have(_scope(value[1]), tuple(logs))


def _refused(value: list[object]) -> Refused:
    fault = _text(value[4], FAULT_BYTES_MAX)
    return Refused(_scope(value[1]), _log(value[2]), _int(value[3]), fault)


# Elements after the type that must be there, and what reads the whole array.
_FORMS: Final[dict[int, tuple[int, Callable[[list[object]], Frame]]]] = {
    FrameType.HELLO: (8, _hello),
    FrameType.AUTH: (1, lambda value: Auth(_bin(value[1], 64))),
    FrameType.EVENTS: (3, _events),
    FrameType.EVENTS_WANTED: (2, _events_wanted),
    FrameType.SCOPES: (1, _scopes),
    FrameType.SHARED: (1, _shared),
    FrameType.ROOT: (2, lambda value: Root(_bin(value[1]), _bool(value[2]))),
    FrameType.ROOTS: (1, _roots),
    FrameType.HEADS_WANTED: (4, _heads_wanted),
    FrameType.HEADS: (7, _heads),
    FrameType.RUNS_WANTED: (2, _runs_wanted),
    FrameType.RUNS: (2, _runs),
    FrameType.RUNS_END: (1, lambda value: RunsEnd(_scope(value[1]))),
    FrameType.CREDIT: (1, lambda value: Credit(_int(value[1], 1, CREDIT_MAX))),
    FrameType.PARTS_WANTED: (2, _parts_wanted),
    FrameType.PARTS: (3, _parts),
    FrameType.DONE: (3, lambda value: Done(_bin(value[1]), _int(value[2]), _bool(value[3]))),
    FrameType.REFUSED: (4, _refused),
    FrameType.HAVE: (2, _have),
    FrameType.BYE: (
        2,
        lambda value: Bye(_text(value[1], FAULT_BYTES_MAX), _text(value[2], BYE_TEXT_BYTES_MAX)),
    ),
}
