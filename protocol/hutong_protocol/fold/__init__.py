"""The fold: what records come to. Spec: 12.9 to 12.21.

`fold(records, as_of_ms)` is the whole of it. A store groups records by `thing_of`, keeps
`reduce_thing` of each group (as `encode_basis`) and makes a `view` when somebody asks;
`IncrementalFold` is the model of that. `jsonform` shows results as JSON.
"""

from hutong_protocol.fold.basis import ThingBasis
from hutong_protocol.fold.basis_codec import decode_basis, encode_basis
from hutong_protocol.fold.coverage import Coverage, coverage_of
from hutong_protocol.fold.digests import claims_digest, fold_digest, thing_digest
from hutong_protocol.fold.incremental import IncrementalFold, affected_things
from hutong_protocol.fold.jsonform import coverage_json, state_json, thing_json
from hutong_protocol.fold.records import (
    FOLD_VERSION,
    NOT_INTERPRETED,
    FoldRecord,
    PartState,
    Standing,
    ThingKey,
    thing_of,
)
from hutong_protocol.fold.reduce import reduce_thing, standings_of
from hutong_protocol.fold.state import FoldState, ScopeState, fold, state_of
from hutong_protocol.fold.thing_view import LineView, Numbers, ThingView, Waiting, view
from hutong_protocol.fold.verification import checked_digest

__all__ = [
    "FOLD_VERSION",
    "NOT_INTERPRETED",
    "Coverage",
    "FoldRecord",
    "FoldState",
    "IncrementalFold",
    "LineView",
    "Numbers",
    "PartState",
    "ScopeState",
    "Standing",
    "ThingBasis",
    "ThingKey",
    "ThingView",
    "Waiting",
    "affected_things",
    "checked_digest",
    "claims_digest",
    "coverage_json",
    "coverage_of",
    "decode_basis",
    "encode_basis",
    "fold",
    "fold_digest",
    "reduce_thing",
    "standings_of",
    "state_json",
    "state_of",
    "thing_digest",
    "thing_json",
    "thing_of",
    "view",
]
