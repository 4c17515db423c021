"""What people do with their node: say, look, let in, and be told why not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hutong_node.api_models import (
    AcceptRequest,
    AddPeerRequest,
    DraftItem,
    InviteRequest,
    JoinRequest,
    PublishRequest,
    ScopeItem,
    SubscribeRequest,
)
from hutong_node.clock import SystemClock
from hutong_node.indexing import ThingFilter
from hutong_node.refusals import Code, Refused
from hutong_node.store.interface import NewErase, StoreMethods
from hutong_protocol.ids import IdKind, RecordId, format_id, parse_id_as
from node.local_nodes import CANARY, FAR_FUTURE, local, local_again, need_facts, opened
from node.nodes import FSC, SPACE, new_node, until

ANY = ThingFilter()
NOW_MS = 1_800_000_000_000


class SetClock(SystemClock):
    """The clocks of this machine, but for the wall."""

    def __init__(self, ms: int) -> None:
        self.ms = ms

    def now_ms(self) -> int:
        return self.ms


def drafts(*given: dict[str, Any]) -> PublishRequest:
    fields = {"type": "need/1", "space": SPACE, "topic": "fsc"}
    return PublishRequest(drafts=[DraftItem(**{**fields, **each}) for each in given])


async def refusal(work: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        await work
    return refused.value


async def test_published_need_is_shown_at_once_with_its_numbers(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        need = await one.draft(
            "need/1",
            "fsc",
            facts=need_facts(await one.incident()),
            text={"title": "大米", "lines": {"rice": {"item": "大米", "raw": "200公斤"}}},
        )
        shown = await one.service.thing(need)
        assert shown.thing.title == "大米"
        assert shown.thing.author.name == "one"
        (line,) = shown.lines
        assert (line.words, line.raw, line.required, line.open) == ("大米", "200公斤", "200", "200")
        assert [entry.standing for entry in shown.history] == ["effective"]
        assert shown.behind == 0


async def test_promise_decision_and_receipt_move_the_numbers(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        need = await one.draft("need/1", "fsc", facts=need_facts(await one.incident()),
                               text={"title": "米"})  # fmt: skip
        own = format_id(IdKind.ORG, one.node.parts.identity.org)
        quantity = {"bound": "exact", "value": "150", "unit": "kg"}
        about = {"thing": need, "revision": need}
        promise = await one.draft(
            "commitment/1", "fsc", refs=about,
            facts={"line": "rice", "quantity": quantity, "valid_until": FAR_FUTURE},
        )  # fmt: skip
        answer = {"outcome": "accept", "line": "rice", "commitment_author": own}
        await one.draft(
            "decision/1", "fsc", refs={**about, "link": need, "target": promise},
            facts={**answer, "quantity": quantity},
        )  # fmt: skip
        (line,) = (await one.service.thing(need)).lines
        assert (line.accepted, line.open) == ("150", "50")
        assert line.commitments[0]["id"] == promise
        assert line.commitments[0]["author"] == own


async def test_every_problem_of_every_draft_is_told_and_nothing_is_signed(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        before = one.node.parts.store.run(StoreMethods.status).records
        bad = need_facts(incident)
        bad["lines"][0]["quantity"] = {"bound": "exact", "value": 200, "unit": "kg"}
        bad["urgencyy"] = "high"
        wrong_topic = {"topic": "base", "facts": need_facts(incident), "text": {"title": "a"}}
        refused = await refusal(
            one.service.publish(
                drafts(
                    {"facts": need_facts(incident), "text": {"title": "fine"}},
                    {"facts": bad, "text": {}},
                    wrong_topic,
                    {"facts": need_facts("rec-x"), "text": {"title": "b"}},
                )
            )
        )
        assert refused.code is Code.INVALID_RECORD
        paths = [problem.path for problem in refused.problems]
        assert paths == [
            "drafts[1].facts.lines[0].quantity.value",
            "drafts[1].facts.urgencyy",
            "drafts[1].text.title",
            "drafts[2].topic",
            "drafts[3].facts.incident",
        ]
        assert refused.problems[0].example == "2500.5"
        assert one.node.parts.store.run(StoreMethods.status).records == before


async def test_personal_data_is_refused_by_kind_and_never_quoted(tmp_path: Path) -> None:
    """Threat 54; spec 13.4."""
    async with local(tmp_path) as one:
        facts = need_facts(await one.incident())
        text = {"title": "大米", "note": f"联系 {CANARY}"}
        refused = await refusal(one.service.publish(drafts({"facts": facts, "text": text})))
        (problem,) = refused.problems
        assert (problem.path, problem.rule) == ("drafts[0].text.note", "pii:cn_mobile")
        assert CANARY not in repr(refused.problems) + str(refused)


async def test_record_that_refers_to_what_is_not_held_is_refused(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        strange = format_id(IdKind.RECORD, bytes(32))
        flag = {"type": "flag/1", "refs": {"thing": strange}, "facts": {"reason": "stale"}}
        refused = await refusal(one.service.publish(drafts(flag)))
        assert [problem.path for problem in refused.problems] == ["drafts[0].refs"]
        # An incident is held, but in another topic than the flag would stand in.
        flag["refs"] = {"thing": await one.incident()}
        assert (await refusal(one.service.publish(drafts(flag)))).code is Code.INVALID_RECORD


async def test_refs_are_read_by_name_and_objections_name_them(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        need = await one.draft("need/1", "fsc", facts=need_facts(await one.incident()),
                               text={"title": "米"})  # fmt: skip
        close = {"type": "close/1", "facts": {"reason": "fulfilled"}}
        wrong = [
            ({"thing": need}, "refs.link"),
            ({"thing": need, "link": need, "dispatch": need}, "refs.dispatch"),
            ({"thing": need, "link": need, "subject": need}, "refs.subject"),
            ({"thing": need, "link": need, "replaces": need}, "refs.replaces"),
            ({"thing": need[:-1], "link": need}, "refs.thing"),
        ]
        for refs, path in wrong:
            refused = await refusal(one.service.publish(drafts({**close, "refs": refs})))
            assert [problem.path for problem in refused.problems] == [f"drafts[0].{path}"]


async def test_scope_that_is_not_held_names_the_command_that_holds_it(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        facts = need_facts(await one.incident())
        draft = {"topic": "hea", "facts": facts, "text": {"title": "a"}}
        refused = await refusal(one.service.publish(drafts(draft)))
        assert f"hutong subscribe {SPACE}/hea" in refused.problems[0].rule


async def test_same_key_gives_the_same_records_and_signs_nothing(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        facts = need_facts(await one.incident())
        request = drafts({"facts": facts, "text": {"title": "a"}})
        first = await one.service.publish(request, "monday-1")
        records = one.node.parts.store.run(StoreMethods.status).records
        again = await one.service.publish(request, "monday-1")
        assert again.records == first.records
        assert (first.replayed, again.replayed) == (0, 1)
        assert one.node.parts.store.run(StoreMethods.status).records == records
        other = drafts({"facts": facts, "text": {"title": "b"}})
        assert (await refusal(one.service.publish(other, "monday-1"))).code is Code.KEY_REUSED


async def test_same_key_is_remembered_across_a_restart(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        facts = need_facts(await one.incident())
        request = drafts({"facts": facts, "text": {"title": "a"}})
        first = await one.service.publish(request, "monday-1")
    async with local_again(one) as again:
        assert (await again.service.publish(request, "monday-1")).records == first.records


async def test_draft_with_a_client_id_counts_once_in_any_request(tmp_path: Path) -> None:
    """A team writes three receipts offline, two of them twice."""
    async with local(tmp_path) as one:
        facts = need_facts(await one.incident())
        three = [
            {"facts": facts, "text": {"title": str(number)}, "client_id": f"tablet-{number}"}
            for number in range(3)
        ]
        first = await one.service.publish(drafts(*three), "a")
        again = await one.service.publish(drafts(three[2], three[0]), "b")
        assert [record.id for record in again.records] == [
            first.records[2].id,
            first.records[0].id,
        ]
        assert again.replayed == 2
        changed = {**three[1], "text": {"title": "other"}}
        assert (await refusal(one.service.publish(drafts(changed)))).code is Code.KEY_REUSED
        twice = drafts(
            {**three[0], "client_id": "x"}, {**three[0], "client_id": "x", "text": {"title": "?"}}
        )
        assert (await refusal(one.service.publish(twice))).code is Code.KEY_REUSED


async def test_drafts_of_several_scopes_come_back_in_their_order(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        card = {"type": "org/1", "topic": "base", "facts": {"kind": "ngo"}, "text": {"title": "A"}}
        need = {"facts": need_facts(incident), "text": {"title": "b"}}
        told = await one.service.publish(drafts(need, card, need), "k")
        assert [record.topic for record in told.records] == ["fsc", "base", "fsc"]
        assert len({record.id for record in told.records}) == 3
        assert (await one.service.publish(drafts(need, card, need), "k")).replayed == 3


async def test_text_may_be_told_to_expire_and_facts_may_not(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        facts = need_facts(await one.incident())
        need = await one.draft(
            "need/1", "fsc", facts=facts, text={"title": "a"}, exp={"text": FAR_FUTURE}
        )
        record = one.node.parts.store.run(
            StoreMethods.record, RecordId(parse_id_as(IdKind.RECORD, need))
        )
        assert record is not None
        assert list(record.ext["exp"]) == ["1"]  # type: ignore[arg-type]
        past = {"facts": facts, "text": {"title": "a"}, "exp": {"text": "2001-01-01T00:00:00Z"}}
        refused = await refusal(one.service.publish(drafts(past)))
        assert refused.problems[0].path == "drafts[0].exp.text"


async def test_pages_hold_every_thing_once_while_others_are_published(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        incident = await one.incident()
        for number in range(7):
            await one.draft("need/1", "fsc", facts=need_facts(incident),
                            text={"title": str(number)})  # fmt: skip
        wanted = ThingFilter(SPACE, "fsc", "need/1")
        whole = [thing.id for thing in (await one.service.things(wanted)).things]
        seen: list[str] = []
        after = None
        while True:
            page = await one.service.things(wanted, after=after, limit=2)
            seen += [thing.id for thing in page.things]
            await one.draft("need/1", "fsc", facts=need_facts(incident), text={"title": "later"})
            after = page.next
            if after is None:
                break
        assert [identifier for identifier in seen if identifier in whole] == whole
        assert len(seen) == len(set(seen))
        refused = await refusal(one.service.things(wanted, after="AAAA"))
        assert refused.code is Code.BAD_CURSOR


async def test_life_is_that_of_the_instant_asked_for(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        facts = need_facts(await one.incident(), valid_until="2090-01-01T00:00:00Z")
        await one.draft("need/1", "fsc", facts=facts, text={"title": "a"})
        expired = ThingFilter(topic="fsc", life="expired")
        assert (await one.service.things(expired)).things == []
        later = await one.service.things(expired, as_of="2090-01-01T00:00:00Z")
        assert [thing.life for thing in later.things] == ["expired"]
        assert (await refusal(one.service.things(ANY, as_of="soon"))).code is Code.BAD_REQUEST


async def test_id_that_names_no_thing_is_explained(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        need = await one.draft("need/1", "fsc", facts=need_facts(await one.incident()),
                               text={"title": "a"})  # fmt: skip
        flag = await one.draft("flag/1", "fsc", refs={"thing": need}, facts={"reason": "stale"})
        about = await refusal(one.service.thing(flag))
        assert need in about.way_out
        nothing = format_id(IdKind.RECORD, bytes(32))
        assert (await refusal(one.service.thing(nothing))).code is Code.NOT_FOUND
        assert (await refusal(one.service.record(nothing))).code is Code.NOT_FOUND
        own = format_id(IdKind.ORG, one.node.parts.identity.org)
        assert (await refusal(one.service.thing(own))).code is Code.BAD_ID
        assert (await one.service.record(flag)).refs == {"thing": need}


async def test_erased_and_unreadable_parts_are_shown_as_such(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        need = await one.draft("need/1", "fsc", facts=need_facts(await one.incident()),
                               text={"title": "a"})  # fmt: skip
        identifier = RecordId(parse_id_as(IdKind.RECORD, need))
        await one.node.publish(FSC, [NewErase({identifier: 0b10})])
        shown = await one.service.thing(need)
        assert (shown.thing.title, shown.text) == (None, None)
        assert shown.history[0].text_state == "erased"
        assert shown.lines[0].required == "200"


@pytest.mark.parametrize(
    ("ts", "doubt"),
    [
        (0, "early"),
        (1_767_225_599_999, "early"),
        (1_767_225_600_000, None),
        (NOW_MS + 600_000, None),
        (NOW_MS + 600_001, "late"),
        (2**31 * 1_000, "late"),
        (2**53 - 1, "late"),
    ],
)
async def test_time_that_cannot_be_true_is_shown_with_a_flag(
    tmp_path: Path, ts: int, doubt: str | None
) -> None:
    """Hard case 73: such a record is accepted and counted as any other, and marked for people."""
    clock = SetClock(ts)
    async with opened(new_node(tmp_path, "one", tls=False, clock=clock)) as one:
        await one.service.subscribe(SubscribeRequest(scopes=[ScopeItem(space=SPACE, topic="fsc")]))
        need = await one.draft("need/1", "fsc", facts=need_facts(await one.incident()),
                               text={"title": "a"})  # fmt: skip
        clock.ms = NOW_MS
        shown = await one.service.thing(need)
        assert [entry.written_at_doubt for entry in shown.history] == [doubt]
        assert (await one.service.record(need)).written_at_doubt == doubt
        assert shown.lines[0].required == "200"


async def test_status_tells_digests_scopes_and_what_the_picture_rests_on(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        await one.draft("need/1", "fsc", facts=need_facts(await one.incident()),
                        text={"title": "a"})  # fmt: skip
        told = await one.service.status(as_of="2022-01-01T00:00:00Z")
        assert [(scope.topic, scope.things) for scope in told.scopes] == [("base", 1), ("fsc", 1)]
        assert all(scope.fold_digest for scope in told.scopes)
        assert told.coverage is not None
        assert told.coverage.records == 2
        assert told.records == 4  # two open records stand before them
        assert not told.running
        bare = await one.service.status(fold=False)
        assert bare.coverage is None
        assert bare.frontier_digest == told.frontier_digest


async def test_two_nodes_with_the_same_records_tell_the_same_digests(tmp_path: Path) -> None:
    """What a demonstration compares: frontier and folds at one instant."""
    one, two = new_node(tmp_path, "one"), new_node(tmp_path, "two")
    await one.start()
    await two.start()
    async with opened(one, running=True) as first, opened(two, running=True) as second:
        scope = [ScopeItem(space=SPACE, topic="fsc")]
        one.parts.roster.subscribe([FSC])
        address = f"wss://127.0.0.1:{one.peer_port}"
        invite = await first.service.invite(InviteRequest(scopes=scope, endpoint=address))
        joined = await second.service.join(JoinRequest(invite=invite.invite))
        assert joined.organisation.id == format_id(IdKind.ORG, one.parts.identity.org)
        need = need_facts(await first.incident())
        await first.draft("need/1", "fsc", facts=need, text={"title": "a"})

        def settled() -> bool:
            counts = {node.parts.store.run(StoreMethods.status).records for node in (one, two)}
            return counts == {4}

        await until(settled)
        instant = "2022-01-01T00:00:00Z"
        told = [await each.service.status(as_of=instant) for each in (first, second)]
        assert told[0].frontier_digest == told[1].frontier_digest
        assert told[0].scopes == told[1].scopes
        assert told[1].peers[0].records_received == 4
        spent = await refusal(second.service.join(JoinRequest(invite=invite.invite[:-8])))
        assert spent.code is Code.CANNOT_JOIN


async def test_organisations_are_let_in_and_forgotten_once(tmp_path: Path) -> None:
    async with local(tmp_path) as one, local(tmp_path, "two") as two:
        other = format_id(IdKind.ORG, two.node.parts.identity.org)
        request = AcceptRequest(organisation=other, note="met on site")
        assert (await one.service.accept(request)).changed
        assert not (await one.service.accept(request)).changed
        listed = await one.service.organisations()
        assert [(entry.id, entry.note) for entry in listed.organisations] == [
            (other, "met on site")
        ]
        assert (await one.service.forget_organisation(other)).changed
        assert not (await one.service.forget_organisation(other)).changed
        own = AcceptRequest(organisation=listed.own.id)
        assert (await refusal(one.service.accept(own))).code is Code.OWN_ORGANISATION


async def test_peers_need_an_address_with_a_pin_or_loopback(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        other = format_id(IdKind.ORG, bytes(32))

        async def add(endpoint: str | None, pin: str | None = None) -> bool:
            asked = AddPeerRequest(organisation=other, endpoint=endpoint, certificate=pin)
            return (await one.service.add_peer(asked)).changed

        for endpoint in ("https://a.example", "wss://a.example", "ws://192.0.2.1:8640", "wss://"):
            assert (await refusal(add(endpoint))).code is Code.CANNOT_ADD_PEER
        assert await add("wss://a.example:8640", "00" * 32)
        assert not await add("wss://a.example:8640", "00" * 32)
        assert await add("wss://a.example:8640", "11" * 32)
        assert await add("ws://127.0.0.1:8640")
        assert await add("ws://[::1]:8640")
        (peer,) = (await one.service.peers()).peers
        assert (peer.endpoint, peer.state) == ("ws://[::1]:8640", "not running")
        assert (await one.service.remove_peer(other)).changed
        assert not (await one.service.remove_peer(other)).changed


async def test_invite_for_a_scope_not_held_is_refused_with_a_way_out(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        scopes = [ScopeItem(space=SPACE, topic="hea")]
        refused = await refusal(
            one.service.invite(InviteRequest(scopes=scopes, endpoint="wss://a.example:1"))
        )
        assert refused.code is Code.CANNOT_INVITE
        assert "hutong subscribe" in refused.title
        held = [ScopeItem(space=SPACE, topic="fsc")]
        nowhere = await refusal(one.service.invite(InviteRequest(scopes=held)))
        assert "--endpoint" in nowhere.title


async def test_organisations_are_shown_by_the_name_on_their_card(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        card = {"type": "org/1", "topic": "base", "facts": {"kind": "ngo"},
                "text": {"title": "妇源汇"}}  # fmt: skip
        told = await one.service.publish(drafts(card))
        shown = await one.service.thing(told.records[0].id)
        assert shown.thing.author.name == "妇源汇"
        assert (await one.service.organisations()).own.name == "妇源汇"


async def test_node_is_ready_while_its_store_disk_and_clock_are(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        assert (await one.service.ready()).ok
        one.node.parts.store.close()
        ready = await one.service.ready()
        assert (ready.ok, ready.checks["store"]) == (False, "StoreClosed")


async def test_index_that_two_follow_at_once_ends_where_the_store_does(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        parts = one.node.parts
        await one.incident()
        reading, go_on = asyncio.Event(), asyncio.Event()

        class Slow:
            """Lets another follower overtake in the middle of a step."""

            async def call(self, method: Any, *args: Any) -> Any:
                if method is StoreMethods.records:
                    reading.set()
                    await go_on.wait()
                return await parts.store.call(method, *args)

        slow = asyncio.create_task(parts.index.follow(Slow()))  # type: ignore[arg-type]
        await reading.wait()
        await one.incident()
        quick = asyncio.create_task(parts.index.follow(parts.store))
        await asyncio.wait({quick}, timeout=0.2)
        go_on.set()
        await asyncio.gather(slow, quick)
        assert parts.index.watermark.row == parts.store.run(StoreMethods.status).records
        assert parts.index.count() == 2
