"""The core's fold and the one written a second time from the specification agree on everything.

The vectors show one rule each; here random histories show what the rules do to each other.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from example_counts import examples
from hutong_conformance.fact_samples import FACTS
from hutong_conformance.families.s12_facts import REFS, changed
from hutong_conformance.independent import facts as forms
from hutong_conformance.independent.fold_output import fold as fold_again
from hutong_protocol.encoding import encode
from hutong_protocol.fold import FoldRecord, fold, state_json
from hutong_protocol.instants import instant_ms
from hutong_protocol.schema import RECORD_TYPES, read_record
from protocol.fold.histories import TIMES, history
from protocol.fold.scenes import LATER, NOON, at

PIECES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 500, 2**53 - 1, "", "a", "1", "01", "1.5", "0.000", "raw:x y"),
    *("1-4", "A", "CNY", b"", bytes(8), bytes(32), bytes(33), [], ["a"], [{}], {}),
    *("2022-01-01T00:00:00Z", "2022-01-01T00:00:00-00:00", {"key": "p", "kind": "x"}),
    *({"bound": "unknown"}, {"bound": "exact", "value": "1", "unit": "kg"}),
    {"bound": "band", "min": "1", "max": "4", "unit": "kg"},
)


def asked(record: FoldRecord) -> dict[str, Any]:
    """A record in the form of 12.21.10."""
    return {
        **{name: getattr(record, name) for name in ("clock", "space", "topic", "type")},
        "id": record.id.hex(),
        "org": record.org.hex(),
        "refs": [ref.hex() for ref in record.refs],
        "facts": None if record.facts is None else record.facts.hex(),
        "state": record.facts_state.value,
    }


@settings(max_examples=examples(100))
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 120),
    st.sampled_from([0.02, 0.1, 0.3]),
    st.sampled_from([NOON, LATER, *TIMES]),
)
def test_both_folds_give_the_same_state_for_any_history(
    seed: int, steps: int, wrongness: float, as_of: str
) -> None:
    records = history(Random(seed), steps, wrongness=wrongness)
    again = fold_again([asked(record) for record in records], as_of)
    assert state_json(fold(records, at(as_of))) == again


def paths(value: Any) -> list[tuple[str, ...]]:
    """Every place in an example."""
    found: list[tuple[str, ...]] = []
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, element in inner:
        found.append((str(key),))
        if isinstance(element, dict | list):
            found += [(str(key), *rest) for rest in paths(element)]
    return found


@pytest.mark.parametrize("name", FACTS)
def test_both_tables_judge_every_changed_example_alike(name: str) -> None:
    disagreed = []
    for path in paths(FACTS[name]):
        for piece in PIECES:
            data = encode(changed(FACTS[name], list(path), piece))
            readable = read_record(RECORD_TYPES[name], REFS, data) is not None
            if readable is not (forms.read(name, REFS, data) is not None):
                disagreed.append((path, piece))
    assert disagreed == []


@given(st.lists(st.sampled_from([b"", *REFS[:2]]), max_size=12), st.sampled_from(sorted(FACTS)))
def test_both_tables_judge_refs_alike(refs: list[bytes], name: str) -> None:
    data = encode(FACTS[name])
    readable = read_record(RECORD_TYPES[name], refs, data) is not None
    assert readable is (forms.read(name, refs, data) is not None)


@given(st.from_regex(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]"
                     r"(\.[0-9]{0,4})?(Z|[+-][0-2][0-9]:[0-6][0-9])", fullmatch=True))  # fmt: skip
def test_both_calendars_read_every_time_alike(text: str) -> None:
    assert instant_ms(text) == forms.instant(text)
