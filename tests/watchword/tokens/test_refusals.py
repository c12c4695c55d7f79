"""A refusal is in the log and in the counts, by its rule."""

from __future__ import annotations

import logging

import pytest

from watchword.tokens import refusals


def test_a_refusal_is_logged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    before = refusals.counts["proof", "htu"]
    refusals.note("proof", "htu")
    assert refusals.counts["proof", "htu"] == before + 1
    assert caplog.messages == ["a proof was refused by the rule: htu"]


def test_a_refusal_counts_even_if_it_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="watchword.tokens")
    before = refusals.counts["token", "exp"]
    refusals.note("token", "exp")
    assert refusals.counts["token", "exp"] == before + 1
    assert caplog.messages == []
