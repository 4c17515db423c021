"""Runs the checks of `make test` and `make lint`, all of them, and says last what failed.

Owns the list of checks and their order: quick ones first, since a wrong format or type explains
what fails after it. A failure does not stop the rest, so that one run shows everything there is to
mend. Developers and CI run this same program; it needs nothing but the project's environment.

    python tools/checks.py test
    python tools/checks.py test types tests     only these two
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Not resolved: a virtual environment's python is a link, and its tools lie beside the link.
PROGRAMS = Path(sys.executable).absolute().parent
PYTHON = str(PROGRAMS / "python")


@dataclass(frozen=True, slots=True)
class Check:
    """One command of the list; it holds when the command ends with exit code 0."""

    name: str
    command: tuple[str, ...]


FORMAT = Check("format", (PYTHON, "-m", "ruff", "format", "--check"))
LINT = Check("lint", (PYTHON, "-m", "ruff", "check"))
TYPES = Check("types", (PYTHON, "-m", "mypy"))
IMPORTS = Check("imports", (str(PROGRAMS / "lint-imports"), "--no-logo"))
VECTORS = Check("vectors", (PYTHON, "-m", "hutong_conformance.generate", "--check"))
PYRIGHT = Check("pyright", (PYTHON, "-m", "pyright", "--pythonpath", PYTHON))
# Two processes: what the smallest machine that this is meant for has.
TESTS = Check("tests", (PYTHON, "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal"))

SUITES: dict[str, tuple[Check, ...]] = {
    "test": (FORMAT, LINT, TYPES, IMPORTS, VECTORS, TESTS),
    "lint": (FORMAT, LINT, TYPES, IMPORTS, PYRIGHT),
}


def run(check: Check) -> tuple[bool, float]:
    """Runs one check in the root of the checkout; returns whether it held and the seconds taken."""
    print(f"--- {check.name}", flush=True)
    # The programs of the environment come first, for tools that start each other by name.
    env = os.environ | {"PATH": f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    started = time.monotonic()
    try:
        held = subprocess.run(check.command, cwd=ROOT, env=env, check=False).returncode == 0
    except OSError as error:
        print(f"{check.command[0]} could not be started: {error.strerror}", flush=True)
        held = False
    return held, time.monotonic() - started


def main(arguments: list[str]) -> int:
    """Runs the suite named first, or only its checks named after it; returns the exit code."""
    if not arguments or arguments[0] not in SUITES:
        print(f"usage: checks.py {'|'.join(SUITES)} [CHECK ...]", file=sys.stderr)
        return 2
    suite, *only = arguments
    known = [check.name for check in SUITES[suite]]
    unknown = sorted(set(only) - set(known))
    if unknown:
        print(f"no such check: {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    results = [(check, *run(check)) for check in SUITES[suite] if not only or check.name in only]
    print(f"\nmake {suite}")
    for check, held, seconds in results:
        print(f"  {check.name:<8} {'ok' if held else 'FAILED':<6} {seconds:6.1f} s")
    failed = [check.name for check, held, _ in results if not held]
    if failed:
        print(f'failed: {", ".join(failed)}. Again: make {suite} ONLY="{" ".join(failed)}"')
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
