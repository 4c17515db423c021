"""A waiting draft in words: what somebody has to read before it is signed.

Owns the order in which a draft is read: what it is, its lines with their quantities, the rest of
its fields, what a person must look at, what a revision changes, and what stays at home. The last is
shown here and in `hutong show --at-home`, to the one who has to call back, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import typer

from hutong_node.commands.terms import print_facts, print_table

_BOUNDS: Final[Mapping[str, str]] = {
    "exact": "{value}",
    "at_least": "at least {min}",
    "up_to": "up to {max}",
    "unbounded": "as many as there are",
    "unknown": "not stated",
}
_SHOWN_ABOVE: Final = ("facts.lines", "text.lines", "text.title", "text.note", "facts.urgency")


def print_draft(told: Mapping[str, Any]) -> None:
    """Prints a draft that was asked for by its number."""
    facts, text = told["facts"] or {}, told["text"] or {}
    print_facts(
        {
            "draft": told["id"],
            "title": told["title"],
            "does": "revises a record" if told["action"] == "revise" else "signs a new record",
            "record": told["thing"],
            "row": told["row"],
            "source": told["source"],
            "type": told["type"],
            "scope": f"{told['space']}/{told['topic']}",
            "waits since": told["since"],
            "urgency": facts.get("urgency"),
            "note": text.get("note"),
            **_rest(facts, text),
        }
    )
    print_table(
        ("line", "what", "quantity", "as typed", "note"),
        _lines(facts.get("lines") or [], text.get("lines") or {}),
        empty="It has no lines.",
        words=("what", "as typed", "note", "quantity"),
    )
    if told["marks"]:
        typer.echo("Look at:")
        print_table(
            ("cell", "field", "what", "in words"),
            ((m["cell"], m["field"], m["what"], m["words"]) for m in told["marks"]),
            empty="",
            words=("in words", "cell", "field"),
        )
        typer.echo(
            "What is wrong here is put right in the sheet: import it again, and the draft waits on"
            " under a new number."
        )
    if told["changes"]:
        typer.echo("It changes what was signed:")
        print_table(
            ("field", "was", "is now"),
            ((c["path"], c["before"], c["now"]) for c in told["changes"]),
            empty="",
            words=("is now", "was", "field"),
        )
    print_facts({f"at home: {name}": value for name, value in (told["at_home"] or {}).items()})


def first_line_words(told: Mapping[str, Any]) -> str:
    """The first line of a draft with its quantity, and how many more there are."""
    first = told["first_line"]
    if first is None:
        return ""
    more = f" +{told['lines'] - 1}" if told["lines"] > 1 else ""
    return f"{first['what'] or ''} {quantity_words(first['quantity'])}".strip() + more


def quantity_words(quantity: Mapping[str, Any]) -> str:
    """A quantity as people say it, in its own unit."""
    bound = str(quantity.get("bound"))
    form = _BOUNDS.get(bound)
    if bound == "estimate":
        form = "about {value}" if "value" in quantity else "about {min} to {max}"
    elif bound == "band":
        form = "{min} to {max}" if "max" in quantity else "{min} or more"
    number = (form or bound).format_map({"value": "?", "min": "?", "max": "?", **quantity})
    words = f"{number} {quantity.get('unit', '')}".rstrip()
    pack = quantity.get("pack")
    if isinstance(pack, Mapping) and isinstance(pack.get("of"), Mapping):
        words += f" (1 {pack.get('unit')} = {pack['of'].get('value')} {pack['of'].get('unit')})"
    return words


def _lines(
    lines: Sequence[Mapping[str, Any]], texts: Mapping[str, Mapping[str, Any]]
) -> list[tuple[object, ...]]:
    shown: list[tuple[object, ...]] = []
    for line in lines:
        words = texts.get(line["id"], {})
        item = line.get("item")
        coded = f"{item['scheme']} {item['code']}" if isinstance(item, Mapping) else line["kind"]
        what = " ".join(
            str(part) for part in (words.get("item") or coded, words.get("spec")) if part
        )
        quantity = quantity_words(line.get("quantity") or {})
        shown.append((line["id"], what, quantity, words.get("raw"), words.get("note")))
    return shown


def _rest(facts: Mapping[str, Any], text: Mapping[str, Any]) -> dict[str, str]:
    """The fields that are shown nowhere else."""
    from hutong_node.row_changes import fields_of

    return {
        path.removeprefix("facts."): value
        for path, value in fields_of(facts, text).items()
        if not path.startswith(_SHOWN_ABOVE)
    }
