"""A budget holds at least the costliest operation."""

from __future__ import annotations

from typing import Any

import pytest

from watchword.config.limit_settings import BUDGETS
from watchword.config.settings import read
from watchword.errors import Unsafe


@pytest.mark.parametrize("name", BUDGETS)
def test_a_budget_in_which_some_operations_have_no_place_is_refused(name: str) -> None:
    values: dict[str, Any] = {"_env_file": None, "max_cost": 100}
    for good in (0, 100, 10_000):
        assert getattr(read(**values, **{name: good}), name) == good
    for bad, words in ((99, f"WATCHWORD_{name.upper()} must not be smaller"), (-1, "greater")):
        with pytest.raises(Unsafe, match=words):
            read(**values, **{name: bad})
