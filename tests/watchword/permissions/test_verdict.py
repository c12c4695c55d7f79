"""Verdicts are values, and a denial is falsy."""

from __future__ import annotations

from watchword.permissions.verdict import ALLOWED, Denied


def test_a_denial_is_falsy_and_says_what_was_needed() -> None:
    denied = Denied({"role": "keeper"})
    assert not denied
    assert denied.requires == {"role": "keeper"}
    assert ALLOWED
