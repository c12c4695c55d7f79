"""A principal is an immutable value."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError

import pytest

from watchword.principal import ANONYMOUS, Grants, Principal


def test_the_anonymous_principal_has_no_grants_and_never_expires() -> None:
    assert ANONYMOUS.is_anonymous
    assert ANONYMOUS.grants == Grants()
    assert math.isinf(ANONYMOUS.expires_at)


def test_a_principal_with_a_subject_is_not_anonymous() -> None:
    assert not Principal("alice").is_anonymous


def test_a_principal_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Principal("alice").subject = "bob"  # type: ignore[misc]
