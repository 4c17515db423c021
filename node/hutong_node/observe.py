"""What a node says about itself: log lines and numbers, never anything about a person.

Owns the one way to write a log line and the registry of metrics. A log line is an event name and
fields from a fixed list: ids, counts, codes, durations. Text of records, values of cells and
addresses of people have no field to stand in, so no caller can leak them by mistake (threat 54).
"""

from __future__ import annotations

import logging
import sys
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
        self.sessions = Gauge(
            "hutong_sessions", "Sessions under way", ["role"], registry=self.registry
        )
        self.session_ends = Counter(
            "hutong_session_ends",
            "Sessions that ended, by fault",
            ["fault"],
            registry=self.registry,
        )
        self.connections_cut = Counter(
            "hutong_connections_cut",
            "Inbound connections cut before they were sessions",
            ["reason"],
            registry=self.registry,
        )
        self.dials = Counter(
            "hutong_dials", "Attempts to reach a peer", ["outcome"], registry=self.registry
        )
        self.refusals = Counter(
            "hutong_refusals",
            "Runs refused, by code and side",
            ["fault", "by"],
            registry=self.registry,
        )
        self.records_received = Counter(
            "hutong_records_received", "New records that peers sent", registry=self.registry
        )
        self.records_signed = Counter(
            "hutong_records_signed", "Records that this node signed", registry=self.registry
        )
        self.bytes_moved = Counter(
            "hutong_session_bytes", "Bytes of frames", ["direction"], registry=self.registry
        )
        self.store_records = Gauge("hutong_store_records", "Records held", registry=self.registry)
        self.missing_parts = Gauge(
            "hutong_missing_parts", "Parts on the want-list", registry=self.registry
        )
        self.forked_logs = Gauge(
            "hutong_forked_logs", "Logs with a proof of a fork", registry=self.registry
        )
        self.index_lag = Gauge(
            "hutong_index_lag_records", "Records not yet folded", registry=self.registry
        )
        self.clock_off = Gauge(
            "hutong_clock_off_seconds",
            "By how much this clock is ahead of the median of the peers' clocks",
            registry=self.registry,
        )
        self.requests = Histogram(
            "hutong_local_api_seconds",
            "Requests to the local API",
            ["route", "status"],
            registry=self.registry,
        )
