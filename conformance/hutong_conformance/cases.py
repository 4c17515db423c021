"""Vectors as values: what a case is, where the committed set lies, and its digest.

Owns the file format of `spec/vectors/<section>/<name>.json`: one file, one scenario, one fault.
Nothing here judges an answer (`subject`, `report`) or makes cases (`generate`, `families`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"
Level: TypeAlias = Literal["MUST", "SHOULD", "MAY"]

SPEC_VERSION = "1, draft 1"
"""The version of the specification that these vectors belong to, as its index states it."""

_KEYS = ("id", "section", "level", "comment", "op", "input", "expect")


_LINE = 96
_UNSEEN = re.compile(
    r"[\x7f-\xa0\xad\u0300-\u036f\u1100-\u11ff\u200b-\u200f\u2028-\u202f\u2060-\u206f"
    r"\ue000-\uf8ff\ufe00-\ufe0f\ufeff\ufff0-\uffff]"
)
"""Characters that an editor would hide, reorder or compose: files have them as escapes. A fixed
list, since what Python calls printable changes with its version."""


class BadVector(Exception):
    """A file of the set is no vector: this is a fault of the set, not of a subject."""


@dataclass(frozen=True, slots=True)
class Case:
    """One scenario: a request, and the one reply that is right.

    `id` is `<section number>/<name>` and the path of the file without `.json`; `section` is the
    numbered paragraph whose sentence is tested; `comment` says in words what is wrong or right.
    """

    id: str
    section: str
    level: Level
    comment: str
    op: str
    input: Mapping[str, Json]
    expect: Mapping[str, Json]

    @property
    def request(self) -> dict[str, Json]:
        """What goes to the subject: the input with the name of the operation in it."""
        return {"op": self.op, **self.input}

    def to_json(self) -> str:
        """The text of the vector file: stable order, UTF-8, a newline at the end."""
        content = _pretty({name: getattr(self, name) for name in _KEYS}, indent=0)
        return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", content) + "\n"


def parse(content: str, *, where: str) -> Case:
    """The case in the text of a vector file; raises `BadVector` naming `where`. Keys that this
    version doesn't know are ignored, so that a newer set stays readable."""
    try:
        fields = json.loads(content)
    except ValueError as error:
        raise BadVector(f"{where}: not JSON: {error}") from None
    if not isinstance(fields, dict) or any(name not in fields for name in _KEYS):
        raise BadVector(f"{where}: a vector has the keys {', '.join(_KEYS)}")
    texts = ("id", "section", "comment", "op")
    if not all(isinstance(fields[name], str) and fields[name] for name in texts):
        raise BadVector(f"{where}: {', '.join(texts)} are texts")
    if fields["level"] not in get_args(Level):
        raise BadVector(f"{where}: level is one of {', '.join(get_args(Level))}")
    if not isinstance(fields["input"], dict) or not isinstance(fields["expect"], dict):
        raise BadVector(f"{where}: input and expect are objects")
    if len(fields["expect"]) != 1 or not fields["expect"].keys() <= {"ok", "fault"}:
        raise BadVector(f"{where}: expect has exactly one of ok and fault")
    return Case(**{name: fields[name] for name in _KEYS})


def _pretty(value: Json, *, indent: int) -> str:
    """JSON that stays on one line as long as it fits, so that a diff shows the scenario."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, list | dict) or (indent > 0 and indent + len(flat) <= _LINE):
        return flat
    if isinstance(value, list) and not any(isinstance(item, list | dict | str) for item in value):
        return flat
    pad = " " * (indent + 1)
    if isinstance(value, list):
        items = [_pretty(item, indent=indent + 1) for item in value]
        opened, closed = "[", "]"
    else:
        items = [
            f"{json.dumps(name, ensure_ascii=False)}: {_pretty(item, indent=indent + 1)}"
            for name, item in value.items()
        ]
        opened, closed = "{", "}"
    return f"{opened}\n{pad}" + f",\n{pad}".join(items) + f"\n{' ' * indent}{closed}"


def vectors_root() -> Path:
    """The folder of the set: inside the installed package, or `spec/vectors` of the checkout."""
    here = Path(__file__).resolve()
    packaged = here.parent / "vectors"
    return packaged if packaged.is_dir() else here.parents[2] / "spec" / "vectors"


def section_order(identifier: str) -> tuple[int, str]:
    """A sort key for case ids and section numbers: by the number before the slash or dot, then
    by text, so that section 10 comes after section 9."""
    number = identifier.partition("/")[0].partition(".")[0]
    return (int(number) if number.isdecimal() else 0, identifier)


def in_section(case: Case, only: str | None) -> bool:
    """Whether `only` (`2`, `2.1` or a case id) selects `case`; None selects everything. A number
    alone is a folder, and nothing of another folder."""
    if only is None or only in (case.id, case.id.partition("/")[0]):
        return True
    if only.isdecimal():
        return False
    if only == case.section:
        return True
    return case.section.startswith(only + ".")


def load(root: Path | None = None, *, only: str | None = None) -> list[Case]:
    """The cases under `root` in the order of their sections, each file checked for its form."""
    root = vectors_root() if root is None else root
    found = []
    for path in vector_files(root):
        name = path.relative_to(root).with_suffix("").as_posix()
        case = parse(path.read_text("utf-8"), where=name)
        if case.id != name:
            raise BadVector(f"{name}: carries the id {case.id}")
        if in_section(case, only):
            found.append(case)
    return sorted(found, key=lambda case: section_order(case.id))


def vector_files(root: Path) -> Iterator[Path]:
    """The vector files under `root`, sorted by path."""
    return iter(sorted(root.glob("*/*.json")))


def set_digest(root: Path | None = None) -> str:
    """The digest that names a set of vectors, as hex.

    It is the SHA-256 of the lines `<sha256 of the file>  <path>` sorted by path, so that
    ``find . -name '*.json' | cut -c3- | LC_ALL=C sort | xargs sha256sum | sha256sum`` gives it too.
    """
    root = vectors_root() if root is None else root
    names = {path.relative_to(root).as_posix(): path for path in vector_files(root)}
    lines = (
        f"{hashlib.sha256(names[name].read_bytes()).hexdigest()}  {name}\n"
        for name in sorted(names)
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()
