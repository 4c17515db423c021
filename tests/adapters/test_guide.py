"""The guide for authors of mappings is complete, and its example works as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from adapters.mapping_samples import plan_of, write_csv
from hutong_adapters.goods_text import GoodsConcern, split_goods
from hutong_adapters.mapping import Duplicates, Parser, Personal, Unlisted
from hutong_adapters.mapping_draft import draft_mapping
from hutong_adapters.mapping_draft_text import mapping_text
from hutong_adapters.mapping_load import MAPPABLE, load_mapping
from hutong_adapters.mapping_quantity import IMPLAUSIBLE
from hutong_adapters.mapping_specs import line_words
from hutong_adapters.mapping_steps import YEAR_GUESSED
from hutong_adapters.mapping_values import DATE_WORDS, VALUE_WORDS
from hutong_adapters.pack_text import read_pack
from hutong_adapters.planning import Target, make_plan
from hutong_adapters.quantity_text import Concern, read_quantity
from hutong_adapters.rows import FORMATS
from hutong_protocol.schema.compound import OF_A_LINE
from hutong_protocol.schema.jsonform import structure
from hutong_protocol.schema.record_types import RECORD_TYPES
from hutong_protocol.schema.shapes import MapOf
from hutong_protocol.taxonomy import KINDS, SEVERITIES, TOPICS, URGENCIES

GUIDE = (Path(__file__).resolve().parents[2] / "adapters" / "README.md").read_text("utf-8")


def example(place: int = 0) -> tuple[str, list[list[str]]]:
    """A mapping of the first section, and the sheet above it."""
    above, mapping, *_ = re.split(r"```toml\n(.*?)```", GUIDE, flags=re.DOTALL)[2 * place :]
    table = [line for line in above.splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return mapping, [row for row in rows if set(row[0]) != {"-"}]


def messy_example(folder: Path) -> tuple[Path, Path]:
    """The second mapping and its sheet as a workbook, merged as the text below it says."""
    samples = pytest.importorskip("adapters.sheet_samples")
    mapping, (_, *rows) = example(1)

    def fill(book: Any, sheet: Any) -> None:
        sheet.merge_range("A1:K1", "")
        for left in (3, 5):
            sheet.merge_range(1, left, 1, left + 1, "")
        for column in (0, 1, 2, 7, 8, 9, 10):
            sheet.merge_range(1, column, 2, column, "")
        for number, (_, *cells) in enumerate(rows):
            for column, cell in enumerate(cells):
                if cell:
                    sheet.write(
                        number, column, int(cell) if len(cell) < 3 and cell.isdigit() else cell
                    )

    (folder / "needs.xlsx").write_bytes(samples.made(fill))
    (folder / "my.toml").write_text(mapping, "utf-8")
    return folder / "my.toml", folder / "needs.xlsx"


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


def test_the_messy_example_of_the_guide_imports_its_sheet(tmp_path: Path) -> None:
    mapping, sheet = messy_example(tmp_path)
    plan = plan_of(load_mapping(mapping), sheet, valid_until="2035-01-31T23:59:59+08:00")
    assert [str(refusal) for refusal in plan.refused] == []
    assert plan.sheets[0].passed == {"title": 1, "header": 2, "total": 1}
    facts: Any = [each.draft.facts for each in plan.drafts]
    assert [each["lines"][0]["quantity"] for each in facts] == [
        {"bound": "exact", "value": "50", "unit": "dai"},
        {"bound": "estimate", "value": "200", "unit": "raw:份"},
        {"bound": "exact", "value": "15000", "unit": "zhi"},
    ]
    assert [each.get("needed_by") for each in facts] == [
        *("2022-01-08T23:59:59+08:00", "2022-01-07T23:59:59+08:00", None),
    ]
    assert [each["urgency"] for each in facts] == ["high", "immediate", "normal"]
    assert plan.drafts[0].draft.sensitive == {"name": "王芳", "phone": "13800138000"}


def test_the_draft_for_the_messy_example_runs_as_it_is(tmp_path: Path) -> None:
    _, sheet = messy_example(tmp_path)
    (tmp_path / "drafted.toml").write_text(mapping_text(draft_mapping(sheet)), "utf-8")
    loaded = load_mapping(tmp_path / "drafted.toml")
    target = Target("xian-2021", None, {"valid_until": "2035-01-31T23:59:59+08:00"}, True)
    plan = make_plan(loaded, [sheet], target)
    assert (len(plan.drafts), plan.refused) == (3, ())


def test_the_table_of_fields_has_those_of_needs_and_offers_and_no_others() -> None:
    said: dict[str, tuple[bool, str]] = {}
    for fields, _, of, _ in rows_under("| field | 中文 | of | what |"):
        for name in re.findall(r"`([\w.]+)`", fields):
            said[name] = ("*" in fields, of)
    known: dict[str, tuple[bool, str]] = {}
    for type_name, of in (("need/1", "need"), ("offer/1", "offer")):
        record_type = RECORD_TYPES[type_name]
        for part, shape in (("facts", record_type.facts), ("text", record_type.text)):
            fields_of = structure(shape)
            assert isinstance(fields_of, MapOf)
            for name, field in fields_of.fields.items():
                both = f"{part}.{name}" in known
                known[f"{part}.{name}"] = (field.required, "both" if both else of)
    # The texts of lines stand in `words` of the lines.
    assert said == {name: rule for name, rule in known.items() if name != "text.lines"}


def test_the_words_of_fields_are_those_of_the_code_lists() -> None:
    lists = {"urgency": URGENCIES, "severity": SEVERITIES, "kind": KINDS, "topic": TOPICS}
    rows = dict(rows_under("| list | codes |"))
    assert list(rows) == [f"`{name}`" for name in lists]
    for name, codes in lists.items():
        said = [
            f"`{code}` {label.zh} {label.en}" for code, label in codes.items() if code != "base"
        ]
        assert rows[f"`{name}`"] == ", ".join(said)


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
