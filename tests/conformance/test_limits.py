"""What a document may ask for is limited the same over every transport, with one code and both numbers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.test_operations import every_transport, first
from tests.support.clock import MovedClock
from tests.support.toy_server import toy_server
from watchword.config.limits import OPERATION
from watchword.config.settings import Settings

DEEP = "{ toy(id: 1) { inner { inner { inner { id } } } } }"
# For each limit with a setting: a document, what it has of what is limited, and the code it gets beyond the limit.
BEYOND: dict[str, tuple[str, int]] = {
    "max_document_characters": ("{ hello } # " + "x" * 1_100, 1_112),
    "max_tokens": ("{ " + "hello " * 60 + "}", 61),
    "max_directives": ("{ hello @skip(if: false) @include(if: true) }", 2),
    "max_depth": (DEEP, 5),
    "max_aliases": ("{ a: hello b: hello }", 2),
    "max_root_fields": ("{ hello a: hello toys { id } }", 3),
    "max_cost": ("{ toys(first: 7) { id } }", 7),
}


def test_every_limit_of_an_operation_that_can_be_set_is_tried() -> None:
    assert {limit.setting for limit in OPERATION} - {None} == set(BEYOND)


@every_transport
@pytest.mark.parametrize("setting", BEYOND)
async def test_an_operation_beyond_a_limit_is_refused_and_one_within_it_is_run(
    transport: str, setting: str, clock: MovedClock
) -> None:
    query, number = BEYOND[setting]
    least = {"max_document_characters": 1_100, "max_tokens": 60}.get(setting, number - 1)
    limits: dict[str, Any] = {setting: least}
    async with toy_server(clock, **limits) as server:
        refused = await first(transport, server.url, query)
        answered = await first(transport, server.url, "{ hello }")
    async with toy_server(clock, **{setting: getattr(Settings(_env_file=None), setting)}) as server:
        assert "errors" not in await first(transport, server.url, query)
    [error] = refused["errors"]
    assert "data" not in refused
    assert error["extensions"] == {"code": "TOO_COMPLEX", "cost": number, "limit": least}
    assert answered == {"data": {"hello": "hello world"}}
