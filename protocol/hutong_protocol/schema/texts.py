"""The text of every record type: words for people, which no number depends on. Spec: 12.5.

Everything here can be erased without changing what the fold computes. Readers ignore what does not
fit; `R` in the specification, required here, binds authors.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hutong_protocol.schema.shapes import KEY, Code, Field, MapBy, MapOf, Pattern, Words

_KEY = Pattern(KEY, "rice-kg")
_TITLE = Words(300)
_NAME = Field(Words(300, may_be_empty=False), required=True)
_NOTE = {"note": Field(Words(8_192)), "language": Field(Code())}
_PARTIES = {"parties": Field(MapBy(_KEY, _TITLE, 16))}
_RAW = {"raw": Field(_TITLE)}
_PLACE_NAME = {"place_name": Field(_TITLE)}
_NAMES = {"names": Field(MapBy(Code(), _TITLE, 16))}
_DETAIL = Words(2_048)
_LINE_WORDS = {
    "lines": Field(
        MapBy(
            _KEY,
            MapOf({name: Field(_DETAIL) for name in ("item", "spec", "raw", "note")}),
            50,
        )
    )
}
_ORG_TEXT = MapOf(
    {
        "title": _NAME,
        **_NAMES,
        **_NOTE,
        "desk": Field(
            MapOf(
                {
                    name: Field(_TITLE)
                    for name in ("name", "phone", "email", "address", "url", "hours")
                }
            )
        ),
    }
)
_INCIDENT_TEXT = MapOf({"title": _NAME, **_NAMES, **_NOTE})
_NEED_TEXT = MapOf({"title": _NAME, **_NOTE, **_PLACE_NAME, **_LINE_WORDS, **_PARTIES})
_NOTE_ONLY = MapOf(_NOTE)
_PROMISE_TEXT = MapOf({**_NOTE, **_RAW, **_PARTIES})
_GOODS_TEXT = MapOf({**_NOTE, **_RAW})
_PLACED_TEXT = MapOf({**_NOTE, **_RAW, **_PLACE_NAME})

TEXTS: Final[Mapping[str, MapOf]] = MappingProxyType(
    {
        "org/1": _ORG_TEXT,
        "incident/1": _INCIDENT_TEXT,
        "codelist/1": MapOf(
            {
                "title": Field(_TITLE),
                **_NOTE,
                "labels": Field(MapBy(Code(), MapBy(Code(), _TITLE, 8), 500)),
            }
        ),
        "need/1": _NEED_TEXT,
        "offer/1": _NEED_TEXT,
        "revise/1": MapOf({**_NEED_TEXT.fields, **_ORG_TEXT.fields}),
        "close/1": _NOTE_ONLY,
        "reopen/1": _NOTE_ONLY,
        "reconfirm/1": _NOTE_ONLY,
        "verify/1": _NOTE_ONLY,
        "commitment/1": _PROMISE_TEXT,
        "decision/1": _PROMISE_TEXT,
        "request/1": _PLACED_TEXT,
        "allocation/1": _PROMISE_TEXT,
        "dispatch/1": _PROMISE_TEXT,
        "receipt/1": _PLACED_TEXT,
        "delivered/1": _GOODS_TEXT,
        "loss/1": _GOODS_TEXT,
        "relay/1": MapOf({"title": _NAME, **_NOTE, **_PLACE_NAME, **_LINE_WORDS}),
        "handoff/1": _NOTE_ONLY,
        "handoff_accept/1": _NOTE_ONLY,
        "handoff_withdraw/1": _NOTE_ONLY,
        "link/1": _NOTE_ONLY,
        "post/1": MapOf({"text": Field(Words(16_384, may_be_empty=False), required=True), **_NOTE}),
        "flag/1": _NOTE_ONLY,
    }
)
"""The shape of the text by the `type` of the header; of a `revise` the union of what it may be."""
