"""What the columns of a sheet are for, guessed by their names: the words of `adapter draft`.

Owns the words. A name that could mean a person counts as one, since a column that is kept at home
by mistake costs nothing, and one that is signed by mistake can't be called back. Names of headers
in several rows are judged by their last piece. Nothing here looks at cells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from hutong_adapters.layout_headers import BETWEEN
from hutong_adapters.plain_text import comparable


class Role(StrEnum):
    """What a column may be for. The first ones hold what nobody may sign."""

    NUMBER_OF_PERSON = "id_number"
    PHONE = "phone"
    WECHAT = "wechat"
    EMAIL = "email"
    ADDRESS = "address"
    PERSON = "person"
    DONOR = "donor"
    KEY = "key"
    QUANTITY = "quantity"
    UNIT = "unit"
    SPEC = "spec"
    URGENCY = "urgency"
    NEEDED_BY = "needed_by"
    DISTRICT = "district"
    CITY = "city"
    NOTE = "note"
    ITEM = "item"
    PLACE = "place"
    DATE = "date"
    REST = ""


AT_HOME: Final = (*(Role.PHONE, Role.WECHAT, Role.EMAIL, Role.ADDRESS, Role.PERSON, Role.DONOR),)
PERSONAL: Final = (Role.NUMBER_OF_PERSON, *AT_HOME)

_EXACT: Final[Mapping[Role, str]] = {
    Role.PERSON: "name|姓名|联系人|人员|经办人|志愿者|person|contact|requester|caller",
    Role.KEY: "编号|序号|id|no|no.|number|单号|需求编号|号码|#|request number|key|uuid",
    Role.QUANTITY: "数量|数目|总数|件数|需求量|缺口|qty|quantity|amount|count|总数量|数量总计",
    Role.UNIT: "单位|计量单位|unit|units|uom|pack|unit of measure",
    Role.SPEC: "规格|型号|规格型号|specification|spec|model|尺码",
    Role.URGENCY: "缓急|急|紧急|优先级|priority|urgency",
    Role.NEEDED_BY: "最晚|截止|期限|时限|date required|needed by|deadline|due",
    Role.DISTRICT: "区|县|区县|区/县|县区|district|county|adm2|#adm2",
    Role.CITY: "市|城市|地市|省|省份|city|province|state|adm1|#adm1",
    Role.NOTE: "备注|说明|附注|note|notes|comment|comments|remarks|remark",
    Role.ITEM: "物资|物品|品名|名称|货物|物资名称|需求|需求物资|需要什么|缺什么|item|items|goods|"
    "item name|product|ppe|need|needs|equipment|equipmentenum",
    Role.PLACE: "社区|小区|街道|地点|医院|学校|机构|村|单位名称|受赠单位|接收单位|site|location|"
    "facility|hospital|warehouse|requested for facility|place|village",
    Role.DATE: "日期|登记日期|时间|填报时间|date|created|timestamp|date requested",
}
_INSIDE: Final[Mapping[Role, str]] = {
    Role.NUMBER_OF_PERSON: "身份证|证件号|护照|银行卡|passport|id card|national id|bank account",
    Role.PHONE: "电话|手机|联系方式|座机|热线|phone|mobile|telephone|whatsapp|contacts",
    Role.WECHAT: "微信|qq|wechat|telegram",
    Role.EMAIL: "邮箱|邮件|email|e-mail",
    Role.ADDRESS: "地址|住址|门牌|房号|楼栋|address|street",
    Role.PERSON: "姓名|联系人|负责人|收货人|收件人|接收人|求助人|申请人|对接人|填报人|填表人|"
    "登记人|经手人|发起人|first name|last name|full name|surname|contact|requester|assigned to|"
    "approved by|received by|requested for|reported by",
    Role.DONOR: "捐赠|捐助|捐献|来源|donor|supplier",
    Role.KEY: "编号|request number",
    Role.URGENCY: "紧急程度|紧急|优先|urgency|priority|缓急",
    Role.NEEDED_BY: "最晚|截止|期限|需求时间|需要时间|需求日期|到货时间|什么时候|何时|几时|"
    "希望送达|deadline|needed by|required by",
    Role.QUANTITY: "数量|quantity|qty",
    Role.UNIT: "计量单位",
    Role.SPEC: "规格|型号",
    Role.NOTE: "备注|comment|remark",
    Role.ITEM: "物资|物品|品名|货品|item",
    Role.DISTRICT: "区县|行政区|district|county",
    Role.CITY: "城市|省份|地市",
    Role.PLACE: "社区|小区|街道|医院|学校|机构|收货单位|受赠|地点|facility|hospital|warehouse",
    Role.DATE: "日期|时间|date",
}


def _words(table: Mapping[Role, str]) -> dict[Role, tuple[str, ...]]:
    return {role: tuple(map(comparable, words.split("|"))) for role, words in table.items()}


_EXACT_WORDS: Final = _words(_EXACT)
_INSIDE_WORDS: Final = _words(_INSIDE)
_ID: Final = re.compile("(?:^|[^a-z])id$|key$|编码$")
_NAME_MAX: Final = 40
"""A longer text in a header is an instruction and no name."""


def role_of(name: str) -> Role:
    """What a column of this name is for, as far as the name says it."""
    whole = comparable(name)
    last = whole.rpartition(BETWEEN)[2].strip()
    if len(whole) > _NAME_MAX:
        return next((role for role in PERSONAL if _has(whole, _INSIDE_WORDS[role])), Role.REST)
    for text in (last, whole):
        for role, words in _EXACT_WORDS.items():
            if text in words:
                return role
    if _ID.search(last):
        return Role.KEY
    for text in (last, whole):
        for role, words in _INSIDE_WORDS.items():
            if _has(text, words):
                return role
    return Role.REST


def is_exact(name: str) -> bool:
    """Whether a name is one of the words for its role, and doesn't only have one in it."""
    whole = comparable(name)
    texts = (whole, whole.rpartition(BETWEEN)[2].strip())
    return any(text in words for text in texts for words in _EXACT_WORDS.values())


def _has(text: str, words: tuple[str, ...]) -> bool:
    """Whether one of some words stands in a text; Latin ones only as whole words."""
    padded = f" {text.replace('_', ' ').replace('-', ' ')} "
    return any(f" {word} " in padded if word.isascii() else word in text for word in words)
