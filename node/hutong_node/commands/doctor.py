"""`hutong doctor`: what is wrong with this node or with a peer, why it matters, and what to do.

Owns how the report is shown. A running node is asked for it; where none runs, or it can't be asked,
the folder is looked at from here. Exit codes: 0 nothing is wrong, 1 something is, 2 it could not be
looked at.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from hutong_node.commands.terms import (
    REFUSED,
    UNUSABLE,
    AsJson,
    Data,
    data_folder,
    end_refused,
    plain,
    print_json,
    quiet_logs,
    who,
)

if TYPE_CHECKING:
    from hutong_node.config import DataFolder

Tongue = Literal["en", "zh"]

_LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "bad": "BAD",
        "warn": "WARNING",
        "unknown": "UNKNOWN",
        "ok": "ok",
        "why": "why it matters",
        "next": "what to do",
        "peer": "peer",
        "colon": ": ",
        "fine": "{count} checks found nothing wrong; --all shows them.",
        "good": "Nothing is wrong.",
    },
    "zh": {
        "bad": "有问题",
        "warn": "要注意",
        "unknown": "不清楚",
        "ok": "正常",
        "why": "为什么要紧",
        "next": "怎么办",
        "peer": "对等节点",
        "colon": "：",
        "fine": "另有 {count} 项检查正常；加 --all 可全部列出。",
        "good": "没有发现问题。",
    },
}
_SECONDS_OF_NODE_MAX: Final = 30
"""How long a running node may look through its databases: it must answer in time."""


def doctor(
    peer: Annotated[
        str | None, typer.Argument(metavar="[PEER]", help="Its id or the beginning, name or host.")
    ] = None,
    data: Data = None,
    lang: Annotated[
        str | None, typer.Option(help="en or zh. [default: as the terminal is set]")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what is in order.")] = False,
    seconds: Annotated[
        int, typer.Option(min=1, max=86_400, help="How long to look through the databases.")
    ] = 20,
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong with this node, or with a peer, and say what to do."""
    import asyncio

    from hutong_node.refusals import Refused

    if lang not in (None, "en", "zh"):
        typer.echo("--lang is en or zh", err=True)
        raise typer.Exit(UNUSABLE)
    tongue: Tongue = "zh" if (lang or _of_terminal()) == "zh" else "en"
    folder = data_folder(data)
    if not as_json:
        quiet_logs()
    try:
        told = asyncio.run(_look(folder, peer, tongue, seconds))
    except Refused as refused:
        end_refused(refused, as_json=as_json, code=UNUSABLE)
    if as_json:
        print_json(told)
    else:
        _print_report(told, _LABELS[tongue], everything=everything)
    if not told["ok"]:
        raise typer.Exit(REFUSED)


async def _look(folder: DataFolder, peer: str | None, tongue: Tongue, seconds: int) -> Any:
    """The report as JSON, from the running node if it can be asked.

    Raises:
        Refused: there is no node, or no such peer.
    """
    from hutong_node.refusals import Code, Refused

    if not folder.config.exists() and not folder.keys.exists():
        raise Refused(
            Code.NO_NODE,
            f"there is no node in {folder.root}",
            way_out=f"make one: hutong init --data '{folder.root}'; or name its folder with --data",
        )
    told = await _of_running(folder, peer, tongue, min(seconds, _SECONDS_OF_NODE_MAX))
    return await _from_here(folder, peer, tongue, seconds) if told is None else told


async def _of_running(folder: DataFolder, peer: str | None, tongue: Tongue, seconds: int) -> Any:
    """The report of the node that runs; None if none does, or it doesn't answer as it should."""
    from hutong_node.desk import running_desk
    from hutong_node.refusals import Code, Refused

    query = {"lang": tongue, "seconds": str(seconds)}
    if peer is not None:
        query["peer"] = peer
    try:
        desk = running_desk(folder)
        return None if desk is None else await desk.call("doctor", query=query)
    except Refused as refused:
        if refused.code is Code.NOT_FOUND:
            raise
        return None  # what is wrong with it is found from here
    except OSError:
        return None


async def _from_here(folder: DataFolder, peer: str | None, tongue: Tongue, seconds: int) -> Any:
    from hutong_node.clock import SystemClock
    from hutong_node.doctor.answer import answer_of
    from hutong_node.doctor.examination import examine
    from hutong_node.doctor.machine import ThisMachine
    from hutong_node.doctor.words import Language

    report = await examine(folder, ThisMachine(), SystemClock(), peer=peer, seconds=seconds)
    return answer_of(report, Language(tongue)).model_dump(mode="json")


def _print_report(told: Any, labels: Mapping[str, str], *, everything: bool) -> None:
    findings: Sequence[Mapping[str, Any]] = told["findings"]
    fine = 0
    for finding in findings:
        if finding["state"] == "ok" and not everything:
            fine += 1
            continue
        about = ""
        if finding["peer"]:
            named = who({"id": finding["peer"], "name": finding["peer_name"]})
            about = f" ({labels['peer']} {plain(named)})"
        colon = labels["colon"]
        head = f"{labels[finding['state']]}{colon}{finding['title']}{about}"
        typer.echo(f"{head}{colon}{plain(finding['found'])}")
        if finding["state"] == "ok":
            continue
        if finding["next"]:
            typer.echo(f"    {labels['why']}{colon}{finding['why']}")
            typer.echo(f"    {labels['next']}{colon}{plain(finding['next'])}")
        if finding["command"]:
            typer.echo(f"    $ {plain(finding['command'])}")
    if told["ok"]:
        typer.echo(labels["good"])
    if fine:
        typer.echo(labels["fine"].format(count=fine))


def _of_terminal() -> str:
    """The language that the terminal is set to, as far as it is one of ours."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "zh" if value.startswith("zh") else "en"
    return "en"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("doctor")(doctor)
