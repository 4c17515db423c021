"""Each step of a value does what the guide says, and refuses what only looks right.

Threat 42; hard numbers, dates and texts of real sheets.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mapping_samples import (
    HEADER,
    ROW,
    SHEET,
    changed,
    only_draft,
    only_line,
    only_refusal,
    plan_of,
    sheet_mapping,
    sheet_plan,
    write_csv,
    write_json,
)
from hutong_adapters.mapping_dates import DateRefused, date_step
from hutong_adapters.mapping_steps import line_id
from hutong_adapters.plain_text import comparable, trimmed
from hutong_protocol.personal_data import findings
from hutong_protocol.schema.shapes import KEY

ZONE = "Asia/Shanghai"


def with_cell(name: str, cell: str) -> list[str]:
    """The sample row with one cell changed."""
    return [cell if column == name else old for column, old in zip(HEADER, ROW, strict=True)]


# --- Numbers


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("20", "20"),
        (" 20\u3000", "20"),
        ("\u200b20", "20"),
        ("1,000", "1000"),
        ("007", "7"),
        ("20.50", "20.5"),
        ("2500.", "2500"),
        ("0", "0"),
        ("999999999999999999.999999", "999999999999999999.999999"),
    ],
)
def test_a_plain_number_is_an_exact_quantity(tmp_path: Path, cell: str, value: str) -> None:
    line = only_line(sheet_plan(tmp_path, with_cell("数量", cell)))
    assert line["quantity"] == {"bound": "exact", "value": value, "unit": "dai"}


@pytest.mark.parametrize(
    "cell",
    [
        *("１２", "1_000", "1e400", "nan", "inf", "-5", "+5", "0x10", "٣", "五", "½", "1 000"),
        *("1,00", "1.2.3", "20袋", "约20", "5-10", "1234567890123456789", "0.0000001", "=1+1"),
    ],
)
def test_what_only_looks_like_a_number_is_refused(tmp_path: Path, cell: str) -> None:
    """Threat 42."""
    refusal = only_refusal(sheet_plan(tmp_path, with_cell("数量", cell)))
    assert (refusal.row, refusal.cell, refusal.rule) == (2, "数量", "is no number in plain digits")
    assert refusal.field == "lines[0].quantity"
    assert refusal.way_out
    assert cell not in str(refusal)


def test_no_source_of_the_adapters_reads_a_cell_with_int_or_float() -> None:
    """Threat 42: both accept full-width digits, underscores, and float also nan and 1e400."""
    folder = Path(__file__).resolve().parents[2] / "adapters" / "hutong_adapters"
    found = {
        path.name
        for path in folder.glob("*.py")
        if re.search(r"\b(?:int|float|Decimal|Fraction)\([a-z]", path.read_text("utf-8"))
    }
    digits_seen_before = {"mapping_steps.py", "mapping_dates.py", "export_columns.py"}
    places_in_a_sheet = {"xlsx_scan.py", "ods_scan.py", "xlsx_cells.py"}
    what_people_type = {"explaining.py"}  # the number of a row, of ASCII digits
    counts_of_the_node = {"business_keys.py", "runner.py"}
    exact_decimals = {"grid.py"}  # of what a workbook holds as a number
    assert found == (
        digits_seen_before
        | places_in_a_sheet
        | what_people_type
        | counts_of_the_node
        | exact_decimals
    )


SENTINELS = changed("unit = {", 'unbounded = ["1", "不限"], unknown = ["待定"], unit = {')


@pytest.mark.parametrize(
    ("cell", "bound"),
    [
        ("1", "unbounded"),
        ("不限", "unbounded"),
        ("待定", "unknown"),
        ("", "unknown"),
        ("2", "exact"),
    ],
)
def test_a_sentinel_says_what_it_stands_for(tmp_path: Path, cell: str, bound: str) -> None:
    line = only_line(sheet_plan(tmp_path, with_cell("数量", cell), mapping=SENTINELS))
    assert line["quantity"]["bound"] == bound
    assert ("value" in line["quantity"]) is (bound == "exact")
    assert line["quantity"]["unit"] == "dai"


@pytest.mark.parametrize("cell", ["1.0", "01", "1."])
def test_a_sentinel_in_another_form_is_neither_the_sentinel_nor_a_number(
    tmp_path: Path, cell: str
) -> None:
    plan = sheet_plan(tmp_path, with_cell("数量", cell), mapping=SENTINELS)
    assert only_refusal(plan).rule == "has the value of a sentinel, written in another way"


def test_the_number_one_of_json_with_a_fraction_is_no_sentinel_either(tmp_path: Path) -> None:
    row = dict(zip(HEADER, ROW, strict=True)) | {"数量": 1.0}
    path = write_json(tmp_path, [row])
    assert "1.0" in path.read_text("utf-8")
    refusal = only_refusal(plan_of(sheet_mapping(tmp_path, SENTINELS), path))
    assert refusal.rule == "has the value of a sentinel, written in another way"


COUNTED = changed("[[facts.lines]]", 'people = { from = "人数" }\n[[facts.lines]]')


@pytest.mark.parametrize(
    ("cell", "count"), [("37", 37), ("1,200", 1200), ("1-4", "1-4"), ("20+", "20+"), ("", None)]
)
def test_a_count_is_a_whole_number_or_a_band(
    tmp_path: Path, cell: str, count: int | str | None
) -> None:
    path = write_csv(tmp_path, [[*HEADER, "人数"], [*ROW, cell]])
    draft = only_draft(plan_of(sheet_mapping(tmp_path, COUNTED), path)).draft
    assert draft.facts.get("people") == count


@pytest.mark.parametrize("cell", ["37.0", "３７", "1_0", "-1", "99999999999999999"])
def test_a_count_that_is_no_whole_number_is_refused(tmp_path: Path, cell: str) -> None:
    path = write_csv(tmp_path, [[*HEADER, "人数"], [*ROW, cell]])
    assert only_refusal(plan_of(sheet_mapping(tmp_path, COUNTED), path)).cell == "人数"


def test_the_wording_of_a_quantity_is_kept_where_the_mapping_asks(tmp_path: Path) -> None:
    draft = only_draft(sheet_plan(tmp_path, with_cell("数量", "1,000"))).draft
    (words,) = draft.text["lines"].values()  # type: ignore[union-attr]
    assert words == {"item": "大米", "raw": "1,000"}


# --- Lookups


def test_a_text_that_a_table_does_not_have_is_refused(tmp_path: Path) -> None:
    refusal = only_refusal(sheet_plan(tmp_path, with_cell("单位", "筐")))
    assert (refusal.cell, refusal.rule) == ("单位", "is not in units")


@pytest.mark.parametrize(
    ("unlisted", "unit"), [("keep", "筐"), ("raw_unit", "raw:筐"), ("empty", None)]
)
def test_unlisted_texts_do_what_the_mapping_says(
    tmp_path: Path, unlisted: str, unit: str | None
) -> None:
    text = changed('lookup = "units"', f'lookup = "units", unlisted = "{unlisted}"')
    row = [*with_cell("单位", " 筐 ")]
    row[HEADER.index("数量")] = ""
    line = only_line(sheet_plan(tmp_path, row, mapping=text))
    assert line["quantity"].get("unit") == unit


def test_a_key_of_a_table_is_compared_as_people_read_it(tmp_path: Path) -> None:
    text = changed('"袋" = "dai"', '"Bag (袋)" = "dai"')
    line = only_line(sheet_plan(tmp_path, with_cell("单位", "ＢＡＧ  （袋）\u200b"), mapping=text))
    assert line["quantity"]["unit"] == "dai"


def test_several_columns_together_are_a_key_and_else_is_tried_after(tmp_path: Path) -> None:
    (tmp_path / "places.csv").write_text("市,区,code\n西安,雁塔,610113\n西安,,610100\n", "utf-8")
    text = changed(
        'code = { from = "区县" }',
        'code = { from = ["市", "区县"], lookup = "places", unlisted = "empty",'
        ' else = { from = "市", lookup = { "西安" = "610199" } } }',
    )
    text = changed(
        "[facts]", '[lookups.places]\nfile = "places.csv"\nkey = ["市", "区"]\n[facts]', text
    )
    mapping = sheet_mapping(tmp_path, text)
    header = [*HEADER, "市"]
    found = []
    for district in ("雁塔", "", "高新"):
        path = write_csv(tmp_path, [header, [*with_cell("区县", district), "西安"]])
        facts = only_draft(plan_of(mapping, path)).draft.facts
        found.append(facts["place"]["codes"][0]["code"])  # type: ignore[index,call-overload]
    assert found == ["610113", "610100", "610199"]


# --- Texts and lists


def test_missing_words_defaults_and_joins_follow_their_order(tmp_path: Path) -> None:
    text = changed(
        "title = {", 'note = { from = ["备注", "来源"], join = " / ", missing = ["无"] }\ntitle = {'
    )
    text = changed("urgency = { const", 'urgency = { from = "急", default', text)
    mapping = sheet_mapping(tmp_path, changed('ignore = ["备注"]', "", text))
    rows = [[*with_cell("备注", " 无 "), "群", ""], [*with_cell("备注", "急用"), "群", "high"]]
    rows[1][0] = "A-2"
    plan = plan_of(mapping, write_csv(tmp_path, [[*HEADER, "来源", "急"], *rows]))
    said = [(each.draft.text["note"], each.draft.facts["urgency"]) for each in plan.drafts]
    assert said == [("群", "normal"), ("急用 / 群", "high")]


def test_one_cell_is_split_into_a_list_and_looked_up_piece_by_piece(tmp_path: Path) -> None:
    text = changed(
        "[[facts.lines]]",
        'tags = { from = "备注", split = ["、", ","], lookup = { "粮" = "fsc", "医" = "hea" } }\n'
        "[[facts.lines]]",
    )
    mapping = sheet_mapping(tmp_path, changed('ignore = ["备注"]', "", text))
    path = write_csv(tmp_path, [HEADER, with_cell("备注", "粮、 医,")])
    assert only_draft(plan_of(mapping, path)).draft.facts["tags"] == ["fsc", "hea"]
    array = dict(zip(HEADER, ROW, strict=True)) | {"备注": ["医", None, "粮"]}
    plan = plan_of(mapping, write_json(tmp_path, [array]))
    assert only_draft(plan).draft.facts["tags"] == ["hea", "fsc"]


def test_a_required_value_that_is_empty_is_refused(tmp_path: Path) -> None:
    refused = sheet_plan(tmp_path, with_cell("物资", "\u3000")).refused
    assert [(each.cell, each.rule) for each in refused] == [("物资", "is empty and required")]


def test_text_that_is_not_trimmed_stays_as_it_is(tmp_path: Path) -> None:
    text = changed("title = {", 'note = { from = "备注", trim = false }\ntitle = {')
    mapping = sheet_mapping(tmp_path, changed('ignore = ["备注"]', "", text))
    path = write_csv(tmp_path, [HEADER, with_cell("备注", " =1+1\t\u200b")])
    assert only_draft(plan_of(mapping, path)).draft.text["note"] == " =1+1\t\u200b"


@given(st.text())
def test_trimming_and_comparing_are_done_once(text: str) -> None:
    assert trimmed(trimmed(text)) == trimmed(text)
    assert comparable(comparable(text)) == comparable(text)
    assert comparable(f"\u3000{text.upper()}\u200b") == comparable(text.upper())


@given(st.text(min_size=1))
def test_any_words_give_the_id_of_a_line(text: str) -> None:
    made = line_id(text)
    assert KEY.fullmatch(made)
    assert line_id(f" {text}\u200b") == made


def test_an_id_that_is_one_already_stays() -> None:
    assert line_id("Rice-25kg") == "rice-25kg"
    assert line_id("大米") != line_id("小米")


# --- Dates


@pytest.mark.parametrize(
    ("pattern", "at", "cell", "expected"),
    [
        ("YYYY-MM-DD", "00:00:00", "2022-01-31", "2022-01-31T00:00:00+08:00"),
        ("YYYY-MM-DD", "23:59:59", "2022-01-31", "2022-01-31T23:59:59+08:00"),
        ("YYYY/M/D h:mm", "23:59:59", "2022/1/3 9:05", "2022-01-03T09:05:00+08:00"),
        ("YYYY年M月D日", "00:00:00", "2022年12月1日", "2022-12-01T00:00:00+08:00"),
        ("DD-MM-YYYY", "00:00:00", "16-07-2014", "2014-07-16T00:00:00+08:00"),
        ("YYYY-MM-DDThh:mm:ss", "00:00:00", "2022-01-31T10:20:30", "2022-01-31T10:20:30+08:00"),
        (
            "YYYY-MM-DD hh:mm:ss.S 'UTC'",
            "00:00:00",
            "2020-05-22 07:38:09.981234 UTC",
            "2020-05-22T07:38:09.981+08:00",
        ),
        ("rfc3339", "00:00:00", "2020-01-25T16:00:00.000Z", "2020-01-26T00:00:00+08:00"),
        ("rfc3339", "00:00:00", "2020-01-25T16:00:00.050-02:00", "2020-01-26T02:00:00.050+08:00"),
    ],
)
def test_a_date_gets_the_offset_of_the_zone_of_the_mapping(
    pattern: str, at: str, cell: str, expected: str
) -> None:
    assert date_step((pattern,), ZONE, at).read(cell).text == expected


@pytest.mark.parametrize(
    ("pattern", "zone", "cell", "rule"),
    [
        ("YYYY-MM-DD", ZONE, "２０２２-01-31", "is no date like YYYY-MM-DD"),
        ("YYYY-MM-DD", ZONE, "43859", "is no date like YYYY-MM-DD"),
        ("YYYY-MM-DD", ZONE, "2022-02-30", "is no date of the calendar"),
        ("YYYY-MM-DD", ZONE, "0000-01-01", "is no date of the calendar"),
        ("YYYY-MM-DD hh:mm", ZONE, "2022-01-31 24:00", "is no date of the calendar"),
        ("YYYY-MM-DD hh:mm", "Europe/Berlin", "2022-03-27 02:30", "skips or has twice"),
        ("YYYY-MM-DD hh:mm", "Europe/Berlin", "2022-10-30 02:30", "skips or has twice"),
        ("YYYY-MM-DD", ZONE, "1900-01-01", "is a time whose offset has seconds"),
        ("rfc3339", ZONE, "2020-01-25", "is no date like rfc3339"),
        ("rfc3339", ZONE, "9999-12-31T23:59:59Z", "outside of the years"),
    ],
)
def test_a_date_that_nobody_can_be_sure_of_is_refused(
    pattern: str, zone: str, cell: str, rule: str
) -> None:
    with pytest.raises(DateRefused, match=rule):
        date_step((pattern,), zone, "00:00:00").read(cell)


@pytest.mark.parametrize(
    ("pattern", "at"),
    [
        *(("YYYY-MM", "00:00:00"), ("MM-DD-YYYY YYYY", "00:00:00"), ("YYYY-MM-DD mm", "00:00:00")),
        *(("YYYYMMDD hh:ss", "00:00:00"), ("YYYY-MM-DD", "24:00:00"), ("YYYY-MMM-DD", "00:00:00")),
    ],
)
def test_a_pattern_that_makes_no_date_is_refused(pattern: str, at: str) -> None:
    with pytest.raises(DateRefused):
        date_step((pattern,), ZONE, at)


def test_patterns_are_tried_in_their_order(tmp_path: Path) -> None:
    text = changed(
        'const = "2022-01-31T00:00:00+08:00"',
        'from = "备注", date = { format = ["DD/MM/YYYY", "YYYY-MM-DD"], zone = "Asia/Shanghai" }',
    )
    mapping = sheet_mapping(tmp_path, changed('ignore = ["备注"]', "", text))
    rows = [with_cell("备注", "31/01/2022"), with_cell("备注", "2022-02-01")]
    rows[1][0] = "A-2"
    plan = plan_of(mapping, write_csv(tmp_path, [HEADER, *rows]))
    assert [each.draft.facts["valid_until"] for each in plan.drafts] == [
        "2022-01-31T00:00:00+08:00",
        "2022-02-01T00:00:00+08:00",
    ]


def test_a_time_without_an_offset_needs_a_date_step(tmp_path: Path) -> None:
    text = changed('const = "2022-01-31T00:00:00+08:00"', 'from = "备注"')
    mapping = sheet_mapping(tmp_path, changed('ignore = ["备注"]', "", text))
    path = write_csv(tmp_path, [HEADER, with_cell("备注", "2022-01-31 00:00")])
    assert only_refusal(plan_of(mapping, path)).rule == "is no time with its offset"


# --- Personal data

MOBILE = "13800138000"
PII = changed("title = {", 'note = { from = "备注" }\ntitle = {')
PII = changed('ignore = ["备注"]', "", PII)


def note_plan(folder: Path, note: str, policy: str = "") -> str:
    personal = f', personal = "{policy}"' if policy else ""
    return changed('from = "备注" }', f'from = "备注"{personal} }}', PII)


@pytest.mark.parametrize(
    ("policy", "note", "at_home"),
    [
        ("drop", None, {}),
        ("cut", "电话，门口取", {}),
        ("at_home", None, {"text.note": f"电话{MOBILE}，门口取"}),
    ],
)
def test_personal_data_goes_where_the_mapping_says(
    tmp_path: Path, policy: str, note: str | None, at_home: dict[str, str]
) -> None:
    cell = f"电话{MOBILE}，门口取"
    plan = sheet_plan(tmp_path, with_cell("备注", cell), mapping=note_plan(tmp_path, cell, policy))
    drafted = only_draft(plan)
    assert drafted.draft.text.get("note") == note
    assert dict(drafted.draft.sensitive) == at_home
    (seen,) = drafted.personal
    assert (seen.cell, seen.kind, seen.action) == ("备注", "cn_mobile", policy)


def test_personal_data_is_refused_with_kind_and_cell_by_default(tmp_path: Path) -> None:
    plan = sheet_plan(tmp_path, with_cell("备注", f"电话{MOBILE}"), mapping=PII)
    refusal = only_refusal(plan)
    assert (refusal.row, refusal.cell, refusal.rule) == (2, "备注", "pii:cn_mobile")
    assert MOBILE not in f"{refusal}{refusal!r}"


def test_a_cell_of_nothing_but_personal_data_is_dropped_when_cut(tmp_path: Path) -> None:
    plan = sheet_plan(
        tmp_path, with_cell("备注", MOBILE), mapping=note_plan(tmp_path, MOBILE, "cut")
    )
    drafted = only_draft(plan)
    assert "note" not in drafted.draft.text
    assert [note.action for note in drafted.personal] == ["drop"]


@given(
    st.lists(
        st.sampled_from(["138", "0013", "8000", "13800138000", "微信 ", "abcdef", "3号楼", "2室"])
        | st.text(max_size=3),
        max_size=8,
    )
)
def test_nothing_is_found_in_what_a_cut_leaves(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    cell = "".join(pieces).replace("\0", "")
    row = dict(zip(HEADER, ROW, strict=True)) | {"备注": cell}
    mapping = sheet_mapping(folder, note_plan(folder, cell, "cut"))
    plan = plan_of(mapping, write_json(folder, [row]))
    for drafted in plan.drafts:
        note = drafted.draft.text.get("note")
        assert note is None or findings(str(note)) == []


def test_the_sample_itself_is_free_of_surprises(tmp_path: Path) -> None:
    assert only_draft(sheet_plan(tmp_path, ROW, mapping=SHEET)).draft.space == "xian-2021"


# --- Words without a value, and what stands in their place

PLACES = changed(
    'place.codes = [{ scheme = { const = "CN-GB2260" }, code = { from = "区县" } }]',
    """place.codes = [
  { scheme = { const = "x" }, code = { from = "区县", lookup = "areas", unlisted = "empty" } },
  { only_if_none = true, scheme = { const = "ISO3166-1" }, code = { const = "CN" } },
]""",
    changed("[facts]\n", '[lookups.areas]\ntable = { "甲" = "610113", "乙" = "" }\n[facts]\n'),
)


@pytest.mark.parametrize(("cell", "code"), [("甲", "610113"), ("乙", "CN"), ("", "CN")])
def test_a_word_without_a_value_is_like_an_empty_cell_and_leaves_room_for_another(
    tmp_path: Path, cell: str, code: str
) -> None:
    draft = only_draft(sheet_plan(tmp_path, with_cell("区县", cell), mapping=PLACES)).draft
    assert code in str(draft.facts["place"])


def test_a_word_that_the_table_does_not_have_is_not_taken_for_one_without_a_value(
    tmp_path: Path,
) -> None:
    refusal = only_refusal(sheet_plan(tmp_path, with_cell("区县", "丙"), mapping=PLACES))
    assert refusal.field == "place.codes[0].code"
