"""The description of the local API is true of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from hutong_node.__main__ import application
from hutong_node.api_models import ErrorAnswer
from hutong_node.openapi import document
from hutong_node.operations import OPERATIONS
from node.local_nodes import local, need_facts, row, rows, served

DOCUMENT = document()


def nodes(value: object) -> Iterator[dict[str, Any]]:
    """Every object in a JSON value."""
    if isinstance(value, dict):
        yield value
        for element in value.values():
            yield from nodes(element)
    elif isinstance(value, list):
        for element in value:
            yield from nodes(element)


def described(reference: str) -> Any:
    """What a local reference points to."""
    found: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def validator(name: str) -> Draft202012Validator:
    """Checks answers against a schema of the document."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    return Draft202012Validator(schema)


def test_document_has_the_form_of_openapi_3_1() -> None:
    assert re.fullmatch(r"3\.1\.\d+", DOCUMENT["openapi"])
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    names = []
    for path, item in DOCUMENT["paths"].items():
        assert path.startswith("/v1/")
        for method, operation in item.items():
            assert method in ("get", "post", "delete")
            names.append(operation["operationId"])
            inside = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert inside == set(re.findall(r"\{(\w+)\}", path))
            assert all(p["required"] for p in operation["parameters"] if p["in"] == "path")
            assert operation["responses"]["200"]["content"]["application/json"]["schema"]
            assert ("requestBody" in operation) <= (method == "post")
    assert len(names) == len(set(names)) == len(OPERATIONS)


def test_every_schema_is_valid_and_every_reference_leads_somewhere() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    references = [node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node]
    assert references
    assert all(described(reference) is not None for reference in references)


def test_requests_forbid_what_they_do_not_name_and_answers_may_grow() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["ImportRequest"]["additionalProperties"] is False
    assert "additionalProperties" not in schemas["StatusAnswer"]
    codes = schemas["ErrorAnswer"]["properties"]["code"]["enum"]
    assert "invalid-record" in codes


async def test_answers_of_a_real_node_have_the_shapes_described(tmp_path: Path) -> None:
    async with local(tmp_path) as one, served(one) as client:
        incident = await one.incident()
        asked = rows(row("a", incident), row("b", incident, "x"), queue=True).model_dump()
        validator("ImportRequest").validate(asked)
        need = await one.draft("need/1", "fsc", facts=need_facts(incident), text={"title": "米"})
        calls: list[tuple[str, str, str, str | None]] = [
            ("POST", "/v1/imports/sheet", "ImportAnswer", json.dumps(asked)),
            ("GET", "/v1/status", "StatusAnswer", None),
            ("GET", "/v1/things", "ThingsAnswer", None),
            ("GET", f"/v1/things/{need}", "ThingAnswer", None),
            ("GET", f"/v1/records/{need}", "RecordAnswer", None),
            ("GET", "/v1/peers", "PeersAnswer", None),
            ("GET", "/v1/organisations", "OrganisationsAnswer", None),
            ("GET", "/v1/subscriptions", "SubscriptionsAnswer", None),
            ("GET", "/v1/card", "CardAnswer", None),
            ("POST", "/v1/card", "CardAnswer", '{"kind": "ngo"}'),
            ("GET", "/v1/queue", "QueueAnswer", None),
            ("GET", "/v1/queue/1", "QueueItem", None),
            ("POST", "/v1/queue/1/release", "ReleaseAnswer", '{"method": "desk"}'),
        ]
        for method, path, name, data in calls:
            status, told, _ = await client.ask(method, path, data=data)
            assert (path, status) == (path, 200)
            validator(name).validate(told)
        _, refused, _ = await client.ask("GET", "/v1/things/rec-x")
        validator("ErrorAnswer").validate(refused)
        assert ErrorAnswer.model_validate(refused).status == 400
        assert (await client.ask("GET", "/v1/openapi.json"))[1] == DOCUMENT


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_operation_is_described_as_the_table_has_it(operation: Any) -> None:
    found = DOCUMENT["paths"][operation.path][operation.method.lower()]
    assert found["operationId"] == operation.name
    keyed = any(parameter["name"] == "Idempotency-Key" for parameter in found["parameters"])
    assert keyed is operation.keyed
    queried = {p["name"] for p in found["parameters"] if p["in"] == "query"}
    assert queried == set(operation.query.model_fields)


def test_command_prints_the_same_document() -> None:
    printed = CliRunner().invoke(application(), ["openapi"])
    assert json.loads(printed.stdout) == DOCUMENT
