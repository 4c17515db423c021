"""The local API on a real socket: who gets in, what is taken, what refusals look like."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hutong_node.config import LocalListen
from hutong_node.http_errors import STATUS
from hutong_node.http_local import LocalApi, LocalApiRefused
from hutong_node.indexing import ThingFilter
from hutong_node.json_strict import BODY_BYTES_MAX
from hutong_node.keys import KeyFileRefused
from hutong_node.observe import set_up_logging
from hutong_node.refusals import Code
from hutong_node.running_file import RunningFile
from hutong_node.store.errors import StoreFull
from node.bad_json import MALFORMED
from node.local_nodes import CANARY, local, need_facts, row, rows, served
from node.nodes import SPACE

DRAFT = {"type": "need/1", "space": SPACE, "topic": "fsc", "text": {"title": "大米"}}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the node logs meanwhile."""
    stream = io.StringIO()
    set_up_logging(stream=stream)
    yield stream
    set_up_logging()


def body(**fields: Any) -> str:
    return json.dumps(fields, ensure_ascii=False)


async def test_request_without_the_token_is_refused_everywhere(tmp_path: Path) -> None:
    async with local(tmp_path) as one, served(one) as client:
        for wrong in (
            "",
            "Bearer",
            "Bearer x",
            f"bearer {client.token}",
            f"Bearer {client.token}x",
        ):
            for path in ("/v1/status", "/v1/openapi.json", "/nothing"):
                headers = {"Authorization": wrong}
                status, told, sent = await client.ask("GET", path, headers=headers)
                assert (status, told["code"]) == (401, "no-token")
                assert sent["WWW-Authenticate"] == "Bearer"
                assert sent["Content-Type"].startswith("application/problem+json")
        assert (await client.ask("GET", "/v1/status"))[0] == 200


async def test_web_page_gets_nowhere_even_with_the_token(tmp_path: Path) -> None:
    """Threat 46: a foreign Origin, a name rebound to this address, a body that a form can send."""
    async with local(tmp_path) as one, served(one) as client:
        for origin in ("https://evil.example", "null", client.url):
            status, told, _ = await client.ask("GET", "/v1/status", headers={"Origin": origin})
            assert (status, told["code"]) == (403, "foreign-origin")
        for host in ("evil.example", "evil.example:8641", "127.0.0.1.evil.example", "", "[::2]"):
            for path in ("/v1/status", "/healthz", "/metrics"):
                status, told, _ = await client.ask("GET", path, headers={"Host": host})
                assert (status, told["code"]) == (403, "foreign-host")
        for host in ("localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:99"):
            assert (await client.ask("GET", "/v1/status", headers={"Host": host}))[0] == 200
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
            status, told, _ = await client.ask(
                "POST", "/v1/records", data="{}", headers={"Content-Type": kind}
            )
            assert (status, told["code"]) == (415, "wrong-content-type")
        squeezed = {"Content-Encoding": "gzip"}
        status, _, _ = await client.ask("POST", "/v1/records", data=b"{}", headers=squeezed)
        assert status in (400, 415)


async def test_malformed_json_is_refused_and_nothing_is_logged_as_an_error(
    tmp_path: Path, log: io.StringIO
) -> None:
    """Threat 47."""
    async with local(tmp_path) as one, served(one) as client:
        for name, data in MALFORMED.items():
            status, told, _ = await client.ask("POST", "/v1/records", data=data)
            assert (name, status, told["code"]) == (name, 400, "bad-json")
        assert (await client.ask("GET", "/v1/status"))[0] == 200
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line for line in lines if line["level"] in ("error", "warning")] == []


async def test_body_of_another_shape_is_refused_with_every_path(tmp_path: Path) -> None:
    """Threat 48: nothing is converted, nothing unknown is dropped."""
    async with local(tmp_path) as one, served(one) as client:
        wrong: list[tuple[Any, list[str]]] = [
            ([], [""]),
            ({}, ["drafts"]),
            ({"drafts": []}, ["drafts"]),
            ({"drafts": [DRAFT], "more": 1}, ["more"]),
            ({"drafts": [{**DRAFT, "spaces": "x"}]}, ["drafts[0].spaces"]),
            ({"drafts": [{**DRAFT, "client_id": 7}]}, ["drafts[0].client_id"]),
            ({"drafts": [{**DRAFT, "space": "Xi'an"}]}, ["drafts[0].space"]),
        ]
        for asked, paths in wrong:
            status, told, _ = await client.ask("POST", "/v1/records", data=json.dumps(asked))
            assert (status, told["code"]) == (400, "bad-request")
            assert [problem["path"] for problem in told["problems"]] == paths
        lax = body(rows=[], last=1, complete="true")
        status, told, _ = await client.ask("POST", "/v1/imports/sheet", data=lax)
        assert {problem["path"] for problem in told["problems"]} == {"last", "complete"}
        for query in ("limit=0", "limit=x", "life=old", "colour=red", "limit=1&limit=2"):
            assert (await client.ask("GET", f"/v1/things?{query}"))[0] == 400


async def test_body_above_a_mebibyte_is_refused_before_it_is_read_whole(tmp_path: Path) -> None:
    async with local(tmp_path) as one, served(one) as client:
        status, told, _ = await client.ask("POST", "/v1/records", data=b" " * (BODY_BYTES_MAX + 1))
        assert (status, told["code"]) == (413, "body-too-large")
        assert "chunks" in told["way_out"]
        status, told, _ = await client.ask("POST", "/v1/records", data=b" " * BODY_BYTES_MAX)
        assert (status, told["code"]) == (400, "bad-json")


async def test_key_in_the_header_makes_a_request_safe_to_send_again(tmp_path: Path) -> None:
    async with local(tmp_path) as one, served(one) as client:
        incident = await one.incident()
        data = body(drafts=[{**DRAFT, "facts": need_facts(incident)}])
        key = {"Idempotency-Key": "7f3c"}
        first = await client.ask("POST", "/v1/records", data=data, headers=key)
        again = await client.ask("POST", "/v1/records", data=data, headers=key)
        assert first[0] == again[0] == 200
        assert first[1] == again[1]
        assert (first[2].get("Idempotency-Replayed"), again[2]["Idempotency-Replayed"]) == (
            None,
            "true",
        )
        other = body(drafts=[{**DRAFT, "facts": need_facts(incident, "7")}])
        status, told, _ = await client.ask("POST", "/v1/records", data=other, headers=key)
        assert (status, told["code"]) == (409, "idempotency-key-reused")
        long = {"Idempotency-Key": "k" * 101}
        assert (await client.ask("POST", "/v1/records", data=data, headers=long))[0] == 400


async def test_refused_draft_tells_path_rule_and_example(tmp_path: Path) -> None:
    async with local(tmp_path) as one, served(one) as client:
        facts = need_facts(await one.incident())
        del facts["urgency"]
        status, told, _ = await client.ask(
            "POST", "/v1/records", data=body(drafts=[{**DRAFT, "facts": facts}])
        )
        assert (status, told["code"]) == (422, "invalid-record")
        assert told["problems"] == [
            {"path": "drafts[0].facts.urgency", "rule": "is required", "example": ""}
        ]


async def test_every_address_of_the_table_answers_and_others_are_told_where_to_look(
    tmp_path: Path,
) -> None:
    async with local(tmp_path) as one, served(one) as client:
        need = await one.draft("need/1", "fsc", facts=need_facts(await one.incident()),
                               text={"title": "大米"})  # fmt: skip
        org = (await one.service.organisations()).own.id
        reading = ["status", "things", f"things/{need}", f"things/{need}/at-home",
                   f"records/{need}", "peers", "organisations", "subscriptions", "queue",
                   "openapi.json"]  # fmt: skip
        for path in reading:
            assert (path, (await client.ask("GET", f"/v1/{path}"))[0]) == (path, 200)
        told = (await client.ask("GET", "/v1/things?type=need&life=active"))[1]
        assert [thing["title"] for thing in told["things"]] == ["大米"]
        assert (await client.ask("DELETE", f"/v1/peers/{org}"))[1] == {"changed": False}
        assert (await client.ask("DELETE", f"/v1/organisations/{org}"))[0] == 422
        assert (await client.ask("GET", "/v1/queue/1"))[0] == 404
        assert (await client.ask("GET", "/v1/queue/x"))[0] == 404
        assert (await client.ask("GET", "/v1/things/rec-x"))[1]["code"] == "bad-id"
        assert (await client.ask("GET", "/v1/nothing"))[1]["code"] == "no-such-route"
        assert (await client.ask("PUT", "/v1/things"))[1]["code"] == "wrong-method"
        assert (await client.ask("POST", "/v1/imports/A%20B", data=body(rows=[])))[0] == 400


async def test_text_that_means_something_to_sql_or_a_path_is_only_text(tmp_path: Path) -> None:
    """Threat 49."""
    async with local(tmp_path) as one, served(one) as client:
        await one.draft("need/1", "fsc", facts=need_facts(await one.incident()),
                        text={"title": "'); DROP TABLE things; --"})  # fmt: skip
        for odd in ("' OR 1=1 --", "x'; DROP TABLE things; --", "%", "../../api.token", "\x00"):
            for path, name in (("/v1/things", "type"), ("/v1/queue", "after")):
                status, told, _ = await client.ask("GET", path, params={name: odd})
                assert status == 400 or told.get("things") == []
            quoted = odd.replace("%", "%25").replace("/", "%2F").replace("\x00", "%00")
            status, _, _ = await client.ask("GET", f"/v1/things/{quoted}")
            assert status in (400, 404)
        assert len((await one.service.things(ThingFilter(topic="fsc"))).things) == 1


async def test_rows_are_imported_and_released_over_the_api(tmp_path: Path) -> None:
    async with local(tmp_path) as one, served(one) as client:
        incident = await one.incident()
        asked = rows(row("a", incident), row("b", incident), queue=True)
        status, told, _ = await client.ask(
            "POST", "/v1/imports/sheet", data=asked.model_dump_json()
        )
        assert (status, told["counts"]) == (200, {"queued": 2})
        number = told["rows"][0]["queue"]
        release = f"/v1/queue/{number}/release"
        assert (await client.ask("POST", release, data=body(method="guess")))[0] == 400
        status, told, _ = await client.ask("POST", release, data=body(method="desk"))
        assert status == 200
        shown = (await client.ask("GET", f"/v1/things/{told['thing']}"))[1]
        assert shown["thing"]["verification"] == "confirmed"
        refuse = f"/v1/queue/{number + 1}/refuse"
        assert (await client.ask("POST", refuse, data=body(reason="twice")))[1] == {"changed": True}
        assert (await client.ask("POST", refuse, data=body(reason="twice")))[0] == 409


async def test_canary_from_requests_stands_in_no_log_line(tmp_path: Path, log: io.StringIO) -> None:
    """Threat 54: bodies, addresses and refusals; the number stays where it is kept."""
    async with local(tmp_path) as one, served(one) as client:
        incident = await one.incident()
        kept = rows(row("a", incident, sensitive={"contact": CANARY})).model_dump_json()
        assert (await client.ask("POST", "/v1/imports/sheet", data=kept))[0] == 200
        text = {"title": CANARY}
        refused = rows(row(CANARY, incident, text=text)).model_dump_json()
        assert (await client.ask("POST", "/v1/imports/sheet", data=refused))[0] == 200
        draft = {**DRAFT, "facts": {CANARY: CANARY}, CANARY: 1}
        await client.ask("POST", "/v1/records", data=body(drafts=[draft]))
        await client.ask("GET", f"/v1/things/{CANARY}?type={CANARY}")
        metrics = (await client.ask("GET", "/metrics"))[1]
        assert CANARY not in metrics
    assert CANARY not in log.getvalue()
    folder = one.node.parts.folder.root
    with_canary = {
        file.name
        for file in folder.rglob("*")
        if file.is_file() and CANARY.encode() in file.read_bytes()
    }
    # The key of a row is the operator's own choice, and stays in this node's notes.
    assert with_canary <= {"kept-at-home.db", "kept-at-home.db-wal"}


async def test_probes_need_no_token_and_tell_only_whether_the_node_works(tmp_path: Path) -> None:
    async with local(tmp_path) as one, served(one) as client:
        client.token = ""
        assert (await client.ask("GET", "/healthz"))[:2] == (200, {"ok": True})
        status, told, _ = await client.ask("GET", "/readyz")
        assert (status, told["ok"], sorted(told["checks"])) == (
            200,
            True,
            ["clock", "disk", "store"],
        )
        status, text, headers = await client.ask("GET", "/metrics")
        assert status == 200
        assert headers["Content-Type"].startswith("text/plain")
        assert 'hutong_local_api_seconds_count{route="/healthz",status="200"} 1.0' in text
        one.node.parts.store.close()
        assert (await client.ask("GET", "/readyz"))[0] == 503
        assert (await client.ask("GET", "/healthz"))[0] == 200


async def test_failing_store_and_unforeseen_errors_are_answers_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    async with local(tmp_path) as one, served(one) as client:

        async def full(*_: Any) -> Any:
            raise StoreFull(CANARY)

        async def broken(*_: Any) -> Any:
            raise ZeroDivisionError(CANARY)

        monkeypatch.setattr(one.service, "peers", full)
        monkeypatch.setattr(one.service, "organisations", broken)
        status, told, _ = await client.ask("GET", "/v1/peers")
        assert (status, told["code"]) == (507, "store-full")
        status, told, _ = await client.ask("GET", "/v1/organisations")
        assert (status, told["code"]) == (500, "internal")
        assert CANARY not in json.dumps(told)
        assert (await client.ask("GET", "/healthz"))[0] == 200
    assert CANARY not in log.getvalue()
    assert "ZeroDivisionError" in log.getvalue()


async def test_running_file_says_where_and_goes_away_with_the_node(tmp_path: Path) -> None:
    async with local(tmp_path) as one:
        path = one.node.parts.folder.running
        async with served(one) as client:
            found = RunningFile.read(path)
            assert found is not None
            assert found.url == client.url
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not path.exists()
        path.write_text('{"url": 1}')
        assert RunningFile.read(path) is None


async def test_port_in_use_and_readable_token_are_refused_in_words(tmp_path: Path) -> None:
    """Threat 28, for the token."""
    async with local(tmp_path) as one, served(one) as client:
        folder = one.node.parts.folder
        port = int(client.url.rpartition(":")[2])
        second = LocalApi(one.service, folder, LocalListen(port=port))
        with pytest.raises(LocalApiRefused, match="another node"):
            await second.start(one.node.metrics)
        folder.token.chmod(0o644)
        with pytest.raises(KeyFileRefused, match="chmod 600"):
            await LocalApi(one.service, folder, LocalListen(port=0)).start(one.node.metrics)


def test_every_code_has_a_status_and_every_status_is_an_error() -> None:
    assert set(STATUS) == set(Code)
    assert all(400 <= status < 600 for status in STATUS.values())
