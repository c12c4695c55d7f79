"""Each reference asks the permission of its type, with the fields of the reference as the arguments."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
import strawberry
from strawberry import federation
from strawberry.federation.schema import FederationAny
from strawberry.federation.schema_directives import Key
from strawberry.permission import BasePermission
from strawberry.schema.config import StrawberryConfig

from tests.support.clock import MovedClock
from tests.support.toy_server import principal, toy_pipeline
from watchword.context import Context, Info, Services
from watchword.domain import Domain
from watchword.errors import NotFound, Unsafe
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits
from watchword.execution.parts import AnswerParts
from watchword.permissions.coverage import cover
from watchword.permissions.field import HasRole, HasScope, Public, SignedIn, condition
from watchword.permissions.rules import Question

found: list[str] = []


@condition("to know the id")
def knows_id(question: Question) -> bool:
    # It is asked for the reference, and then for each field of the object.
    return question.source is not None or question.arguments == {"id": "known"}


@condition("to wait, and to know the id")
async def knows_id_later(question: Question) -> bool:
    await asyncio.sleep(0)
    return question.source is not None or bool(question.arguments["id"] == "known")


class Stock(BasePermission):
    """A permission of somebody else."""

    message = "not in stock"

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        return source is not None or bool(arguments["id"] == "known")


@condition("to wait a moment")
async def after_a_moment(_question: Question) -> bool:
    await asyncio.sleep(0)
    return True


@federation.interface(keys=["id"])
class Medium:
    id: strawberry.ID

    @classmethod
    def resolve_reference(cls, id: str) -> Book:
        return Book(id=strawberry.ID(id))


@federation.type(keys=["id"])
class Book(Medium):
    @strawberry.field
    def secret(self, info: Info) -> str | None:
        return info.context.principal.subject

    @classmethod
    def resolve_reference(cls, info: Info, id: str) -> Book | None:
        found.append(id)
        if id == "missing":
            raise NotFound("There is no such book.")
        if id == "broken":
            raise RuntimeError("the secret ingredient is love")
        return cls(id=strawberry.ID(f"{id} for {info.context.principal.subject}"))


@federation.type(keys=["id"])
class Film(Medium):
    @classmethod
    async def resolve_reference(cls, id: str) -> Film:
        await asyncio.sleep(0)
        return cls(id=strawberry.ID(id))


@federation.type(keys=["source info"])
class Taken:
    """Has fields whose names are those of a permission's parameters."""

    source: str
    info: str | None = None


@condition("to own it")
def owns(question: Question) -> bool:
    return bool(question.source.owner == question.principal.subject)


@federation.type(keys=["id"])
class Invoice:
    """Is made of its reference, and has a field whose permission reads another."""

    id: strawberry.ID
    owner: str = "bob"

    @strawberry.field(permission_classes=[owns])
    def total(self) -> int | None:
        return 100


@federation.type(keys=["id"])
class Shelf:
    """Finds objects of other types by its references."""

    id: strawberry.ID

    @classmethod
    def resolve_reference(cls, id: str) -> Any:
        others = {"book": Book, "cast": strawberry.cast(Book, Film(id=strawberry.ID("cast")))}
        if id == "later":
            return cls._later()
        found = others.get(id, cls)
        return found(id=strawberry.ID(id)) if isinstance(found, type) else found

    @classmethod
    async def _later(cls) -> Any:
        await asyncio.sleep(0)
        return Book(id=strawberry.ID("later"))


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def hello(self) -> str:
        return "hello"


QUERY = """query($r: [_Any!]!) { _entities(representations: $r) {
    ... on Medium { id } ... on Taken { source } } }"""


@pytest.fixture
async def services(clock: MovedClock) -> AsyncIterator[Services]:
    found.clear()
    async with toy_pipeline(clock) as (pipeline, _):
        yield pipeline.services


def made(**permissions: Any) -> strawberry.Schema:
    schema = federation.Schema(Query, types=[Book, Film, Taken, Invoice, Shelf])
    cover(schema, Domain(permissions=permissions, default_permissions=[Public]))
    return schema


async def ask(
    services: Services, schema: strawberry.Schema, *references: Any, query: str = QUERY
) -> Any:
    """Ask interpreted and compiled, as alice; the answers must be equal but for the ids of errors."""
    engine = Engine(schema, Limits(1000, 10, 10, 1000), 10)
    answers = []
    for _ in range(3):
        context = Context(services, principal("alice+keeper", services.clock.now()))
        plan = engine.plan(query, None)
        answers.append(await engine.execute(plan, {"r": list(references)}, context))
    codes = [[each["extensions"]["code"] for each in one.get("errors", ())] for one in answers]
    assert codes[0] == codes[1] == codes[2]
    assert engine.fallbacks == {}
    return answers[-1]["data"]["_entities"], codes[0]


def book(id: str, kind: str = "Book") -> dict[str, str]:
    return {"__typename": kind, "id": id}


@pytest.mark.parametrize(
    "asked", [[knows_id], [knows_id_later], [Stock], [SignedIn, Stock], [knows_id & SignedIn]]
)
@pytest.mark.parametrize("kind", ["Book", "Film"])
async def test_the_permission_is_asked_with_the_reference_before_the_object_is_looked_for(
    asked: Any, kind: str, services: Services
) -> None:
    schema = made(**{kind: asked})
    entities, codes = await ask(services, schema, book("known", kind), book("other", kind))
    assert entities[0]["id"].startswith("known")
    assert (entities[1], codes) == (None, ["FORBIDDEN"])
    assert "other" not in found


async def test_an_error_of_one_reference_leaves_the_others(services: Services) -> None:
    references = [book(each) for each in ("missing", "a", "broken", "b")]
    entities, codes = await ask(services, made(), *references)
    assert entities == [None, {"id": "a for alice"}, None, {"id": "b for alice"}]
    assert codes == ["NOT_FOUND", "INTERNAL"]


async def test_a_reference_to_an_interface_asks_the_permissions_of_all_its_types(
    services: Services,
) -> None:
    reference = book("a", "Medium")
    allowed = made(Book=[HasRole("keeper")], Film=[SignedIn])
    assert await ask(services, allowed, reference) == ([{"id": "a"}], [])
    refused = made(Book=[HasRole("keeper")], Film=[HasScope("films")])
    assert await ask(services, refused, reference) == ([None], ["FORBIDDEN"])


async def test_a_schema_that_finds_entities_in_its_own_way_is_asked_after_the_permission(
    services: Services,
) -> None:
    class Own(federation.Schema):
        def entities_resolver(
            self, info: strawberry.Info, representations: list[FederationAny]
        ) -> list[FederationAny]:
            given: Any = representations
            return [Book(id=f"own {each['id']}") for each in given]  # type: ignore[misc]

    schema = Own(Query, types=[Book])
    cover(schema, Domain(permissions={"Book": [knows_id]}, default_permissions=[Public]))
    query = QUERY.replace("... on Taken { source }", "")
    engine = Engine(schema, Limits(1000, 10, 10, 1000), 10)
    references = {"r": [book("known"), book("other")]}
    context = Context(services, principal("alice", services.clock.now()))
    answer = await engine.execute(engine.plan(query, None), references, context)
    assert answer["data"] == {"_entities": [{"id": "own known"}, None]}
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["FORBIDDEN"]


async def test_fields_named_as_parameters_of_a_permission_are_no_trouble(
    services: Services,
) -> None:
    reference = {"__typename": "Taken", "source": "here", "info": "x"}
    assert await ask(services, made(Taken=[SignedIn]), reference) == ([{"source": "here"}], [])


async def test_where_no_type_is_found_by_a_key_every_reference_is_refused(
    services: Services,
) -> None:
    @federation.type(keys=[Key(fields="id", resolvable=False)])
    class Stub:
        id: strawberry.ID

    schema = federation.Schema(Query, types=[Stub])
    cover(schema, Domain(permissions=dict.fromkeys(["Query._service", "Stub"], [Public])))
    engine = Engine(schema, Limits(1000, 10, 10, 1000), 10)
    query = '{ _entities(representations: [{__typename: "Stub", id: "1"}]) { __typename } }'
    context = Context(services, principal("alice", services.clock.now()))
    answer = await engine.execute(engine.plan(query, None), None, context)
    assert answer["data"] == {"_entities": [None]}
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_the_start_names_no_interface_as_covered(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "watchword.permissions")
    named = dict.fromkeys(["Query._service", "Book", "Film"], [SignedIn])
    cover(federation.Schema(Query, types=[Book, Film]), Domain(permissions=named))
    assert caplog.messages == []


def test_a_type_with_a_key_that_says_nothing_is_named_with_what_to_do() -> None:
    schema = federation.Schema(Query, types=[Book, Film])
    with pytest.raises(
        Unsafe, match=r"(?s)^Query\._service, Book, Film: .*permissions=\{.*\"Film\": \[S"
    ):
        cover(schema, Domain())
    # The advice can be followed.
    cover(schema, Domain(permissions={"Film": [SignedIn]}, default_permissions=[SignedIn]))


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (
            "Query.hello",
            r"^Query\.hello declares a permission\. Take it out of Domain\.permissions",
        ),
        ("Query._entities", r"^Domain\.permissions names 'Query\._entities'\. It may name root"),
        ("Shelf", r"^Domain\.permissions names 'Shelf'\. It may name root fields"),
        ("Medium", r"^Domain\.permissions names the interface Medium\. Name its types: Book, Film"),
    ],
)
def test_a_name_that_would_have_no_effect_is_refused(named: str, said: str) -> None:
    schema = federation.Schema(Query, types=[Book, Film])
    permissions = {named: [SignedIn]}
    with pytest.raises(Unsafe, match=said):
        cover(schema, Domain(permissions=permissions, default_permissions=[SignedIn]))


def test_parameters_that_a_reference_never_has_are_refused() -> None:
    @federation.type(keys=["shelfNumber"])
    class Shelf:
        shelf_number: int

        @classmethod
        def resolve_reference(cls, shelf_number: int) -> Any:
            return None

    schema = federation.Schema(Query, types=[Shelf])
    with pytest.raises(Unsafe, match=r"^Shelf\.resolve_reference needs shelf_number, which is no"):
        cover(schema, Domain(default_permissions=[SignedIn]))


async def test_a_reference_cannot_say_of_its_object_what_a_permission_reads(
    services: Services,
) -> None:
    query = QUERY.replace("Taken { source }", "Invoice { id total }")
    honest = {"__typename": "Invoice", "id": "2"}
    forged = {"__typename": "Invoice", "id": "1", "owner": "alice"}
    answers, codes = await ask(services, made(), forged, honest, query=query)
    assert answers == [None, {"id": "2", "total": None}]
    assert codes == ["BAD_USER_INPUT", "FORBIDDEN"]


@pytest.mark.parametrize("id", ["book", "later", "cast"])
@pytest.mark.parametrize("asked", [Public, SignedIn, after_a_moment])
async def test_an_object_of_another_type_than_its_reference_is_an_error(
    id: str, asked: Any, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    query = """query($r: [_Any!]!) { _entities(representations: $r) {
        __typename ... on Medium { id } ... on Shelf { id } } }"""
    # A reference to a shelf does not ask the permission of the book that it finds.
    schema = made(Book=[HasRole("nobody")], Shelf=[asked])
    references = [book(each, "Shelf") for each in (id, "own")]
    entities, codes = await ask(services, schema, *references, query=query)
    assert entities == [None, {"__typename": "Shelf", "id": "own"}]
    assert codes == ["INTERNAL"]
    assert "Shelf.resolve_reference returned an object of the type" in caplog.text
    assert "It may return Shelf." in caplog.text


async def test_with_the_incremental_option_each_part_of_an_entity_asks_its_permissions(
    services: Services,
) -> None:
    config = StrawberryConfig(enable_experimental_incremental_execution=True)
    schema = federation.Schema(Query, types=[Book, Film, Taken, Invoice, Shelf], config=config)
    cover(schema, Domain(default_permissions=[Public]))
    engine = Engine(schema, Limits(1000, 10, 10, 1000), 10)
    query = """query($r: [_Any!]!) { _entities(representations: $r) {
        ... on Invoice { id ... @defer { total } } } }"""
    parts: list[Any] = []

    async def send(part: Any) -> None:
        parts.append(part)

    context = Context(services, principal("alice", services.clock.now()))
    plan = engine.plan(query, None)
    references = {"r": [book("1", "Invoice"), {"__typename": "Invoice", "owner": "alice"}]}
    await engine.execute_in_parts(plan, references, context, AnswerParts(send))
    first, last = parts
    assert first["data"]["_entities"] == [{"id": "1"}, None]
    [entry] = last["incremental"]
    assert entry["data"] == {"total": None}
    assert [each["extensions"]["code"] for each in entry["errors"]] == ["FORBIDDEN"]
    # A router that takes no parts gets the whole answer.
    whole = await engine.execute(plan, references, context)
    assert whole["data"]["_entities"] == [{"id": "1", "total": None}, None]
