"""Goods out of words: where one item ends and the next begins, and which number belongs to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong_adapters.goods_text import (
    CHARACTERS_MAX,
    GOODS_CONCERN_WORDS,
    PIECES_MAX,
    GoodsConcern,
    split_goods,
)


def pieces_of(text: str) -> list[tuple[str, str, str]]:
    """Item, specification and quantity of each piece of a cell that raises no concern."""
    goods = split_goods(text)
    assert goods.concerns == ()
    assert [piece.concern for piece in goods.pieces if piece.concern] == []
    return [(piece.item, piece.spec, piece.quantity) for piece in goods.pieces]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("口罩3万个", [("口罩", "", "3万个")]),
        ("胶囊（24粒装）13.5万盒", [("胶囊", "24粒装", "13.5万盒")]),
        ("胶囊（400盒）", [("胶囊", "", "400盒")]),
        ("口罩（N95型、一次性）5万只", [("口罩", "N95型、一次性", "5万只")]),
        (
            "口罩（KN95型1200盒、一次性3.4万只）",
            [("口罩", "KN95型", "1200盒"), ("口罩", "一次性", "3.4万只")],
        ),
        (
            "口罩（N95型100个、其他）",
            [("口罩", "N95型", "100个"), ("口罩", "其他", "")],
        ),
        ("消毒液1400瓶60箱", [("消毒液", "", "1400瓶60箱")]),
        ("消毒液1400瓶、60箱", [("消毒液", "", "1400瓶、60箱")]),
        ("口罩（100箱、2000个）", [("口罩", "", "100箱、2000个")]),
        ("医用口罩（急需，100箱）", [("医用口罩", "急需", "100箱")]),
        ("口罩20箱（N95）", [("口罩", "N95", "20箱")]),
        ("口罩100箱（价值5万元）", [("口罩", "价值5万元", "100箱")]),
        ("洗手液（500ml）20瓶（10箱）", [("洗手液", "500ml", "20瓶（10箱）")]),
        ("洗手液250ml20瓶", [("洗手液", "250ml", "20瓶")]),
        ("棉片210*160mm5500片", [("棉片", "210*160mm", "5500片")]),
        ("大米500公斤", [("大米", "", "500公斤")]),
        ("口罩：20箱", [("口罩", "", "20箱")]),
        ("口罩约5万只", [("口罩", "", "约5万只")]),
        ("口罩500余箱", [("口罩", "", "500余箱")]),
        ("口罩5000+", [("口罩", "", "5000+")]),
        ("口罩*20", [("口罩", "", "*20")]),
        ("口罩若干", [("口罩", "", "若干")]),
        ("口罩各50袋", [("口罩", "", "各50袋")]),
        ("护士服一套、消毒液两箱", [("护士服", "", "一套"), ("消毒液", "", "两箱")]),
        ("20箱方便面、5万只口罩", [("方便面", "", "20箱"), ("口罩", "", "5万只")]),
        ("口罩20箱和手套30副", [("口罩", "", "20箱"), ("手套", "", "30副")]),
        ("口罩20箱\u3000手套30副", [("口罩", "", "20箱"), ("手套", "", "30副")]),
        ("1.口罩20箱；2.手套30副", [("口罩", "", "20箱"), ("手套", "", "30副")]),
        ("1、口罩5箱\n2、手套3副", [("口罩", "", "5箱"), ("手套", "", "3副")]),
        ("一、口罩5箱", [("口罩", "", "5箱")]),
        ("捐赠口罩、护士服等用品", [("口罩", "", ""), ("护士服", "", "")]),
        ("", []),
        ("、，", []),
    ],
)
def test_a_list_is_split_where_people_see_its_items(
    text: str, expected: list[tuple[str, str, str]]
) -> None:
    assert pieces_of(text) == expected


@pytest.mark.parametrize(
    ("text", "item", "quantity"),
    [
        ("A4纸20包", "A4纸", "20包"),
        ("84消毒液5瓶", "84消毒液", "5瓶"),
        ("75%酒精20瓶", "75%酒精", "20瓶"),
        ("1860口罩20个", "1860口罩", "20个"),
        ("3M口罩2箱", "3M口罩", "2箱"),
        ("N95口罩36000个", "N95口罩", "36000个"),
        ("2件套床品20套", "2件套床品", "20套"),
        ("三层口罩十箱", "三层口罩", "十箱"),
        ("PM2.5口罩", "PM2.5口罩", ""),
        ("一次性口罩", "一次性口罩", ""),
        ("双黄连口服液", "双黄连口服液", ""),
        ("口罩（A-0400106（50））", "口罩", ""),
    ],
)
def test_the_number_of_a_name_is_not_how_many_there_are(
    text: str, item: str, quantity: str
) -> None:
    ((found, _, amount),) = pieces_of(text)
    assert (found, amount) == (item, quantity)


@pytest.mark.parametrize(
    ("text", "item", "quantity"),
    [
        ("消毒液1.2L", "消毒液", ""),
        ("大米（50kg）", "大米", ""),
        ("汽油200升", "汽油200升", ""),
        ("口罩20箱已收", "口罩20箱已收", ""),
        ("口罩5000", "口罩5000", ""),
        ("口罩5000只/盒", "口罩5000只/盒", ""),
        ("眼镜144个口罩20箱", "眼镜144个口罩", "20箱"),
    ],
)
def test_a_number_that_is_not_used_stands_as_words_and_is_marked(
    text: str, item: str, quantity: str
) -> None:
    (piece,) = split_goods(text).pieces
    assert (piece.item, piece.quantity) == (item, quantity)
    assert piece.concern is GoodsConcern.NUMBER_LEFT


def test_another_size_of_the_same_thing_is_marked_as_guessed() -> None:
    first, second = split_goods("棉片210*160mm5500片，140*90mm3900片").pieces
    assert (first.item, first.spec, first.concern) == ("棉片", "210*160mm", None)
    assert (second.item, second.spec, second.quantity) == ("棉片", "140*90mm", "3900片")
    assert second.concern is GoodsConcern.ITEM_GUESSED


@pytest.mark.parametrize(
    ("text", "items"),
    [("捐款3.9亿", []), ("现金", []), ("医疗款20万元", []), ("口罩3万个、现金5万元", ["口罩"])],
)
def test_money_is_no_goods_and_is_marked(text: str, items: list[str]) -> None:
    goods = split_goods(text)
    assert [piece.item for piece in goods.pieces] == items
    assert goods.concerns == (GoodsConcern.MONEY,)


def test_a_cell_of_prose_is_not_split_and_is_marked() -> None:
    goods = split_goods("口" * (CHARACTERS_MAX + 1))
    assert (goods.pieces, goods.concerns) == ((), (GoodsConcern.NOT_SPLIT,))


def test_more_items_than_a_record_holds_are_noticed_and_bounded() -> None:
    assert len(split_goods("口罩5箱、" * 500).pieces) == PIECES_MAX + 1


def test_every_concern_of_goods_has_words_that_quote_nothing() -> None:
    assert set(GOODS_CONCERN_WORDS) == set(GoodsConcern)


@given(
    st.one_of(
        st.text(max_size=80),
        st.text(
            "口罩手套N95一二十万约余各和及等0123456789.*x只箱瓶kgml（）()、，；\n 元款装",
            max_size=60,
        ),
    )
)
def test_any_text_is_split_and_every_word_of_a_piece_stands_in_it(text: str) -> None:
    letters = set(text) | set("、")
    for piece in split_goods(text).pieces:
        assert {*piece.item, *piece.spec, *piece.quantity, *piece.raw} <= letters
        assert piece.raw


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["口罩", "N95口罩", "84消毒液", "防护服", "呼吸机", "一次性手套"]),
            st.sampled_from(["", "（大号）", "（24粒装）", "（PH4）"]),
            st.sampled_from(
                ["3箱", "5万只", "1,000个", "约20台", "３０瓶", "500余盒", "3-5袋", "十套"]
            ),
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(["、", "，", "；", "\n", "。"]),
)
def test_a_list_that_is_put_together_comes_apart_again(
    goods: list[tuple[str, str, str]], between: str
) -> None:
    text = between.join(f"{item}{spec}{quantity}" for item, spec, quantity in goods)
    expected = [(item, spec.strip("（）"), quantity) for item, spec, quantity in goods]
    assert pieces_of(text) == expected
