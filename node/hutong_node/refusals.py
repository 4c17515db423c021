"""What a node says when it won't do what its own people or programs asked.

Owns the one exception of the local side, and its codes. A refusal names what, where and a way out,
and never quotes text of a record. The command line prints it; the local API maps its code to a
status (`http_errors`). What peers do wrong is no business of this module: those are faults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from hutong_protocol.personal_data import findings
from hutong_protocol.schema.problems import Problem


class Code(StrEnum):
    """Why something was refused; programs go by these."""

    # The request
    BAD_JSON = "bad-json"
    BAD_REQUEST = "bad-request"
    BAD_CURSOR = "bad-cursor"
    BAD_ID = "bad-id"
    BODY_TOO_LARGE = "body-too-large"
    WRONG_CONTENT_TYPE = "wrong-content-type"
    NO_TOKEN = "no-token"
    FOREIGN_HOST = "foreign-host"
    FOREIGN_ORIGIN = "foreign-origin"
    NOT_FOUND = "not-found"
    NO_SUCH_ROUTE = "no-such-route"
    WRONG_METHOD = "wrong-method"
    # What was asked for
    INVALID_RECORD = "invalid-record"
    KEY_REUSED = "idempotency-key-reused"
    CANNOT_PUBLISH = "cannot-publish"
    CLOCK_OFF = "clock-off"
    RESTORING = "restoring"
    CANNOT_JOIN = "cannot-join"
    CANNOT_INVITE = "cannot-invite"
    CANNOT_ADD_PEER = "cannot-add-peer"
    OWN_ORGANISATION = "own-organisation"
    ALREADY_DECIDED = "already-decided"
    OTHER_SOURCE_RUN = "import-under-way"
    # Backups
    CANNOT_BACK_UP = "cannot-back-up"
    CANNOT_PUT_BACK = "cannot-put-back"
    BACKUP_DAMAGED = "backup-damaged"
    WRONG_PASS_PHRASE = "wrong-pass-phrase"
    NEWER_VERSION = "newer-version"
    # The environment
    NOT_RUNNING = "not-running"
    FOLDER_IN_USE = "folder-in-use"
    NO_NODE = "no-node"
    PEER_UNREACHABLE = "peer-unreachable"
    STORE_FULL = "store-full"
    STORE_FAILED = "store-failed"
    TIMED_OUT = "timed-out"
    INTERNAL = "internal"


class Refused(Exception):
    """A request that is not carried out; nothing was changed unless `detail` says so."""

    def __init__(
        self,
        code: Code,
        title: str,
        *,
        detail: str = "",
        way_out: str = "",
        problems: Sequence[Problem] = (),
    ) -> None:
        """`title` says what in one sentence; `problems` are the fields it is about."""
        super().__init__(title)
        self.code = code
        self.title = title
        self.detail = detail
        self.way_out = way_out
        self.problems = tuple(map(discreet, problems))


def discreet(problem: Problem) -> Problem:
    """The problem with a path and a rule that have no personal data in them.

    The names of fields come from the request, too: a table that was turned around has its telephone
    numbers there (threat 54). So do topics, which a rule may name.
    """
    path, rule = _hidden(problem.path), _hidden(problem.rule)
    same = (path, rule) == (problem.path, problem.rule)
    return problem if same else replace(problem, path=path, rule=rule)


def _hidden(text: str) -> str:
    for found in sorted(findings(text), key=lambda finding: finding.start, reverse=True):
        text = f"{text[: found.start]}(hidden: {found.kind.value}){text[found.end :]}"
    return text
