"""Principals are values."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError

import pytest

from watchword.principal import ANONYMOUS, Grants, Principal


def test_anonymous_is_a_value_with_nothing_and_no_end() -> None:
    assert ANONYMOUS.is_anonymous
    assert ANONYMOUS.grants == Grants()
    assert math.isinf(ANONYMOUS.expires_at)


def test_somebody_is_not_anonymous() -> None:
    assert not Principal("alice").is_anonymous


def test_a_principal_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Principal("alice").subject = "bob"  # type: ignore[misc]
