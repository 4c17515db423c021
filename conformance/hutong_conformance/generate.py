"""Writes spec/vectors from the families, and finds what is missing, changed or stale there.

    python -m hutong_conformance.generate [--check] [--only SECTION]

A family states what is expected from how it built the bytes; before anything is written or compared
every case is put to the core, and a different answer stops the generator: then the family or the
core is wrong, and a person has to find out which. The families' own checks judge it a third time.
Exit codes: 0 written or equal, 1 the folder differs (with --check), 2 a case is wrong.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from hutong_conformance import checks, families
from hutong_conformance.cases import Case, set_digest, vectors_root
from hutong_conformance.report import same
from hutong_protocol import harness

LINES_SHOWN_MAX = 20

_ID = re.compile(r"\d{1,2}/[a-z0-9]+(-[a-z0-9]+)*")


class WrongCase(Exception):
    """A family built a case that the core or the family's own check contradicts."""


def collect(only: int | None = None) -> list[Case]:
    """The cases of all families (or of one section), judged; raises `WrongCase`."""
    found: dict[str, Case] = {}
    for name in families.names(section=only):
        section = int(name[1:3])
        for case in families.cases_of(name):
            if not _ID.fullmatch(case.id) or case.id.partition("/")[0] != str(section):
                raise WrongCase(f"{name}: {case.id!r} is no id of section {section}")
            if case.id in found:
                raise WrongCase(f"{name}: {case.id} is there twice")
            judge(case)
            found[case.id] = case
    return list(found.values())


def judge(case: Case) -> None:
    """Asks the core and the check of the family; raises `WrongCase` when one disagrees."""
    reply = harness.answer(case.request)
    if not same(reply, case.expect):
        raise WrongCase(f"{case.id}: expected {_short(case.expect)}, the core says {_short(reply)}")
    check = checks.check_for(case.id, case.op)
    if check is None:
        raise WrongCase(f"{case.id}: no check judges {case.op} in this section")
    try:
        check(json.loads(case.to_json()))
    except AssertionError as error:
        raise WrongCase(f"{case.id}: the check says: {error}") from None


def differences(cases: Iterable[Case], root: Path, only: int | None = None) -> list[str]:
    """What a run of the generator would change under `root`, one line each, sorted."""
    wanted = {f"{case.id}.json": case.to_json() for case in cases}
    there = {
        path.relative_to(root).as_posix(): path
        for path in root.glob(f"{'*' if only is None else only}/*.json")
    }
    lines = [f"missing {name}" for name in wanted.keys() - there.keys()]
    lines += [f"stale {name}" for name in there.keys() - wanted.keys()]
    lines += [
        f"changed {name}"
        for name in wanted.keys() & there.keys()
        if there[name].read_bytes() != wanted[name].encode()
    ]
    return sorted(lines)


def write(cases: Iterable[Case], root: Path, only: int | None = None) -> list[str]:
    """Makes the files under `root` be `cases` and nothing else; returns what it changed."""
    content = {f"{case.id}.json": case.to_json() for case in cases}
    changes = differences(cases, root, only)
    for line in changes:
        word, _, name = line.partition(" ")
        path = root / name
        if word == "stale":
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content[name].encode())
    return changes


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m hutong_conformance.generate", description=__doc__
    )
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--only", type=int, metavar="SECTION", help="one section, such as 2")
    parser.add_argument("--into", type=Path, default=None, metavar="DIR", help="another folder")
    options = parser.parse_args(arguments)
    root = vectors_root() if options.into is None else options.into
    try:
        cases = collect(options.only)
    except WrongCase as wrong:
        print(f"wrong case: {wrong}", file=sys.stderr)
        return 2
    act = differences if options.check else write
    changes = act(cases, root, options.only)
    for line in changes[:LINES_SHOWN_MAX]:
        print(line)
    if len(changes) > LINES_SHOWN_MAX:
        print(f"and {len(changes) - LINES_SHOWN_MAX} more")
    print(f"{len(cases)} cases, {len(changes)} differences, set {set_digest(root)}")
    return 1 if options.check and changes else 0


def _short(value: object) -> str:
    return str(value)[:200]


if __name__ == "__main__":
    sys.exit(main())
