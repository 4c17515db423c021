"""What all shapes of the local API are made of: strictness, and the forms of names and texts.

What is asked for is strict: nothing is converted, an unknown field is an error (threat 48). What is
told may gain fields within version 1; programs ignore those that they don't know.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue

JsonMap: TypeAlias = dict[str, JsonValue]
"""A map as JSON has it."""

OrgText: TypeAlias = Annotated[str, Field(pattern=r"^org-[a-z2-7]{56}$")]
"""An organisation id."""
RecordText: TypeAlias = Annotated[str, Field(pattern=r"^rec-[a-z2-7]{56}$")]
"""A record id."""
NameText: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
"""A space or topic. Spec: 5.1."""
ShortWords: TypeAlias = Annotated[str, Field(max_length=300)]
TimeText: TypeAlias = Annotated[str, Field(max_length=40)]

PAGE_MAX = 500
"""Most entries of one page of a list."""


class Asked(BaseModel):
    """What a program sends: strict, and nothing that isn't named here."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Told(BaseModel):
    """What the node answers; later nodes may add fields."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class ProblemItem(Told):
    """One objection to a field: where, which rule, and a value that would do."""

    path: str
    rule: str
    example: str = ""


class Author(Told):
    """An organisation, with the name by which it is known here, if any."""

    id: str
    name: str | None = None
