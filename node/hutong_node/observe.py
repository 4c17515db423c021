"""What a node says about itself: log lines and numbers, never anything about a person.

Owns the one way to write a log line and the registry of metrics. A log line is an event name and
fields from a fixed list: ids, counts, codes, durations. Text of records, values of cells and
addresses of people have no field to stand in, so no caller can leak them by mistake (threat 54).
"""

from __future__ import annotations

import logging
import sys
from functools import partial
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

FIELDS: Final = frozenset(
    {
        "bytes",
        "command",
        "count",
        "detail",
        "duration_ms",
        "endpoint",
        "error",
        "event",
        "fault",
        "level",
        "log",
        "method",
        "org",
        "peer_fault",
        "pid",
        "port",
        "reason",
        "record",
        "role",
        "route",
        "rounds",
        "row",
        "scope",
        "seconds",
        "status",
        "stored",
        "timestamp",
        "wait_s",
    }
)
"""Fields that may stand in a log line. `detail` is that of faults, which quote nothing."""

_TEXT_MAX: Final = 400


def set_up_logging(*, level: str = "INFO", stream: Any = None) -> None:
    """JSON lines on standard error (or `stream`), one an event, Chinese left readable."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _allowed,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )


def logger() -> Any:
    """The logger; events are named like `session-settled`."""
    return structlog.get_logger()


def _allowed(_logger: Any, _method: str, fields: Any) -> dict[str, Any]:
    """Drops what is not on the list, and says how many fields it dropped."""
    kept = {name: _short(value) for name, value in fields.items() if name in FIELDS}
    if len(kept) < len(fields):
        kept["count_dropped"] = len(fields) - len(kept)
    return kept


def _short(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()[:16]
    return value[:_TEXT_MAX] if isinstance(value, str) else value


class Metrics:
    """The numbers of one node, in a registry of its own. Labels are codes, never ids."""

    def __init__(self) -> None:
        """Makes an empty registry; a process may hold several nodes (tests, the demo)."""
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry)
        self.sessions = gauge("hutong_sessions", "Sessions under way", ["role"])
        self.session_ends = counter(
            "hutong_session_ends", "Sessions that ended, by fault", ["fault"]
        )
        self.connections_cut = counter(
            "hutong_connections_cut",
            "Inbound connections cut before they were sessions",
            ["reason"],
        )
        self.dials = counter("hutong_dials", "Attempts to reach a peer", ["outcome"])
        self.refusals = counter(
            "hutong_refusals", "Runs refused, by code and side", ["fault", "by"]
        )
        self.records_received = counter("hutong_records_received", "New records that peers sent")
        self.records_signed = counter("hutong_records_signed", "Records that this node signed")
        self.bytes_moved = counter("hutong_session_bytes", "Bytes of frames", ["direction"])
        self.store_records = gauge("hutong_store_records", "Records held")
        self.missing_parts = gauge("hutong_missing_parts", "Parts on the want-list")
        self.forked_logs = gauge("hutong_forked_logs", "Logs with a proof of a fork")
        self.index_lag = gauge("hutong_index_lag_records", "Records not yet folded")
        self.clock_off = gauge(
            "hutong_clock_off_seconds",
            "By how much this clock is ahead of the median of the peers' clocks",
        )
        self.pages = histogram(
            "hutong_bulletin_seconds", "Requests for pages of the bulletin", ["route", "status"]
        )
        self.requests = histogram(
            "hutong_local_api_seconds", "Requests to the local API", ["route", "status"]
        )
