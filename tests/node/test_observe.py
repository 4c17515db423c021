"""Log lines hold what is on the list and nothing else."""

from __future__ import annotations

import io
import json

from prometheus_client import generate_latest

from hutong_node.observe import Metrics, logger, set_up_logging

CANARY = "13800138000"


def test_fields_off_the_list_never_reach_a_log_line() -> None:
    """Threat 54: a canary number in a field that no list allows is gone, and counted."""
    stream = io.StringIO()
    set_up_logging(stream=stream)
    logger().info("row-refused", row="7", phone=CANARY, text=f"call {CANARY}", org=bytes(32))
    line = json.loads(stream.getvalue())
    assert CANARY not in stream.getvalue()
    assert line["event"] == "row-refused"
    assert line["count_dropped"] == 2
    assert line["org"] == "0" * 16


def test_chinese_stays_readable_and_long_text_is_cut() -> None:
    stream = io.StringIO()
    set_up_logging(stream=stream)
    logger().warning("import-stopped", reason="雁塔区" * 500)
    assert "雁塔区" in stream.getvalue()
    assert len(json.loads(stream.getvalue())["reason"]) == 400


def test_metrics_of_two_nodes_in_one_process_are_apart() -> None:
    one, two = Metrics(), Metrics()
    one.records_signed.inc(3)
    assert b"hutong_records_signed_total 3.0" in generate_latest(one.registry)
    assert b"hutong_records_signed_total 0.0" in generate_latest(two.registry)
