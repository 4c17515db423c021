"""Cross-checks of vectors by code that shares nothing with the core.

Each module `sNN_<name>` has `check(case)`, which raises AssertionError when a vector of section NN
is wrong, and may name the operations it judges in `OPS`; without that name it judges every
operation of its section that no other module claims. Modules are found by their name.

Nothing here or below `independent` may import `hutong_protocol`: a bug that the core's encoder and
decoder share would otherwise stand in the vectors as truth.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import TypeAlias

from hutong_conformance.cases import Json

_NAME = re.compile(r"s(\d\d)_[a-z0-9_]+")

Check: TypeAlias = Callable[[dict[str, Json]], None]


@cache
def _modules(section: int) -> tuple[ModuleType, ...]:
    found = (entry.name for entry in pkgutil.iter_modules(__path__))
    matches = (match for match in map(_NAME.fullmatch, sorted(found)) if match)
    return tuple(
        importlib.import_module(f"{__name__}.{match[0]}")
        for match in matches
        if int(match[1]) == section
    )


def check_for(identifier: str, op: str) -> Check | None:
    """The check of the vector `identifier` that uses `op`, or None if nobody judges it."""
    modules = _modules(int(identifier.partition("/")[0]))
    claimed = [module for module in modules if op in getattr(module, "OPS", ())]
    general = [module for module in modules if not hasattr(module, "OPS")]
    for module in claimed + general:
        check: Check = module.check
        return check
    return None
