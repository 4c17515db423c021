"""The specification, its vectors, the checks and the code name the same things.

Faults and limits have one name each, everything that cites the specification cites a paragraph that
exists, and every family of vectors has its own check.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from architecture.checkout import (
    PACKAGES,
    ROOT,
    is_citable,
    name_of,
    package_modules,
    paragraphs,
    section_files,
    section_text,
    table_rows,
    text_of,
    tracked_files,
)
from hutong_protocol import limits
from hutong_protocol.faults import REFUSALS, RUN_REFUSALS, Fault

VECTORS = ROOT / "spec" / "vectors"
CITED = re.compile(r"\d+(?:\.\d+)*")


def fault_table(heading: str) -> list[str]:
    """The names in the first column of the table under a heading of section 10."""
    after = section_text("10").partition(f"## {heading} ")[2].partition("\n## ")[0]
    return [row[0].strip("`") for row in table_rows(after)[1:]]


def test_the_specification_and_the_code_have_the_same_faults() -> None:
    documented = fault_table("10.1")
    assert sorted(documented) == sorted(fault.value for fault in Fault if fault not in REFUSALS)


def test_the_specification_and_the_code_have_the_same_refusals() -> None:
    documented = fault_table("10.2")
    assert sorted(documented) == sorted(fault.value for fault in RUN_REFUSALS)


def test_the_section_beside_each_fault_exists() -> None:
    rows = [row for row in table_rows(section_text("10")) if row[0].startswith("`")]
    wrong = [
        row[0]
        for row in rows
        for cited in CITED.findall(row[2])
        if len(row) == 3 and re.fullmatch(r"[\d., ]+", row[2]) and not is_citable(cited)
    ]
    assert rows
    assert wrong == []


def documented_limits() -> dict[str, str]:
    """The value cell beside each constant that the tables of section 9 name."""
    return {
        name: row[1]
        for row in table_rows(section_text("9"))
        if len(row) > 2
        for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", row[2])
    }


def test_the_specification_and_the_code_have_the_same_limits() -> None:
    in_code = {name for name in vars(limits) if name.isupper()}
    assert in_code == set(documented_limits())


def test_each_limit_has_the_same_value_in_the_specification_and_the_code() -> None:
    powers = {"2^53-1": str(2**53 - 1)}
    wrong = {}
    for name, cell in documented_limits().items():
        for written, number in powers.items():
            cell = cell.replace(written, number)
        value = str(getattr(limits, name))
        if value not in re.findall(r"\d+", cell.replace(",", "")):
            wrong[name] = (value, cell)
    assert wrong == {}


def vector_files() -> list[Path]:
    """The tracked vectors."""
    return [
        path for path in tracked_files() if path.is_relative_to(VECTORS) and path.suffix == ".json"
    ]


def test_every_vector_names_a_paragraph_that_exists() -> None:
    wrong = {}
    for path in vector_files():
        cited = json.loads(text_of(path))["section"]
        if cited not in paragraphs():
            wrong[name_of(path)] = cited
    assert vector_files()
    assert wrong == {}


def test_every_vector_stands_where_its_id_and_section_say() -> None:
    wrong = []
    for path in vector_files():
        vector = json.loads(text_of(path))
        place = path.relative_to(VECTORS).with_suffix("").as_posix()
        if vector["id"] != place or vector["section"].split(".")[0] != path.parent.name:
            wrong.append(name_of(path))
    assert wrong == []


def test_every_vector_has_a_fault_of_the_list_or_a_result() -> None:
    names = {fault.value for fault in Fault}
    expectations = {name_of(path): json.loads(text_of(path))["expect"] for path in vector_files()}
    wrong = {
        name: expect
        for name, expect in expectations.items()
        if len(expect) != 1 or not ("ok" in expect or expect.get("fault") in names)
    }
    assert wrong == {}


def families(folder: str) -> dict[str, str]:
    """The modules `sNN_name` of a folder of the conformance package, with their section number."""
    found = (PACKAGES["hutong_conformance"] / folder).glob("s[0-9][0-9]_*.py")
    return {path.stem: str(int(path.stem[1:3])) for path in found if path in tracked_files()}


def test_every_family_of_vectors_has_its_own_check() -> None:
    assert families("families")
    assert set(families("families")) == set(families("checks"))


def test_every_folder_of_vectors_has_a_family() -> None:
    assert {path.parent.name for path in vector_files()} == set(families("families").values())


def citations() -> Iterator[tuple[str, str]]:
    """Each paragraph that a docstring or comment cites as `Spec: 4.2`, with its file."""
    for path in package_modules():
        for found in re.finditer(r"Spec: (\d[\d., and]*)", text_of(path)):
            for number in CITED.findall(found[1]):
                yield name_of(path), number


def test_every_paragraph_cited_in_the_code_exists() -> None:
    cited = list(citations())
    assert cited
    assert [(name, number) for name, number in cited if not is_citable(number)] == []


def test_every_section_cited_in_the_specification_exists() -> None:
    cited = [
        (name_of(path), number)
        for paths in section_files().values()
        for path in paths
        for found in re.finditer(r"[Ss]ections? (\d[\d., and]*)", text_of(path))
        for number in CITED.findall(found[1])
    ]
    assert cited
    assert [(name, number) for name, number in cited if not is_citable(number)] == []


def test_every_link_between_files_of_the_documentation_leads_somewhere() -> None:
    wrong = [
        (name_of(path), target)
        for path in tracked_files()
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)\s]*)?\)", text_of(path))
        if not (path.parent / target).exists()
    ]
    assert wrong == []
