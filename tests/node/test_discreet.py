"""Refusals quote no personal data, wherever in a request it stood."""

from __future__ import annotations

from hutong_node.refusals import discreet
from hutong_protocol.schema import Problem
from node.local_nodes import CANARY


def test_topic_that_is_a_telephone_number_is_hidden_in_the_rule_that_names_it() -> None:
    rule = f"is one that this node holds: hutong subscribe xian-2021/{CANARY}"
    told = discreet(Problem(f"facts.{CANARY}", rule, "fsc"))
    assert CANARY not in told.path + told.rule
    assert told.rule.endswith("hutong subscribe xian-2021/(hidden: cn_mobile)")
    plain = Problem("topic", "is one that this node holds: hutong subscribe xian-2021/fsc", "fsc")
    assert discreet(plain) is plain
