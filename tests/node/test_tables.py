"""Tables in a terminal: what can be copied stands there whole, whatever has no room is named."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_node.commands.tables import cells_of, laid_out, lines_of, wrapped
from node.test_cli import ENV, Folder, folder

__all__ = ["folder"]
ID = "rec-asxirawizvp2"
COLUMNS = ("id", "type", "title", "by", "state")
ROWS = [
    [
        ID,
        "need",
        "明德社区 蔬菜包 每户一份 共两百份 请尽快送到",
        "渭水救助 (org-titfyjwuplti)",
        "open",
    ],
    ["rec-bbjklyrwty43", "offer", "rice", "x (org-4dzczxxuaw7c)", ""],
]


def printed(width: int | None) -> tuple[list[str], tuple[str, ...]]:
    layout = laid_out(COLUMNS, ROWS, width, words=("title",), drop=("type", "by"))
    return list(lines_of(COLUMNS, ROWS, layout)), layout.left_out


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_ids_stand_whole_and_no_line_is_too_long(width: int) -> None:
    lines, _ = printed(width)
    text = "\n".join(lines)
    assert all(row[0] in text for row in ROWS)
    assert max(cells_of(line) for line in lines if "─" not in line) <= max(width, 50)


def test_columns_go_in_the_order_named_and_are_told() -> None:
    assert printed(200)[1] == ()
    assert printed(80)[1] == ("type",)
    lines, left_out = printed(60)
    assert left_out == ("type", "by")
    assert "org-" not in "\n".join(lines)


def test_pipe_has_every_column_with_one_line_a_row() -> None:
    lines, left_out = printed(None)
    assert (len(lines), left_out) == (2 + len(ROWS), ())
    assert all(cell in lines[2] for cell in ROWS[0])


def test_column_in_which_nothing_stands_goes_first_and_unnamed() -> None:
    layout = laid_out(("id", "note", "by"), [[ID, "", "x" * 60]], 78, drop=("by", "note"))
    assert (layout.shown, layout.left_out) == ((0, 2), ())


@given(st.text(max_size=60), st.integers(min_value=2, max_value=30))
def test_wrapped_text_loses_nothing_but_spaces(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(cells_of(line) <= width for line in lines)


def in_terminal(folder: Folder, width: int, *args: str) -> str:
    """What a command prints where its output is a terminal of this width."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hutong_node", *args, "--data", str(folder.root)],
        env={**ENV, "COLUMNS": str(width)},
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    found = b""
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # Linux: the other end was closed
            break
        if not part:
            break
        found += part
    os.close(ours)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return (found + errors).decode().replace("\r\n", "\n")


def test_id_of_a_list_in_eighty_columns_is_enough_for_show(folder: Folder) -> None:
    incident = folder.incident()
    title = "明德社区 蔬菜包 每户一份 共两百份 请尽快送到 东门集合点"
    folder.ask("publish", "-", stdin=folder.need(incident, title))
    said = in_terminal(folder, 80, "list", "need")
    assert "No room for: type" in said
    table = said.partition("No room")[0].splitlines()
    assert max(cells_of(line) for line in table) <= 80
    (identifier,) = [line.split(" ")[0] for line in table if line.startswith("rec-")]
    assert title in folder.run("show", identifier).stdout
    assert in_terminal(folder, 200, "list", "need").count("No room") == 0


def test_short_ids_are_those_that_show_takes(folder: Folder, tmp_path: Path) -> None:
    """A pipe has all columns, however narrow the window is that it was started from."""
    folder.ask("publish", "-", stdin=folder.need(folder.incident()))
    listed = folder.run("list", "need").stdout
    assert listed.splitlines()[0].split() == [
        *("id", "type", "title", "by", "place", "urgency", "life", "covered", "delivered", "check")
    ]
