"""cost() and list_size() are printed in the schema as the specification writes them, and refuse what means nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import strawberry

from watchword import Unsafe, cost, list_size


@strawberry.type(directives=[cost(2.5)])
class Toy:
    name: str = strawberry.field(directives=[cost(3)])


@strawberry.type
class Query:
    @strawberry.field(directives=[list_size(slicing_arguments=["most"], sized_fields=["name"])])
    def toy(self, most: int) -> Toy:
        raise NotImplementedError

    @strawberry.field(directives=[list_size(assumed_size=50)])
    def toys(self) -> list[Toy]:
        raise NotImplementedError


def test_the_directives_are_in_the_schema() -> None:
    text = strawberry.Schema(Query).as_str()
    assert 'type Toy @cost(weight: "2.5") {\n  name: String! @cost(weight: "3")' in text
    assert (
        '@listSize(slicingArguments: ["most"], sizedFields: ["name"], requireOneSlicingArgument: true)'
        in text
    )
    assert "@listSize(assumedSize: 50, requireOneSlicingArgument: false)" in text
    assert "directive @cost(weight: String!) on " in text


@pytest.mark.parametrize(
    "make",
    [
        lambda: cost(float("nan")),
        lambda: cost(float("-inf")),
        lambda: list_size(),
        lambda: list_size(assumed_size=-1),
    ],
)
def test_what_means_nothing_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(Unsafe):
        make()
