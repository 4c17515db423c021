"""The OpenAPI 3.1 document of the local API, made from the table of operations.

Owns the form of the document and nothing of its content: addresses, parameters and shapes come from
`operations` and `api_models`, so the document is right by construction. It needs no running node.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from hutong_node.api_models import ErrorAnswer
from hutong_node.operations import OPERATIONS, Operation
from hutong_node.refusals import Code

API_VERSION: Final = "1.0.0"
_REF: Final = "#/components/schemas/{model}"
_DESCRIPTION: Final = (
    "What the people and programs of one organisation do with their own node. Every request needs"
    " the token in the file api.token of the node's folder. Ids stand in their text form, times are"
    " RFC 3339, amounts decimal text in the base unit of their dimension. Programs ignore fields of"
    " answers that they don't know, and go by the `code` of a refusal."
)


def document() -> dict[str, Any]:
    """The whole document, as JSON has it."""
    modes: list[tuple[type[BaseModel], Any]] = [(ErrorAnswer, "serialization")]
    for operation in OPERATIONS:
        modes.append((operation.answer, "serialization"))
        if operation.body is not None:
            modes.append((operation.body, "validation"))
    _, schemas = models_json_schema(modes, ref_template=_REF)
    components: dict[str, Any] = schemas["$defs"]
    components["ErrorAnswer"]["properties"]["code"]["enum"] = [code.value for code in Code]
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hutong, local API of a node",
            "version": API_VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:8641"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {
                "Refused": {
                    "description": "Not carried out; `code` says why and `way_out` what to do.",
                    "content": {"application/problem+json": {"schema": _reference(ErrorAnswer)}},
                }
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation.path), *_query_parameters(operation)],
        "responses": {
            "200": {
                "description": "Done.",
                "content": {"application/json": {"schema": _reference(operation.answer)}},
            },
            "default": {"$ref": "#/components/responses/Refused"},
        },
    }
    if operation.keyed:
        described["parameters"].append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "The same request under the same key is carried out once.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 100},
            }
        )
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _reference(operation.body)}},
        }
    return described


def _path_parameters(path: str) -> Iterable[dict[str, Any]]:
    for step in path.split("/"):
        if step.startswith("{"):
            name = step.strip("{}")
            yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(operation: Operation) -> Iterable[dict[str, Any]]:
    schema = operation.query.model_json_schema()
    for name, described in schema.get("properties", {}).items():
        plain = {key: value for key, value in described.items() if key != "title"}
        yield {"name": name, "in": "query", "required": False, "schema": plain}


def _reference(shape: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=shape.__name__)}
