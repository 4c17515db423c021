"""Fixtures of the core's tests."""

from __future__ import annotations

import pytest

from hutong_protocol import encoding


@pytest.fixture(params=["library first", "byte by byte"])
def reading_path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to read short input. Long input only has the second."""
    if request.param == "byte by byte":
        monkeypatch.setattr(encoding, "_HEADER_LIKE", -1)
    return str(request.param)
