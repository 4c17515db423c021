"""The guide for authors of mappings is complete, and its example works as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from adapters.mapping_samples import plan_of, write_csv
from hutong_adapters.mapping import PARSERS_TO_COME, Duplicates, Parser, Personal, Unlisted
from hutong_adapters.mapping_load import MAPPABLE, load_mapping
from hutong_adapters.mapping_specs import line_words
from hutong_adapters.mapping_values import VALUE_WORDS
from hutong_adapters.rows import FORMATS
from hutong_protocol.schema.compound import OF_A_LINE

GUIDE = (Path(__file__).resolve().parents[2] / "adapters" / "README.md").read_text("utf-8")


def example() -> tuple[str, list[list[str]]]:
    """The mapping and the sheet of the first section."""
    mapping = re.search(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    assert mapping is not None
    table = [line for line in GUIDE.partition("```toml")[0].splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return mapping[1], [row for row in rows if set(row[0]) != {"-"}]


def test_the_example_of_the_guide_imports_its_sheet(tmp_path: Path) -> None:
    mapping, rows = example()
    (tmp_path / "my-mapping.toml").write_text(mapping, "utf-8")
    loaded = load_mapping(tmp_path / "my-mapping.toml")
    plan = plan_of(loaded, write_csv(tmp_path, rows))
    assert [str(refusal) for refusal in plan.refused] == []
    lines: Any = [each.draft.facts["lines"] for each in plan.drafts]
    assert [line["quantity"] for (line,) in lines] == [
        {"bound": "exact", "value": "20", "unit": "dai"},
        {"bound": "unbounded", "unit": "zhi"},
    ]
    assert plan.drafts[0].draft.sensitive == {"phone": "13800138000"}


def test_every_word_of_the_format_stands_in_the_guide() -> None:
    named = set(re.findall(r'`"?([\w./]+)"?[`:]', GUIDE))
    named |= {word for group in re.findall(r"`([^`\n]+)`", GUIDE) for word in group.split()}
    words = {*VALUE_WORDS, *MAPPABLE, *FORMATS, *OF_A_LINE, *line_words(), *PARSERS_TO_COME}
    for choices in (Duplicates, Parser, Personal, Unlisted):
        words |= {choice.value for choice in choices}
    bare = {word.strip('"') for word in named}
    assert words - bare == set()
