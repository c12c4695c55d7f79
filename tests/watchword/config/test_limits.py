"""The table has every setting that limits something, and its numbers are those that are used."""

from __future__ import annotations

from dataclasses import fields

import pytest

from watchword.asgi.uvicorn.head import BODY_SECONDS
from watchword.config import limits as table
from watchword.config.settings import Settings
from watchword.execution.limits import Limits
from watchword.transports.request import MOST_CURSORS

# Settings with such names that limit nothing a client does.
OURS = {"answer_max_age_seconds"}


def test_every_setting_that_limits_what_clients_do_is_in_the_table() -> None:
    named = {
        name
        for name in Settings.model_fields
        if name.startswith(("max_", "budget_", "outgoing_")) or name.endswith("_max")
    }
    assert named - OURS <= {limit.setting for limit in table.TABLE}


def test_each_limit_is_there_once_and_has_a_setting_that_exists_or_a_number() -> None:
    assert len({limit.name for limit in table.TABLE}) == len(table.TABLE)
    for limit in table.TABLE:
        if limit.setting is None:
            assert limit.fixed
        else:
            assert limit.fixed is None
            assert limit.setting in Settings.model_fields
        assert limit.value(Settings(_env_file=None)) is not None


def test_the_limits_of_an_operation_are_those_that_are_decided() -> None:
    settings = Settings(_env_file=None)
    decided = {each.name for each in fields(Limits)}
    used = Limits.of(settings)
    for limit in table.OPERATION:
        if limit.name == "digits":
            continue
        assert limit.name in decided
        assert getattr(used, limit.name) == limit.value(settings)


@pytest.mark.parametrize(
    ("name", "used"), [("body_seconds", BODY_SECONDS), ("cursors", MOST_CURSORS)]
)
def test_a_number_without_a_setting_is_the_one_that_is_used(name: str, used: float) -> None:
    assert table.fixed(name) == used
