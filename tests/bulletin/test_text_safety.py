"""Words of others as they are shown: nothing hides, and nothing is left out silently."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_node.bulletin.text_safety import (
    Piece,
    joined,
    mail_link,
    one_line,
    phone_link,
    short_id,
    shown,
    web_link,
)


def marks(text: str) -> list[str]:
    return [piece.text for piece in shown(text).pieces if piece.mark == "code"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\u202eb", ["U+202E"]),
        ("a\u200b\u200b\u200bb", ["U+200B×3"]),
        ("\u2066x\u2069", ["U+2066", "U+2069"]),
        ("a\u00adb", ["U+00AD"]),
        ("a\x00\x1b[31m\x7f", ["U+0000", "U+001B", "U+007F"]),
        ("\u0085\u2028\u2029", ["U+0085", "U+2028", "U+2029"]),
        ("\ufeff组织", ["U+FEFF"]),
        ("ㅤ名", ["U+3164"]),
        ("\U000e0041\U000e0042", ["U+E0041", "U+E0042"]),
        ("\ud800", ["U+D800"]),
        ("\ufffe\U0001ffff\ufdd0", ["U+FFFE", "U+1FFFF", "U+FDD0"]),
        ("a\u200db", ["U+200D"]),
        ("👨\u200d👩\u200d👧", []),
        ("✊🏽\ufe0f", []),
        ("雁塔区 和平社区\n第二行\t有制表符", []),
        ("ｆｕｌｌ　ｗｉｄｔｈ", []),
    ],
)
def test_what_cannot_be_seen_is_shown_by_its_code(text: str, expected: list[str]) -> None:
    """Threat 22."""
    assert marks(text) == expected


def test_a_text_of_nothing_but_hidden_characters_stays_short() -> None:
    """16 KiB of them in a message would be 5,000 marks, in each of fifty rows of a history."""
    pieces = shown("\u200b\u202e" * 8_000).pieces
    assert len(pieces) == 41
    assert pieces[-1] == Piece("+15960", "more")
    assert shown("a" + "\u200b" * 9_000).plain == "a⟦U+200B×9000⟧"


def test_only_short_texts_are_kept_for_the_next_page() -> None:
    assert shown("甲" * 400) is shown("甲" * 400)
    assert shown("甲" * 401) is not shown("甲" * 401)
    assert shown("甲" * 401) == shown("甲" * 401)


def test_a_text_on_one_line_has_no_line_ends() -> None:
    assert one_line(shown("a\nb\t\nc\u2028d")).plain == "a b c⟦U+2028⟧d"


@given(st.text(st.characters(exclude_categories=())))
def test_every_character_is_shown_as_itself_or_by_its_code_or_counted(text: str) -> None:
    pieces = shown(text, personal=False).pieces
    count = 0
    for piece in pieces:
        if not piece.mark:
            count += len(piece.text)
            assert not any(
                unicodedata.category(letter) in ("Cc", "Cs") and letter not in "\t\n"
                for letter in piece.text
            )
        elif piece.mark == "code":
            _, _, times = piece.text.partition("×")
            count += int(times or 1)
        else:
            count += int(piece.text)
    assert count == len(text)
    shown(text).plain.encode("utf-8")


def test_piles_of_accents_are_cut_and_counted() -> None:
    text = "z" + "\u0301" * 40 + "a"
    assert shown(text).pieces == (Piece("z" + "\u0301" * 4), Piece("+36", "cut"), Piece("a"))
    assert not [piece for piece in shown("Việt Nam").pieces if piece.mark]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("找张三 13800138000 联系", "cn_mobile"),
        ("身份证11010519491231002X", "cn_id18"),
        ("3号楼2单元501室", "door"),
        ("a@example.org", "email"),
        ("微信号：abc12345", "wechat"),
    ],
)
def test_personal_data_is_hidden_and_its_kind_is_told(text: str, kind: str) -> None:
    """Spec 13.4.6."""
    pieces = shown(text).pieces
    assert [piece.text for piece in pieces if piece.mark == "hidden"] == [kind]
    assert "13800138000" not in shown(text).plain
    assert shown(text, personal=False).plain == text


def test_the_rest_of_a_text_with_personal_data_stays() -> None:
    assert shown("电话 13800138000 或 13900139000 均可").plain.count("⟦cn_mobile⟧") == 2
    assert shown("电话 13800138000 均可").plain.endswith(" 均可")


@pytest.mark.parametrize(
    ("text", "mixed"),
    [
        ("Раураl", True),
        ("paypal", False),
        ("Красный Крест Red Cross", False),
        ("妇源汇 Fuyuanhui", False),
        ("αlpha", True),
    ],
)
def test_words_of_several_lookalike_alphabets_are_told(text: str, mixed: bool) -> None:
    """Threat 22: Cyrillic that looks like Latin."""
    assert shown(text).mixed is mixed


def test_language_is_taken_only_as_a_tag() -> None:
    assert shown("x", "zh-CN").language == "zh-CN"
    for wrong in ('zh" onload="x', "z", "zh_CN", "", "zh-CN\n"):
        assert shown("y", wrong).language == ""


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org",
        "http://example.org:8080/a/b?c=d&e=%20#f",
        "HTTPS://Example.ORG/",
        "https://93.184.216.34/",
        "https://xn--fiq228c.example/",
    ],
)
def test_addresses_of_the_web_may_be_followed(text: str) -> None:
    assert web_link(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "JAVASCRIPT://example.org/%0aalert(1)",
        "data:text/html,x",
        "vbscript:x",
        "ftp://example.org/",
        "file:///etc/hosts",
        "//example.org/",
        "https:example.org",
        "https://",
        "https://user@example.org/",
        "https://example.org@evil.example/",
        "https://exa mple.org/",
        "https://example.org/\u202e",
        "https://例子.example/",
        "https://example.org/<b>",
        'https://example.org/"x',
        "https://example.org/\\x",
        "http://localhost:8641/v1/status",
        "http://127.0.0.1/",
        "http://127.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://[::1]/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest",
        "http://router.lan/",
        "http://intranet/",
        "https://example.org:99999/",
        "https://example.org:0/",
        "https://" + "a" * 600 + ".org",
        "http://[",
        "",
    ],
)
def test_other_addresses_are_only_read(text: str) -> None:
    """Threat 45; also addresses of the reader's own machine or network."""
    assert web_link(text) is None


@given(st.text())
def test_links_are_none_or_of_their_scheme_and_plain(text: str) -> None:
    for link, begins in ((web_link(text), ("http",)), (phone_link(text), ("tel:",))):
        assert link is None or (link.lower().startswith(begins) and link.isascii())
    mail = mail_link(text)
    assert mail is None or (mail.startswith("mailto:") and mail.count("@") == 1)


def test_telephones_and_mail_addresses_may_be_followed_and_carry_nothing_else() -> None:
    assert phone_link("+86 29-8888 0000") == "tel:+862988880000"
    assert phone_link("029-88880000") == "tel:02988880000"
    assert mail_link("desk@example.org") == "mailto:desk@example.org"
    for wrong in ("12", "tel:123456", "123456;ext=1", "１２３４５６", "1" * 40, "+"):
        assert phone_link(wrong) is None
    for wrong in ("a@b", "a@example.org?bcc=x@example.org", "a@example.org\n", "a b@example.org"):
        assert mail_link(wrong) is None


def test_short_ids_and_joined_texts_keep_their_pieces() -> None:
    assert short_id("org-" + "a" * 56) == "org-" + "a" * 12
    text = joined((shown("a\u202e"), shown(""), shown("b")), " · ")
    assert [piece.text for piece in text.pieces] == ["a", "U+202E", " · ", "b"]
    assert not joined((), ", ")
