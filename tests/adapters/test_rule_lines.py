"""The line of a mapping that rules a field, for whoever has to mend it."""

from __future__ import annotations

import pytest

from adapters.mapping_samples import SHEET
from hutong_adapters.mapping_load import BUILT_IN
from hutong_adapters.rule_lines import RuleLines, mapping_text

TEXT = """\
[facts] # what is signed
urgency = { const = "normal" }
place.codes = [
  { scheme = { const = "CN-GB2260" } },
]

[[facts.lines]]
id = { from = "a" }

[facts.lines.quantity]
from = "b"
unit = { from = "c" }

[[facts.lines]]
id = { from = "d" }
words.item = { from = "e" }

[facts."needed_by"]
from = "f"

[text]
"title" = { from = "g" }

[sensitive]
phone = { from = "h" }
"""


@pytest.mark.parametrize(
    ("field", "lines"),
    [
        ("urgency", (2,)),
        ("place.codes[0].scheme", (3,)),
        ("lines[0].id", (8, 15)),
        ("lines[0].quantity", (10,)),
        ("lines[0].quantity.unit", (12,)),
        ("lines[1].quantity.pack.unit", (10,)),
        ("text.lines.x-a.b.item", (16,)),
        ("needed_by", (18,)),
        ("text.title", (22,)),
        ("sensitive.phone", (25,)),
        ("severity", ()),
    ],
)
def test_a_field_is_ruled_where_its_key_or_table_stands(field: str, lines: tuple[int, ...]) -> None:
    assert RuleLines(TEXT).of_field(field) == lines


def test_every_line_that_is_told_is_one_of_the_mapping() -> None:
    for text in (SHEET, *(mapping_text(path.stem) for path in BUILT_IN.glob("*.toml"))):
        rules = RuleLines(text)
        for field in ("incident", "lines[0].id", "text.title", "place.codes[0].code"):
            found = rules.of_field(field)
            assert all(0 < line <= len(text.splitlines()) for line in found)
        assert rules.of_field("text.title")
