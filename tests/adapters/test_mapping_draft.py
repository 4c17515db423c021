"""`hutong adapter draft`: a mapping that works before anybody corrects it, and shows no cell."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from adapters.draft_samples import AREAS, PEOPLE, messy
from adapters.mapping_samples import write_csv, write_json
from adapters.test_guide import example
from hutong_adapters.commands import EXIT_STOPPED, register
from hutong_adapters.interface import FileRefused
from hutong_adapters.mapping_draft import TYPES, draft_mapping
from hutong_adapters.mapping_draft_guesses import dates_of
from hutong_adapters.mapping_draft_roles import Role, role_of
from hutong_adapters.mapping_draft_text import advice, mapping_text
from hutong_adapters.mapping_load import load_mapping
from hutong_adapters.planning import Plan, Target, make_plan

GIVEN = {
    "valid_until": "2035-01-31T23:59:59+08:00",
    "country": "TL",
    "zone": "Asia/Dili",
}
"""What a drafted mapping may ask for."""


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def planned(path: Path, into: Path, type_name: str = "need/1") -> Plan:
    """The plan of a file with the mapping that is drafted for it, untouched."""
    mapping = into / "drafted.toml"
    mapping.write_text(mapping_text(draft_mapping(path, None, type_name)), "utf-8")
    loaded = load_mapping(mapping)
    given = {name: value for name, value in GIVEN.items() if name in loaded.parameters}
    return make_plan(loaded, [path], Target("some-space", None, given, may_guess=True))


def accounted(plan: Plan) -> int:
    refused = {(refusal.file, refusal.row) for refusal in plan.refused}
    return len(plan.drafts) + len(plan.copies) + len(refused)


def test_the_draft_for_a_messy_sheet_works_as_it_is(tmp_path: Path) -> None:
    plan = planned(messy(tmp_path), tmp_path)
    assert [str(refusal) for refusal in plan.refused] == []
    assert (plan.rows, len(plan.drafts)) == (50, 50)
    assert plan.sheets[0].passed == {"title": 2, "header": 2, "total": 1, "footer": 1}
    draft = plan.drafts[0].draft
    assert draft.text["title"] == "第1社区 大米"
    assert draft.facts["needed_by"] == "2022-01-10T23:59:59+08:00"
    assert draft.sensitive == {"person": "王芳", "phone": "13800138000"}
    codes = {str(each.draft.facts["place"]) for each in plan.drafts}
    assert codes == {"{'codes': [{'scheme': 'ISO3166-1', 'code': 'CN'}]}"}


def test_a_code_that_was_filled_in_takes_the_place_of_the_country(tmp_path: Path) -> None:
    path = messy(tmp_path)
    text = mapping_text(draft_mapping(path)).replace('"雁塔区" = ""', '"雁塔区" = "610113"')
    (tmp_path / "my.toml").write_text(text, "utf-8")
    loaded = load_mapping(tmp_path / "my.toml")
    assert loaded.lookups["areas"].unfilled() == list(AREAS[1:])
    valid = {"valid_until": GIVEN["valid_until"]}
    plan = make_plan(loaded, [path], Target("some-space", None, valid, may_guess=True))
    places = [str(each.draft.facts["place"]) for each in plan.drafts]
    assert sum("610113" in place for place in places) == 10
    assert sum("'CN'" in place for place in places) == 40


def test_the_draft_of_the_guides_own_sheet_works(tmp_path: Path) -> None:
    plan = planned(write_csv(tmp_path, example()[1]), tmp_path)
    assert (len(plan.drafts), plan.refused) == (2, ())
    assert plan.mapping.key.columns == (("编号",),)


def test_nothing_of_a_personal_column_or_of_a_free_text_is_shown(tmp_path: Path) -> None:
    result = run("adapter", "draft", messy(tmp_path), "-o", tmp_path / "my.toml")
    assert (result.exit_code, result.stdout) == (0, "")
    said = (tmp_path / "my.toml").read_text("utf-8") + result.stderr
    assert not [name for name in PEOPLE if name in said]
    for cell in ("13800138", "第1社区", "大米", "王老师", "互助队", "5L", "13.5万"):
        assert cell not in said


def test_the_command_says_what_to_decide_and_what_to_type_next(tmp_path: Path) -> None:
    path, mapping = messy(tmp_path), tmp_path / "my.toml"
    result = run("adapter", "draft", path, "-o", mapping)
    lines = result.stderr.splitlines()
    assert 3 <= len(lines) <= 6
    assert lines[-1].endswith(
        f"hutong import {path} --mapping {mapping} --dry-run --space SPACE"
        " --set valid_until=2030-01-31T23:59:59+08:00"
    )
    checked = run("adapter", "check", mapping, path)
    assert checked.exit_code == 0
    assert f"without a value yet in lookups.areas: {', '.join(AREAS)}" in checked.stdout
    assert "needs.xlsx: 50 rows, every column is mentioned" in checked.stdout
    dry = run(
        *("import", path, "--mapping", mapping, "--dry-run", "--space", "xian-2021"),
        *("--set", f"valid_until={GIVEN['valid_until']}"),
    )
    assert dry.exit_code == 0
    assert "50 drafts, 0 copies, 0 refused" in dry.stdout


def test_without_a_file_to_write_the_mapping_stands_on_standard_output(tmp_path: Path) -> None:
    path = messy(tmp_path)
    first, second = run("adapter", "draft", path), run("adapter", "draft", path)
    assert first.stdout == second.stdout
    assert tomllib.loads(first.stdout)["type"] == "need/1"


def test_what_can_not_be_drafted_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = messy(tmp_path)
    there = tmp_path / "my.toml"
    there.write_text("mine", "utf-8")
    refused = run("adapter", "draft", path, "-o", there)
    assert refused.exit_code == EXIT_STOPPED
    assert "my.toml: is there already (name another one with -o" in refused.stderr
    assert there.read_text("utf-8") == "mine"
    assert "ends in .toml" in run("adapter", "draft", path, "-o", tmp_path / "my.txt").stderr
    wrong = run("adapter", "draft", path, "--type", "org/1")
    assert "--type org/1: must be one of need/1, offer/1" in wrong.stderr
    assert "Nowhere" in run("adapter", "draft", path, "--sheet", "Nowhere").stderr
    headless = write_csv(tmp_path, [["大米", "13800138000"], ["口罩", "13900139000"]], "a.csv")
    with pytest.raises(FileRefused, match="has no header") as no_header:
        draft_mapping(headless)
    assert "13800138000" not in str(no_header.value)


def test_words_that_are_not_known_wait_as_comments(tmp_path: Path) -> None:
    rows = [["物资", "数量", "缓急"], ["大米", "5袋", "红色"], ["面", "5袋", "急"]]
    path = write_csv(tmp_path, rows)
    text = mapping_text(draft_mapping(path))
    assert '# "红色" = "normal"' in text
    assert '"急" = "high"' in text
    plan = planned(path, tmp_path)
    assert [refusal.row for refusal in plan.refused] == [2]


def test_a_header_of_two_rows_in_text_is_filled_to_the_right(tmp_path: Path) -> None:
    rows = [
        *(["某表", "", "", "", ""], ["序号", "需求", "", "数量", ""]),
        *(["", "物资", "规格", "数量", "单位"], ["7", "大米", "10kg", "5", "袋"]),
    ]
    draft = draft_mapping(write_csv(tmp_path, rows))
    assert (draft.item, draft.spec) == ("需求/物资", "需求/规格")
    assert (draft.quantity, draft.unit) == ("数量", "数量/单位")
    assert accounted(planned(write_csv(tmp_path, rows), tmp_path)) == 1


def test_a_column_that_only_counts_rows_is_no_key_where_others_tell_them_apart(
    tmp_path: Path,
) -> None:
    counted = [["序号", "物资", "数量"], ["1", "大米", "5袋"], ["2", "面", "5袋"]]
    assert draft_mapping(write_csv(tmp_path, counted)).key.columns == ("物资",)
    ids = [["编号", "物资", "数量"], ["7", "大米", "5袋"], ["3", "面", "5袋"]]
    assert draft_mapping(write_csv(tmp_path, ids)).key.columns == ("编号",)
    same = [["序号", "物资", "数量"], ["1", "大米", "5袋"], ["2", "大米", "6袋"]]
    key = draft_mapping(write_csv(tmp_path, same)).key
    assert (key.columns, key.counted) == (("序号",), True)


def test_personal_columns_are_known_by_name_or_by_what_is_in_them(tmp_path: Path) -> None:
    rows = [
        ["物资", "数量", "身份证号", "收货地址", "微信", "其他"],
        ["大米", "5袋", "", "某路", "", "13800138000"],
    ]
    draft = draft_mapping(write_csv(tmp_path, rows))
    assert draft.drop == ["身份证号"]
    assert draft.at_home == {"address": "收货地址", "wechat": "微信", "private": "其他"}


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *(("联系人电话", Role.PHONE), ("联系人", Role.PERSON), ("详细地址", Role.ADDRESS)),
        *(("物资名称", Role.ITEM), ("姓名", Role.PERSON), ("Item Name", Role.ITEM)),
        *(("Contact", Role.PERSON), ("Requested for Facility", Role.PLACE), ("小计", Role.REST)),
        *(("需求/物资", Role.ITEM), ("数量/单位", Role.UNIT), ("donationkey", Role.KEY)),
        *(("什么时候要", Role.NEEDED_BY), ("需要什么", Role.ITEM), ("何时需要", Role.NEEDED_BY)),
    ],
)
def test_a_name_says_what_a_column_is_for(name: str, role: Role) -> None:
    assert role_of(name) is role


def test_dates_are_read_by_patterns_that_leave_no_doubt() -> None:
    found = dates_of(["2022-01-08", "1月9日", "2022/1/10", "尽快"])
    assert found is not None
    assert found.patterns == ("YYYY-MM-DD", "YYYY/M/D", "M月D日")
    assert (found.words, found.yearless) == (("尽快",), True)
    assert dates_of(["01/02/2022", "03/04/2022"]) is None
    clear = dates_of(["11/16/2012", "01/02/2012"])
    assert clear is not None
    assert clear.patterns == ("M/D/YYYY",)
    assert dates_of(["大米", "面"]) is None


def test_objects_in_json_are_drafted_and_their_lists_left_out(tmp_path: Path) -> None:
    rows = [{"item": "rice", "qty": 5, "tel": "1", "parts": [{"a": 1}]}, {"item": "oil", "qty": 2}]
    path = write_json(tmp_path, rows)
    draft = draft_mapping(path)
    assert draft.table.nested == ("parts",)
    assert accounted(planned(path, tmp_path)) == 2


CELLS = st.one_of(
    st.sampled_from(
        ["物资", "数量", "合计", "电话", "急", "大米", "5袋", "1月5日", "2022-01-05", ""]
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6),
)


@given(
    table=st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=8),
    type_name=st.sampled_from(TYPES),
)
def test_whatever_is_drafted_loads_and_accounts_for_every_row(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]], type_name: str
) -> None:
    folder = tmp_path_factory.mktemp("drafts")
    path = write_csv(folder, table)
    try:
        draft_mapping(path, None, type_name)
    except FileRefused:
        return
    plan = planned(path, folder, type_name)
    assert accounted(plan) == plan.rows


REAL = (
    *("redcross-wuhan/hubei-inflow.csv", "redcross-wuhan/hubei-outflow.csv"),
    *("redcross-wuhan/hubei_usage_01.xlsx", "redcross-wuhan/received_06-2.xlsx"),
    *("redcross-wuhan/received_07-2.xlsx", "sahana", "hxl", "hsds", "wuhan2020"),
    *("ppe-match/anon_donors.csv", "harvey/ignored_needs.json"),
)


@pytest.mark.parametrize("place", REAL)
def test_every_real_table_gets_a_draft_that_accounts_for_its_rows(
    data_folder: Path, place: str, tmp_path: Path
) -> None:
    """What is refused is refused by name, before anything is drafted."""
    found = data_folder / place
    endings = {".csv", ".xlsx", ".json"}
    paths = sorted(each for each in found.rglob("*") if each.suffix in endings)
    drafted = 0
    for path in paths or [found]:
        try:
            text = mapping_text(draft_mapping(path))
        except FileRefused:
            continue
        assert text == mapping_text(draft_mapping(path))
        plan = planned(path, tmp_path)
        assert (path.name, accounted(plan)) == (path.name, plan.rows)
        assert advice(draft_mapping(path), "my.toml", path.name)
        drafted += 1
    assert drafted
