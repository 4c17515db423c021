"""The implementation in JavaScript passes its own tests and the vectors of sections 2, 3, 5 and 6.

It was written from the specification alone, so what it fails is a question to the text. `make
javascript`, which `make test` runs first, installs its packages. Without Node.js or them the tests
are skipped, and counted.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hutong_conformance.cases import load

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "conformance" / "implementations" / "js"
SECTIONS = ("2", "3", "5", "6")
NODE_MIN = (20, 19)
TIMEOUT_S = 300


@cache
def why_not() -> str | None:
    """What is missing to run it, None if nothing is."""
    node = shutil.which("node")
    if node is None:
        return "node is not on this machine"
    shown = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)\.", shown)
    if version is None or (int(version[1]), int(version[2])) < NODE_MIN:
        return f"node is {shown.strip() or 'broken'}, not {'.'.join(map(str, NODE_MIN))} or later"
    for name, pinned in packages().items():
        installed = FOLDER / name / "package.json"
        if not installed.is_file():
            return "its npm packages are not installed (make javascript)"
        if json.loads(installed.read_text("utf-8"))["version"] != pinned["version"]:
            return f"{name} is another version than the lock's (make javascript)"
    return None


def packages() -> dict[str, dict[str, Any]]:
    """The packages of the lock by the folder that they are installed in."""
    lock = json.loads((FOLDER / "package-lock.json").read_text("utf-8"))
    return {name: package for name, package in lock["packages"].items() if name}


@pytest.fixture
def node() -> str:
    """The node to run it with; skips where it can't be run."""
    reason = why_not()
    if reason is not None:
        pytest.skip(f"JavaScript: {reason}")
    return str(shutil.which("node"))


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )


def test_its_own_tests_pass(node: str) -> None:
    done = run([node, "--test"], FOLDER)
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-1_000:]


@pytest.mark.parametrize("section", SECTIONS)
def test_it_passes_every_vector_of_a_section(node: str, section: str) -> None:
    """Issue 2, part 10: SHOULD and what is not supported count too."""
    subject = shlex.join([node, str(FOLDER / "harness.mjs")])
    runner = [sys.executable, "-m", "hutong_conformance", "vectors", "--cmd", subject]
    done = run([*runner, "--only", section, "--strict", "--json"], ROOT)
    assert done.returncode in (0, 1), done.stderr[-1_000:]
    report = json.loads(done.stdout)
    assert report["outcomes"] == []
    assert report["counts"] == {
        "pass": len(load(only=section)),
        "fail": 0,
        "unsupported": 0,
        "error": 0,
    }
    assert done.returncode == 0


def test_its_lock_pins_every_package_by_hash_and_names_no_registry() -> None:
    found = packages()
    assert found
    assert [name for name, package in found.items() if "integrity" not in package] == []
    assert [name for name, package in found.items() if "resolved" in package] == []
    addresses = re.findall(r"\w+://[^\"]+", (FOLDER / "package-lock.json").read_text("utf-8"))
    assert set(addresses) <= {package["funding"]["url"] for package in found.values()}
