"""Strawberry's own permissions and those of users: asked for each event, and refused as ours are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission, PermissionExtension

from tests.support.clients import STREAMING, TRANSPORTS
from tests.support.clock import MovedClock
from tests.support.toy_schema import STREAM
from tests.support.toy_server import ToyServer, toy_server
from watchword.context import Context, Info
from watchword.errors import Conflict
from watchword.permissions.field import HasRole, Public, SignedIn

listed: set[str] = set()
asked: list[Context] = []


class IsListed(BasePermission):
    message = "You are not on the list."
    error_extensions = {"list": "guests"}

    def has_permission(self, source: Any, info: Info, **arguments: Any) -> bool:
        asked.append(info.context)
        return info.context.principal.subject in listed


class IsListedElsewhere(BasePermission):
    message = "You are not on the list."
    error_extensions = {"list": "guests"}

    async def has_permission(self, source: Any, info: Info, **arguments: Any) -> bool:
        await asyncio.sleep(0)
        asked.append(info.context)
        return info.context.principal.subject in listed


class Greets(BasePermission):
    def has_permission(self, source: Any, info: Info, **arguments: Any) -> bool:
        asked.append(info.context)
        return bool(arguments["name"] == "ALICE") and info.context.principal.subject in listed

    message = IsListed.message
    error_extensions = IsListed.error_extensions


class Shouts(FieldExtension):
    """An extension before the permissions, which changes their arguments."""

    async def resolve_async(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        return await next_(source, info, **{**arguments, "name": arguments["name"].upper()})


class Complains(IsListed):
    def on_unauthorized(self) -> None:
        raise PermissionError(self.message)


class Shrugs(IsListed):
    def on_unauthorized(self) -> None:
        return None


class Fails(BasePermission):
    error_class = Conflict  # type: ignore[assignment]
    message = "Somebody sits there."

    def has_permission(self, source: Any, info: Info, **arguments: Any) -> bool:
        return False


class Plain(BasePermission):
    error_class = GraphQLError
    error_extensions = {"code": "PAYMENT_REQUIRED"}

    def has_permission(self, source: Any, info: Info, **arguments: Any) -> bool:
        return False


async def follow(info: Info, name: str = "alice") -> AsyncIterator[str]:
    async for event in info.context.follow(STREAM):
        yield event.key


def guarded(*extensions: FieldExtension) -> Any:
    return strawberry.subscription(resolver=follow, extensions=list(extensions))


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def hello(self) -> str:
        return "hello"

    @strawberry.field(permission_classes=[IsListed])
    def plain(self) -> str | None:
        return "plain"

    @strawberry.field(permission_classes=[Complains])
    async def complaint(self) -> str | None:
        return "complaint"

    @strawberry.field(permission_classes=[Fails])
    def seat(self) -> str | None:
        return "seat"

    @strawberry.field(permission_classes=[Plain])
    def paid(self) -> str | None:
        return "paid"

    @strawberry.field(extensions=[PermissionExtension(permissions=[SignedIn()])])
    def by_hand(self) -> str | None:
        return "by hand"

    @strawberry.field(
        extensions=[PermissionExtension(permissions=[HasRole("keeper")()], fail_silently=True)]
    )
    async def silent(self) -> str | None:
        return "silent"

    @strawberry.field(
        extensions=[
            PermissionExtension(permissions=[(HasRole("keeper") & SignedIn)()], fail_silently=True)
        ]
    )
    def silent_list(self) -> list[str]:
        return ["silent"]


@strawberry.type
class Subscription:
    stock = strawberry.subscription(resolver=follow, permission_classes=[IsListed])
    slow = strawberry.subscription(resolver=follow, permission_classes=[IsListedElsewhere])
    mixed = strawberry.subscription(resolver=follow, permission_classes=[SignedIn, IsListed])
    by_hand = guarded(PermissionExtension(permissions=[IsListed()]))
    several = guarded(
        PermissionExtension(permissions=[Public()]), PermissionExtension(permissions=[IsListed()])
    )
    changed = guarded(PermissionExtension(permissions=[Greets()]), Shouts())
    complaint = strawberry.subscription(resolver=follow, permission_classes=[Complains])
    shrug = strawberry.subscription(resolver=follow, permission_classes=[Shrugs])


SCHEMA = strawberry.Schema(Query, None, Subscription)


@pytest.fixture
async def server(clock: MovedClock) -> AsyncIterator[ToyServer]:
    listed.clear()
    async with toy_server(clock, SCHEMA) as server:
        yield server


async def first(
    server: ToyServer, query: str, token: str | None = None, transport: str = "http"
) -> Any:
    async with aclosing(TRANSPORTS[transport](server.url, query, token)) as answers:
        return await anext(answers)


@pytest.mark.parametrize(
    ("field", "message", "extensions"),
    [
        ("stock", IsListed.message, IsListed.error_extensions),
        ("slow", IsListed.message, IsListed.error_extensions),
        ("mixed", IsListed.message, IsListed.error_extensions),
        ("byHand", IsListed.message, IsListed.error_extensions),
        ("several", IsListed.message, IsListed.error_extensions),
        ("changed", IsListed.message, IsListed.error_extensions),
        ("complaint", IsListed.message, {}),
        ("shrug", "This subscription is not allowed any more.", {}),
    ],
)
async def test_each_event_asks_every_kind_of_permission_again(
    field: str, message: str, extensions: dict[str, Any], server: ToyServer
) -> None:
    listed.add("alice")
    answers = STREAMING["websocket"](server.url, f"subscription {{ {field} }}", "alice")
    task = asyncio.ensure_future(anext(answers))
    await server.followed(1)
    await server.publish("bear")
    assert (await task)["data"] == {field: "bear"}
    listed.clear()
    task = asyncio.ensure_future(anext(answers))
    await server.publish("car")
    async with asyncio.timeout(20):
        [error] = (await task)["errors"]
    assert error == {"message": message, "extensions": {"code": "FORBIDDEN", **extensions}}
    assert [answer async for answer in answers] == []
    await server.followed(0)
    assert len(asked) == len(set(map(id, asked))), "each event has a context of its own"
    asked.clear()


async def test_a_permission_that_asks_for_the_identity_ends_only_the_refused_subscription(
    server: ToyServer,
) -> None:
    listed.update({"alice", "bob"})
    query = "subscription { stock }"
    alice, bob = (STREAMING["websocket"](server.url, query, name) for name in ("alice", "bob"))
    async with aclosing(alice), aclosing(bob), asyncio.timeout(20):
        for key in ("bear", "car"):
            tasks = [asyncio.ensure_future(anext(answers)) for answers in (alice, bob)]
            await server.followed(2)
            await server.publish(key)
            assert [(await task)["data"] for task in tasks] == [{"stock": key}] * 2
        listed.remove("bob")
        tasks = [asyncio.ensure_future(anext(answers)) for answers in (alice, bob)]
        await server.publish("doll")
        assert (await tasks[0])["data"] == {"stock": "doll"}
        [error] = (await tasks[1])["errors"]
        assert error["extensions"]["code"] == "FORBIDDEN"
    asked.clear()


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_refusal_of_a_stock_permission_is_forbidden_or_unauthenticated_with_its_message(
    transport: str, server: ToyServer, caplog: pytest.LogCaptureFixture
) -> None:
    for token, code in (("bob", "FORBIDDEN"), (None, "UNAUTHENTICATED")):
        answer = await first(server, "{ plain complaint hello }", token, transport)
        assert answer["data"] == {"plain": None, "complaint": None, "hello": "hello"}
        by_path = {error["path"][0]: error for error in answer["errors"]}
        assert by_path["plain"]["message"] == by_path["complaint"]["message"] == IsListed.message
        assert by_path["plain"]["extensions"] == {"code": code, "list": "guests"}
        assert by_path["complaint"]["extensions"] == {"code": code}
        assert all(error["locations"] for error in answer["errors"])
    assert "unexpected error" not in caplog.text


@pytest.mark.parametrize("transport", STREAMING)
async def test_a_subscription_that_a_stock_permission_refuses_is_not_opened(
    transport: str, server: ToyServer
) -> None:
    for token, code in (("bob", "FORBIDDEN"), (None, "UNAUTHENTICATED")):
        opened = STREAMING[transport](server.url, "subscription { slow }", token)
        [answer] = [answer async for answer in opened]
        [error] = answer["errors"]
        assert error["message"] == IsListed.message
        assert error["extensions"] == {"code": code, "list": "guests"}


async def test_a_permission_can_choose_its_error_and_code(server: ToyServer) -> None:
    answer = await first(server, "{ seat paid }", "bob")
    seat, paid = answer["errors"]
    assert (seat["message"], seat["extensions"]) == (Fails.message, {"code": "CONFLICT"})
    assert (paid["message"], paid["extensions"]) == (
        "This is not allowed.",
        {"code": "PAYMENT_REQUIRED"},
    )


async def test_our_permissions_work_in_a_permission_extension(server: ToyServer) -> None:
    query = "{ byHand silent silentList }"
    refused = await first(server, query)
    assert refused["data"] == {"byHand": None, "silent": None, "silentList": []}
    [error] = refused["errors"]
    assert error["extensions"] == {"code": "UNAUTHENTICATED", "requires": {"signedIn": True}}
    assert await first(server, query, "alice+keeper") == {
        "data": {"byHand": "by hand", "silent": "silent", "silentList": ["silent"]}
    }
