"""The families of vectors: each module `sNN_<name>` builds the cases of one topic of section NN.

A family is `def cases() -> Iterator[Case]`. It states what is expected from how it built the
bytes, never from what some code answered, and its bytes come from `raw`. Modules are found by
their name, so a new section needs no list here.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator

from hutong_conformance.cases import Case

_NAME = re.compile(r"s(\d\d)_[a-z0-9_]+")


def names(*, section: int | None = None) -> list[str]:
    """The modules of this package that are families, sorted; of one section if it is given."""
    found = (entry.name for entry in pkgutil.iter_modules(__path__))
    matches = (match for match in map(_NAME.fullmatch, sorted(found)) if match)
    return [match[0] for match in matches if section is None or int(match[1]) == section]


def cases_of(name: str) -> Iterator[Case]:
    """The cases of the family `name`, in the order in which it builds them."""
    module = importlib.import_module(f"{__name__}.{name}")
    build: Callable[[], Iterator[Case]] = module.cases
    return build()
