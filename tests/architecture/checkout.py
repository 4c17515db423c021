"""The tracked files of the checkout, and what the tests of this folder read out of them.

Owns the parsing that several of these tests share: the list of files, the numbered paragraphs of
the specification, the tables of its sections, the functions of a module. It judges nothing.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "hutong_protocol": ROOT / "protocol" / "hutong_protocol",
    "hutong_node": ROOT / "node" / "hutong_node",
    "hutong_adapters": ROOT / "adapters" / "hutong_adapters",
    "hutong_conformance": ROOT / "conformance" / "hutong_conformance",
}
_NO_SOURCE = frozenset({"node_modules", "__pycache__", "build", "dist"})


@cache
def tracked_files() -> tuple[Path, ...]:
    """The files that a clone would hold, sorted.

    Outside a git checkout (an unpacked sdist) it is every file that is not hidden or generated.
    """
    # The command line may name a safe directory, so that a clone owned by somebody else works too.
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
        names = [ROOT / name for name in listed.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = list(_walk(ROOT))
    return tuple(sorted(path for path in names if path.is_file()))


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_file():
            yield path
        elif not (
            path.name.startswith(".") or path.name in _NO_SOURCE or (path / "pyvenv.cfg").exists()
        ):
            yield from _walk(path)


def name_of(path: Path) -> str:
    """The path of a file inside the checkout, with slashes."""
    return path.relative_to(ROOT).as_posix()


@cache
def text_of(path: Path) -> str:
    """The text of a file; empty if it is not UTF-8, and so no text."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return ""


def tracked(*suffixes: str) -> list[Path]:
    """The tracked files with one of these suffixes (`".py"`)."""
    return [path for path in tracked_files() if path.suffix in suffixes]


def package_modules() -> list[Path]:
    """The tracked Python modules of the four packages."""
    return [
        path
        for path in tracked(".py")
        if any(path.is_relative_to(folder) for folder in PACKAGES.values())
    ]


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(text_of(path), filename=str(path))


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(module: ast.Module) -> Iterator[tuple[str, Function]]:
    """Every function of a module, also nested ones and methods, with its dotted name."""

    def inside(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function):
                yield f"{prefix}{child.name}", child
                yield from inside(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.ClassDef):
                yield from inside(child, f"{prefix}{child.name}.")
            else:
                yield from inside(child, prefix)

    return inside(module, "")


@cache
def section_files() -> dict[str, tuple[Path, ...]]:
    """The files of the specification by the number of their section (`"5"`); some have two."""
    found: dict[str, tuple[Path, ...]] = {}
    for path in sorted((ROOT / "spec").glob("*.md")):
        number = path.name.partition("-")[0]
        if number.isdecimal():
            found[number] = (*found.get(number, ()), path)
    return found


@cache
def paragraphs() -> frozenset[str]:
    """Every number that the specification can be cited by.

    That is each numbered heading (`5`, `5.3`) and each numbered rule under one (`5.3.4`).
    """
    found = set()
    for number in section_files():
        heading = ""
        for line in section_text(number).splitlines():
            if match := re.match(r"#+ (\d+(?:\.\d+)*)\.? ", line):
                heading = match[1]
                found.add(heading)
            elif (match := re.match(r"(\d+)\. ", line)) and heading:
                found.add(f"{heading}.{match[1]}")
    return frozenset(found)


@cache
def announced_sections() -> frozenset[str]:
    """The sections that the index of the specification says are not written yet."""
    rows = re.findall(r"^\| (\d+) [^|]*\| not yet written", text_of(ROOT / "spec/README.md"), re.M)
    return frozenset(rows)


def is_citable(number: str) -> bool:
    """Whether `number` is a paragraph of the specification, or of an announced section."""
    return number in paragraphs() or number.partition(".")[0] in announced_sections()


def table_rows(text: str) -> list[list[str]]:
    """The cells of every row of every Markdown table in a text, without the lines of dashes."""
    return [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|") and not re.fullmatch(r"[|\s:-]+", line)
    ]


def section_text(number: str) -> str:
    """The text of a section of the specification; fails if there is no such file."""
    assert number in section_files(), f"spec/{number}-*.md is missing"
    return "\n".join(text_of(path) for path in section_files()[number])
