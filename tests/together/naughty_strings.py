"""Texts that programs stumble over, made here by kinds: at least 515 of them, no two equal.

Owns the kinds: what looks like a formula, markup, code, a path, a number or a date; what is
invisible, turns the direction of writing, combines, or has two forms; line ends, quotes and
separators of tables; controls and characters that are none. None has a NUL, which no table may
have, and in none would the detector find personal data, which no record may have.
"""

from __future__ import annotations

import itertools
import unicodedata

LEAST = 515

_FORMULAS = [
    f"{before}{sign}{rest}"
    for sign in "=+-@\t\r＝＋－＠|%"
    for before, rest in (
        ("", "1+1"),
        ("", "SUM(A1:A9)"),
        ("", "cmd|' /C calc'!A0"),
        (" ", 'HYPERLINK("http://evil.example";"x")'),
        ("\u200b", "1"),
        ("\ufeff", "A1"),
        ("\n", "1"),
        ("'", "1"),
        ('"', "1"),
        (";", "1"),
    )
]
_MARKUP = [
    form.format(payload)
    for payload in ("alert(1)", "fetch('//evil.example')", "1")
    for form in (
        "<script>{}</script>",
        '"><script>{}</script>',
        "<img src=x onerror={}>",
        "<svg/onload={}>",
        "<a href='javascript:{}'>大米</a>",
        "</title><script>{}</script>",
        "<iframe srcdoc='<script>{}</script>'>",
        "<!--{}-->",
        "<![CDATA[{}]]>",
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "{}">]><a>&b;</a>',
        "&lt;b&gt;{}&amp;",
        "{{{{{}}}}}",
        "${{{}}}",
        "<%= {} %>",
        "[x](javascript:{})",
    )
]
_CODE = [
    "' OR '1'='1",
    "'; DROP TABLE records; --",
    '" OR ""="',
    "1; SELECT pg_sleep(9)",
    "%s%s%s%n",
    "%d%x%p",
    "{0}{1}{name}",
    "{0.__class__.__mro__}",
    "$(touch x)",
    "`touch x`",
    "a && b || c; d > e < f",
    "\\",
    "\\\\",
    "\\n\\t\\0",
    "\\u0041\\x41\\101",
    "_x0041_",
    "_x005F_x0041_",
    "_xFFFF_",
    "_x000D_",
    "../../../../etc/passwd",
    "..\\..\\windows\\system.ini",
    "file:///etc/hosts",
    "C:\\con\\aux",
    "CON",
    "nul.txt",
    "__proto__",
    "constructor",
    "undefined",
    "null",
    "None",
    "nil",
    "NaN",
    "true",
    "FALSE",
    "Infinity",
    '{"a": [1, {"b": null}]}',
    "[section]",
    "key = 'value'",
    "# comment",
    "---\n- yaml: &a [*a]",
    "*", "?", "~", "^", "!", "$", "&", "(", ")", "[", "]", "{", "}", "<", ">", "/", ":",
]  # fmt: skip
_NUMBERS = [
    "0", "00", "-0", "+0", "0.0", "1.", ".5", "1e3", "1E-400", "1e309", "0x1F", "0b1", "0o7",
    "1_000", "1,000", "1.000,5", "１２３", "一二三", "٣٤٥", "१२३", "½", "²", "9" * 13, "1/2", "3-4",
    "1:30", "5%", "$5", "￥5", "-", "--", "+", "1 2", "1\u00a02", "1'000", "0.1 + 0.2",
    "2020-02-30", "31/12/1999", "1999-12-31T23:59:60Z", "2月30日", "MARCH1", "SEPT2", "1-1",
    "10E5", "1d", "TRUE", "#REF!", "#N/A", "#DIV/0!", "#VALUE!",
]  # fmt: skip
_TABLES = [
    "".join(parts)
    for parts in itertools.product(("a", "大米"), (",", '"', '""', "\n", "\r\n", "\r", "\t", ";"),
                                   ("b", "", " ", '"'))
]  # fmt: skip
_INVISIBLE = [
    form.format(letter)
    for letter in "\u00a0\u00ad\u034f\u061c\u115f\u180e\u200b\u200c\u200d\u200e\u200f\u2028\u2029"
    "\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2066\u2067\u2068\u2069\u206a\u3000\u3164\ufeff"
    "\ufff9\uffa0\U000e0001\U000e0041"
    for form in ("{}", "大{}米", "{}a", "a{}")
]
_CONTROLS = [f"a{chr(code)}b" for code in (*range(1, 32), *range(127, 160))]
_WRITING = [
    "مرحبا ١٢٣ abc",
    "שלום (עולם)",
    "\u202eedoc.exe\u202c",
    "e\u0301", "é", "ﬁ", "fi", "Å", "Å", "A\u030a", "ﷺ", "ｶﾞ", "ガ",
    "Z\u0351\u036b\u0343a\u0346l\u0363g\u0322o\u0321",
    "😀", "👩‍👩‍👧‍👦", "👍🏿", "🇨🇳🇺🇳", "❤️", "1️⃣", "𝕳𝖊𝖑𝖑𝖔", "𠮷野家", "㊗", "㍿", "龘", "〇", "々",
    "ⅷ", "ﾊﾝｶｸ", "ＦＵＬＬ", "ı İ i I", "ß ẞ ss", "ſ", "К K K", "аа aa", "\u1e9b\u0323",
    "தமிழ்", "ไทย", "ಠ_ಠ", "¯\\_(ツ)_/¯", "(╯°□°）╯︵ ┻━┻", "Ω Ω", "ﬆ", "ǆ", "\u0345",
    "\ue000", "\uf8ff", "\U000f0000", "\U0010fffd", "\ufffd", "\ufffe", "\uffff", "\U0001fffe",
    "\ufdd0", "\u2400", "\ud7ff", "\uf900", unicodedata.normalize("NFD", "한글"),
]  # fmt: skip
_BLANKS = [" ", "  a", "a  ", " a ", "\ta", "a\t", "\na", "a\n", "\r\na\r\n", "\u3000大米\u3000"]
_LONG = ["x" * 300, "大" * 100, "😀" * 75, "a\n" * 150, "'" * 299, '"' * 150, "=" * 300, "é" * 150]

KINDS = (
    *(_FORMULAS, _MARKUP, _CODE, _NUMBERS, _TABLES, _INVISIBLE, _CONTROLS, _WRITING, _BLANKS),
    _LONG,
)


def naughty_strings() -> list[str]:
    """All of them; each has something in it, and at most 300 bytes."""
    return list(dict.fromkeys(text for kind in KINDS for text in kind))
