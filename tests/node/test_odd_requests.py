"""Odd JSON to every operation: a refusal with its reason, never an error of the node.

Threats 47 to 49. Requests come as other programs send them, over HTTP, and as commands of other
packages hand them over, through the desk; both ways every answer but success is a problem document
with a code below 500, and nothing of the request stands in it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from hutong_node.desk import FolderDesk
from hutong_node.desk_requests import DeskRequests
from hutong_node.operations import OPERATIONS, Operation
from hutong_protocol.ids import IdKind, format_id
from node.local_nodes import CANARY, Client, Local, local, need_facts, served

SURROGATE: Final = "\ud800"
ODD: Final[list[Any]] = [
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 2**64, 10**40, -(2**63) - 1,
    "", " ", "x", "x" * 10_000, "\0", "\u202e", "大米", CANARY, f"请打 {CANARY}", "1", "true",
    "null", "need/1", "revise/1", "rec-x", format_id(IdKind.RECORD, bytes(32)),
    "2021-12-09T00:00:00+08:00",
    "' OR 1=1 --", "../../etc/passwd", "%00", "a/b",
    [], [[]], [None], ["x"], [1, "1"], {}, {"": ""}, {"x": {}}, {CANARY: CANARY}, {"id": 1},
]  # fmt: skip
NESTED: Final[Any] = json.loads("[" * 60 + "]" * 60)
LEAVES_MAX: Final = 40
ROUNDS: Final = 700


def sound_bodies(incident: str) -> dict[str, Any]:
    """A body that each operation takes, by its name; none that would leave this machine."""
    row = {
        "key": "a",
        "row": "needs.csv row 2",
        "type": "need/1",
        "space": "xian-2021",
        "topic": "fsc",
        "facts": need_facts(incident),
        "text": {"title": "大米", "lines": {"rice": {"item": "大米", "raw": "两袋"}}},
        "sensitive": {"contact": "x"},
        "marks": [{"cell": "D7", "field": "quantity", "what": "two-amounts", "words": "10 or 20"}],
        "thing": format_id(IdKind.RECORD, bytes(32)),
        "seen": format_id(IdKind.RECORD, bytes(32)),
    }
    draft = {
        "type": "need/1",
        "space": "xian-2021",
        "topic": "fsc",
        "refs": {},
        "facts": need_facts(incident),
        "text": {"title": "大米"},
        "client_id": "c-1",
    }
    return {
        "importRows": {
            "mapping": "rice 1",
            "run": "r",
            "last": True,
            "complete": False,
            "queue": True,
            "platform": "p",
            "first": 0,
            "state": "0" * 64,
            "columns": ["编号"],
            "any_source": True,
            "rows": [row],
        },
        "publish": {"drafts": [draft]},
        "release": {"method": "desk", "checker": "李", "groups": ["place"]},
        "refuse": {"reason": "twice", "checker": "李"},
        "releaseMany": {"method": "desk", "numbers": [1], "groups": ["place"]},
        "refuseMany": {"reason": "twice", "source": "sheet", "upto": 3, "marked": True},
        "signCard": {
            "kind": "ngo",
            "name": "妇源汇",
            "names": {"en": "Fuyuanhui"},
            "areas": ["610113"],
            "topics": ["fsc"],
            "desk": {"phone": "029-88880000"},
            "note": "救助",
            "spaces": ["xian-2021"],
        },
        "subscribe": {"scopes": [{"space": "xian-2021", "topic": "fsc"}]},
    }


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value, the whole of it included."""
    yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def changed(value: Any, path: tuple[Any, ...], change: Any) -> Any:
    """The value with another one in a place."""
    if not path:
        return change
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], change)
    return copy


def spoilt(sound: Any, chance: random.Random, odd: list[Any]) -> Any:
    """A sound body with something odd in one to three places, or a field too much or too few."""
    body = sound
    for _ in range(chance.randint(1, 3)):
        path = chance.choice(list(places(body)))
        how = chance.random()
        if how < 0.15 and path and isinstance(path[-1], str):
            inner: Any = body
            for step in path[:-1]:
                inner = inner[step]
            rest = {name: each for name, each in inner.items() if name != path[-1]}
            body = changed(body, path[:-1], rest)
        elif how < 0.25:
            body = changed(body, path, {"x": chance.choice(odd), CANARY: 1})
        else:
            body = changed(body, path, chance.choice(odd))
    return body


def odd_row(sound: Any, chance: random.Random) -> Any:
    """An import of one row with something odd inside what it says."""
    said = chance.choice(("facts", "facts", "text", "sensitive", "marks"))
    row = sound["rows"][0] | {"thing": None, "seen": None, "key": str(chance.randint(1, 5))}
    row[said] = spoilt(row[said], chance, [*ODD, NESTED, SURROGATE, 1.5, float("nan")])
    return sound | {"rows": [row], "any_source": False, "platform": None}


def targets(operation: Operation, chance: random.Random) -> str:
    """An address of an operation with odd values in its places and behind the question mark."""
    from urllib.parse import quote

    target = operation.path
    for name in ("number", "source", "id", "organisation"):
        values = ["1", "2", "sheet", "x", "9" * 15, "0", "-1", "²", "a b", "..", "org-x", "rec-x",
                   "'", "%", format_id(IdKind.RECORD, bytes(32))]  # fmt: skip
        target = target.replace(f"{{{name}}}", quote(chance.choice(values), safe=""))
    if operation.method == "GET" and chance.random() < 0.7:
        names = [*operation.query.model_fields, "x"]
        values = ["", "x", "1", "-1", "9" * 30, "true", "2021-12-09T00:00:00+08:00", "²", CANARY,
                  "need", "'", "rec-x", "0" * 64, "9999-12-31T23:59:59Z",
                  "0001-01-01T00:00:00Z"]  # fmt: skip
        target += f"?{chance.choice(names)}={quote(chance.choice(values), safe='')}"
    return target


def asked(operation: Operation) -> bool:
    """Whether an operation is tried: none that dials others or has the node wait for them."""
    away = ("join", "addPeer", "doctor")
    return operation.name not in away


def checked(status: int, told: Any, named: Any) -> None:
    """That an answer is success, or a refusal with a code, and quotes nothing."""
    assert status < 500, (named, told)
    if status == 200:
        problems = [row["problems"] for row in told.get("rows", ())]
        assert CANARY not in json.dumps(problems), (named, told)
        return
    assert {"type", "title", "status", "code"} <= told.keys(), named
    assert told["status"] == status
    assert CANARY not in json.dumps(told, ensure_ascii=False), (named, told)


async def every(one: Local, client: Client, seed: int) -> None:
    chance = random.Random(seed)
    bodies = sound_bodies(await one.incident())
    desk = DeskRequests(FolderDesk(one.service))
    operations = [each for each in OPERATIONS if asked(each)]
    operations += 8 * [each for each in operations if each.name in ("importRows", "publish")]
    for _ in range(ROUNDS):
        operation = chance.choice(operations)
        target = targets(operation, chance)
        body: Any = None
        if operation.body is not None:
            sound = bodies.get(operation.name, {"x": 1})
            body = spoilt(sound, chance, [*ODD, NESTED])
            if operation.name == "importRows" and chance.random() < 0.7:
                body = odd_row(sound, chance)
        data = None if body is None else json.dumps(body, ensure_ascii=True)
        status, told, headers = await client.ask(operation.method, target, data=data)
        if status != 200:
            assert headers["Content-Type"].startswith("application/problem+json")
        checked(status, told, (operation.name, target, data))
        status, told = await desk.ask(operation.method, target, body)
        checked(status, told, (operation.name, target, data))


@pytest.mark.parametrize("seed", range(4))
async def test_odd_requests_are_refused_with_a_reason_and_nothing_is_quoted(
    tmp_path: Path, seed: int
) -> None:
    """Threats 47, 48, 49, 54."""
    async with local(tmp_path) as one, served(one) as client:
        await every(one, client, seed)
        assert (await one.service.queue()).waiting >= 0
