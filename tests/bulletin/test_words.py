"""Every word of the bulletin stands in both languages, and templates use no others."""

from __future__ import annotations

import ast
import re
import string
from importlib import resources
from pathlib import Path

import pytest

from hutong_node.backing import METHODS
from hutong_node.bulletin import text_safety, words
from hutong_node.bulletin.filters import FILTERS, LIVES
from hutong_node.bulletin.pages import NAVIGATION, templates
from hutong_node.bulletin.words import PACKAGE, catalogue, words_in
from hutong_node.listing import COVERAGES, VERIFICATIONS, Role
from hutong_protocol.fold import Standing
from hutong_protocol.personal_data import Kind
from hutong_protocol.schema import RECORD_TYPES

FOLDER = Path(str(resources.files(PACKAGE)))
TEMPLATES = sorted(FOLDER.glob("templates/*"))
MODULES = sorted(FOLDER.glob("*.py"))
SECTIONS = {key.partition(".")[0] for key in catalogue()}


def fields(phrase: str) -> int:
    return sum(name is not None for _, name, _, _ in string.Formatter().parse(phrase))


@pytest.mark.parametrize("key", sorted(catalogue()))
def test_every_phrase_is_there_in_both_languages_with_the_same_gaps(key: str) -> None:
    zh, en = catalogue()[key]
    assert zh.strip()
    assert en.strip()
    assert fields(zh) == fields(en)
    neutral = key in ("language.zh", "language.en") or not re.sub(r"[{}\W]", "", zh)
    assert neutral or re.search(r"[\u4e00-\u9fff]", zh)
    assert neutral or not re.search(r"[\u4e00-\u9fff]", en)


def used_in_templates() -> set[str]:
    found: set[str] = set()
    for path in TEMPLATES:
        text = path.read_text("utf-8")
        found |= set(re.findall(r'"([a-z_]+\.[A-Za-z0-9_-]+)"', text))
    return {key for key in found if key.partition(".")[0] in SECTIONS and not key.endswith("_")}


def used_in_code() -> set[str]:
    found: set[str] = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(re.findall(r"^[a-z_]+\.[A-Za-z0-9_-]+$", node.value))
    return {key for key in found if key.partition(".")[0] in SECTIONS and not key.endswith("_")}


def made_from_codes() -> set[str]:
    """Keys that are put together from a section and a code."""
    return {
        *(f"nav.{name}" for name, _ in NAVIGATION),
        *(f"filter.{name}" for name in FILTERS),
        *(f"filter_life.{life}" for life in LIVES),
        *(f"coverage.{each}" for each in COVERAGES),
        *(f"delivery.{each}" for each in ("none", "part", "full")),
        *(f"verification.{each}" for each in VERIFICATIONS),
        *(f"life.{each}" for each in ("active", "expired", "closed")),
        *(f"hidden.{kind}" for kind in Kind),
        *(f"standing.{each}" for each in Standing if each is not Standing.EFFECTIVE),
        *(f"type.{name.rpartition('/')[0]}" for name in RECORD_TYPES),
        *(f"doing.{role.name.lower()}" for role in Role if role < Role.CARD),
        *(f"who.{role.name.lower()}" for role in Role if role <= Role.CARD),
        *(f"rule.{name}" for name in (*FILTERS, "lang", "after", "number", "twice", "too-long")),
        *(f"bound.{bound}" for bound in words.BOUNDS),
        *(f"group.{each}" for each in ("exists", "place", "quantity", "reachable", "urgency")),
        *(f"method.{each}" for each in METHODS),
        *(f"promise.{each}" for each in PROMISES),
        *(f"waiting.{each}" for each in ("decide", "renew", "send", "confirm", "reconfirm")),
        *(f"outcome.{each}" for each in OUTCOMES),
        *(f"condition.{each}" for each in ("ok", "short", "damaged", "wrong_item")),
        *(f"mark.{each}" for each in ("code", "cut", "more")),
        *(f"age.{unit}" for unit in ("minutes", "hours", "days")),
        *(f"card.back_to_{kind}" for kind in ("need", "offer")),
        *(f"empty.{what}_next" for what in EMPTY),
        *(f"list.{kind}_intro" for kind in ("needs", "offers")),
        *(f"text.{each}" for each in ("erased", "missing", "untitled")),
    }


EMPTY = ("needs", "offers", "filtered", "scopes", "organisations", "incidents", "checks")
PROMISES = (
    *("withdrawn", "accepted", "declined", "released"),
    *("expired", "waiting", "undecided", "unknown"),
)
OUTCOMES = (
    *("confirmed", "partly", "refuted", "unreachable", "follow_up"),
    *("accept", "decline", "wait", "release"),
)


def test_every_key_that_is_used_is_there() -> None:
    rules_without = {"rule.organisation", "rule.incident"}
    used = used_in_templates() | used_in_code() | (made_from_codes() - rules_without)
    assert len(used) > 300
    assert used - set(catalogue()) == set()


def test_no_phrase_stands_there_for_nothing() -> None:
    sources = "".join(path.read_text("utf-8") for path in (*MODULES, *TEMPLATES))
    used = used_in_templates() | used_in_code() | made_from_codes()
    of_codes = ("flag.", "province.", "state_of_peer.", "about.numbers_", "problem.", "list.total_")
    idle = {
        key
        for key in catalogue()
        if key not in used
        and f'"{key.partition(".")[2]}"' not in sources
        and not key.startswith((*of_codes, "rule.id-"))
    }
    assert idle == set()


def test_every_flag_and_peer_state_has_words() -> None:
    source = Path(str(resources.files("hutong_protocol.fold")))
    flags = {
        name
        for path in source.glob("*.py")
        for name in re.findall(r'Flag\(\s*"([a-z_]+)"', path.read_text("utf-8"))
    }
    assert len(flags) > 8
    assert {f"flag.{flag}" for flag in flags} - set(catalogue()) == set()
    peering = Path(str(resources.files("hutong_node"))) / "peering.py"
    states = set(re.findall(r'status\.state(?:, [\w.]+)? = "([a-z]+)"', peering.read_text("utf-8")))
    assert states >= {"dialling", "settled"}
    assert {f"state_of_peer.{state}" for state in states} - set(catalogue()) == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_can_be_read_and_never_switches_escaping_off(path: Path) -> None:
    text = path.read_text("utf-8")
    assert templates().get_template(path.name).name == path.name
    assert not re.search(r"\|\s*(safe|forceescape|tojson|xmlattr)|autoescape|Markup", text)
    assert not re.search(r"<script|\son[a-z]+=|javascript:|style=|http-equiv", text, re.IGNORECASE)
    # An attribute with a value of others stands in double quotes, which escaping covers.
    assert not re.search(r"=\{\{|='[^']*\{\{", text)


def test_no_module_of_the_bulletin_makes_markup_by_itself() -> None:
    for path in MODULES:
        text = path.read_text("utf-8")
        assert "Markup" not in text, path
        assert "markupsafe" not in text, path
    assert templates().autoescape is True
    assert text_safety.__doc__


def test_a_missing_phrase_is_an_error_and_not_an_empty_place() -> None:
    with pytest.raises(KeyError):
        words_in("zh")("no.such")
    with pytest.raises(Exception, match="undefined"):
        templates().from_string("{{ nothing }}").render()


def test_what_is_filled_in_is_never_part_of_a_phrase() -> None:
    assert words_in("en")("list.more_of", "{0.__class__}") == "{0.__class__} more here by"
    assert words_in("zh").label({}, "{}").plain == "{}"
