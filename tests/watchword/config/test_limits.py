"""The table has every setting that limits something, and its numbers are those that are used."""

from __future__ import annotations

import ast
from dataclasses import fields
from pathlib import Path

import pytest

import watchword
from watchword.asgi.uvicorn.head import BODY_SECONDS, HEAD_SECONDS, MOST_HEADERS
from watchword.asgi.uvicorn.measured import UNREAD_SECONDS
from watchword.config import limits as table
from watchword.config.settings import Settings
from watchword.execution.limits import Limits
from watchword.oauth.endpoints.form import LARGEST, MOST_PARAMETERS
from watchword.transports.request import MOST_CURSORS

PACKAGE = Path(watchword.__file__).parent

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


# What answers requests, and the command that starts it.
DOORS = ("transports/**/*.py", "asgi/**/*.py", "auth/http/*.py", "oauth/**/*.py", "cli/serve.py")


def test_no_transport_reads_the_setting_of_a_limit_instead_of_asking_the_ceiling() -> None:
    settings = {limit.setting for limit in table.TABLE if limit.setting is not None}
    doors = [path for pattern in DOORS for path in PACKAGE.glob(pattern)]
    assert len(doors) > 50
    for path in doors:
        read = {
            node.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute)
        }
        assert not read & settings, path


@pytest.mark.parametrize(
    ("name", "used"),
    [
        ("body_seconds", BODY_SECONDS),
        ("head_seconds", HEAD_SECONDS),
        ("headers", MOST_HEADERS),
        ("cursors", MOST_CURSORS),
        ("unread_seconds", UNREAD_SECONDS),
        ("form_bytes", LARGEST),
        ("form_parameters", MOST_PARAMETERS),
    ],
)
def test_a_number_without_a_setting_is_the_one_that_is_used(name: str, used: float) -> None:
    assert table.fixed(name) == used
