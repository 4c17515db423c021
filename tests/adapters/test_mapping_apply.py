"""Rows become whole drafts that the core would sign, or refusals that name cell and way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.mapping_samples import (
    HEADER,
    ROW,
    changed,
    explained,
    only_draft,
    only_line,
    only_refusal,
    plan_of,
    sheet_mapping,
    sheet_plan,
    write_csv,
    write_json,
)
from hutong_adapters.interface import MappingRefused
from hutong_adapters.planning import PLACEHOLDER, Target, make_plan
from hutong_protocol.schema import record_problems
from hutong_protocol.schema.jsonform import facts_from_json

NESTED = changed('ignore = ["备注"]', 'optional = ["备注", "联系人", "坐标"]')
NESTED = changed("[[facts.lines]]\n", '[[facts.lines]]\neach = "清单"\n', NESTED)
NESTED = changed(
    'quantity = { from = "数量", unit = { from = "单位", lookup = "units" }, raw = true }',
    'quantity = { from = "数量", unit = { from_row = "单位", lookup = "units" } }',
    NESTED,
)
NESTED = changed('title = { from = "物资"', 'title = { from = "标题"', NESTED)
NESTED += """\
[sensitive]
contact = { from = "/联系人/电话" }
"""


def nested_row(*lines: dict[str, object], **more: object) -> dict[str, object]:
    return {
        "编号": "A-1",
        "区县": "610113",
        "标题": "物资",
        "单位": "袋",
        "清单": list(lines),
        **more,
    }


def test_a_draft_is_one_that_the_core_would_sign(tmp_path: Path) -> None:
    draft = only_draft(sheet_plan(tmp_path, ROW)).draft
    facts, problems = facts_from_json(draft.type, draft.facts)
    assert problems == []
    assert record_problems(draft.type, refs=(), facts=facts, text=draft.text) == []
    assert (draft.type, draft.space, draft.topic) == ("need/1", "xian-2021", "fsc")
    assert draft.row_label == "sheet.csv row 2"


def test_every_nested_row_becomes_a_line_with_its_words(tmp_path: Path) -> None:
    rows = [nested_row({"物资": "大米", "数量": 20}, {"物资": "面", "数量": None}, {})]
    draft = only_draft(plan_of(sheet_mapping(tmp_path, NESTED), write_json(tmp_path, rows))).draft
    lines: Any = draft.facts["lines"]
    assert [line["quantity"] for line in lines] == [
        {"bound": "exact", "value": "20", "unit": "dai"},
        {"bound": "unknown", "unit": "dai"},
    ]
    words: Any = draft.text["lines"]
    assert {line["id"] for line in lines} == set(words)
    assert [each["item"] for each in words.values()] == ["大米", "面"]


def test_what_is_wrong_in_a_nested_row_is_named_by_its_cell(tmp_path: Path) -> None:
    rows = [nested_row({"物资": "大米", "数量": 20}, {"物资": "面", "数量": "二十"})]
    refusal = only_refusal(plan_of(sheet_mapping(tmp_path, NESTED), write_json(tmp_path, rows)))
    assert (refusal.row, refusal.cell) == (1, "/清单/1/数量")
    assert refusal.field == "lines[1].quantity"


def test_a_row_is_drafted_whole_or_not_at_all_and_all_its_mistakes_are_told(
    tmp_path: Path,
) -> None:
    rows = [nested_row({"物资": "大米", "数量": "x"}, {"物资": "面", "数量": "y"}, 单位="筐")]
    plan = plan_of(sheet_mapping(tmp_path, NESTED), write_json(tmp_path, rows))
    assert plan.drafts == ()
    assert sorted({refusal.cell for refusal in plan.refused}) == [
        *("/清单/0/数量", "/清单/1/数量", "单位"),
    ]


@pytest.mark.parametrize("nested", ["大米 20", [1, 2]])
def test_what_is_no_list_of_nested_rows_is_refused_and_not_dropped(
    tmp_path: Path, nested: object
) -> None:
    rows = [nested_row({"物资": "大米", "数量": 20}), nested_row()]
    rows[1] |= {"编号": "A-2", "清单": nested}
    plan = plan_of(sheet_mapping(tmp_path, NESTED), write_json(tmp_path, rows))
    assert [(each.row, each.cell, each.rule) for each in plan.refused] == [
        (2, "清单", "is no list of nested rows")
    ]


def test_a_row_without_lines_is_refused_unless_a_line_says_so(tmp_path: Path) -> None:
    path = write_json(tmp_path, [nested_row()])
    refusal = only_refusal(plan_of(sheet_mapping(tmp_path, NESTED), path))
    assert refusal.field == "lines"
    stated = NESTED + '[[facts.lines]]\nonly_if_none = true\nid = { const = "unstated" }\n'
    stated += 'kind = { const = "goods" }\nquantity = { bound = "unknown" }\n'
    drafted = only_draft(plan_of(sheet_mapping(tmp_path, stated), path))
    assert drafted.lines_added == 1
    assert drafted.draft.facts["lines"] == [
        {"id": "unstated", "kind": "goods", "quantity": {"bound": "unknown"}}
    ]
    full = write_json(tmp_path, [nested_row({"物资": "大米", "数量": 20})])
    assert only_draft(plan_of(sheet_mapping(tmp_path, stated), full)).lines_added == 0


def test_two_lines_of_one_id_are_refused(tmp_path: Path) -> None:
    rows = [nested_row({"物资": "大米", "数量": 20}, {"物资": "大米 ", "数量": 30})]
    refusal = only_refusal(plan_of(sheet_mapping(tmp_path, NESTED), write_json(tmp_path, rows)))
    assert refusal.rule == "has no id twice"


def test_a_line_of_empty_cells_is_left_out(tmp_path: Path) -> None:
    second = (
        '[[facts.lines]]\nid = { const = "second" }\nkind = { const = "goods" }\n'
        'quantity = { from = "数量2", unit = { const = "dai" } }\n[text]'
    )
    mapping = sheet_mapping(tmp_path, changed("[text]", second))
    header = [*HEADER, "数量2"]
    rows = [[*ROW, ""], ["A-2", *ROW[1:], "5"]]
    plan = plan_of(mapping, write_csv(tmp_path, [header, *rows]))
    assert [len(each.draft.facts["lines"]) for each in plan.drafts] == [1, 2]  # type: ignore[arg-type]


def test_a_point_without_coordinates_is_left_out_and_half_a_point_refused(
    tmp_path: Path,
) -> None:
    point = (
        'place.point = { lat = { from = "纬" }, lon = { from = "经" }, crs = { const = "WGS84" },'
        " radius_m = { const = 500 } }\nplace.codes"
    )
    mapping = sheet_mapping(tmp_path, changed("place.codes", point))
    header = [*HEADER, "纬", "经"]
    rows = [
        [*ROW, "", ""],
        ["A-2", *ROW[1:], "34220000", "108945000"],
        ["A-3", *ROW[1:], "34220000", ""],
        ["A-4", *ROW[1:], "34220001", "108945000"],
    ]
    plan = plan_of(mapping, write_csv(tmp_path, [header, *rows]))
    places: Any = [each.draft.facts["place"] for each in plan.drafts]
    assert [place.get("point", {}).get("lat") for place in places] == [None, 34_220_000]
    assert [(each.row, each.field) for each in plan.refused] == [
        (4, "place.point.lon"),
        (5, "place.point"),
    ]
    assert plan.refused[0].cell == "经"


@pytest.mark.parametrize(
    ("otherwise", "code"), [('else = { const = "610100" }', "610100"), ('default = "610100"', "")]
)
def test_else_fills_a_map_and_a_default_only_completes_it(
    tmp_path: Path, otherwise: str, code: str
) -> None:
    text = changed('from = "区县"', f'from = "区县", {otherwise}')
    plan = sheet_plan(tmp_path, [ROW[0], "", *ROW[2:]], mapping=text)
    if code:
        assert only_draft(plan).draft.facts["place"] == {
            "codes": [{"scheme": "CN-GB2260", "code": code}]
        }
    else:
        assert (only_refusal(plan).cell, only_refusal(plan).field) == ("区县", "place")


@pytest.mark.parametrize(
    ("bound", "cell", "expected"),
    [
        ("estimate", "20", {"bound": "estimate", "value": "20", "unit": "dai"}),
        ("at_least", "20", {"bound": "at_least", "min": "20", "unit": "dai"}),
        ("up_to", "20", {"bound": "up_to", "max": "20", "unit": "dai"}),
        ("band", "5-9", {"bound": "band", "min": "5", "max": "9", "unit": "dai"}),
        ("band", "20+", {"bound": "band", "min": "20", "unit": "dai"}),
        ("band", "", {"bound": "unknown", "unit": "dai"}),
    ],
)
def test_a_number_stands_where_its_bound_wants_it(
    tmp_path: Path, bound: str, cell: str, expected: dict[str, str]
) -> None:
    text = changed('from = "数量",', f'from = "数量", bound = "{bound}",')
    row = [*ROW[:3], cell, *ROW[4:]]
    assert only_line(sheet_plan(tmp_path, row, mapping=text))["quantity"] == expected


@pytest.mark.parametrize(
    ("least", "most", "expected"),
    [
        ("20", "30", {"bound": "estimate", "min": "20", "max": "30", "unit": "dai"}),
        ("20", "", {"bound": "unknown", "unit": "dai"}),
    ],
)
def test_a_range_has_both_ends_or_is_unknown(
    tmp_path: Path, least: str, most: str, expected: dict[str, str]
) -> None:
    text = changed(
        'from = "数量",', 'bound = "estimate", min = { from = "数量" }, max = { from = "至" },'
    )
    path = write_csv(tmp_path, [[*HEADER, "至"], [*ROW[:3], least, *ROW[4:], most]])
    text = changed(", raw = true", "", text)
    assert only_line(plan_of(sheet_mapping(tmp_path, text), path))["quantity"] == expected


def test_a_pack_is_stated_with_its_content(tmp_path: Path) -> None:
    pack = (
        'pack = { unit = { const = "dai" }, of = { value = { from = "每袋公斤" },'
        ' unit = { const = "kg" } } }, unit = {'
    )
    mapping = sheet_mapping(tmp_path, changed("unit = {", pack))
    rows = [[*ROW, "25"], ["A-2", *ROW[1:], ""]]
    plan = plan_of(mapping, write_csv(tmp_path, [[*HEADER, "每袋公斤"], *rows]))
    lines: Any = [each.draft.facts["lines"] for each in plan.drafts]
    assert [line["quantity"].get("pack") for (line,) in lines] == [
        {"unit": "dai", "of": {"value": "25", "unit": "kg"}},
        None,
    ]


def test_counts_of_sensitive_groups_must_be_bands(tmp_path: Path) -> None:
    groups = 'groups = [{ group = { const = "patients" }, people = { from = "备注" } }]\n'
    text = changed("[[facts.lines]]", groups + "[[facts.lines]]")
    text = changed('ignore = ["备注"]', "", text)
    rows = [[*ROW[:5], "1-4"], ["A-2", *ROW[1:5], "3"]]
    plan = sheet_plan(tmp_path, *rows, mapping=text)
    assert [each.draft.facts["groups"] for each in plan.drafts] == [
        [{"group": "patients", "people": "1-4"}]
    ]
    assert [(each.row, each.cell) for each in plan.refused] == [(3, "备注")]


def test_a_party_may_be_an_organisation_or_stand_for_itself(tmp_path: Path) -> None:
    parties = (
        'receivers = [{ key = { const = "desk" }, kind = { const = "community" } },'
        ' { from = "备注" }]\n[[facts.lines]]'
    )
    text = changed("[[facts.lines]]", parties)
    text = changed("title =", 'parties.desk = { from = "区县" }\ntitle =', text)
    text = changed('ignore = ["备注"]', "", text)
    draft = only_draft(sheet_plan(tmp_path, ROW, mapping=text)).draft
    assert draft.facts["receivers"] == [{"key": "desk", "kind": "community"}]
    assert draft.text["parties"] == {"desk": "610113"}
    wrong = [*ROW[:5], "org-aaaa"]
    assert only_refusal(sheet_plan(tmp_path, wrong, mapping=text)).cell == "备注"


def test_what_stays_at_home_is_in_no_part_of_the_draft(tmp_path: Path) -> None:
    contact = {"电话": ["13800138000", {"时间": "白天"}]}
    rows = [nested_row({"物资": "大米", "数量": 20}, 联系人=contact)]
    mapping = sheet_mapping(tmp_path, NESTED)
    draft = only_draft(plan_of(mapping, write_json(tmp_path, rows))).draft
    assert draft.sensitive == {"contact": '["13800138000", {"时间": "白天"}]'}
    assert "13800138000" not in f"{draft.facts}{draft.text}{draft!r}{draft.key}"


def test_a_value_too_long_to_keep_is_refused_with_its_row(tmp_path: Path) -> None:
    rows = [nested_row({"物资": "大米", "数量": 20}, 联系人={"电话": "x" * 8_193})]
    refusal = only_refusal(plan_of(sheet_mapping(tmp_path, NESTED), write_json(tmp_path, rows)))
    assert refusal.cell == "/联系人/电话"


def test_an_object_where_a_text_belongs_is_refused(tmp_path: Path) -> None:
    rows = [nested_row({"物资": "大米", "数量": 20}, 区县={"code": "610113"})]
    mapping = sheet_mapping(tmp_path, NESTED)
    refusal = only_refusal(plan_of(mapping, write_json(tmp_path, rows)))
    assert (refusal.cell, refusal.way_out) == ("区县", "name what is inside of it")


def test_a_scalar_where_the_mapping_goes_inside_is_refused(tmp_path: Path) -> None:
    rows = [nested_row({"物资": "大米", "数量": 20}, 联系人="13800138000")]
    refusal = only_refusal(plan_of(sheet_mapping(tmp_path, NESTED), write_json(tmp_path, rows)))
    assert refusal.cell == "/联系人/电话"
    assert refusal.field == "sensitive.contact"


@pytest.mark.parametrize(
    ("column", "cell", "rule"),
    [
        ("数量", [20], "holds a list, and one text belongs here"),
        ("数量", {"min": 20}, "holds an object, and one text belongs here"),
        ("数量", True, "is no number in plain digits"),
        ("编号", {"a": 1}, "is no text for a key"),
        ("备注", [["x"], {"y": 1}], "holds an object, and one text belongs here"),
    ],
)
def test_what_only_json_can_hold_is_refused_where_a_text_belongs(
    tmp_path: Path, column: str, cell: object, rule: str
) -> None:
    tags = 'tags = { from = "备注" }\n[[facts.lines]]'
    text = changed("[[facts.lines]]", tags, changed('ignore = ["备注"]', ""))
    if isinstance(cell, dict):
        text = changed("[columns]", f'[columns]\ndrop = ["/{column}"]', text)
    if column == "备注":
        text = changed("[columns]", '[columns]\nignore = ["/备注/*"]', text)
    row: dict[str, object] = dict(zip(HEADER, ROW, strict=True))
    path = write_json(tmp_path, [row | {column: cell}])
    plan = plan_of(sheet_mapping(tmp_path, text), path)
    assert [(each.cell, each.rule) for each in plan.refused] == [(column, rule)]


def test_a_cell_that_is_true_is_read_by_a_table_or_as_it_is(tmp_path: Path) -> None:
    offer = changed('type = "need/1"', 'type = "offer/1"')
    offer = changed(
        'urgency = { const = "normal" }\n',
        'transport_included = { from = "备注" }\n'
        'standing = { from = "长期", lookup = { "是" = "true", "否" = "false" } }\n',
        offer,
    )
    mapping = sheet_mapping(tmp_path, changed('ignore = ["备注"]', "", offer))
    row: dict[str, object] = {**dict(zip(HEADER, ROW, strict=True)), "长期": "否"}
    path = write_json(tmp_path, [row | {"备注": True}, row | {"编号": "A-2", "备注": "yes"}])
    plan = plan_of(mapping, path)
    assert [
        (each.draft.facts["transport_included"], each.draft.facts["standing"])
        for each in plan.drafts
    ] == [(True, False)]
    assert [(each.row, each.rule) for each in plan.refused] == [(2, "is not true or false")]


# --- Columns and parameters


def test_a_column_that_nobody_mentions_stops_the_import(tmp_path: Path) -> None:
    path = write_csv(tmp_path, [[*HEADER, "新列", "又一列"], [*ROW, "", ""]])
    with pytest.raises(MappingRefused) as refused:
        plan_of(sheet_mapping(tmp_path), path)
    (problem,) = refused.value.problems
    assert '"新列", "又一列"' in problem
    assert "[columns]" in problem


def test_a_nested_column_that_nobody_mentions_stops_the_import(tmp_path: Path) -> None:
    rows = [nested_row({"物资": "大米", "数量": 20, "规格": "25kg"}, 联系人={"姓名": "x"})]
    with pytest.raises(MappingRefused) as refused:
        plan_of(sheet_mapping(tmp_path, NESTED), write_json(tmp_path, rows))
    assert '"/清单/*/规格", "/联系人/姓名"' in refused.value.problems[0]
    named = changed(
        "optional =", 'ignore = ["/清单/*/规格"]\ndrop = ["/联系人/姓名"]\noptional =', NESTED
    )
    assert plan_of(sheet_mapping(tmp_path, named), write_json(tmp_path, rows)).refused == ()


def test_a_vanished_column_stops_the_import_unless_it_is_optional(tmp_path: Path) -> None:
    path = write_csv(tmp_path, [HEADER[:4], ROW[:4]])
    text = changed('ignore = ["备注"]', 'optional = ["备注"]')
    with pytest.raises(MappingRefused, match='has no column "单位"'):
        plan_of(sheet_mapping(tmp_path, text), path)
    text = changed('optional = ["备注"]', 'optional = ["备注", "单位"]', text)
    refusal = only_refusal(plan_of(sheet_mapping(tmp_path, text), path))
    assert refusal.field == "lines[0].quantity.unit"


def test_parameters_are_given_or_have_a_default(tmp_path: Path) -> None:
    text = changed("[lookups.units]", '[parameters.until]\nkind = "time"\n[lookups.units]')
    text = changed('const = "2022-01-31T00:00:00+08:00"', 'param = "until"', text)
    mapping = sheet_mapping(tmp_path, text)
    path = write_csv(tmp_path, [HEADER, ROW])
    for given, problem in (
        ({}, "parameter until has no value"),
        ({"until": "2022-01-31"}, "parameter until: is a time"),
        ({"until": "2022-01-31T00:00:00Z", "incident": "rec-x"}, "parameter incident: is a rec"),
        ({"until": "2022-01-31T00:00:00Z", "event": "x"}, "--set event: the mapping has no such"),
    ):
        with pytest.raises(MappingRefused) as refused:
            make_plan(mapping, [path], Target(given=given, may_guess=True))
        assert any(each.startswith(problem) for each in refused.value.problems)
    plan = make_plan(
        mapping, [path], Target(given={"until": "2022-01-31T00:00:00Z"}, may_guess=True)
    )
    assert plan.placeholders == ("incident",)
    assert only_draft(plan).draft.facts["incident"] == PLACEHOLDER
    with pytest.raises(MappingRefused, match="incident has no value"):
        make_plan(mapping, [path], Target(given={"until": "2022-01-31T00:00:00Z"}))


def test_space_and_topic_may_be_given_and_must_be_names(tmp_path: Path) -> None:
    mapping = sheet_mapping(tmp_path, changed('space = "xian-2021"\n', ""))
    path = write_csv(tmp_path, [HEADER, ROW])
    with pytest.raises(MappingRefused, match="give --space"):
        make_plan(mapping, [path], Target(may_guess=True))
    with pytest.raises(MappingRefused, match="topic: is 1 to 64"):
        make_plan(mapping, [path], Target("a", "B", may_guess=True))
    draft = only_draft(make_plan(mapping, [path], Target("a", "b", may_guess=True))).draft
    assert (draft.space, draft.topic) == ("a", "b")


def test_explain_shows_every_field_with_cell_steps_and_result(tmp_path: Path) -> None:
    plan = sheet_plan(tmp_path, ROW)
    (row,) = plan.sheets[0].rows
    said = explained(plan, row)
    assert said[0] == "sheet.csv row 2 -> need/1 in xian-2021/fsc"
    assert '  urgency <- no cell | constant = "normal"' in said
    assert '  lines[0].quantity <- 数量 (D2) | number 20 = "20"' in said
    assert '  lines[0].quantity.unit <- 单位 (E2) | looked up value in units = "dai"' in said
    fields = [line.split(" <- ")[0].strip() for line in said if " <- " in line]
    assert {"incident", "valid_until", "place.codes[0].code", "text.title"} <= set(fields)


def test_explain_does_not_show_what_stays_at_home(tmp_path: Path) -> None:
    mapping = sheet_mapping(tmp_path, NESTED)
    rows = [nested_row({"物资": "大米", "数量": 20}, 联系人={"电话": "13800138000"})]
    plan = plan_of(mapping, write_json(tmp_path, rows))
    said = explained(plan, plan.sheets[0].rows[0])
    assert "  sensitive.contact <- /联系人/电话 = (stays at home)" in said
    assert "13800138000" not in "\n".join(said)


def test_explain_names_what_is_refused(tmp_path: Path) -> None:
    plan = sheet_plan(tmp_path, [*ROW[:3], "两", *ROW[4:]])
    (row,) = plan.sheets[0].rows
    said = explained(plan, row)
    assert said[-2] == "refused:"
    assert "数量 (D2): is no number in plain digits" in said[-1]


def test_a_refused_row_reads_what_a_table_is_about(tmp_path: Path) -> None:
    text = changed("[lookups.units]", '[lookups.units]\nabout = "units of this depot"')
    refusal = only_refusal(sheet_plan(tmp_path, [*ROW[:4], "车", ""], mapping=text))
    assert refusal.rule == "is not in units (units of this depot)"


def test_a_number_that_nobody_means_is_kept_and_marked(tmp_path: Path) -> None:
    text = changed("raw = true", 'raw = true, doubt_above = "1000"')
    plan = sheet_plan(tmp_path, [*ROW[:3], "1,000", *ROW[4:]], mapping=text)
    assert only_draft(plan).draft.marks == ()
    plan = sheet_plan(tmp_path, [*ROW[:3], "1000.5", *ROW[4:]], mapping=text)
    (mark,) = only_draft(plan).draft.marks
    assert (mark.cell, mark.what) == ("数量", "quantity-implausible")
    assert only_line(plan)["quantity"]["value"] == "1000.5"


def test_a_limit_of_what_is_plausible_is_a_number(tmp_path: Path) -> None:
    with pytest.raises(MappingRefused, match="doubt_above: is a number as text"):
        sheet_mapping(tmp_path, changed("raw = true", "raw = true, doubt_above = 1000"))


def test_a_row_without_what_is_required_names_the_cells_and_the_way_out(tmp_path: Path) -> None:
    refusal = only_refusal(sheet_plan(tmp_path, [ROW[0], "", *ROW[2:]]))
    assert (refusal.cell, refusal.field) == ("区县", "place")
    assert refusal.rule == "gives nothing for a field that is required"
    assert refusal.way_out.startswith("fill it in")


PACKED = changed(
    "raw = true",
    'raw = true, pack = { unit = { from = "备注", lookup = { "箱" = "xiang" } }, of = { value = '
    '{ from = "每箱" }, unit = { from = "单位", lookup = "units" } } }',
).replace('ignore = ["备注"]', "")


@pytest.mark.parametrize(("pack", "number"), [("箱", "10"), ("", "")])
def test_a_row_that_names_no_pack_has_none_whatever_its_things_are_counted_in(
    tmp_path: Path, pack: str, number: str
) -> None:
    path = write_csv(tmp_path, [[*HEADER, "每箱"], [*ROW[:5], pack, number]])
    quantity = only_line(plan_of(sheet_mapping(tmp_path, PACKED), path))["quantity"]
    expected = {"unit": "xiang", "of": {"value": "10", "unit": "dai"}} if pack else None
    assert quantity.get("pack") == expected


def test_half_of_a_pack_is_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path, [[*HEADER, "每箱"], [*ROW[:5], "", "10"]])
    refusal = only_refusal(plan_of(sheet_mapping(tmp_path, PACKED), path))
    assert (refusal.field, refusal.rule) == (
        "lines[0].quantity.pack.unit",
        "gives nothing for a field that is required",
    )
