"""How refusals travel: the one place where a code becomes an HTTP status.

Owns the form application/problem+json (RFC 9457). A refusal says what, where and a way out; what
was unforeseen says nothing but that it happened, since its words may quote anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web

from hutong_node.api_models import ErrorAnswer
from hutong_node.refusals import Code, Refused
from hutong_node.showing import problem_items
from hutong_node.store.errors import StoreError, StoreFull

CONTENT_TYPE: Final = "application/problem+json"

STATUS: Final[Mapping[Code, int]] = MappingProxyType(
    {
        Code.BAD_JSON: 400,
        Code.BAD_REQUEST: 400,
        Code.BAD_CURSOR: 400,
        Code.BAD_ID: 400,
        Code.NO_TOKEN: 401,
        Code.FOREIGN_HOST: 403,
        Code.FOREIGN_ORIGIN: 403,
        Code.NOT_FOUND: 404,
        Code.NO_SUCH_ROUTE: 404,
        Code.WRONG_METHOD: 405,
        Code.TIMED_OUT: 408,
        Code.KEY_REUSED: 409,
        Code.ALREADY_DECIDED: 409,
        Code.OTHER_SOURCE_RUN: 409,
        Code.BODY_TOO_LARGE: 413,
        Code.WRONG_CONTENT_TYPE: 415,
        Code.INVALID_RECORD: 422,
        Code.CANNOT_JOIN: 422,
        Code.CANNOT_INVITE: 422,
        Code.CANNOT_ADD_PEER: 422,
        Code.OWN_ORGANISATION: 422,
        Code.INTERNAL: 500,
        Code.PEER_UNREACHABLE: 502,
        Code.CANNOT_PUBLISH: 503,
        Code.CLOCK_OFF: 503,
        Code.RESTORING: 503,
        Code.STORE_FAILED: 503,
        Code.STORE_FULL: 507,
        # What only the command line says:
        Code.NOT_RUNNING: 503,
        Code.FOLDER_IN_USE: 503,
        Code.NO_NODE: 503,
        Code.CANNOT_BACK_UP: 503,
        Code.CANNOT_PUT_BACK: 503,
        Code.BACKUP_DAMAGED: 503,
        Code.WRONG_PASS_PHRASE: 503,
        Code.NEWER_VERSION: 503,
    }
)


def refusal_of(error: StoreError) -> Refused:
    """The refusal that a failing store comes to."""
    if isinstance(error, StoreFull):
        return Refused(
            Code.STORE_FULL,
            "the disk is full; nothing was changed",
            way_out="make room and send the same request again",
        )
    return Refused(
        Code.STORE_FAILED,
        "the store can't do this now; nothing of it was kept",
        detail=type(error).__name__,
        way_out="send the same request again; if it stays so, look into the node's log",
    )


def problem_json(refused: Refused) -> dict[str, Any]:
    """The problem document of a refusal."""
    answer = ErrorAnswer(
        type=f"urn:hutong:error:{refused.code.value}",
        title=refused.title,
        status=STATUS[refused.code],
        code=refused.code.value,
        detail=refused.detail,
        way_out=refused.way_out,
        problems=problem_items(refused.problems),
    )
    return answer.model_dump(mode="json")


def problem_response(refused: Refused) -> web.Response:
    """The HTTP answer of a refusal."""
    status = STATUS[refused.code]
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return web.Response(
        text=json.dumps(problem_json(refused), ensure_ascii=False),
        status=status,
        content_type=CONTENT_TYPE,
        headers=headers,
    )
