"""What a caller can never reach is named nowhere, and all else is answered as if nothing were hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from random import Random

import hypothesis_graphql
import pytest
import strawberry
from graphql import GraphQLSchema, build_schema, get_introspection_query
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.differential import workshop
from tests.differential.arena import (
    LIMITS,
    PRINCIPALS,
    Arena,
    Case,
    Observed,
    check,
    make_unopened_services,
)
from tests.differential.profile import IGNORED, SEEDS, documents, script
from tests.differential.test_stock_documents import OURS
from tests.federation import products
from tests.support import toy_schema
from tests.support.vault_schema import SECRETS, WITHOUT_VAULT, vault
from watchword.context import Context
from watchword.domain import load
from watchword.execution.compiled import programs
from watchword.execution.engine import Engine, Execution
from watchword.execution.masking import format_error, to_json
from watchword.execution.plan import Planner, Refused
from watchword.libraries.strawberry_parts import definition
from watchword.permissions.coverage import cover
from watchword.principal import ANONYMOUS, FIRST_PARTY, Grants, Principal

pytestmark = IGNORED

VAULT = vault()
ANN = Principal("ann", client=FIRST_PARTY, session="s")
WORD = re.compile(r"\w+")
# Their fields ask for roles and scopes of these names.
ROLES = ("keeper", "child", "responder", "commander", "admin")
SCOPES = ("stock:read", "toys:price", "parts:price", "incidents:internal", "members:read")
CALLERS = st.builds(
    Principal,
    st.just("ann"),
    st.builds(
        Grants,
        st.frozensets(st.sampled_from(ROLES), max_size=2),
        st.frozensets(st.sampled_from(SCOPES), max_size=3),
    ),
    st.sampled_from((FIRST_PARTY, "app", "ann")),
    st.sampled_from((None, "s")),
)


@cache
def schemas() -> dict[str, strawberry.Schema]:
    room = load("incident_room:schema")
    cover(room.schema, room.domain)
    cover(products.schema, products.domain)
    return {
        "vault": VAULT,
        "room": room.schema,
        "toys": toy_schema.schema,
        "products": products.schema,
        "workshop": workshop.schema,
    }


@cache
def engine(name: str, execution: Execution = "compiled") -> Engine:
    return Engine(schemas()[name], LIMITS, 100, execution, "hidden")


def words(schema: GraphQLSchema) -> set[str]:
    """All names of types, fields, arguments, and values of enums."""
    types = {name: kind for name, kind in schema.type_map.items() if not name.startswith("__")}
    fields = {
        name: field
        for kind in types.values()
        for name, field in getattr(kind, "fields", {}).items()
    }
    taking = [*fields.values(), *schema.directives]
    arguments = {name for each in taking for name in getattr(each, "args", ())}
    values = {name for kind in types.values() for name in getattr(kind, "values", ())}
    return {*types, *fields, *arguments, *values}


def secrets(name: str, caller: Principal) -> set[str]:
    """The names that only what is hidden from a caller has."""
    view = engine(name).view_of(caller)
    return set() if view is None else words(definition(schemas()[name])) - words(view.shown)


async def introspected(name: str, caller: Principal) -> str:
    made = engine(name)
    plan = made.plan(get_introspection_query(descriptions=False), None, caller)
    context = Context(await make_unopened_services(), caller)
    return to_json(await made.execute(plan, None, context)).decode()


def refusal(made: Engine | Planner, query: str, caller: Principal = ANN) -> str | None:
    """The errors of a document that is refused, as the client reads them."""
    try:
        made.plan(query, None, *((caller,) if isinstance(made, Engine) else ()))
    except Refused as refused:
        return to_json({"errors": [format_error(each) for each in refused.errors]}).decode()
    return None


@pytest.mark.parametrize("name", ["vault", "room", "toys", "products", "workshop"])
@pytest.mark.parametrize("caller", [ANONYMOUS, *PRINCIPALS.values()], ids=lambda each: each.subject)
async def test_introspection_names_nothing_that_is_hidden(name: str, caller: Principal) -> None:
    told = {*WORD.findall(await introspected(name, caller))}
    assert not told & secrets(name, caller)
    assert "__Schema" in told


def test_shop_is_told_as_one_without_a_vault() -> None:
    assert secrets("vault", ANN) == SECRETS
    assert secrets("vault", ANONYMOUS) == SECRETS


@documents(share=0.3)
@given(
    name=st.sampled_from(["vault", "room", "toys", "products", "workshop"]),
    caller=st.one_of(st.just(ANONYMOUS), CALLERS),
    data=st.data(),
)
def test_errors_and_suggestions_name_nothing_that_is_hidden(
    name: str, caller: Principal, data: st.DataObject
) -> None:
    hidden = secrets(name, caller)
    assume(hidden)
    word = data.draw(st.sampled_from(sorted(hidden)))
    kinds = sorted(each for each in words(definition(schemas()[name])) if each[0].isupper())
    kind = data.draw(st.sampled_from(kinds))
    for asked in (word, f"{word}s", word[:-1], f"x{word}"):
        for query in (
            f"{{ {asked} }}",
            f"{{ ... on {kind} {{ {asked} {{ {asked}(a: {asked}) }} }} }}",
            f"mutation {{ {asked} }}",
            f"subscription {{ {asked} }}",
            f"query($a: {asked}) {{ __typename ... on {asked} {{ {word} }} }}",
            f'{{ __type(name: "{asked}") {{ {asked} }} }}',
        ):
            told = {*WORD.findall(refusal(engine(name), query, caller) or "")}
            assert not told & hidden - {asked, word, kind}, query


@cache
def of_whole() -> st.SearchStrategy[str]:
    return hypothesis_graphql.from_schema(definition(VAULT))


@cache
def without_vault() -> Planner:
    return Planner(build_schema(WITHOUT_VAULT), LIMITS, 100)


@documents(share=0.5)
@given(query=of_whole())
def test_hidden_field_is_refused_word_for_word_as_one_that_does_not_exist(query: str) -> None:
    assert refusal(engine("vault"), query) == refusal(without_vault(), query)


class Sides(Arena):
    """An engine that shows everything, beside one that hides."""

    execution: Execution = "compiled"

    def renew(self) -> None:
        self.engines = {
            "graphql-core": Engine(self.schema, LIMITS, 100, "compiled"),
            "compiled": Engine(self.schema, LIMITS, 100, self.execution, "hidden"),
        }

    def compare(self, case: Case) -> Observed:
        shown = self.runner.run(self._observe("graphql-core", case))
        hidden = self.runner.run(self._observe("compiled", case))
        check(case, hidden, shown)
        return shown

    @cache  # noqa: B019
    def visible(self, caller: str) -> st.SearchStrategy[str]:
        """Documents of what a caller is told of."""
        view = self.engines["compiled"].plan("{ __typename }", None, self.callers[caller]).view
        assert view is not None
        return hypothesis_graphql.from_schema(view.shown, custom_scalars=OURS)


@pytest.fixture(scope="module", params=["compiled", "graphql-core"])
def sides(request: pytest.FixtureRequest) -> Iterator[list[Sides]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(programs, "COMPILED_AT_USE", 1)
        patch.setattr(Sides, "execution", request.param)
        made = [Sides(VAULT), Sides(workshop.schema)]
        yield made
        for each in made:
            each.close()


@documents(share=0.3)
@given(data=st.data(), seed=SEEDS)
def test_what_is_visible_is_answered_as_before(
    sides: list[Sides], data: st.DataObject, seed: int
) -> None:
    arena = data.draw(st.sampled_from(sides))
    caller = data.draw(st.sampled_from(["anonymous", "child"]))
    query = data.draw(arena.visible(caller))
    assume("__typename" not in query)
    arena.compare(Case(query, {}, caller, script(Random(seed))))


@pytest.mark.parametrize(
    ("query", "is_same"),
    [
        ("{ items { __typename } }", False),
        ("{ found { __typename ... on Book { pages } } }", False),
        ("{ found { ... on Book { __typename label } } }", True),
        ("{ found { ... on Book { sequel { __typename } } } }", False),
        ("query Q($no: Boolean = false) { items { id @include(if: $no) label } }", True),
        ("{ items { ... on Safe { id label } } }", True),
        ("{ found { ...F } items { ...F } } fragment F on Item { id label }", True),
    ],
)
def test_only_the_name_of_a_hidden_type_is_answered_otherwise(
    sides: list[Sides], query: str, is_same: bool
) -> None:
    shop = sides[0]
    case = Case(query, {}, "child")
    for _ in range(3):
        if is_same:
            shop.compare(case)
            continue
        shown = shop.runner.run(shop._observe("graphql-core", case)).answer
        hidden = shop.runner.run(shop._observe("compiled", case)).answer
        assert "Ingot" in shown
        assert hidden == re.sub(r'"__typename":"Ingot"', _named(query), shown)


def _named(query: str) -> str:
    return '"__typename":"Item"' if query.startswith("{ items") else '"__typename":"Found"'
