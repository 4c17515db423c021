"""Vectors of what a str may contain: UTF-8 to the letter, no NUL, nothing normalised.

Spec: 2.1.3, 2.1.4. Hard case 8. Broken sequences are tried as values and, one of each kind, as
keys, since some decoders treat keys on another path.
"""

from __future__ import annotations

from collections.abc import Iterator

from hutong_conformance import raw
from hutong_conformance.cases import Case
from hutong_conformance.families.s02_encoding import accepted, refused

KEPT: tuple[tuple[str, str, str], ...] = (
    ("nfc", "\u00e9", "One code point for an accented letter: kept"),
    ("nfd", "e\u0301", "The same letter in two code points: kept, and another str"),
    ("hangul-nfd", "\u1112\u1161\u11ab", "Hangul letter by letter: kept"),
    ("compatibility", "\u212b\ufb01\uff21", "Letters that a compatibility form would replace"),
    ("chinese", "\u897f\u5b89\u5e02\u96c1\u5854\u533a", "Chinese: six characters, eighteen bytes"),
    ("chinese-33-bytes", "\u82e5" * 11, "Eleven characters are 33 bytes: the length counts bytes"),
    ("emoji", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "Code points above U+FFFF, joined"),
    ("byte-order-mark", "\ufeffa", "U+FEFF at the start is a character like others: kept"),
    ("byte-order-mark-long", "\ufeff" + "h" * 300, "U+FEFF before 300 letters: kept"),
    ("bidi", "a\u202eb\u2066c", "Bidirectional controls are kept (shown with care, 13)"),
    ("controls", "\x01\t\n\r\x1b\x7f\x80\x9f", "Control characters other than NUL are kept"),
    ("two-bytes", "\u0080\u07ff", "The ends of two-byte sequences"),
    ("three-bytes", "\u0800\uffff", "The ends of three-byte sequences, a noncharacter among them"),
    ("around-surrogates", "\ud7ff\ue000", "The neighbours of the surrogates"),
    ("four-bytes", "\U00010000\U0010ffff", "The ends of four-byte sequences"),
    ("unassigned", "\u0378\U000e0fff", "Code points that Unicode has not assigned"),
    ("private", "\ue000\U0010fffd", "Private code points"),
    ("replacement", "\ufffd", "U+FFFD itself is no sign of a fault"),
    ("newline-forms", "a\r\nb\u2028c\u0085d", "Line ends are not converted"),
)

BROKEN: tuple[tuple[str, str, str], ...] = (
    ("overlong-2-nul", "c080", "U+0000 in an over-long form of two bytes"),
    ("overlong-2", "c1bf", "U+007F in an over-long form of two bytes"),
    ("overlong-3", "e080af", "A slash in an over-long form of three bytes"),
    ("overlong-3-top", "e09fbf", "U+07FF in an over-long form of three bytes"),
    ("overlong-4", "f08080af", "A slash in an over-long form of four bytes"),
    ("overlong-4-top", "f08fbfbf", "U+FFFF in an over-long form of four bytes"),
    ("surrogate-high", "eda080", "U+D800, the first surrogate"),
    ("surrogate-low", "edbfbf", "U+DFFF, the last surrogate"),
    ("surrogate-pair", "eda0bdedb880", "U+1F600 as two surrogates (CESU-8)"),
    ("above-unicode", "f4908080", "One above U+10FFFF"),
    ("lead-f5", "f5808080", "The lead byte f5 never occurs"),
    ("five-bytes", "f888808080", "A sequence of five bytes"),
    ("six-bytes", "fc8480808080", "A sequence of six bytes"),
    ("byte-fe", "fe", "The byte fe never occurs"),
    ("byte-ff", "ff", "The byte ff never occurs"),
    ("lone-continuation", "80", "A continuation byte without a lead byte"),
    ("continuation-after-char", "6180", "A continuation byte after a letter"),
    ("cut-2", "c3", "A sequence of two bytes ends after one"),
    ("cut-3", "e282", "A sequence of three bytes ends after two"),
    ("cut-4", "f09f98", "A sequence of four bytes ends after three"),
    ("interrupted", "e228a1", "A letter in the middle of a sequence"),
    ("latin-1", "636166e9", "Latin-1 bytes"),
    ("gb18030", "cef7b0b2", "Bytes of GB18030"),
)


def cases() -> Iterator[Case]:
    """Strs that are kept as they are, and strs that are refused."""
    for name, content, comment in KEPT:
        number = "2.1.4" if name in ("nfc", "nfd", "hangul-nfd", "compatibility") else "2.1.3"
        yield from accepted(f"text-{name}", number, f"Hard case 8: {comment}", content)
    for name, spelled, comment in BROKEN:
        data = raw.text(bytes.fromhex(spelled))
        yield refused(f"text-{name}", "2.1.3", f"Hard case 8: {comment}", data)
    for name, spelled, comment in BROKEN:
        if name in ("overlong-2", "surrogate-high", "above-unicode", "cut-2", "lone-continuation"):
            key = raw.text(bytes.fromhex(spelled))
            yield refused(
                f"text-{name}-in-key",
                "2.1.3",
                f"Hard case 8: in a key: {comment}",
                raw.mapping([(key, raw.NIL)]),
            )
    for name, spelled, comment in BROKEN:
        if name in (
            "overlong-2-nul",
            "surrogate-low",
            "cut-4",
            "byte-ff",
            "latin-1",
            "interrupted",
        ):
            # Some decoders read short texts by themselves and hand long ones to the platform.
            data = raw.text(b"h" * 300 + bytes.fromhex(spelled))
            comment = f"Hard case 8: after 300 letters: {comment}"
            yield refused(f"text-{name}-in-long", "2.1.3", comment, data)
    data = raw.text("h" * 300 + "\0")
    yield refused("text-nul-in-long", "2.1.3", "Hard case 8: NUL after 300 letters", data)
    for name, holding_nul in (
        ("alone", b"\0"),
        ("first", b"\0a"),
        ("inside", b"a\0b"),
        ("last", b"a\0"),
    ):
        yield refused(
            f"text-nul-{name}", "2.1.3", "Hard case 8: NUL in a str", raw.text(holding_nul)
        )
    yield refused(
        "text-nul-in-key",
        "2.1.3",
        "Hard case 8: NUL in a key",
        raw.mapping([(raw.text(b"a\0"), raw.NIL)]),
    )
