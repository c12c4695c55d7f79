"""What hooks are given cannot be changed by them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from watchword.hooks import AccountInfo


def test_an_account_cannot_be_changed() -> None:
    account = AccountInfo("a", "a@example.com", "Ada", frozenset({"keeper"}))
    with pytest.raises(FrozenInstanceError):
        account.roles = frozenset({"admin"})  # type: ignore[misc]
