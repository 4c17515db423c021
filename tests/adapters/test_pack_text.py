"""Packs out of specifications: only where it is stated how many of something one unit holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_adapters.pack_text import read_pack
from hutong_protocol.quantity import decimal_millionths


@pytest.mark.parametrize(
    ("text", "unit", "value", "of"),
    [
        ("2000只/箱", "箱", "2000", "只"),
        ("400副/箱", "箱", "400", "副"),
        ("50kg/桶", "桶", "50", "kg"),
        ("500公斤/桶", "桶", "500", "公斤"),
        ("100盒/件(4瓶装)", "件", "100", "盒"),
        ("\u00a0324瓶 / 箱", "箱", "324", "瓶"),
        ("５０只/盒", "盒", "50", "只"),
        ("1,000个/箱", "箱", "1000", "个"),
        ("每箱20瓶", "箱", "20", "瓶"),
        ("每箱装 20 瓶", "箱", "20", "瓶"),
        ("20瓶每箱", "箱", "20", "瓶"),
    ],
)
def test_one_step_that_is_stated_is_a_pack(text: str, unit: str, value: str, of: str) -> None:
    pack = read_pack(text)
    assert pack is not None
    assert (pack.unit, pack.value, pack.of) == (unit, value, of)


@pytest.mark.parametrize(
    ("text", "value", "of"),
    [
        ("10支*42盒/箱", "420", "支"),
        ("100支*4盒/箱", "400", "支"),
        ("50枚×40盒/箱", "2000", "枚"),
        ("15片X2板/盒X200盒/箱", "6000", "片"),
        # What one bottle or bag holds is no step of counting.
        ("6gX6袋X200盒/箱", "1200", "袋"),
        ("1.25gX1瓶/盒X600盒/箱", "600", "瓶"),
        ("5L*4瓶/箱", "4", "瓶"),
    ],
)
def test_a_chain_is_multiplied_when_every_step_has_its_unit(text: str, value: str, of: str) -> None:
    pack = read_pack(text)
    assert pack is not None
    assert (pack.unit, pack.value, pack.of) == ("箱", value, of)


@pytest.mark.parametrize(
    "text",
    [
        *("2500/箱", "700/箱", "12件*100个", "24粒X10小盒X40/箱", "250双/12箱", "100支*盒/箱"),
        *("12瓶*500ml/箱", "2箱*48瓶/件", "2、5KG/箱", "1/868kg/6装", "50g/12装", "3大箱1小箱"),
        *("500MM/支", "100只/盒装", "3-5个/箱", "约20个/箱", "20余瓶/箱", "两瓶/箱", "0瓶/箱"),
        *(
            "20箱/箱",
            "2000只/箱，散装另计",
            "罐",
            "658.00",
            "YC-J-0200001",
            "9501V+",
            "每箱",
            "",
            "每",
        ),
        *(
            "999999999999999999只*99盒/箱",
            "0.5支*3盒/箱",
            "٢只/箱",
            "1_0只/箱",
            "2²只/箱",
            "规格不一",
        ),
        "1只*" * 50 + "2盒/箱",
    ],
)
def test_what_is_not_clearly_stated_is_no_pack(text: str) -> None:
    """Threat 42."""
    assert read_pack(text) is None


@given(
    st.one_of(st.text(max_size=40), st.text("0123456789./*xX只盒箱瓶件每装kg（）() ", max_size=20))
)
def test_any_text_is_a_pack_of_something_else_or_none(text: str) -> None:
    pack = read_pack(text)
    if pack is not None:
        assert (decimal_millionths(pack.value) or 0) > 0
        assert pack.unit != pack.of
