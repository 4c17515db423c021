"""Settings that every test shares: how Hypothesis runs, and where real data lies.

Examples have no deadline, since two tests share a small machine with whatever else runs there.
`make sim` sets `HYPOTHESIS_PROFILE=long`, with which every property is tried fifty times as often.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from example_counts import PROFILE, examples

settings.register_profile(PROFILE, deadline=None, print_blob=True, max_examples=examples(100))
settings.load_profile(PROFILE)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data, `HUTONG_DATA` or `../shared/data` beside the checkout.

    A test that asks for it is skipped, and counted as skipped, where there is none.
    """
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("HUTONG_DATA", beside))
    if not folder.is_dir():
        pytest.skip("real data: neither HUTONG_DATA nor ../shared/data is a folder")
    return folder
