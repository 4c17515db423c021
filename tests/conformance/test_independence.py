"""What judges the vectors shares nothing with what is judged."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import hutong_conformance

PACKAGE = Path(hutong_conformance.__file__).parent
INDEPENDENT = sorted(
    path
    for pattern in ("checks/*.py", "independent/*.py", "raw.py", "cases.py")
    for path in PACKAGE.glob(pattern)
)
FORBIDDEN = ("hutong_protocol", "hutong_node", "hutong_adapters", "msgpack", "cryptography")


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("path", INDEPENDENT, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_oracle_imports_the_core_or_its_libraries(path: Path) -> None:
    assert imported(path).isdisjoint(FORBIDDEN)


def test_nothing_that_the_oracles_import_brings_the_core_along() -> None:
    names = [
        f"hutong_conformance.{path.parent.name}.{path.stem}"
        for path in INDEPENDENT
        if path.parent != PACKAGE and path.stem != "__init__"
    ]
    program = (
        f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\n"
        f"print([name for name in {FORBIDDEN!r} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert names
    assert shown.stdout.decode().strip() == "[]"


def test_no_module_but_the_generator_imports_the_core() -> None:
    users = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "hutong_protocol" in imported(path)
    ]
    assert users == ["generate.py"]
