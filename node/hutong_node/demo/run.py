"""`hutong demo`: sets the three organisations up, tells the story, compares, shows one table.

Owns the life of a run: folders and ports at the start, the verdict at the end, and that nothing is
left running or lying about whatever happens in between.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from hutong_node.clock import SystemClock
from hutong_node.config import DataFolder
from hutong_node.demo.compare import NodeResult, are_equal, fingerprint, read_back
from hutong_node.demo.members import DemoFailed, Member, free_ports
from hutong_node.demo.sample import ROWS, mapping_path, write_sample
from hutong_node.demo.story import Account, Material, Story
from hutong_protocol.fold import FoldState
from hutong_protocol.quantity import amount_text

_REAL_MAPPING: Final = "wuhan2020-hospitals"


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line said. `data` is a folder of real data laid out as `shared/data`."""

    check: bool = False
    as_json: bool = False
    data: Path | None = None
    keep: Path | None = None
    before_compare: str | None = None


def run_demo(options: DemoOptions) -> int:
    """Runs the demo; 0 if all three nodes ended sound and equal, otherwise 1."""
    began = time.monotonic()
    # With --json standard output is for programs: the last line is the verdict, and all else goes
    # to standard error.
    console = Console(stderr=options.as_json, highlight=False)
    root = options.keep or Path(tempfile.mkdtemp(prefix="hutong-demo-"))
    results: list[NodeResult] = []
    problem = ""
    try:
        root.mkdir(parents=True, exist_ok=True)
        results = asyncio.run(_run(options, root, console))
        ok = are_equal(results)
    except DemoFailed as failed:
        ok, problem = False, str(failed)
        console.print(f"[bold red]the demo failed:[/] {failed}")
    finally:
        if options.keep is None:
            shutil.rmtree(root, ignore_errors=True)
    seconds = round(time.monotonic() - began, 1)
    _show_verdict(console, results, ok, seconds, options)
    if options.as_json:
        verdict = {
            "ok": ok,
            "seconds": seconds,
            "nodes": [result.summary() for result in results],
        }
        if problem:
            verdict["problem"] = problem
        print(json.dumps(verdict, ensure_ascii=False), flush=True)
    return 0 if ok else 1


async def _run(options: DemoOptions, root: Path, console: Console) -> list[NodeResult]:
    began = time.monotonic()

    def tell(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:5.1f} s[/]  {text}")

    material = _material(options.data, root)
    members = _members(root)
    try:
        tell(f"three organisations in {root}: " + ", ".join(member.name for member in members))
        for member in members:
            await asyncio.to_thread(member.init)
        await asyncio.gather(*(member.start() for member in members))
        account = await Story(*members, material, tell).run()
    finally:
        await asyncio.gather(*(member.stop() for member in members))
    left = [fingerprint(member) for member in members]
    if options.before_compare is not None:
        _run_command(options.before_compare, members)
    tell("all nodes stopped; every record of every store is checked and folded anew")
    results = await read_back(members, SystemClock().now_ms(), left)
    _show(console, members, results, account)
    return results


def _members(root: Path) -> tuple[Member, Member, Member]:
    ports = free_ports(6)
    described = (
        ("平台 Platform", "imports residents' needs from sheets"),
        ("基金会 Foundation", "offers goods; peers with both others"),
        ("民政 Office", "watches; peers with the foundation only"),
    )
    one, two, three = (
        Member(name, role, DataFolder(root / folder), ports[at * 2], ports[at * 2 + 1])
        for at, ((name, role), folder) in enumerate(
            zip(described, ("platform", "foundation", "office"), strict=True)
        )
    )
    return one, two, three


def _material(data: Path | None, root: Path) -> Material:
    if data is None:
        files = tuple(write_sample(root / "sheets"))
        return Material(
            files, str(mapping_path()), ROWS, "xian-2021", "fsc", "西安封控 2021 / Xi'an lockdown"
        )
    folder = data / "wuhan2020" / "hospital_fe"
    files = tuple(sorted(folder.glob("*.json")))
    if not files:
        raise DemoFailed(f"no *.json in {folder}: --data names a folder laid out as shared/data")
    rows = sum(len(json.loads(file.read_bytes())) for file in files)
    return Material(files, _REAL_MAPPING, rows, "wuhan-2020", "hea", "武汉 2020 / Wuhan 2020")


def _run_command(command: str, members: Sequence[Member]) -> None:
    """Runs a command of the caller's between the stop and the comparison, with the folders."""
    folders = [str(member.folder.root) for member in members]
    done = subprocess.run([*command.split(), *folders], check=False)
    if done.returncode != 0:
        raise DemoFailed(f"--before-compare ended with {done.returncode}")


def _show(
    console: Console, members: Sequence[Member], results: Sequence[NodeResult], account: Account
) -> None:
    table = Table(title="What each node holds, read back from its own database")
    table.add_column("")
    for member in members:
        table.add_column(member.name, justify="right")
    rows: list[tuple[str, list[str]]] = [
        ("records", [f"{result.records:,}" for result in results]),
        ("needs", [_count(result.state, "need/1") for result in results]),
        ("needs served in full", [_delivered(result.state) for result in results]),
        ("received for the first of them", [_received(result.state) for result in results]),
        ("records not understood", [_not_understood(result.state) for result in results]),
        ("organisations not held", [_not_held(result.state) for result in results]),
        ("frontier digest", [result.frontier_digest[:16] for result in results]),
        ("fold digest", [result.fold_digest[:16] for result in results]),
        ("problems", ["; ".join(result.problems) or "none" for result in results]),
    ]
    for name, values in rows:
        table.add_row(name, *values)
    console.print(table)
    console.print(
        f"{account.imported} rows signed, {account.refused} refused;"
        f" the office was killed at {account.killed_at:.0%} of the copy and caught up"
    )


def _show_verdict(
    console: Console,
    results: Sequence[NodeResult],
    ok: bool,
    seconds: float,
    options: DemoOptions,
) -> None:
    if ok:
        console.print(f"[bold green]equal[/]: {len(results)} nodes, {seconds} s")
    elif results:
        console.print("[bold red]not equal, or not sound[/]")
    if options.keep is not None:
        console.print(
            f"kept in {options.keep}; start one again with"
            f" `hutong run --data {options.keep / 'platform'}`"
        )


def _count(state: FoldState | None, kind: str) -> str:
    if state is None:
        return "-"
    return f"{sum(view.thing.type == kind for view in state.things):,}"


def _delivered(state: FoldState | None) -> str:
    if state is None:
        return "-"
    return str(sum(view.delivery == "full" for view in state.things))


def _received(state: FoldState | None) -> str:
    for view in state.things if state is not None else ():
        for line in view.lines:
            if line.numbers.received:
                return f"{amount_text(line.numbers.received)} {line.numbers.dimension}"
    return "-"


def _not_understood(state: FoldState | None) -> str:
    if state is None:
        return "-"
    standing = dict(state.coverage.standing)
    return str(standing.get("unknown", 0) + standing.get("unreadable", 0))


def _not_held(state: FoldState | None) -> str:
    return "-" if state is None else str(len(state.coverage.not_held))
