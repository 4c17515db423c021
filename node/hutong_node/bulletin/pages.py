"""Pages made from values: the templates, and what stands around every page.

Owns the template environment. Everything is escaped, a name that isn't there is an error, and no
template has a way to switch escaping off: a test holds them to that. What is shown comes in the
values of `views`; templates choose tags and order, and put in words of their own by key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from hutong_node.bulletin.feed import Feed
from hutong_node.bulletin.filters import LANGUAGES, Asked
from hutong_node.bulletin.source import Glance
from hutong_node.bulletin.text_safety import NOTHING, Shown, shown
from hutong_node.bulletin.views import Choice, Footing, Frame, Problem
from hutong_node.bulletin.words import PACKAGE, Words

NAVIGATION: Final = (
    ("overview", "/"),
    ("needs", "/needs"),
    ("offers", "/offers"),
    ("who", "/who"),
    ("organisations", "/organisations"),
    ("incidents", "/incidents"),
    ("checks", "/checks"),
    ("about", "/about"),
)
_NAME_MAX: Final = 32


@cache
def style_sheet() -> bytes:
    """The one style sheet."""
    return (resources.files(PACKAGE) / "static" / "bulletin.css").read_bytes()


@cache
def style_path() -> str:
    """Its address, which changes with its content."""
    return f"/static/bulletin.{hashlib.sha256(style_sheet()).hexdigest()[:12]}.css"


@cache
def templates() -> Environment:
    """The template environment."""
    return Environment(
        loader=PackageLoader(PACKAGE, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def page(template: str, frame: Frame, content: object, words: Words) -> str:
    """A page as HTML."""
    found = templates().get_template(f"{template}.html")
    return found.render(frame=frame, page=content, w=words)


def feed_text(feed: Feed) -> str:
    """The feed as Atom."""
    return templates().get_template("feed.xml").render(feed=feed)


def frame_of(
    glance: Glance,
    path: str,
    heading: Shown,
    *,
    footing: Footing | None,
    feed: str | None = None,
) -> Frame:
    """What stands around a page.

    Args:
        path: of the page, without parameters.
        heading: what the page is about, for the title of the window.
        feed: the address of a feed of what the page lists.
    """
    own = glance.source.node.parts.identity.org
    return plain_frame(
        glance.words,
        glance.asked,
        path,
        heading,
        own_name=glance.name(own),
        footing=footing,
        feed=feed,
    )


def plain_frame(
    words: Words,
    asked: Asked,
    path: str,
    heading: Shown,
    *,
    own_name: Shown = NOTHING,
    footing: Footing | None = None,
    feed: str | None = None,
) -> Frame:
    """The same without anything from the store, for pages that say why there is no page."""
    here = "/" + path.split("/")[1] if path else None
    return Frame(
        lang=words.tag,
        title=heading,
        own_name=own_name,
        home=asked.address("/"),
        navigation=tuple(
            Choice(asked.address(address), words(f"nav.{name}"), address == here)
            for name, address in NAVIGATION
        ),
        languages=tuple(
            Choice(_in_language(asked, path, language), words(f"language.{language}"), is_here)
            for language in LANGUAGES
            for is_here in (language == words.language,)
        ),
        language_tags=("zh-CN", "en"),
        style=style_path(),
        notices=tuple(_notices(words, asked)),
        footing=footing,
        about=asked.address("/about"),
        feed=feed,
    )


def problem_frame(words: Words, asked: Asked, problem: Problem) -> Frame:
    """The frame of a page that says why there is none; its language links lead to the overview."""
    return plain_frame(words, Asked(lang=asked.lang), "", shown(problem.heading))


def _in_language(asked: Asked, path: str, language: str) -> str:
    """This page in a language, with its filters and its place in the list."""
    return asked.address(path or "/", asked.filters, **asked.place(), lang=language)


def _notices(words: Words, asked: Asked) -> Sequence[Shown]:
    if not asked.ignored:
        return ()
    names = ", ".join(name[:_NAME_MAX] for name in asked.ignored[:3])
    return (shown(words("notice.ignored", names)),)
