"""The guide for authors of mappings is complete, and its example works as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from adapters.mapping_samples import plan_of, write_csv
from hutong_adapters.goods_text import GoodsConcern, split_goods
from hutong_adapters.mapping import Duplicates, Parser, Personal, Unlisted
from hutong_adapters.mapping_load import MAPPABLE, load_mapping
from hutong_adapters.mapping_quantity import IMPLAUSIBLE
from hutong_adapters.mapping_specs import line_words
from hutong_adapters.mapping_steps import YEAR_GUESSED
from hutong_adapters.mapping_values import DATE_WORDS, VALUE_WORDS
from hutong_adapters.pack_text import read_pack
from hutong_adapters.quantity_text import Concern, read_quantity
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
    words = {*VALUE_WORDS, *MAPPABLE, *FORMATS, *OF_A_LINE, *line_words(), *DATE_WORDS}
    for choices in (Duplicates, Parser, Personal, Unlisted):
        words |= {choice.value for choice in choices}
    bare = {word.strip('"') for word in named}
    assert words - bare == set()


def rows_under(header: str) -> list[list[str]]:
    """The rows of the table of the guide that has this header."""
    table = GUIDE.partition(f"{header}\n")[2].partition("\n\n")[0]
    lines = table.replace("\\*", "*").splitlines()[1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_wording_of_the_guide_is_read_as_it_says() -> None:
    rows = rows_under("| cell | is |")
    assert len(rows) == 11
    for cells, said in rows:
        for cell in cells.removesuffix(", an empty cell").split(", "):
            reading = read_quantity(cell)
            bound = said.partition(",")[0].replace(" ", "_")
            assert (cell, reading.bound) == (cell, bound)
            assert (cell, reading.concern is not None) == (cell, "marked" in said)


def test_every_list_of_goods_of_the_guide_is_split_as_it_says() -> None:
    rows = rows_under("| cell | pieces: item / spec / quantity |")
    assert len(rows) == 9
    for cell, said in rows:
        goods = split_goods(cell)
        marked = bool(goods.concerns) or any(piece.concern for piece in goods.pieces)
        assert (cell, marked) == (cell, "marked" in said)
        for piece in goods.pieces:
            words = f"{piece.item} / {piece.spec} / {piece.quantity or 'none'}".replace("  ", " ")
            assert words in said or (not piece.quantity and piece.item in said)


def test_the_packs_of_the_guide_are_packs_and_the_others_are_none() -> None:
    stated = ("2000只/箱", "50kg/桶", "100盒/件(4瓶装)", "每箱20瓶", "10支*42盒/箱", "5L*4瓶/件")
    others = ("2500/箱", "12件*100个", "24粒X10小盒X40/箱", "12瓶*500ml/箱")
    assert all(text in GUIDE for text in stated + others)
    assert all(map(read_pack, stated))
    assert not any(map(read_pack, others))


def test_every_mark_stands_in_the_guide() -> None:
    named = {name for row in rows_under("| mark | what it says |") for name in row[0].split(", ")}
    marks = {*map(str, Concern), *map(str, GoodsConcern), "pii:..."}
    marks |= {YEAR_GUESSED[0], IMPLAUSIBLE[0]}
    assert {name.strip("`") for name in named} == marks - {GoodsConcern.NOT_SPLIT}
