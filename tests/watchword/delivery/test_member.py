"""Subscribers share a run only if they have everything in common that an answer depends on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.clock import MovedClock
from tests.support.toy_server import toy_pipeline
from watchword.delivery.member import GroupKey
from watchword.events.follow import Topic
from watchword.principal import Grants


@pytest.fixture
async def key(clock: MovedClock) -> GroupKey:
    async with toy_pipeline(clock) as (pipeline, _):
        plan = pipeline.engine.plan("subscription { made { id } }", None)
    return GroupKey(plan, b"{}", Grants(frozenset({"keeper"})), False, Topic("toys", None))


def test_equal_keys_are_one(key: GroupKey) -> None:
    assert {key, replace(key, grants=Grants(frozenset({"keeper"})))} == {key}


@pytest.mark.parametrize(
    "changes",
    [
        {"variables": b'{"only":"bear"}'},
        {"grants": Grants()},
        {"grants": Grants(frozenset({"keeper"}), frozenset({"toys:price"}))},
        {"grants": Grants(frozenset({"keeper"}), tenant="acme")},
        {"grants": Grants(frozenset({"keeper"}), is_delegated=True)},
        {"is_anonymous": True},
        {"topic": Topic("toys", "bear")},
        {"topic": Topic("books", None)},
    ],
    ids=str,
)
def test_a_difference_in_any_part_makes_another_key(changes: dict[str, Any], key: GroupKey) -> None:
    assert replace(key, **changes) != key


async def test_another_document_makes_another_key(key: GroupKey, clock: MovedClock) -> None:
    async with toy_pipeline(clock) as (pipeline, _):
        first, second = (
            pipeline.engine.plan(f"subscription {{ made {{ {field} }} }}", None)
            for field in ("id", "name")
        )
    assert replace(key, plan=first) != replace(key, plan=second)
