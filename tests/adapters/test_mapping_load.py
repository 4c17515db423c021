"""A mapping says at once all that is wrong with it, by place, before a row is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.mapping_samples import SHEET, changed, sheet_mapping, write_mapping
from hutong_adapters.interface import MappingRefused
from hutong_adapters.mapping import Duplicates
from hutong_adapters.mapping_load import BUILT_IN, MAPPABLE, built_in_names, load_mapping
from hutong_protocol.schema import RECORD_TYPES


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(MappingRefused) as refused:
        sheet_mapping(folder, text)
    return list(refused.value.problems)


def test_the_sample_is_read_with_its_defaults(tmp_path: Path) -> None:
    mapping = sheet_mapping(tmp_path)
    assert (mapping.name, mapping.source, mapping.type) == (
        "district-sheet",
        "district-sheet",
        "need/1",
    )
    assert mapping.key.duplicates is Duplicates.REFUSE
    assert mapping.screening is False
    assert mapping.complete is False
    assert [column[0] for column in mapping.used_columns()] == [
        *("编号", "区县", "物资", "数量", "单位"),
    ]


def test_rows_wait_for_a_person_unless_the_mapping_says_otherwise(tmp_path: Path) -> None:
    assert sheet_mapping(tmp_path, changed('screening = "off"\n', "")).screening is True


@pytest.mark.parametrize("name", built_in_names())
def test_a_built_in_mapping_is_found_by_its_name(name: str) -> None:
    mapping = load_mapping(name)
    assert mapping.name == name
    assert mapping.about
    assert load_mapping(BUILT_IN / f"{name}.toml") == mapping


def test_an_unknown_built_in_name_lists_those_that_exist() -> None:
    with pytest.raises(MappingRefused, match="wuhan2020-hospitals"):
        load_mapping("nonsense")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("mapping = 1", "mapping = 2", "mapping: is 1, the version of this format; found 2"),
        ("mapping = 1", "mapping = true", "mapping: is 1, the version of this format; found True"),
        ('type = "need/1"', 'type = "decision/1"', f"type: is one of {', '.join(MAPPABLE)}"),
        ('topic = "fsc"', 'topic = "base"', "topic: need/1 does not live in base"),
        ('topic = "fsc"', 'topic = "F S"', "topic: is text that matches"),
        ('name = "district-sheet"', 'name = "../x"', "name: is text that matches"),
        ('screening = "off"', 'screening = "no"', "screening: is queue (the default) or off"),
        ('screening = "off"', "rows = 1", "rows: is a table: [rows]"),
        ('screening = "off"', "hook = 1", "hook: is no word here; known: "),
        (
            "[key]",
            '[rows]\nencoding = "big5"\n[key]',
            "rows.encoding: is auto, or one or a list of utf-8, ",
        ),
        (
            "[key]",
            '[rows]\nencoding = ["x"]\n[key]',
            "rows.encoding: is auto, or one or a list of utf-8, ",
        ),
        ("[key]", '[rows]\nformat = "xls"\n[key]', "rows.format: is one of csv, tsv, xlsx, ods"),
        ("[key]", '[rows]\ndelimiter = "ab"\n[key]', "rows.delimiter: is one of"),
        ("[key]", "[rows]\nat = 1\n[key]", "rows.at: is a name or pointer"),
        ("[key]", "[rows]\ncomplete = 1\n[key]", "rows.complete: is true or false"),
        ("[key]", '[rows]\nsheet = "a"\n[key]', "rows.sheet: is no word here; known: format"),
        ("ignore = ", "ignored = ", "columns.ignored: is no word here; known: ignore"),
        ('ignore = ["备注"]', "ignore = 1", "columns.ignore: is a list of columns"),
        ('columns = ["编号"]', "columns = []", "key.columns: names the columns by which"),
        ('["编号"]', '["编号"]\nduplicates = "merge"', "key.duplicates: is one of refuse, first"),
        ('kind = "record"', 'kind = "rec"', "parameters.incident.kind: is one of record, time"),
        ('kind = "record"', "kinds = 1", "parameters.incident: is a table of kind, about"),
        (
            'kind = "record"',
            'kind = "time"\ndefault = "2022-01-31"',
            "parameters.incident.default: is like 2020-03-31T23:59:59+08:00",
        ),
        ("[lookups.units]\ntable", "[lookups.units]\nfiles", "lookups.units: has file and key"),
        ('"斤" =', '"Kg" = "kg", "ｋｇ" =', "lookups.units: has the key ｋｇ twice"),
        ("urgency = {", "urgenci = {", "facts.urgenci: is no field here; known: incident"),
        ("urgency = {", "urgenci = {", "facts.urgency: is required"),
        ('{ const = "normal" }', '"normal"', "facts.urgency: is a table with its source"),
        ('{ const = "normal" }', "{}", "facts.urgency: has exactly one of from, from_row"),
        (
            '{ const = "normal" }',
            '{ const = "normal", from = "a" }',
            "facts.urgency: has exactly one of from, from_row, const, param",
        ),
        ('const = "normal"', 'const = "soon"', "facts.urgency.const: must be one of the urgencies"),
        ('const = "normal"', 'from_row = "a"', "facts.urgency.from_row: is for fields inside of"),
        ('const = "normal"', 'from = ""', "facts.urgency.from: is the name of a column"),
        ('const = "normal"', 'from = ["a", "b"]', "facts.urgency: has several columns: say"),
        ('const = "normal"', 'from = "a", eval = "1+1"', "facts.urgency.eval: is no word for"),
        ('const = "normal"', 'from = "a", trim = 1', "facts.urgency.trim: is true or false"),
        ('const = "normal"', 'from = "a", missing = 1', "facts.urgency.missing: is a text or"),
        ('const = "normal"', 'from = "a", join = 1', "facts.urgency.join: is text"),
        ('const = "normal"', 'from = "a", split = ","', "facts.urgency.split: is for fields that"),
        ('const = "normal"', 'from = "a", value = "b"', "facts.urgency.value: goes with `lookup`"),
        ('const = "normal"', 'from = "a", lookup = "none"', "facts.urgency.lookup: is one of"),
        (
            'const = "normal"',
            'from = "a", lookup = { "急" = "high", "急 " = "low" }',
            "facts.urgency.lookup: has the key 急  twice",
        ),
        (
            'const = "normal"',
            'from = "a", lookup = "units", unlisted = "ignore"',
            "facts.urgency.unlisted: is one of refuse, empty, keep, raw_unit",
        ),
        (
            'const = "normal"',
            'from = ["a", "b"], lookup = "units"',
            "facts.urgency: needs 1 columns for units",
        ),
        ('const = "normal"', 'from = "a", parse = "magic"', "facts.urgency.parse: is one of"),
        (
            'const = "normal"',
            'from = "a", parse = "cn_quantity"',
            "facts.urgency.parse: cn_quantity is for the number of a quantity",
        ),
        ('const = "normal"', 'from = "a", personal = "hide"', "facts.urgency.personal: is one of"),
        (
            'const = "normal"',
            'from = "a", default = "now"',
            "facts.urgency.default: must be one of the",
        ),
        ('const = "normal"', 'from = "a", else = 1', "facts.urgency.else: is a table with its"),
        ('param = "incident"', 'param = "event"', "facts.incident.param: is one of [parameters]"),
        (
            'const = "2022-01-31T00:00:00+08:00"',
            'from = "a", date = { format = "YYYY-MM-DD" }',
            "facts.valid_until.date: is like { format",
        ),
        (
            'const = "2022-01-31T00:00:00+08:00"',
            'from = "a", date = { format = "YYYY-MM-DD", zone = "Beijing" }',
            "facts.valid_until.date: `zone` is an IANA name",
        ),
        (
            'const = "2022-01-31T00:00:00+08:00"',
            'from = "a", date = { format = "%Y", zone = "Asia/Shanghai" }',
            "facts.valid_until.date: `format` has Y",
        ),
        ("place.codes = [{", "place.codes = {{", ""),
        ("scheme = {", "schema = {", "facts.place.codes[0].schema: is no field here"),
        ("[[facts.lines]]", "[facts.lines]", "facts.lines: is a list: write [[facts.lines]]"),
        ("id = {", "each = 1\nid = {", "facts.lines[0].each: is the column that holds"),
        ("id = {", "only_if_none = 1\nid = {", "facts.lines[0].only_if_none: is true or false"),
        ("words.item", "words.title", "facts.lines[0].words.title: is no text of a line"),
        ("unit = {", "units = {", "facts.lines[0].quantity.units: is no word for a quantity"),
        (
            ', unit = { from = "单位", lookup = "units" }',
            "",
            "facts.lines[0].quantity.unit: is req",
        ),
        ('from = "数量",', "", "facts.lines[0].quantity: has a source for its number"),
        ('from = "数量",', 'from = "数量", bound = "about",', "facts.lines[0].quantity.bound: is"),
        (
            'from = "数量",',
            'from = "数量", bound = "unknown",',
            "facts.lines[0].quantity: has no number with bound unknown",
        ),
        ('from = "数量",', 'from = "数量", unknown = 0,', "facts.lines[0].quantity.unknown: is a"),
        ('from = "数量",', 'from = "数量", split = ",",', "facts.lines[0].quantity.split: is no"),
        (
            'from = "数量",',
            'from = "数量", min = { from = "a" },',
            "facts.lines[0].quantity: has a source for one number, or min and max",
        ),
        ("title = {", "titel = {", "text.titel: is no field here; known: title"),
        ("title = {", "titel = {", "text.title: is required"),
        ("title = {", 'lines.a.item = { const = "x" }\ntitle = {', "text.lines: the words of a"),
        ("title = {", 'parties."A B" = { const = "x" }\ntitle = {', "text.parties.A B: the name"),
    ],
)
def test_a_mistake_is_told_by_its_place(tmp_path: Path, old: str, new: str, problem: str) -> None:
    text = changed(old, new)
    if problem:
        found = problems(tmp_path, text)
        assert any(each.startswith(problem) for each in found), found
    else:
        (tmp_path / "sheet.toml").write_text(text, "utf-8")
        with pytest.raises(MappingRefused, match="is no TOML"):
            load_mapping(tmp_path / "sheet.toml")


def test_a_wrong_code_in_a_table_is_told_before_a_row_is_read(tmp_path: Path) -> None:
    """By the place of the table, and the word as it is written there."""
    rule = "must be one of the urgencies of 12.8, or start with x-: immediate, high, normal, low"
    named = (
        '[lookups.speed]\ntable = { "Ｕrgent" = "fast", "急" = "high", "缓" = "x-slow" }\n[facts]\n'
    )
    text = changed('const = "normal"', 'from = "备注", lookup = "speed"')
    assert problems(tmp_path, changed("[facts]\n", named, text)) == [
        f'lookups.speed."Ｕrgent": {rule}'
    ]
    text = changed('const = "normal"', 'from = "备注", lookup = { "急" = "fast" }')
    assert problems(tmp_path, text) == [f'facts.urgency.lookup."急": {rule}']


def test_a_table_that_also_serves_fields_of_any_words_is_not_judged(tmp_path: Path) -> None:
    named = '[lookups.speed]\ntable = { "急" = "high", "袋装" = "bagged" }\n[facts]\n'
    text = changed("[facts]\n", named)
    text = changed('const = "normal"', 'from = "备注", lookup = "speed"', text)
    text = changed(
        'title = { from = "物资"',
        'note = { from = "备注", lookup = "speed" }\ntitle = { from = "物资"',
        text,
    )
    assert sheet_mapping(tmp_path, changed('ignore = ["备注"]', "", text)).name == "district-sheet"


def test_a_word_without_a_value_yet_is_no_mistake_and_can_be_told(tmp_path: Path) -> None:
    table = 'table = { "斤" = "jin_cn", "Ｂag" = "", "只" = "zhi" }'
    text = changed('table = { "斤" = "jin_cn", "袋" = "dai", "只" = "zhi" }', table)
    assert sheet_mapping(tmp_path, text).lookups["units"].unfilled() == ["Ｂag"]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = changed("urgency", "urgenci")
    text = changed('topic = "fsc"', 'topic = "base"', text)
    text = changed("title", "titel", text)
    places = [problem.partition(":")[0] for problem in problems(tmp_path, text)]
    assert sorted(places) == [
        *("facts.urgenci", "facts.urgency", "text.titel", "text.title", "topic"),
    ]


def test_an_encoding_that_reads_any_bytes_comes_last(tmp_path: Path) -> None:
    with pytest.raises(MappingRefused) as refused:
        sheet_mapping(tmp_path, SHEET + '\n[rows]\nencoding = ["latin-1", "utf-8"]\n')
    assert refused.value.problems == (
        "rows.encoding: has latin-1 before others: it reads any bytes, so it comes last",
    )
    with pytest.raises(MappingRefused, match="is auto, or one or a list of utf-8"):
        sheet_mapping(tmp_path, SHEET + '\n[rows]\nencoding = ["utf-8", "ebcdic"]\n')


def test_a_lookup_file_lies_beside_the_mapping_and_nowhere_else(tmp_path: Path) -> None:
    inside = tmp_path / "mapping"
    inside.mkdir()
    (tmp_path / "secret.csv").write_text("word,unit\n袋,dai\n", "utf-8")
    (inside / "units.csv").write_text("word,unit\n袋,dai\n", "utf-8")
    table = 'table = { "斤" = "jin_cn", "袋" = "dai", "只" = "zhi" }'
    good = changed(table, 'file = "units.csv"\nkey = "word"')
    assert sheet_mapping(inside, good).name == "district-sheet"
    for file in ("../secret.csv", str(tmp_path / "secret.csv"), "..\\secret.csv", "units.toml"):
        bad = changed(table, f"file = '{file}'\nkey = \"word\"")
        assert problems(inside, bad)[0].startswith("lookups.units: is a CSV file in the folder")


def test_a_lookup_file_without_its_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "units.csv").write_text("word\n袋\n", "utf-8")
    table = 'table = { "斤" = "jin_cn", "袋" = "dai", "只" = "zhi" }'
    for key, rule in (("unit", "has no column unit"), ("word", "has no column beside")):
        bad = changed(table, f'file = "units.csv"\nkey = "{key}"')
        assert problems(tmp_path, bad)[0].startswith(f"lookups.units: {rule}")


def test_the_digest_changes_with_the_mapping_and_with_its_tables(tmp_path: Path) -> None:
    table = 'table = { "斤" = "jin_cn", "袋" = "dai", "只" = "zhi" }'
    text = changed(table, 'file = "units.csv"\nkey = "word"')
    seen = set()
    for unit in ("dai", "bao"):
        (tmp_path / "units.csv").write_text(f"word,unit\n袋,{unit}\n", "utf-8")
        seen.add(sheet_mapping(tmp_path, text).digest)
        seen.add(sheet_mapping(tmp_path, text + "# a note\n").digest)
    assert len(seen) == 4


def test_a_file_that_is_no_mapping_is_refused_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"name = '\xff'")
    (tmp_path / "large.toml").write_bytes(b"#" * 1_048_577)
    for name in ("latin.toml", "large.toml", "none.toml"):
        with pytest.raises(MappingRefused, match=rf"^{name}: "):
            load_mapping(tmp_path / name)


@pytest.mark.parametrize("name", MAPPABLE)
def test_every_field_of_a_type_can_be_named_in_a_mapping(tmp_path: Path, name: str) -> None:
    """The words come from the schema, so a new optional field needs no new code here."""
    with pytest.raises(MappingRefused) as refused:
        sheet_mapping(
            tmp_path,
            f'mapping = 1\nname = "x"\ntype = "{name}"\ntopic = "fsc"\nkey.columns = "a"\n'
            "[facts]\nnonsense = 1\n[text]\nnonsense = 1\n",
        )
    said = "\n".join(refused.value.problems)
    text_fields = RECORD_TYPES[name].text.fields
    assert all(field in said.partition("text.nonsense")[2] for field in text_fields)


def test_offers_may_have_fields_that_are_called_like_words_of_the_format(tmp_path: Path) -> None:
    text = changed('type = "need/1"', 'type = "offer/1"')
    text = changed('urgency = { const = "normal" }\n', 'from = { from = "自" }\n', text)
    mapping = load_mapping(write_mapping(tmp_path, text))
    assert ("自",) in mapping.used_columns()
