"""Reads a page as strictly as it was meant, and says everything that is wrong with it.

Owns the judgement of served HTML: balanced tags out of a short list, attributes out of a short
list, ids that stand once, labels that name something, tables and headings that a screen reader can
use, and addresses that lead nowhere but to this bulletin, or out by the few schemes that are let
through. What records say must appear as text only, so any other element or attribute is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

_VOID: Final = frozenset({"meta", "link", "input", "br"})
_ELEMENT_NAMES = (
    "html head meta title link body a header footer main nav section article div span p h1 h2 h3 h4"
    " ul ol li dl dt dd form label select option input button table caption thead tbody tr th td"
    " time bdi strong code br svg path"
)
_ATTRIBUTE_NAMES = (
    "lang charset name content rel href type title class id aria-label aria-labelledby aria-current"
    " hreflang tabindex action method role for value selected maxlength placeholder datetime scope"
    " start xmlns viewbox shape-rendering fill d"
)
_ELEMENTS: Final = frozenset(_ELEMENT_NAMES.split())
_ATTRIBUTES: Final = frozenset(_ATTRIBUTE_NAMES.split())
_OWN: Final = ("/", "#")
_OUTWARD: Final = ("http://", "https://", "tel:", "mailto:")
_LABELLED: Final = frozenset({"select", "input"})


@dataclass(slots=True)
class Checked:
    """What was found on a page."""

    problems: list[str] = field(default_factory=list)
    text: str = ""
    links: list[str] = field(default_factory=list)
    outward: list[tuple[str, str]] = field(default_factory=list)
    """Links out of the bulletin with their `rel`."""
    next: str | None = None
    lang: str = ""
    headings: list[int] = field(default_factory=list)
    landmarks: set[str] = field(default_factory=set)


def check_html(text: str) -> Checked:
    """Everything that is wrong with a page, its text and its links."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.result(text)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._found = Checked()
        self._open: list[str] = []
        self._ids: list[str] = []
        self._named: list[str] = []
        self._labels: list[str] = []
        self._controls: list[str] = []
        self._texts: list[str] = []
        self._tables: list[bool] = []

    def result(self, text: str) -> Checked:
        found = self._found
        found.text = "".join(self._texts)
        self._say(not text.lstrip().startswith("<!doctype html>"), "no doctype")
        self._say(bool(self._open), f"left open: {self._open}")
        twice = {name for name in self._ids if self._ids.count(name) > 1}
        self._say(bool(twice), f"ids that stand twice: {twice}")
        unknown = set(self._named) - set(self._ids)
        self._say(bool(unknown), f"names of nothing: {unknown}")
        unlabelled = set(self._controls) - set(self._labels)
        self._say(bool(unlabelled), f"controls without a label: {unlabelled}")
        self._say(found.headings.count(1) != 1, f"headings: {found.headings}")
        for before, after in zip(found.headings, found.headings[1:], strict=False):
            self._say(after > before + 1, f"a heading {after} after {before}")
        self._say(not found.lang, "no language")
        return found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._say(tag not in _ELEMENTS, f"element {tag}")
        self._say(len(given) != len(attrs), f"an attribute of {tag} stands twice")
        for name in given:
            self._say(name not in _ATTRIBUTES, f"attribute {name} of {tag}")
        if tag not in _VOID:
            self._open.append(tag)
        self._note(tag, given)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._say(tag != "path", f"element {tag} that closes itself")
        for name, _ in attrs:
            self._say(name not in _ATTRIBUTES, f"attribute {name} of {tag}")

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("a", "bdi", "span", "time", "strong", "code"):
            self._texts.append(" ")
        closed = self._open.pop() if self._open else "nothing"
        self._say(closed != tag, f"</{tag}> closes {closed}")
        if tag == "table" and self._tables:
            self._say(not self._tables.pop(), "a table without a caption")

    def handle_data(self, data: str) -> None:
        self._texts.append(data)

    def handle_comment(self, data: str) -> None:
        self._say(True, f"comment {data!r}")

    def handle_decl(self, decl: str) -> None:
        self._say(decl.lower() != "doctype html", f"declaration {decl!r}")

    def unknown_decl(self, data: str) -> None:
        self._say(True, f"declaration {data!r}")

    def handle_pi(self, data: str) -> None:
        self._say(True, f"instruction {data!r}")

    def _note(self, tag: str, given: dict[str, str]) -> None:
        found = self._found
        if "id" in given:
            self._ids.append(given["id"])
        self._named += given.get("aria-labelledby", "").split()
        if tag == "label":
            self._labels.append(given.get("for", ""))
        if tag in _LABELLED and given.get("type") != "hidden":
            self._controls.append(given.get("id", ""))
        if tag == "html":
            found.lang = given.get("lang", "")
        if tag in ("main", "header", "footer", "nav", "form"):
            found.landmarks.add(tag)
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            found.headings.append(int(tag[1]))
        if tag == "table":
            self._tables.append(False)
        if tag == "caption" and self._tables:
            self._tables[-1] = True
        if tag == "th":
            self._say(given.get("scope") not in ("col", "row"), "a heading cell without scope")
        for name in ("href", "action"):
            if name in given:
                self._link(tag, given[name], given.get("rel", ""))

    def _link(self, tag: str, address: str, rel: str) -> None:
        if tag == "link" and address == "data:,":
            return
        if address.startswith("//") or not address.startswith((*_OWN, *_OUTWARD)):
            self._say(True, f"address {address!r}")
        elif address.startswith(_OUTWARD):
            self._found.outward.append((address, rel))
            self._say(
                set(rel.split()) != {"noopener", "noreferrer", "nofollow"}, f"rel of {address!r}"
            )
        elif tag == "a":
            self._found.links.append(address)
            if "next" in rel.split():
                self._found.next = address

    def _say(self, wrong: bool, problem: str) -> None:
        if wrong:
            self._found.problems.append(problem)
