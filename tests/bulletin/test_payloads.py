"""Texts that try to become more than text stay text, in every place that takes them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from bulletin.hostile import hostile_world
from bulletin.html_check import check_html
from bulletin.payloads import payloads, short_payloads
from bulletin.served import Reader, served
from bulletin.world import World

SCRIPT, ADDRESS = "document.title='owned'", "http://127.0.0.1:9/beacon"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    yield made
    await made.close()


def test_there_are_enough_forms_and_no_two_are_alike() -> None:
    forms = list(payloads(SCRIPT, ADDRESS))
    assert len(forms) >= 220
    assert len(set(forms)) == len(forms)
    assert len(list(short_payloads())) >= 15


async def walk(reader: Reader, start: list[str]) -> dict[str, str]:
    """Every page that links of our own lead to, by address, each kind of list once."""
    pages: dict[str, str] = {}
    waiting = list(start)
    while waiting:
        address = waiting.pop()
        if address in pages:
            continue
        answer = await reader.get(address)
        assert answer.status == 200, address
        pages[address] = answer.text
        found = check_html(answer.text)
        assert found.problems == [], (address, found.problems[:3])
        for link in map(unescape, found.links):
            path, _, query = link.partition("?")
            follow = (
                re.search(r"/(needs|offers|incidents|organisations)/", path) or "after=" in query
            )
            if follow and "organisation=" not in query and "lang=" not in query:
                waiting.append(link.partition("#")[0])
    return pages


async def test_nothing_of_a_record_is_ever_markup_in_the_served_bytes(world: World) -> None:
    """Threats 44 and 45: 260 forms, as titles, names, notes, units, places, codes and links."""
    forms = list(payloads(SCRIPT, ADDRESS))
    await hostile_world(world, forms, list(short_payloads()))
    async with served(world) as reader:
        start = [
            "/",
            "/needs",
            "/offers?life=all",
            "/organisations",
            "/incidents",
            "/who",
            "/checks",
        ]
        pages = await walk(reader, start)
        assert len(pages) > 300
        everything = "\n".join(pages.values())
        text = unescape(everything)
        for form in forms:
            if "<" in form and len(form) > 3:
                assert form not in everything, form
            visible = not re.search(r"[\x00-\x1f\u00ad\u200b\u2028\u202e\ufeff]|@", form)
            if visible and "://" not in form:
                assert form in text, form
        for wrong in ("<script", 'javascript:alert(1)"', "onerror=document.title='owned'>"):
            tags = re.findall(r"<[a-zA-Z][^<>]*>", everything)
            assert not [tag for tag in tags if wrong in tag]


async def test_the_feed_stays_xml_whatever_titles_say(world: World) -> None:
    forms = list(payloads(SCRIPT, ADDRESS))
    await hostile_world(world, forms[:60] + forms[-80:], [])
    async with served(world) as reader:
        feed = ElementTree.fromstring(await reader.page("/feed.atom"))
        allowed = {
            "feed",
            "id",
            "title",
            "updated",
            "link",
            "author",
            "name",
            "uri",
            "entry",
            "summary",
        }
        found: set[Any] = {element.tag.rpartition("}")[2] for element in feed.iter()}
        assert found <= allowed
        for element in feed.iter("{http://www.w3.org/2005/Atom}link"):
            assert (element.get("href") or "").startswith(reader.url)
