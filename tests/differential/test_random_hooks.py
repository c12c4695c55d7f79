"""Hooks around fields see the same, and have the same effects, with both executors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.differential import market, workshop
from tests.differential.arena import Arena
from tests.differential.documents import document, subscription
from tests.differential.hooked import Later, Now, hooked
from tests.differential.profile import IGNORED, SEEDS, arena_of, compare, documents
from watchword.libraries.strawberry_parts import definition

pytestmark = IGNORED

HOOKS: dict[str, Any] = {"now": [Now], "later": [Later], "both": [Now, Later]}


@pytest.fixture(params=[market, workshop], ids=["market", "workshop"])
def module(request: pytest.FixtureRequest) -> ModuleType:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=HOOKS)
def arena(request: pytest.FixtureRequest, module: ModuleType) -> Iterator[Arena]:
    with arena_of(hooked(module.schema, *HOOKS[request.param])) as made:
        yield made


@pytest.fixture(params=HOOKS)
def stream(request: pytest.FixtureRequest) -> Iterator[Arena]:
    with arena_of(hooked(workshop.schema, *HOOKS[request.param])) as made:
        yield made


@documents(share=0.05)
@given(seed=SEEDS)
def test_operations_have_the_same_answers(arena: Arena, seed: int) -> None:
    dice = Random(seed)
    compare(arena, document(definition(arena.schema), dice), dice)


@documents(share=0.05)
@given(seed=SEEDS, shared=st.booleans())
def test_events_have_the_same_answers(stream: Arena, seed: int, shared: bool) -> None:
    dice = Random(seed)
    made = subscription(definition(stream.schema), dice)
    compare(stream, made, dice, partial(stream.compare_events, shared=shared))
