"""Documents that hypothesis-graphql makes have the same answers with both executors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from random import Random

import hypothesis_graphql
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_graphql import nodes

from tests.differential import market, workshop
from tests.differential.arena import Arena
from tests.differential.documents import Document
from tests.differential.profile import IGNORED, SEEDS, arena_of, compare, documents
from tests.differential.values import SCALARS
from watchword.libraries.strawberry_parts import definition

pytestmark = IGNORED

SCHEMAS = {"market": market.schema, "workshop": workshop.schema}
OURS = {
    name: SEEDS.map(Random).map(SCALARS[name]).map(nodes.String)
    for name in ("DateTime", "Date", "Decimal", "UUID", "Base64")
}
OURS["Odd"] = st.sampled_from((1, 3)).map(nodes.Int)


# hypothesis-graphql takes long to begin with a schema of so many types as the market's.
@pytest.fixture(
    scope="module",
    params=["workshop", pytest.param("market", marks=pytest.mark.exhaustive)],
)
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    with arena_of(SCHEMAS[request.param]) as made:
        yield made


@cache
def stock(arena: Arena) -> st.SearchStrategy[str]:
    return hypothesis_graphql.from_schema(definition(arena.schema), custom_scalars=OURS)


@documents(share=0.1)
@given(data=st.data(), seed=SEEDS)
def test_stock_documents_have_the_same_answers(
    arena: Arena, data: st.DataObject, seed: int
) -> None:
    compare(arena, Document(data.draw(stock(arena)), "query", {}), Random(seed))
