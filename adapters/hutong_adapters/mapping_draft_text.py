"""The text of a drafted mapping: TOML with comments in Chinese and English, for people to correct.

Owns the wording and that what is written can be read again: names of columns may hold anything, and
are quoted. Each guess ends in `# ?`. Beside the names of columns nothing of the file stands there
but the few words that `mapping_draft_guesses` lets out.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from hutong_adapters.columns import column_text
from hutong_adapters.mapping_draft import Draft
from hutong_adapters.mapping_draft_guesses import dates_of
from hutong_adapters.mapping_draft_roles import Role

TO_FILL: Final = "(?)"
_HINTS: Final[Mapping[Role, str]] = {
    Role.KEY: "编号 / an id: [key]",
    Role.DATE: "日期 / a date: text.note",
    Role.NEEDED_BY: "期限 / a date: facts.needed_by",
    Role.CITY: "地名 / a place: facts.place",
    Role.DISTRICT: "地名 / a place: facts.place",
    Role.PLACE: "地点 / a place: text.place_name",
    Role.ITEM: "物资 / goods: words.item",
    Role.SPEC: "规格 / words.spec",
    Role.QUANTITY: "数量 / an amount: quantity",
    Role.UNIT: "单位 / quantity.unit",
    Role.URGENCY: "缓急 / facts.urgency",
}


def quoted(text: str) -> str:
    """A text as TOML has it, with what can't be seen by its code."""
    found = json.dumps(text, ensure_ascii=False)
    return "".join(
        letter if unicodedata.category(letter) not in ("Cc", "Cf", "Zl", "Zp", "Co", "Cn")
        else f"\\U{ord(letter):08X}"
        for letter in found
    )  # fmt: skip


def _column(name: str) -> str:
    return quoted(column_text((name,)))


def _columns(names: Iterable[str]) -> str:
    return "[" + ", ".join(map(_column, names)) + "]"


def _names(names: Iterable[str]) -> str:
    return "[" + ", ".join(map(quoted, names)) + "]"


def mapping_text(draft: Draft) -> str:
    """The mapping as a file."""
    parts = (_top, _sheet, _left_out, _key, _parameters, _lookups, _facts, _lines, _text)
    return "\n".join("\n".join(part(draft)) + "\n" for part in parts if list(part(draft)))


def _top(draft: Draft) -> Iterator[str]:
    name = re.sub(r"[^a-z0-9._-]+", "-", draft.table.file.rpartition(".")[0].casefold())
    name = re.sub(r"^[^a-z0-9]+|[^a-z0-9]+$", "", name)[:64] or "my-sheet"
    yield "# 草稿：带 # ? 的都是猜的，请逐一核对。 A draft: check each line that ends in # ?"
    yield "# 列名和词的含义见 adapters/README.md。 What the words mean: adapters/README.md"
    yield "mapping = 1"
    yield f"name = {quoted(name)}"
    other = "offer/1" if draft.type == "need/1" else "need/1"
    yield f'type = "{draft.type}"  # ? 需求 need/1，供给 offer/1 / or {other}'
    yield '# space = "xian-2021"  # 空间；不写就用 --space / or give --space'
    yield f'topic = "{draft.topic}"  # ? fsc 食品 food, hea 卫生 health, log 后勤, shl 住所, wsh 水'
    yield 'screening = "queue"  # 先由人看过再签名 / rows wait for a person'


def _sheet(draft: Draft) -> Iterator[str]:
    table = draft.table
    if not table.header:
        return
    yield "[sheet]"
    if table.sheet:
        yield f"sheets = {_names([table.sheet])}"
    rows = f"第 {table.header} 行 / row {table.header}"
    yield f"core = {_names(draft.core)}  # ? 每行都有的列；表头在{rows}"
    if table.header_rows > 1:
        yield f"header_rows = {table.header_rows}  # ? 上下两行用 / 连接，相同的只写一次"
    if table.header_fill:
        yield "header_fill = true  # ?"
    if table.totals:
        yield f"totals = {_names(table.totals)}  # ? 合计行 / rows that add up"
    if table.footers:
        yield f"footer = {_names(table.footers)}  # ? 表尾 / what follows the table"
    yield '# remarks = "skip"  # 别的说明行：skip 跳过 / other rows that are no things'


def _left_out(draft: Draft) -> Iterator[str]:
    yield "[columns]"
    yield "# 用不上的列；右边是可能的用处 / not used; what it could be for stands beside it"
    yield "ignore = ["
    for name in draft.ignored():
        yield f"  {_column(name)},  # ? {_hint(draft, name)}"
    yield "]"
    if draft.table.optional:
        yield f"optional = {_columns(draft.table.optional)}  # ? 有的表头没有 / not in all"
    if draft.drop:
        yield f"drop = {_columns(draft.drop)}  # 谁都不该有的 / what nobody may have"
    if draft.at_home:
        yield ""
        yield "# 只留在自己的节点，不签名、不发送 / stays on your own node, never signed or sent"
        yield "[sensitive]"
        for word, column in draft.at_home.items():
            yield f"{word} = {{ from = {_column(column)} }}"


def _hint(draft: Draft, name: str) -> str:
    if name in draft.table.nested:
        return "内有列表 / holds a list: `each` in [[facts.lines]]"
    role = draft.roles.get(name, Role.REST)
    if role is Role.REST and dates_of(draft.table.texts(name)[:100]):
        role = Role.DATE
    return _HINTS.get(role, "text.note")


def _key(draft: Draft) -> Iterator[str]:
    key = draft.key
    yield "[key]"
    if key.counted:
        yield "# ! 只是行号，插入一行就全变 / only numbers rows: one more row changes all after it."
        yield "# 请换成没人会改的列 / take columns that nobody edits instead"
    elif not key.unique:
        yield "# ! 这些列不能区分每一行 / these don't tell all rows apart: better an id column"
    else:
        yield "# 靠这些列认出同一行，请确认没人会改 / a row is known by these: nobody may edit them"
    yield f"columns = {_columns(key.columns)}  # ?"
    if not key.unique:
        yield 'duplicates = "number"  # ? 相同的算不同的事 / rows that share it are different'


def _parameters(draft: Draft) -> Iterator[str]:
    yield "# 导入时给出 / given when importing: --incident ID, --set NAME=VALUE"
    yield "[parameters.incident]"
    yield 'kind = "record"'
    yield ""
    yield "[parameters.valid_until]"
    yield 'kind = "time"'
    yield 'about = "有效到何时，过期就不再显示 / until when this holds: 2022-01-31T23:59:59+08:00"'
    if not draft.chinese:
        yield ""
        yield "[parameters.country]"
        yield 'about = "ISO 3166-1: CN, TL ..."'
    if draft.dates is not None and not draft.chinese:
        yield ""
        yield "[parameters.zone]"
        yield 'kind = "zone"'
        yield 'about = "时区 / time zone of the dates: Asia/Shanghai"'


def _lookups(draft: Draft) -> Iterator[str]:
    if draft.area is not None:
        codes = "六位，如雁塔区 610113 / of GB/T 2260" if draft.chinese else "of ISO 3166-2: TL-LA"
        yield f"# 填行政区划代码，空着的只算到国家 / empty ones count as the country; codes {codes}"
        yield "[lookups.areas.table]"
        for word, code in draft.areas.items():
            yield f"{quoted(word)} = {quoted(code)}" + (
                "  # ?" if code else "  # ? 待填 / to fill in"
            )
    if draft.urgency is not None:
        if draft.area is not None:
            yield ""
        yield "# immediate 一天内, high 三天内, normal 一周内, low 不急"
        yield "[lookups.urgencies.table]"
        for word, code in draft.urgencies.items():
            line = f"{quoted(word)} = {quoted(code or 'normal')}"
            yield (
                f"{line}  # ?"
                if code
                else f"# {line}  # ? 待定，去掉行首的 # / decide, then uncomment"
            )


def _facts(draft: Draft) -> Iterator[str]:
    yield "[facts]"
    yield 'incident = { param = "incident" }'
    yield 'valid_until = { param = "valid_until" }'
    if draft.type == "need/1":
        value = '{ const = "normal" }'
        if draft.urgency is not None:
            source = f"from = {_column(draft.urgency)}"
            value = f'{{ {source}, lookup = "urgencies", default = "normal" }}'
        yield f"urgency = {value}  # ?"
    if draft.needed_by is not None and draft.dates is not None:
        dates = draft.dates
        zone = '"Asia/Shanghai"' if draft.chinese else '{ param = "zone" }'
        year = ""
        if dates.yearless:
            year = ", year = " + str(draft.year or '{ near = "valid_until" }')
        missing = f", missing = {_names(dates.words)}" if dates.words else ""
        source = f"from = {_column(draft.needed_by)}{missing}"
        step = f'format = {_names(dates.patterns)}, zone = {zone}, at = "23:59:59"{year}'
        yield f"needed_by = {{ {source}, date = {{ {step} }} }}  # ? 请核对年份 / check the year"
    yield "[[facts.place.codes]]"
    if draft.area is not None:
        scheme = "CN-GB2260" if draft.chinese else "ISO3166-2"
        yield f'scheme = {{ const = "{scheme}" }}  # ?'
        yield f'code = {{ from = {_column(draft.area)}, lookup = "areas", unlisted = "empty" }}'
        yield "[[facts.place.codes]]"
        yield "only_if_none = true"
    yield 'scheme = { const = "ISO3166-1" }'
    country = '{ const = "CN" }' if draft.chinese else '{ param = "country" }'
    yield f"code = {country}  # ? 知道区县就写区县 / better a smaller area, if you know it"


def _lines(draft: Draft) -> Iterator[str]:
    units = "builtin:units-mainland" if draft.chinese else "builtin:units"
    lookup = f'lookup = "{units}", unlisted = "raw_unit"'
    yield "[[facts.lines]]"
    if draft.lists and draft.item is not None:
        yield f'each = {{ from = {_column(draft.item)}, parse = "cn_goods" }}  # ? 一格里有几种物资'
        yield 'id = { from = ["item", "spec"], join = " ", parse = "line_id" }'
        yield 'kind = { const = "goods" }'
        yield 'words.item = { from = "item" }'
        yield 'words.spec = { from = "spec" }'
        source = 'from = "quantity", parse = "cn_quantity", raw = true'
        yield f"quantity = {{ {source}, unit = {{ {lookup} }} }}"
        return
    if draft.item is None:
        yield 'id = { const = "line-1" }  # ?'
        yield 'words.item = { const = "(?)" }  # ? 没找到物资列 / no column of goods was found'
    else:
        columns = [name for name in (draft.item, draft.spec) if name is not None]
        yield f'id = {{ from = {_columns(columns)}, join = " ", parse = "line_id" }}'
        yield f"words.item = {{ from = {_column(draft.item)} }}  # ?"
    yield 'kind = { const = "goods" }  # ? goods 物资, people 人手, service 服务, transport 运输'
    if draft.spec is not None:
        yield f"words.spec = {{ from = {_column(draft.spec)} }}  # ?"
    if draft.quantity is None:
        yield 'quantity = { bound = "unknown" }  # ? 没找到数量列 / no column of amounts was found'
        return
    unit = f"from = {_column(draft.unit)}, {lookup}" if draft.unit is not None else lookup
    source = f'from = {_column(draft.quantity)}, parse = "cn_quantity", raw = true'
    yield f"quantity = {{ {source}, unit = {{ {unit} }} }}  # ?"


def _text(draft: Draft) -> Iterator[str]:
    yield "[text]"
    titled = [name for name in (draft.place, draft.item) if name is not None]
    if titled and not (draft.item is None and draft.place is None):
        yield f'title = {{ from = {_columns(titled)}, join = " ", required = true }}  # ?'
    else:
        yield 'title = { const = "(?)" }  # ? 标题 / what the row is about'
    if draft.place is not None:
        yield f"place_name = {{ from = {_column(draft.place)} }}  # ?"
    if draft.notes:
        source = f'from = {_columns(draft.notes)}, join = "；", personal = "cut"'
        yield f"note = {{ {source} }}  # ? 里面的姓名认不出来 / names in it are not noticed"
    if draft.chinese:
        yield 'language = { const = "zh" }'


def advice(draft: Draft, mapping: str, file: str) -> list[str]:
    """What a person has to decide next, and the next commands; no cell is quoted."""
    table = draft.table
    lines = []
    if not table.known:
        lines.append("没认出列名 / no name of a column was recognised: is the header right?")
    lines.append(f"核对 / check `type` ({draft.type}), `topic` ({draft.topic}), each # ?")
    key = ", ".join(draft.key.columns)
    trouble = "" if draft.key.unique and not draft.key.counted else " (!)"
    lines.append(f"键{trouble} / the key: {key}: does nobody edit it?")
    unfilled = [word for word, code in draft.areas.items() if not code]
    words = [word for word, code in draft.urgencies.items() if not code]
    if unfilled:
        lines.append(
            f"待填的地区代码 / codes of areas to fill in: {len(unfilled)}, in [lookups.areas]"
        )
    if words:
        lines.append("待定的缓急 / urgencies to decide: in [lookups.urgencies]")
    home = ", ".join((*draft.at_home.values(), *draft.drop)) or "-"
    lines.append(f"不签名的列，齐吗 / not signed: {home}: is a column of names missing here?")
    given = "--space SPACE --set valid_until=2030-01-31T23:59:59+08:00"
    given += "" if draft.chinese else " --set country=CC"
    given += " --set zone=Asia/Shanghai" if draft.dates is not None and not draft.chinese else ""
    lines.append(f"下一步 / next: hutong import {file} --mapping {mapping} --dry-run {given}")
    return lines
