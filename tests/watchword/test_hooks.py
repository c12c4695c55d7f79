"""What hooks are given cannot be changed by them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from watchword.hooks import AccountInfo, answer_of


def test_an_account_cannot_be_changed() -> None:
    account = AccountInfo("a", "a@example.com", "Ada", frozenset({"keeper"}))
    with pytest.raises(FrozenInstanceError):
        account.roles = frozenset({"admin"})  # type: ignore[misc]


async def test_a_hook_that_is_no_async_function_is_told_what_to_write() -> None:
    async def hook() -> int:
        return 1

    assert await answer_of(hook()) == 1
    for returned in ({}, None, 5):
        with pytest.raises(
            TypeError, match=f"object of {type(returned).__name__} at once.*async def"
        ):
            answer_of(returned)  # type: ignore[arg-type]
