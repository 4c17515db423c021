"""The shapes of the organisation's own card: what it is to say, and what it says in each space.

Owns these shapes of the local API, as `api_models` owns all others. What a card may say is the
schema's business; how one is signed, `own_card`'s.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hutong_node.api_terms import Asked, Author, JsonMap, NameText, ShortWords, Told

_AreaText = Annotated[str, Field(min_length=1, max_length=64)]


class CardRequest(Asked):
    """What this organisation's card is to say, in each space; what isn't given stays as it is.

    `kind` is needed for a first card, unless the configuration has one. `areas` are codes of
    places, `scheme:code` or the digits of a Chinese division. An empty text takes a field of the
    desk away. Without `spaces` all that are held are meant.
    """

    kind: Annotated[str, Field(max_length=64)] | None = None
    name: ShortWords | None = None
    names: dict[Annotated[str, Field(max_length=32)], ShortWords] | None = None
    areas: Annotated[list[_AreaText], Field(max_length=64)] | None = None
    topics: Annotated[list[NameText], Field(max_length=32)] | None = None
    desk: dict[Literal["name", "phone", "email", "address", "url", "hours"], ShortWords] | None = (
        None
    )
    note: Annotated[str, Field(max_length=8_192)] | None = None
    spaces: Annotated[list[NameText], Field(min_length=1, max_length=256)] | None = None


class CardItem(Told):
    """The card in one space; `record` is None where there is none yet."""

    space: str
    record: str | None = None
    facts: JsonMap | None = None
    text: JsonMap | None = None


class CardAnswer(Told):
    """This organisation's cards in all spaces held; `signed` are the spaces of new versions."""

    organisation: Author
    kind: str | None
    cards: list[CardItem]
    signed: list[str] = []
