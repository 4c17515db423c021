"""The one distribution, its lock, and the targets that documents promise.

What is built from this checkout holds the four packages with their data and the vectors; the lock
covers every dependency by hash and names no index; documents name only targets that exist.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from architecture.checkout import PACKAGES, ROOT, name_of, text_of, tracked_files

PROJECT = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]


def normal(name: str) -> str:
    """The name of a distribution as indexes compare it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", name, maxsplit=1)[0]).lower()


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_a_package_imports_and_has_what_it_exports(name: str) -> None:
    package = importlib.import_module(name)
    missing = [public for public in getattr(package, "__all__", ()) if not hasattr(package, public)]
    assert missing == []
    assert package.__doc__
    assert (PACKAGES[name] / "py.typed").exists()


def test_every_command_and_entry_point_can_be_loaded() -> None:
    own = [
        point
        for group in ("console_scripts", "hutong.commands")
        for point in metadata.entry_points(group=group)
        if point.value.startswith("hutong_")
    ]
    assert {point.name for point in own} >= {"hutong", "hutong-conformance", "import", "adapter"}
    assert all(callable(point.load()) for point in own)


def test_the_environment_holds_this_version_of_the_project() -> None:
    assert metadata.version("hutong") == PROJECT["version"]


LOCK_LINE = re.compile(
    r"(?P<name>[a-z0-9-]+)==[0-9][\w.]*(?: ; [\w'. !=<>()]+)? \\"
    r"|    --hash=sha256:[0-9a-f]{64}(?: \\)?"
)


def lock_lines() -> list[str]:
    """The lines of the lock that are not comments."""
    lines = text_of(ROOT / "requirements.lock").splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_the_lock_has_versions_and_hashes_and_nothing_else() -> None:
    assert [line for line in lock_lines() if not LOCK_LINE.fullmatch(line)] == []


def test_the_lock_covers_every_dependency_of_every_extra() -> None:
    extras = PROJECT["optional-dependencies"]
    wanted = {
        normal(name) for group in (PROJECT["dependencies"], *extras.values()) for name in group
    }
    locked = {match["name"] for line in lock_lines() if (match := LOCK_LINE.fullmatch(line))}
    assert wanted
    assert wanted - locked == set()


def test_a_wheel_holds_the_packages_their_data_and_the_vectors(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    places = {folder: f"{name}/" for name, folder in PACKAGES.items()}
    places[ROOT / "spec" / "vectors"] = "hutong_conformance/vectors/"
    wanted = {
        place + path.relative_to(folder).as_posix()
        for path in tracked_files()
        for folder, place in places.items()
        if path.is_relative_to(folder)
    }
    assert wanted
    assert wanted - held == set()


def make_targets() -> set[str]:
    """The targets that the Makefile declares."""
    return set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.M))


def test_every_target_is_phony() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", text_of(ROOT / "Makefile"), re.M)
    assert phony is not None
    assert set(phony[1].split()) == make_targets()


def test_documents_name_only_targets_that_exist() -> None:
    named = {
        target: name_of(path)
        for path in tracked_files()
        if path.suffix in {".md", ".py", ".sh"} or path.name == "pyproject.toml"
        for target in re.findall(r"(?:`|^)make ([a-z]+)\b", text_of(path), re.M)
    }
    assert named
    assert {target: name for target, name in named.items() if target not in make_targets()} == {}


def test_every_version_of_the_changelog_has_both_lists() -> None:
    versions = text_of(ROOT / "CHANGELOG.md").split("\n## ")[1:]
    assert versions
    assert all("### Protocol\n" in text and "### Software\n" in text for text in versions)


def setup_refusal(tmp_path: Path, interpreter: str) -> str:
    """What `tools/setup.sh` says about an interpreter that behaves like this shell program."""
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{interpreter}\n", "utf-8")
    program.chmod(0o755)
    done = subprocess.run(
        ["sh", str(ROOT / "tools" / "setup.sh"), str(tmp_path / "venv"), str(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert not (tmp_path / "venv").exists()
    return done.stderr


def test_setup_names_the_package_when_ensurepip_is_missing(tmp_path: Path) -> None:
    said = setup_refusal(tmp_path, "printf '3.12 python'; exit 4")
    assert "sudo apt install python3.12-venv" in said
    assert "PYTHON=" in said


def test_setup_refuses_a_version_that_is_not_supported(tmp_path: Path) -> None:
    said = setup_refusal(tmp_path, "printf '3.9 python'; exit 3")
    assert "Python 3.9" in said
    assert "3.11, 3.12 or 3.13" in said


def test_setup_leaves_a_folder_alone_that_it_did_not_make(tmp_path: Path) -> None:
    kept = tmp_path / "letters" / "kept.txt"
    kept.parent.mkdir()
    kept.write_text("mine", "utf-8")
    done = subprocess.run(
        ["sh", str(ROOT / "tools" / "setup.sh"), "--remove", str(kept.parent)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert kept.read_text("utf-8") == "mine"
