"""The words by which sheets in Chinese name units, and the codes that specification 12.7 has.

Owns which words a quantity can end in, and the built-in lookup tables `builtin:units...`. A word
whose meaning depends on where it is written is in no table but that of its region: whoever writes
the mapping chooses, and a bare 斤 is never translated without that choice (Spec: 12.7.3). A word
without a code is known to be a unit all the same, and stays `raw:` followed by the word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from hutong_adapters.number_text import folded

BUILT_IN_PREFIX: Final = "builtin:"

_CODES: Final[Mapping[str, str]] = {
    "kg": "kg 公斤 千克",
    "g": "g 克 公克",
    "t": "t 吨 噸 公吨",
    "jin_cn": "市斤",
    "liang_cn": "市两",
    "dan_cn": "市担",
    "catty_tw": "台斤 臺斤",
    "l": "l 升 公升",
    "ml": "ml 毫升",
    "m3": "m3 m³ 立方米",
    "min": "min 分钟 分鐘",
    "h": "h 小时 小時",
    "person": "人 名",
    "person_day": "人日 人天",
    "person_time": "人次",
    "hh": "户 戶",
    "session": "场 場",
    "ge": "个 個",
    "zhi": "只 隻",
    "jian": "件",
    "xiang": "箱",
    "he": "盒",
    "dai": "袋",
    "bao": "包",
    "ping": "瓶",
    "tao": "套",
    "shuang": "双 雙",
    "tai": "台 臺",
}
"""Words that mean the same wherever Chinese is written."""

_OF_REGIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "units": {},
    "units-mainland": {"jin_cn": "斤", "liang_cn": "两", "dan_cn": "担", "CNY": "元"},
    "units-taiwan": {"catty_tw": "斤", "TWD": "元"},
}

_WITHOUT_CODE: Final = (
    "支 枝 副 付 桶 片 人份 提 罐 枚 张 張 卷 块 塊 条 條 根 顶 頂 把 粒 颗 顆 板 架 辆 輛 车 車 "
    "床 组 組 批 份 筒 对 對 本 册 匹 平方米 头 頭 株 棵 筐 篓 捆 扎 打 盘 盤 杯 碗 听 聽 管 剂 劑 "
    "贴 貼 丸 间 間 顿 頓 餐 节 盏 部 艘 幅 具 坛 壶 串 排 束 位 令 抽 盆 斤 两 担 元 "
    "大箱 中箱 小箱 整箱 大盒 小盒 大包 小包 大袋 小袋 大瓶 小瓶 大桶 小桶"
)

_SMALL_MEASURES: Final = ("g", "ml", "l")
_MEASURES: Final = frozenset({"kg", "g", "t", "l", "ml", "m3", "jin_cn", "liang_cn", "dan_cn"})


def _words(codes: Mapping[str, str]) -> dict[str, str]:
    return {word: code for code, words in codes.items() for word in words.split()}


def _comparable(words: Iterable[str]) -> frozenset[str]:
    return frozenset(folded(word).lower() for word in words)


UNIT_TABLES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        BUILT_IN_PREFIX + name: MappingProxyType(_words(_CODES) | _words(extra))
        for name, extra in _OF_REGIONS.items()
    }
)
"""The built-in tables by the name that a mapping gives: word -> code."""

KNOWN: Final = _comparable([*_words(_CODES), *_WITHOUT_CODE.split()])
"""Every word that is a unit, folded and in small letters."""

_LETTER: Final = re.compile("[A-Za-z]")
_TIMES: Final = re.compile("[xX][0-9]")
_LENGTH_MAX: Final = max(map(len, KNOWN))

MEASURES: Final = _comparable(
    [word for word, code in _words(_CODES).items() if code in _MEASURES] + ["斤", "两", "担", "mg"]
)
"""Units of mass and volume, which also say how large one thing is."""

SMALL_MEASURES: Final = _comparable(
    [word for word, code in _words(_CODES).items() if code in _SMALL_MEASURES] + ["mg", "毫克"]
)
"""Measures that, beside an item, say how large one is and not how much there is: 洗手液450g."""


def known_at(text: str, start: int) -> int:
    """The length of the longest unit word in folded text at a place; 0 if there is none.

    A word in Latin letters ends where no Latin letter follows, but for the x of 6gX6袋: `g` is not
    in `gram`.
    """
    piece = text[start : start + _LENGTH_MAX].lower()
    for length in range(len(piece), 0, -1):
        if piece[:length] not in KNOWN:
            continue
        after = text[start + length : start + length + 2]
        if piece[length - 1].isascii() and _LETTER.match(after) and not _TIMES.fullmatch(after):
            continue
        return length
    return 0
