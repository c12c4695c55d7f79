"""The events of random subscriptions have the same answers with both executors, for one subscriber and for several."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.differential import workshop
from tests.differential.arena import Arena
from tests.differential.documents import subscription
from tests.differential.profile import IGNORED, SEEDS, arena_of, compare, documents
from watchword.libraries.strawberry_parts import definition

pytestmark = IGNORED


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    with arena_of(workshop.schema) as made:
        yield made


@documents(share=0.1)
@given(seed=SEEDS, shared=st.booleans())
def test_events_have_the_same_answers(arena: Arena, seed: int, shared: bool) -> None:
    dice = Random(seed)
    made = subscription(definition(arena.schema), dice)
    compare(arena, made, dice, partial(arena.compare_events, shared=shared))
