"""Document types that would hurt, and how tests ask why a workbook is refused."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from hutong_adapters.archive_scan import SheetRefused
from hutong_adapters.sheet_child import ALL, read_workbook

ONE_CELL = '<row r="1"><c r="A1" t="str"><v>x</v></c></row>'
DTD = '<!DOCTYPE x [<!ENTITY e "boo">]>'
OUTSIDE = '<!DOCTYPE x SYSTEM "http://192.0.2.1/x.dtd">'
FILE_ENTITY = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
LAUGHS = (
    "<!DOCTYPE x ["
    + '<!ENTITY l0 "lol">'
    + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    + "]>"
)


def refusal(data: bytes) -> SheetRefused:
    """Why a workbook is refused, within little time and memory."""
    tracemalloc.start()
    began_s = time.monotonic()
    try:
        with pytest.raises(SheetRefused) as refused:
            read_workbook(data, ALL)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began_s < 10
    assert peak_bytes < 200 * 1024 * 1024
    return refused.value
