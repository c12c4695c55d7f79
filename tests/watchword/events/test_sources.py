"""Fields, types and loaders declare what they read."""

from __future__ import annotations

import strawberry

from watchword.events.sources import Sources, declared_by, reads, together


@reads("toys")
@strawberry.type
class Toy:
    name: str

    @reads("toys", "books", seconds=5)
    @strawberry.field(description="kept")
    def story(self) -> str:
        return "once"


class Doll(Toy):
    pass


@reads()
async def load() -> None: ...


def test_a_declaration_is_found_where_it_was_made() -> None:
    assert declared_by(Toy) == Sources(frozenset({"toys"}))
    assert declared_by(load) == Sources()
    [_, story] = Toy.__strawberry_definition__.fields  # type: ignore[attr-defined]
    assert declared_by(story) == Sources(frozenset({"toys", "books"}), 5)
    assert story.description == "kept"


def test_a_class_does_not_inherit_a_declaration_and_other_things_have_none() -> None:
    assert declared_by(Doll) is None
    assert declared_by(print) is None
    assert declared_by(strawberry.field()) is None


def test_sources_are_added_and_the_shortest_time_counts() -> None:
    a, b, c = Sources(frozenset("a"), 5), Sources(frozenset("b"), 3), Sources(frozenset("a"))
    assert together([a, b, c]) == Sources(frozenset("ab"), 3)
    assert together([c, a]).seconds == 5
    assert together([]) == Sources()
