"""The code lists of the specification, with labels in Chinese and English. Spec: 12.8.

Owns which codes a field may have when it is authored, and how they are shown. Readers take any
code: one that is not here is shown as it is. Labels are no part of the specification and may change
freely; a code, once released, stays.

Lists that campaigns define for themselves are `codelist` records, not Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Label:
    """How a code is shown."""

    zh: str
    en: str


def _list(*rows: str) -> Mapping[str, Label]:
    """Rows of `code | Chinese | English`."""
    parsed = ([cell.strip() for cell in row.split("|")] for row in rows)
    return MappingProxyType({code: Label(zh, en) for code, zh, en in parsed})


KINDS: Final = _list(
    "goods | 物资 | goods",
    "service | 服务 | service",
    "people | 人手 | people",
    "funds | 资金 | funds",
    "information | 信息 | information",
    "transport | 运输 | transport",
    "space | 场地 | space",
    "access | 通行与许可 | access and permits",
)
URGENCIES: Final = _list(
    "immediate | 一天内 | within a day",
    "high | 三天内 | within three days",
    "normal | 一周内 | within a week",
    "low | 不急 | no hurry",
)
SEVERITIES: Final = _list(
    "extreme | 危及生命 | extreme",
    "severe | 严重 | severe",
    "moderate | 中等 | moderate",
    "minor | 轻微 | minor",
)
MODALITIES: Final = _list(
    "on_site | 现场 | on site",
    "online | 线上 | online",
    "phone | 电话 | by phone",
    "delivery | 送达 | delivered",
    "pickup | 自取 | to be fetched",
)
CLOSE_REASONS: Final = _list(
    "fulfilled | 已满足 | fulfilled",
    "fulfilled_elsewhere | 已由别处满足 | fulfilled elsewhere",
    "done_by_others | 他人已办 | done by others",
    "no_help_wanted | 不再需要 | no help wanted",
    "unresponsive | 联系不上 | unresponsive",
    "out_of_scope | 不属于本处 | out of scope",
    "duplicate | 重复 | duplicate",
    "rejected | 不予采纳 | rejected",
    "entered_in_error | 误填 | entered in error",
    "source_row_removed | 来源行已删 | row removed from the source",
    "expired | 过期 | expired",
    "withdrawn | 撤回 | withdrawn",
)
DECISION_REASONS: Final = _list(
    "capacity | 容量已满 | no capacity left",
    "enough_promised | 已够 | enough promised",
    "not_suitable | 不合用 | not suitable",
    "too_late | 太迟 | too late",
    "cannot_receive | 无法接收 | cannot be received",
    "no_answer | 无回音 | no answer",
    "earmark | 不在指定范围 | outside the earmark",
    "other | 其他 | other",
)
LOSS_REASONS: Final = _list(
    "damaged | 损坏 | damaged",
    "lost | 遗失 | lost",
    "stolen | 被盗 | stolen",
    "expired | 过期 | expired",
    "returned | 退回 | returned",
    "diverted | 改送他处 | diverted",
    "other | 其他 | other",
)
CHECK_METHODS: Final = _list(
    "desk | 案头核对 | desk check",
    "one_way | 单方确认 | confirmed by one side",
    "two_way | 双方确认 | confirmed by both sides",
    "on_site | 现场核实 | seen on site",
)
HANDOVER_METHODS: Final = _list(
    "handed_over | 当面交付 | handed over",
    "left_at_place | 放置 | left at the place",
    "distributed | 分发 | distributed",
    "online | 线上 | online",
    "transferred | 转账 | transferred",
)
BASES: Final = _list(
    "phone | 电话告知 | by phone",
    "written | 书面 | in writing",
    "witnessed | 亲见 | witnessed",
)
FLAG_REASONS: Final = _list(
    "unsafe | 不安全 | unsafe",
    "suspected_fraud | 疑似诈骗 | suspected fraud",
    "stale | 久未更新 | stale",
    "personal_data | 含个人信息 | personal data",
    "earmark | 指定用途不符 | earmark",
    "other | 其他 | other",
)
POST_KINDS: Final = _list(
    "question | 提问 | question",
    "answer | 回答 | answer",
    "notice | 通知 | notice",
    "thanks | 致谢 | thanks",
    "minutes | 会议记录 | minutes",
)
ORG_KINDS: Final = _list(
    "community | 社区 | community",
    "volunteer_team | 志愿服务队 | volunteer team",
    "rescue_team | 救援队 | rescue team",
    "ngo | 社会组织 | non-governmental organisation",
    "foundation | 基金会 | foundation",
    "association | 协会 | association",
    "platform | 平台 | platform",
    "hospital | 医院 | hospital",
    "school | 学校 | school",
    "company | 企业 | company",
    "shop | 商店 | shop",
    "property_management | 物业 | property management",
    "media | 媒体 | media",
    "gov | 政府部门 | government",
    "un | 联合国机构 | United Nations",
    "other | 其他 | other",
)
GROUPS: Final = _list(
    "general | 一般居民 | general population",
    "children | 儿童 | children",
    "child_chronic | 患病儿童 | children with a chronic illness",
    "elderly | 老人 | older people",
    "elderly_alone | 独居老人 | older people living alone",
    "disabled | 残障人士 | people with disabilities",
    "pregnant | 孕产妇 | pregnant women",
    "women | 妇女 | women",
    "chronic_patients | 慢性病人 | people with chronic illness",
    "patients | 病人 | patients",
    "violence_survivors | 受暴力侵害者 | survivors of violence",
    "migrants | 流动人口 | migrants",
    "low_income | 困难家庭 | low-income households",
    "homeless | 无家可归者 | homeless people",
    "stranded | 滞留人员 | stranded people",
    "health_workers | 医护人员 | health workers",
    "volunteers | 志愿者 | volunteers",
)
SENSITIVE_GROUPS: Final = frozenset(
    {"child_chronic", "chronic_patients", "patients", "violence_survivors", "homeless"}
)
"""Groups whose counts are bands and whose places end at the district. Spec: 13.3."""

TOPICS: Final = _list(
    "base | 基础 | base",
    "ccm | 营地协调与管理 | camp coordination and management",
    "ery | 早期恢复 | early recovery",
    "edu | 教育 | education",
    "shl | 住所 | shelter",
    "tel | 应急通信 | emergency telecommunications",
    "fsc | 粮食安全 | food security",
    "hea | 卫生 | health",
    "log | 后勤 | logistics",
    "nut | 营养 | nutrition",
    "pro | 保护 | protection",
    "wsh | 水与卫生设施 | water, sanitation and hygiene",
    "pro-cpn | 儿童保护 | child protection",
    "pro-gbv | 性别暴力 | gender-based violence",
    "pro-hlp | 住房土地财产 | housing, land and property",
    "pro-min | 地雷行动 | mine action",
    "pro-mhpss | 心理社会支持 | mental health and psychosocial support",
)
UNITS: Final = _list(
    "kg | 公斤 | kilogram",
    "g | 克 | gram",
    "t | 吨 | tonne",
    "jin_cn | 市斤 | jin (0.5 kg)",
    "liang_cn | 市两 | liang (50 g)",
    "dan_cn | 市担 | dan (50 kg)",
    "catty_tw | 台斤 | catty (0.6 kg)",
    "l | 升 | litre",
    "ml | 毫升 | millilitre",
    "m3 | 立方米 | cubic metre",
    "min | 分钟 | minute",
    "h | 小时 | hour",
    "person_day | 人日 | person-day",
    "person_time | 人次 | person-time",
    "person | 人 | person",
    "hh | 户 | household",
    "session | 场 | session",
    "ge | 个 | item",
    "zhi | 只 | zhi",
    "jian | 件 | jian",
    "xiang | 箱 | box",
    "he | 盒 | small box",
    "dai | 袋 | bag",
    "bao | 包 | pack",
    "ping | 瓶 | bottle",
    "tao | 套 | set",
    "shuang | 双 | pair",
    "tai | 台 | machine",
    "CNY | 元 | yuan",
)
"""Units with a label; any other code is a unit too. Spec: 12.7.2."""

CODE_LISTS: Final[Mapping[str, Mapping[str, Label]]] = MappingProxyType(
    {
        "kinds": KINDS,
        "urgencies": URGENCIES,
        "severities": SEVERITIES,
        "modalities": MODALITIES,
        "close reasons": CLOSE_REASONS,
        "decision reasons": DECISION_REASONS,
        "loss reasons": LOSS_REASONS,
        "check methods": CHECK_METHODS,
        "hand-over methods": HANDOVER_METHODS,
        "bases": BASES,
        "flag reasons": FLAG_REASONS,
        "post kinds": POST_KINDS,
        "org kinds": ORG_KINDS,
        "groups": GROUPS,
    }
)
"""By the name that fields of section 12.4 give. Lists that are not here take any code."""
