"""What an import says to people of refusals: those that are alike in one line."""

from __future__ import annotations

from hutong_adapters.interface import Refusal
from hutong_adapters.summary import refused_words


def refusal(row: int, cell: str = "数量", rule: str = "is no number") -> Refusal:
    return Refusal("a.csv", row, cell, rule, "for example 20", "lines[0].quantity")


def test_one_refused_row_is_told_as_it_is() -> None:
    assert refused_words([refusal(3, "数量 (D3)")], 20) == [
        "a.csv row 3, 数量 (D3): is no number [lines[0].quantity] (for example 20)"
    ]


def test_rows_that_are_refused_alike_stand_in_one_line_by_their_numbers() -> None:
    found = [refusal(row, f"数量 (D{row})") for row in (9, 3, 4, 5, 12)]
    assert refused_words(found, 20) == [
        "a.csv, 5 rows (3-5, 9, 12), 数量: is no number [lines[0].quantity] (for example 20)"
    ]


def test_other_cells_and_other_rules_stand_apart() -> None:
    found = [refusal(3), refusal(4), refusal(3, "单位"), refusal(5, rule="is empty")]
    assert [words.partition(":")[0] for words in refused_words(found, 20)] == [
        *("a.csv, 2 rows (3-4), 数量", "a.csv row 3, 单位", "a.csv row 5, 数量"),
    ]


def test_a_row_that_is_refused_twice_for_one_cell_is_told_once() -> None:
    twice = [refusal(3), refusal(3), refusal(7)]
    assert refused_words(twice, 20)[0].startswith("a.csv, 2 rows (3, 7), 数量")


def test_of_many_rows_the_first_numbers_are_told_and_of_many_lines_the_first() -> None:
    every_other = [refusal(row) for row in range(1, 50, 2)]
    (words,) = refused_words(every_other, 20)
    assert "25 rows (1, 3, 5, 7, 9, 11, 13, 15, 17, 19, ...)" in words
    different = [refusal(row, rule=f"rule {row}") for row in range(1, 8)]
    assert refused_words(different, 5)[5:] == ["... and 2 rows more; --json lists all"]
