"""What a release states in public: no more than was done, and never without how it was done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hutong_node.api_models import ReleaseRequest
from hutong_node.backing import Backing, backing_of
from hutong_node.own_checks import confirmed, groups_of
from hutong_protocol.fold.basis import Check
from node.local_nodes import Local, local, row, rows


async def released(one: Local, given: Any, **request: Any) -> Any:
    """A row that was taken into the queue and released: the answer, and the thing."""
    (queued,) = (await one.service.import_rows("sheet", rows(given, queue=True))).rows
    assert queued.queue is not None
    done = await one.service.release(queued.queue, ReleaseRequest(**request))
    return done, await one.service.thing(done.thing)


async def test_desk_check_confirms_only_what_stands_in_the_row(tmp_path: Path) -> None:
    """Nobody was called: that the need exists, or that anybody can be reached, isn't stated."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        done, shown = await released(one, row("a", incident), method="desk")
        assert done.confirmed == ["place", "quantity", "urgency"]
        assert {check["group"] for check in shown.checks} == {"place", "quantity", "urgency"}
        (backing,) = shown.thing.backing
        assert (backing.third_party, backing.methods) == (False, ["desk"])
        assert backing.at is not None


async def test_desk_check_says_that_it_exists_only_where_somebody_says_so(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        done, shown = await released(
            one, row("a", incident), method="desk", groups=["exists", "reachable", "place"]
        )
        assert done.confirmed == ["exists", "place", "reachable"]
        assert {check["group"] for check in shown.checks} == {"exists", "place", "reachable"}


@pytest.mark.parametrize("method", ["one_way", "two_way", "on_site"])
async def test_whoever_asked_or_was_there_confirms_that_it_exists(
    tmp_path: Path, method: str
) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        done, shown = await released(one, row("a", incident), method=method)
        assert done.confirmed == ["exists", "place", "quantity", "urgency"]
        assert [each.methods for each in shown.thing.backing] == [[method]]


async def test_what_a_row_leaves_open_is_not_confirmed(tmp_path: Path) -> None:
    """An amount that nobody stated: the digest of nothing is no finding."""
    async with local(tmp_path) as one:
        incident = await one.incident()
        given = row("a", incident)
        line = {"id": "rice", "kind": "goods", "quantity": {"bound": "unknown"}}
        bare = given.model_copy(update={"facts": given.facts | {"lines": [line]}})
        done, shown = await released(one, bare, method="desk", checker="李", groups=["quantity"])
        assert (done.verify, done.confirmed, shown.checks) == (None, [], [])
        assert (shown.thing.verification, shown.thing.backing) == ("unchecked", [])
        assert (await one.service.queue()).waiting == 0
        again = bare.model_copy(update={"key": "b", "row": "needs.csv row b"})
        done, shown = await released(one, again, method="desk")
        assert done.confirmed == ["place", "urgency"]


async def test_what_no_check_can_be_about_is_released_without_one(tmp_path: Path) -> None:
    """Checks are of needs and offers; another record of it would stand there for nothing."""
    async with local(tmp_path) as one:
        card = row("c", "").model_copy(
            update={
                "type": "org/1",
                "topic": "base",
                "facts": {"kind": "ngo"},
                "text": {"title": "某协会"},
            }
        )
        done, shown = await released(one, card, method="two_way")
        assert done.verify is None
        assert [entry.type for entry in shown.history] == ["org/1"]


def test_groups_that_are_named_go_before_those_of_the_method() -> None:
    assert groups_of("desk", None) == ("place", "quantity", "urgency")
    assert groups_of("two_way", None) == ("exists", "place", "quantity", "urgency")
    assert groups_of("two_way", ["reachable"]) == ("reachable",)
    assert confirmed("offer/1", {}, ["place", "quantity", "urgency"]) == {}


def check(group: str, method: str, **more: Any) -> Check:
    given = {
        "line": None,
        "by": b"a" * 32,
        "record": b"r" * 32,
        "outcome": "confirmed",
        "fresh": True,
        "third_party": False,
        "checked_at_ms": 1_000,
        **more,
    }
    return Check(group=group, method=method, **given)


def test_every_method_behind_a_state_is_told_by_party_the_nearest_first() -> None:
    """A call about one part doesn't make the rest look as if it had been asked for."""
    found = backing_of(
        "confirmed",
        [
            check("place", "desk"),
            check("exists", "two_way", checked_at_ms=2_000),
            check("place", "on_site", third_party=True, checked_at_ms=None),
            check("quantity", "on_site", fresh=False),
            check("urgency", "x-drone", outcome="refuted"),
        ],
    )
    assert found == (
        Backing(True, ("on_site",), None),
        Backing(False, ("two_way", "desk"), 2_000),
    )
    assert [each.is_desk_only for each in found] == [False, False]


@pytest.mark.parametrize("state", ["unchecked", "outdated", "disputed", "follow_up"])
def test_states_that_no_check_says_have_nothing_behind_them(state: str) -> None:
    assert backing_of(state, [check("place", "desk")]) == ()
