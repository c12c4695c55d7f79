"""Numbers are easy to read, and columns stand below each other."""

from __future__ import annotations

import pytest

from watchword.cli.limit_table import columns, default_of, rows, shown
from watchword.config.limits import BUDGETS, OPERATION, TABLE
from watchword.config.settings import Settings


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (0.5, "0.5"), (15, "15"), (20_000, "20,000"), (25_000_000, "25,000,000")],
)
def test_numbers_have_commas_between_their_thousands(number: float, text: str) -> None:
    assert shown(number) == text


def test_columns_are_as_wide_as_their_longest_cell() -> None:
    assert columns(iter([["a", "limit"], ["long", "1"]])) == "  a     limit\n  long  1"


def test_each_limit_has_a_row_with_what_is_set_and_the_default() -> None:
    settings = Settings(_env_file=None, budget_per_client=30_000)
    head, *lines = rows(BUDGETS, settings)
    assert [line[1:3] for line in lines] == [["0", "0"], ["30,000", "0"], ["0", "0"]]
    assert len([*rows(TABLE, settings)]) == len(TABLE) + 1
    assert default_of(BUDGETS[1]) == 0
    assert len(head) == 6


def test_a_limit_that_is_a_multiple_of_a_setting_has_its_own_number() -> None:
    settings = Settings(_env_file=None, max_tokens=3_000)
    [row] = [each for each in rows(OPERATION, settings) if each[0].startswith("comparisons")]
    assert row[1:3] == ["30,000", "20,000"]
    assert row[-1] == "WATCHWORD_MAX_TOKENS"
