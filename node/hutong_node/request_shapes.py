"""From parsed JSON and query text to the shapes of `api_models`, with every objection in words.

Owns the way in: what doesn't fit is told with its path and rule, never with its value, since
answers reach logs and other people's screens (threats 48, 54).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from hutong_node.refusals import Code, Refused
from hutong_protocol.schema.problems import Problem, path_text

ShapeT = TypeVar("ShapeT", bound=BaseModel)

_PROBLEMS_MAX: Final = 100
_NAMED_RULES: Final = {
    "extra_forbidden": "is no field here",
    "missing": "is required",
    "string_pattern_mismatch": "has another form",
}


def body_as(shape: type[ShapeT], value: object) -> ShapeT:
    """The body of a request in its shape; nothing is converted.

    Raises:
        Refused: BAD_REQUEST, with every problem.
    """
    return _as(shape, value, "the body doesn't have the shape of this request")


def query_as(shape: type[ShapeT], values: Mapping[str, str]) -> ShapeT:
    """The parameters after the question mark, read as what they should be.

    Raises:
        Refused: BAD_REQUEST, with every problem.
    """
    return _as(shape, dict(values), "the parameters don't have the shape of this request")


def _as(shape: type[ShapeT], value: object, title: str) -> ShapeT:
    try:
        return shape.model_validate(value)
    except ValidationError as refused:
        raise Refused(
            Code.BAD_REQUEST,
            title,
            way_out="the shapes are in /v1/openapi.json, also by `hutong openapi`",
            problems=_problems(refused),
        ) from None


def _problems(refused: ValidationError) -> list[Problem]:
    found = []
    for error in refused.errors(include_url=False, include_input=False)[:_PROBLEMS_MAX]:
        rule = _NAMED_RULES.get(error["type"], error["msg"])
        pattern = error.get("ctx", {}).get("pattern")
        if pattern is not None:
            rule += f": {pattern}"
        found.append(Problem(path_text(error["loc"]), rule))
    return found
