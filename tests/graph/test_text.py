"""Text from outside."""

from __future__ import annotations

import pytest

from graph.errors import BadUserInput
from graph.text import checked_text


@pytest.mark.parametrize(("given", "kept"), [("  a ", "a"), ("🚒 é", "🚒 é"), ("x" * 5, "xxxxx")])
def test_good_text_is_stripped(given: str, kept: str) -> None:
    assert checked_text(given, ["input", "name"], 5) == kept


@pytest.mark.parametrize("given", ["", "  \n", "x" * 6, "a\x00b", "\ud800"])
def test_text_that_cannot_be_kept_is_refused_by_its_path(given: str) -> None:
    with pytest.raises(BadUserInput) as error:
        checked_text(given, ["input", "name"], 5)
    assert error.value.extensions["path"] == ["input", "name"]
