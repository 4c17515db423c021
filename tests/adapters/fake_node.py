"""An imports desk in memory that behaves as a node's does, as far as an adapter can tell.

Owns the meaning of keys, content, runs and completeness; it signs nothing, it counts what would be
signed. Requests are held to JSON, so that a test fails where a real request would.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hutong_adapters.interface import NodeRefused, NodeUnavailable

BODY_BYTES_MAX = 1_048_576


@dataclass(slots=True)
class KnownRow:
    """What was signed last for a key, whether its thing is closed, and all it ever said."""

    content: str
    row: str
    run: str
    closed: bool = False
    said: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class FakeNode:
    """`rows` by key. `failures` are raised, one a request, before anything is done.

    `refuse` are keys that the node objects to, `override` what it says of keys instead;
    `signed` counts records in all.
    """

    rows: dict[str, KnownRow] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    failures: list[NodeUnavailable | NodeRefused | None] = field(default_factory=list)
    refuse: dict[str, tuple[str, str]] = field(default_factory=dict)
    override: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    elsewhere: list[dict[str, str]] = field(default_factory=list)
    things: dict[str, str] = field(default_factory=dict)
    open_run: str | None = None
    signed: int = 0

    async def import_rows(self, source: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """As the node's `POST /v1/imports/{source}`."""
        body = json.dumps(request)
        assert len(body.encode("utf-8")) <= BODY_BYTES_MAX
        asked: dict[str, Any] = json.loads(body)
        self.requests.append(asked)
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        dry_run, run = asked["dry_run"], asked.get("run", "dry")
        if not dry_run:
            if self.open_run not in (None, run):
                raise NodeRefused("another run of this source is under way")
            paused = asked.get("pause", False)
            self.open_run = None if asked["last"] or paused else run
            self._note_run(asked)
        outcomes = [self._row(row, asked, run) for row in asked["rows"]]
        looked = dry_run and "run" in asked
        gone = self._gone(asked, run) if asked["last"] and not looked else []
        counts = Counter(row["outcome"] for row in (*outcomes, *gone))
        acts = ("new", "revised", "reopened", "closed")
        signed = 0 if dry_run else sum(counts[outcome] for outcome in acts)
        self.signed += signed
        return {
            "source": source,
            "run": run,
            "rows": outcomes,
            "gone": gone,
            "counts": dict(counts),
            "signed": signed,
            "dry_run": dry_run,
        }

    async def source(self, source: str, state: str | None = None) -> dict[str, Any]:
        """As the node's `GET /v1/imports/{source}`."""
        ended = [run for run in self.runs if run["finished"]]
        same = [run for run in ended if run["state"] == state]
        latest = self.runs[-1] if self.runs else None
        return {
            "source": source,
            "open": sum(not known.closed for known in self.rows.values()),
            "last": ended[-1] if ended else None,
            "begun": None if latest is None or latest["finished"] else latest,
            "same": same[-1] if same else None,
            "elsewhere": self.elsewhere,
        }

    def _note_run(self, asked: dict[str, Any]) -> None:
        if not self.runs or self.runs[-1]["run"] != asked["run"]:
            told = {name: asked[name] for name in ("run", "mapping", "state", "columns")}
            at = f"2026-01-01T00:00:{len(self.runs):02}Z"
            self.runs.append(told | {"taken": 0, "finished": False, "at": at})
        run = self.runs[-1]
        run["finished"] |= asked["last"]
        if asked.get("first") == run["taken"]:
            run["taken"] += len(asked["rows"])

    def _row(self, row: dict[str, Any], asked: dict[str, Any], run: str) -> dict[str, Any]:
        key = row["key"]
        told = {"key": key, "row": row["row"], "problems": []}
        if key in self.refuse:
            path, rule = self.refuse[key]
            problem = {"path": path, "rule": rule, "example": ""}
            return told | {"outcome": "refused", "problems": [problem]}
        if key in self.override:
            self.rows[key].run = run
            return told | self.override[key]
        content = json.dumps([row["type"], row["facts"], row["text"]], sort_keys=True)
        known = self.rows.get(key)
        if asked["dry_run"]:
            told |= self._read(known, content)
        changed = known is None or known.content != content
        if asked["queue"] and changed:
            if not asked["dry_run"]:
                self.waiting[key] = content
            return told | {"outcome": "queued"}
        if row.get("marks") and changed:
            if not asked["dry_run"]:
                self.waiting[key] = content
            return told | {"outcome": "queued"}
        if known is None:
            outcome = "new"
        elif known.closed:
            outcome = "reopened"
        else:
            outcome = "revised" if changed else "unchanged"
        if not asked["dry_run"]:
            before = known.said if known is not None else {}
            self.rows[key] = KnownRow(content, row["row"], run, said=before | {content: run})
        return told | {"outcome": outcome}

    def _read(self, known: KnownRow | None, content: str) -> dict[str, Any]:
        if known is None:
            same = [key for key, row in self.rows.items() if row.content == content]
            return {"read": "new", "same_as": same[0] if same else None}
        if known.content == content:
            return {"read": "same"}
        at = {"read_at": "2026-01-01T00:00:00Z"}
        return {"read": "earlier", **at} if content in known.said else {"read": "changed"}

    def _gone(self, asked: dict[str, Any], run: str) -> list[dict[str, Any]]:
        present = {row["key"] for row in asked["rows"]}
        found = []
        for key, known in self.rows.items():
            if known.closed or known.run == run or key in present:
                continue
            known.closed = asked["complete"] and not asked["dry_run"]
            outcome = "closed" if asked["complete"] else "gone"
            found.append({"key": key, "row": known.row, "outcome": outcome})
            found[-1]["thing"] = self.things.get(key, f"rec-{key}")
            title = json.loads(known.content)[2].get("title")
            found[-1] |= {"title": title, "reason": "not in the file"}
        return found
