"""Whom the bulletin refuses before it reads what is asked, and which language it answers in.

Owns what headers decide. Only GET and HEAD are answered. A page of another site can neither read
these pages through somebody's browser nor load them into itself: a foreign Host (another name for
this address), a foreign Origin and anything but navigation from elsewhere are refused (threat 46).
A bulletin that isn't public also refuses what a proxy passed on, since behind one this machine is
everybody.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from hutong_node.bulletin.filters import LANGUAGES, QUERY_BYTES_MAX

_LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
FORWARDED: Final = frozenset(
    {"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"}
)
"""What proxies add. A bulletin that isn't public shows everything: it is for this machine only."""


def refusal(
    request: web.Request, *, hosts: frozenset[str] | None, origin: str, is_public: bool
) -> str | None:
    """The kind of problem that keeps a request from being read at all; None for none.

    Args:
        hosts: names by which the bulletin may be called; None for any.
        origin: that of its own pages.
    """
    host = request.headers.get("Host", "")
    if hosts is not None and host_name(host) not in hosts:
        return "foreign"
    if not is_public and any(name in request.headers for name in FORWARDED):
        return "forwarded"
    if request.method not in ("GET", "HEAD"):
        return "method"
    asking = request.headers.get("Origin")
    if asking is not None and asking not in (f"http://{host}", origin):
        return "foreign"
    site = request.headers.get("Sec-Fetch-Site", "none")
    if site not in ("none", "same-origin"):
        # A link may lead here from anywhere; a page may not load this one into itself.
        whole = request.headers.get("Sec-Fetch-Dest", "document") == "document"
        if request.headers.get("Sec-Fetch-Mode") != "navigate" or not whole:
            return "foreign"
    if len(request.rel_url.raw_query_string) > QUERY_BYTES_MAX:
        return "too_long"
    return None


def accepted_language(header: str, otherwise: str) -> str:
    """The language that somebody's browser asks for, of those that there are."""
    best, found = 0.0, otherwise
    for entry in header[:500].split(","):
        tag, _, parameters = entry.strip().partition(";")
        weight = 1.0
        name, _, value = parameters.strip().partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                weight = 0.0
        language = tag.strip().partition("-")[0].lower()
        if language in LANGUAGES and best < weight <= 1:
            best, found = weight, language
    return found


def host_name(header: str) -> str:
    """The name in a Host header, without its port, in lower case."""
    header = header.strip().lower()
    if header.startswith("["):
        return header.partition("]")[0] + "]"
    return header.partition(":")[0]


def allowed_hosts(host: str, address: str | None, *, public: bool) -> frozenset[str] | None:
    """The names by which a bulletin may be called; None for any.

    One that only this machine reaches is called by the names of loopback: another name is a page
    that rebinds its own name to it. A public one with an address is called by that.
    """
    if not public:
        return _LOOPBACK_NAMES | {f"[{host}]" if ":" in host else host}
    if address is None:
        return None
    return _LOOPBACK_NAMES | {host_name(address.partition("://")[2])}
