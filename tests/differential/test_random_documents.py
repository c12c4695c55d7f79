"""Random documents have the same answers and the same effects with both executors."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from types import ModuleType

import pytest
from hypothesis import given

from tests.differential import market, workshop
from tests.differential.arena import Arena
from tests.differential.documents import document
from tests.differential.profile import IGNORED, SEEDS, arena_of, compare, documents
from watchword.libraries.strawberry_parts import definition

pytestmark = IGNORED


@pytest.fixture(params=[market, workshop], ids=["market", "workshop"])
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    module: ModuleType = request.param
    with arena_of(module.schema) as made:
        yield made


@documents(share=0.35)
@given(seed=SEEDS)
def test_our_own_documents_have_the_same_answers(arena: Arena, seed: int) -> None:
    dice = Random(seed)
    compare(arena, document(definition(arena.schema), dice), dice)
