"""The import contracts of pyproject.toml leave no module out, and each of them can be broken.

`make test` runs the contracts themselves (`lint-imports`).
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from architecture.checkout import (
    PACKAGES,
    ROOT,
    name_of,
    package_modules,
    parsed,
    text_of,
    tracked_files,
)

CORE = "hutong_protocol"
SHARED = {"encoding", "faults", "hashing", "ids", "limits"}
"""What records, identity and sessions have in common with what records say."""
HARNESS = {"harness", "harness_ops"}

SQL = re.compile(r"\b(SELECT\s.+\sFROM|INSERT\s.*INTO|DELETE\sFROM|UPDATE\s.+\sSET|PRAGMA)\s", re.S)


@cache
def contracts() -> dict[str, dict[str, Any]]:
    settings = tomllib.loads(text_of(ROOT / "pyproject.toml"))["tool"]["importlinter"]
    return {contract["name"]: contract for contract in settings["contracts"]}


def contract_with(**fields: object) -> dict[str, Any]:
    [found] = [one for one in contracts().values() if fields.items() <= one.items()]
    return found


def core_modules() -> set[str]:
    """The modules and packages right below the core."""
    folder = PACKAGES[CORE]
    below = {
        path.relative_to(folder).parts[0]
        for path in package_modules()
        if path.is_relative_to(folder)
    }
    return {name.removesuffix(".py") for name in below} - {"__init__"}


def test_every_module_of_the_core_has_its_layer() -> None:
    layers = contract_with(containers=[CORE])
    named = [name for layer in layers["layers"] for name in re.split(r"\s*[|:]\s*", layer)]
    assert sorted(named) == sorted(core_modules())
    assert layers["exhaustive"] is True


def test_every_module_of_the_core_is_on_one_side_of_the_wall() -> None:
    """What records say does not know how they travel: a module that is on neither side could."""
    wall = contracts()["what records say stands beside how they are signed and travel"]
    sides = [
        {name.removeprefix(f"{CORE}.") for name in wall[key]}
        for key in ("source_modules", "forbidden_modules")
    ]
    assert sorted([*sides[0], *sides[1], *SHARED, *HARNESS]) == sorted(core_modules())


def test_sql_stands_where_sqlite_is_opened() -> None:
    """The contract sees imports only; a statement could be handed to another module's cursor."""
    doors = contracts()["SQLite has few doors"]["ignore_imports"]
    allowed = [door.split(" -> ")[0].removeprefix("hutong_node.") for door in doors]
    files = [name.removesuffix(".**").replace(".", "/") for name in allowed]
    # The tables of intake.db are divided over the modules named after it.
    files += ["intake", "intake_queue", "intake_rows", "intake_runs"]
    # Those of index.db are too: what is listed is written and read by modules of its own, on
    # connections that `indexing` opens and hands out.
    files += ["listing", "listing_reading"]
    elsewhere = [
        f"{name_of(path)}:{node.lineno}"
        for path in package_modules()
        if not path.is_relative_to(PACKAGES["hutong_node"])
        or not path.relative_to(PACKAGES["hutong_node"]).as_posix().startswith(tuple(files))
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.search(node.value)
    ]
    assert elsewhere == []


# For each contract a module, and an import that must not stand in it.
VIOLATIONS = {
    "three siblings over one core": ("hutong_protocol.ids", "hutong_node.clock"),
    "the core is built in layers": ("hutong_protocol.records", "hutong_protocol.session"),
    "what records say stands beside how they are signed and travel": (
        "hutong_protocol.schema.shapes",
        "hutong_protocol.tree",
    ),
    "commands and the local API stand on the service, the service on the node": (
        "hutong_node.service",
        "hutong_node.http_local",
    ),
    "SQLite has few doors": ("hutong_node.service", "sqlite3"),
    "the core does no input, output, waiting or chance": ("hutong_protocol.instants", "time"),
    "cryptography has one door in the core": ("hutong_protocol.curve", "cryptography.exceptions"),
    "checks share no code with what they check": (
        "hutong_conformance.independent.mp_decoder",
        "hutong_protocol.encoding",
    ),
    "adapters talk to a node over its local API only": (
        "hutong_adapters.client",
        "hutong_conformance.cases",
    ),
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `lint-imports` says of a copy with every violation in it."""
    linter = Path(sys.executable).absolute().parent / "lint-imports"
    if not linter.exists():
        pytest.skip("lint-imports is not beside this Python")
    copy = tmp_path_factory.mktemp("violations")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for path in tracked_files():
        for package, folder in PACKAGES.items():
            if path.suffix == ".py" and path.is_relative_to(folder):
                target = copy / package / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)
    for module, imported in VIOLATIONS.values():
        with (copy / f"{module.replace('.', '/')}.py").open("a") as source:
            source.write(f"\nimport {imported}\n")
    (copy / CORE / "without_a_layer.py").touch()
    ended = subprocess.run(
        [str(linter), "--no-logo", "--no-cache"],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr[-1_000:]
    return ended.stdout


def test_every_contract_has_a_violation_to_be_tried_with() -> None:
    assert set(VIOLATIONS) == set(contracts())


@pytest.mark.parametrize("name", VIOLATIONS)
def test_every_contract_is_broken_by_its_violation(name: str, broken: str) -> None:
    words = " ".join(broken.split())
    assert f"{name} BROKEN" in words
    module, imported = VIOLATIONS[name]
    assert f"{module} -> {imported.split('.')[0]}" in words


def test_a_module_of_the_core_without_a_layer_breaks_the_contract(broken: str) -> None:
    assert "without_a_layer" in broken
