"""The fields for administrators work in a schema that has nothing else of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import strawberry

from tests.support.toy_schema import STREAM
from watchword.auth.fields.connection_fields import LiveConnectionMutation, LiveConnectionQuery
from watchword.auth.fields.key_fields import SigningKeyMutation, SigningKeyQuery
from watchword.config.settings import Settings
from watchword.context import Info
from watchword.domain import Domain
from watchword.events.event import Event
from watchword.mounting.asgi_app import Watchword
from watchword.permissions.field import Public
from watchword.testing import App

FOLLOWING = "subscription Following { made }"
LISTED = "{ liveConnections { nodes { id subject subscriptions { operation behind } } } }"


@strawberry.type
class Query(LiveConnectionQuery, SigningKeyQuery):
    pass


@strawberry.type
class Mutation(LiveConnectionMutation, SigningKeyMutation):
    pass


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def made(self, info: Info) -> AsyncIterator[str]:
        async for event in info.context.follow(STREAM):
            yield event.key


@pytest.fixture(scope="session")
def watchword_app() -> Watchword:
    roles = {"operator": frozenset({"connections:write", "keys:write"})}
    schema = strawberry.Schema(Query, Mutation, Subscription)
    return Watchword(schema, Settings(_env_file=None), domain=Domain(roles=roles))


async def test_connections_are_listed_and_ended(watchword: App) -> None:
    operator, ann = watchword.as_user(roles=["operator"]), watchword.as_user()
    async with ann.subscribe(FOLLOWING) as following:
        watchword.publish(Event(STREAM, "a", "made"))
        assert await following.next() == {"made": "a"}
        [listed] = (await operator.query(LISTED))["liveConnections"]["nodes"]
        assert listed["subject"] == ann.id
        assert listed["subscriptions"] == [{"operation": "Following", "behind": 0}]
        await operator.mutate("mutation ($id: ID!) { endConnection(id: $id) }", id=listed["id"])
        assert (await following.closed()).code == 4401
    assert (await ann.refusal(LISTED)).code == "FORBIDDEN"


async def test_signing_keys_are_listed_and_rotated(watchword: App) -> None:
    operator = watchword.as_user(roles=["operator"])
    watchword.clock.move(1)
    rotate = "mutation { rotateSigningKeys(atOnce: false) { state } }"
    rotated = (await operator.mutate(rotate))["rotateSigningKeys"]
    assert [key["state"] for key in rotated] == ["PUBLISHED", "SIGNS"]
    keys = (await operator.query("{ signingKeys { state } }"))["signingKeys"]
    assert keys == rotated
