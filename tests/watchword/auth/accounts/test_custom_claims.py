"""Custom claims of `Domain.claims`: in our tokens, on the principal, in rules, and in what callers share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

import httpx2
import orjson
import pytest
import strawberry
from sqlalchemy import select

from tests.support.clients import WebSocketClient
from tests.support.clock import MovedClock
from tests.support.identity import unit_of
from tests.support.other_servers import serving_by
from tests.support.toy_app import prepared
from tests.support.toy_server import until
from watchword.auth.accounts.accounts import add_account
from watchword.auth.accounts.custom_claims import LONGEST, Unusable, checked
from watchword.auth.sign_in.passwords import hash_chosen
from watchword.auth.tables import Session
from watchword.context import Info
from watchword.domain import Domain
from watchword.events.event import Event
from watchword.events.sources import reads
from watchword.hooks import AccountInfo
from watchword.mounting.asgi_app import Watchword
from watchword.permissions.field import HasClaim, Public, SignedIn
from watchword.storage.database import Database
from watchword.tokens.claims import REGISTERED
from watchword.tokens.jose.compact import decode

PASSWORD = "correct horse battery"
BILLS = "{ bills }"


@strawberry.type
class Query:
    @reads("bills")
    @strawberry.field(permission_classes=[HasClaim("unit", "billing")])
    def bills(self) -> str | None:
        return "a bill"

    @reads("bills")
    @strawberry.field(permission_classes=[SignedIn])
    def unit(self, info: Info) -> str | None:
        return str(info.context.principal.claims.get("unit"))

    @reads("bills")
    @strawberry.field(permission_classes=[SignedIn])
    def desk(self, info: Info) -> str | None:
        return str(info.context.principal.claims.get("desk"))


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[Public])
    async def bill(self, info: Info) -> int | None:
        async with info.context.write() as unit:
            unit.publish(Event("bills", "1", "MADE"))
        return 1


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[HasClaim("unit", "billing")])
    async def billed(self, info: Info) -> AsyncIterator[str]:
        async for event in info.context.follow("bills"):
            yield event.key

    @strawberry.subscription(permission_classes=[SignedIn])
    async def desks(self, info: Info) -> AsyncIterator[str]:
        async for _ in info.context.follow("bills"):
            yield str(info.context.principal.claims["desk"])


SCHEMA = strawberry.Schema(Query, Mutation, Subscription)


class Office:
    """A server with a hook whose answers a test changes."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {}
        self.asked: list[AccountInfo] = []
        self.url = ""
        self.watchword: Any = None
        self.client = httpx2.AsyncClient()

    async def say(self, account: AccountInfo) -> Mapping[str, Any]:
        self.asked.append(account)
        said = self.claims[account.name]
        if isinstance(said, Exception):
            raise said
        return dict(said)

    async def post(self, path: str, **body: Any) -> httpx2.Response:
        return await self.client.post(f"{self.url}{path}", json=body)

    async def login(self, name: str) -> httpx2.Response:
        body = {"email": f"{name}@example.com", "password": PASSWORD, "delivery": "body"}
        return await self.post("/api/auth/login", **body)

    async def token(self, name: str) -> str:
        return str((await self.login(name)).json()["access_token"])

    async def ask(self, token: str, query: str) -> Any:
        headers = {"authorization": f"Bearer {token}"}
        body = {"query": query}
        return (await self.client.post(f"{self.url}/graphql", json=body, headers=headers)).json()

    def socket(self) -> AbstractAsyncContextManager[WebSocketClient]:
        return WebSocketClient.open(f"{self.url}/graphql")

    @property
    def sizes(self) -> list[int]:
        return sorted(self.watchword.pipeline.groups.sizes)


@pytest.fixture
async def office(sqlite_url: str, clock: MovedClock, tmp_path: Any) -> AsyncIterator[Office]:
    settings = await prepared(sqlite_url, clock, home=tmp_path)
    database = Database(sqlite_url)
    hash = await hash_chosen(PASSWORD)
    async with unit_of(database, clock.now()) as unit:
        for name in ("ada", "bob", "cyd"):
            await add_account(unit, email=f"{name}@example.com", name=name, roles=[], hash=hash)
    await database.close()
    made = Office()
    made.claims = {
        "ada": {"unit": "billing", "desk": 1},
        "bob": {"unit": ["billing", "law"], "desk": 2},
    }
    made.claims["cyd"] = {"unit": "billing", "desk": 3}
    made.watchword = Watchword(SCHEMA, settings, domain=Domain(claims=made.say), clock=clock)
    async with serving_by("uvicorn", made.watchword) as (url, _), made.client:
        made.url = url
        await made.watchword.pipeline.services.hub.look()
        yield made


def said(token: str) -> dict[str, Any]:
    return dict(orjson.loads(decode(token.split(".")[1])))


async def test_a_token_has_the_claims_that_the_hook_says_at_sign_in_and_at_refresh(
    office: Office,
) -> None:
    first = (await office.login("ada")).json()
    assert said(first["access_token"])["unit"] == "billing"
    assert office.asked[0].email == "ada@example.com"
    office.claims["ada"] = {"unit": "law"}
    body = {"refresh_token": first["refresh_token"]}
    second = (await office.post("/api/auth/refresh", **body)).json()["access_token"]
    assert (said(second)["unit"], said(second).get("desk")) == ("law", None)
    assert await office.ask(first["access_token"], BILLS) == {"data": {"bills": "a bill"}}
    refused = await office.ask(second, BILLS)
    assert refused["errors"][0]["extensions"]["requires"] == {"claim": "unit", "value": "billing"}


async def test_a_step_up_has_them_too(office: Office) -> None:
    headers = {"authorization": f"Bearer {await office.token('ada')}"}
    office.claims["ada"] = {"unit": "law"}
    url = f"{office.url}/api/auth/step-up"
    answer = await office.client.post(url, json={"password": PASSWORD}, headers=headers)
    assert said(answer.json()["access_token"])["unit"] == "law"


async def test_a_claim_that_a_rule_reads_tells_callers_apart_and_others_do_not(
    office: Office,
) -> None:
    tokens = {name: await office.token(name) for name in ("ada", "bob", "cyd")}
    counts = office.watchword.pipeline.shared.counts
    # A claim that a rule reads is the same for all that share, so a resolver may read it too.
    for name in ("ada", "cyd", "ada", "cyd"):
        assert await office.ask(tokens[name], "{ unit }") == {"data": {"unit": "billing"}}
    assert await office.ask(tokens["bob"], "{ unit }") == {"data": {"unit": "('billing', 'law')"}}
    assert counts == {"begun": 3, "kept": 2}
    # A claim that no rule reads makes the answer personal, as the subject does.
    for name, desk in (("ada", "1"), ("cyd", "3"), ("bob", "2"), ("cyd", "3")):
        assert await office.ask(tokens[name], "{ desk }") == {"data": {"desk": desk}}
    assert counts["personal"] == 2


async def test_subscribers_whose_claims_differ_are_grouped_apart(office: Office) -> None:
    async with AsyncExitStack() as stack:
        sockets = []
        for name in ("ada", "cyd", "bob", "bob"):
            socket = await stack.enter_async_context(office.socket())
            await socket.init(await office.token(name))
            await socket.subscribe("1", "subscription { billed }")
            sockets.append(socket)
        await until(lambda: office.sizes == [2, 2])
        await office.ask(await office.token("ada"), "mutation { bill }")
        for socket in sockets:
            assert (await socket.receive())["payload"]["data"] == {"billed": "1"}


async def test_a_subscription_that_reads_another_claim_runs_for_each_by_itself(
    office: Office,
) -> None:
    async with (
        office.socket() as one,
        office.socket() as other,
    ):
        for socket, name in ((one, "ada"), (other, "cyd")):
            await socket.init(await office.token(name))
            await socket.subscribe("1", "subscription { desks }")
        for _ in range(3):
            await office.ask(await office.token("ada"), "mutation { bill }")
            assert (await one.receive())["payload"]["data"] == {"desks": "1"}
            assert (await other.receive())["payload"]["data"] == {"desks": "3"}


async def test_a_renewal_with_another_value_asks_the_permission_again(office: Office) -> None:
    first = (await office.login("ada")).json()
    office.claims["ada"] = {"unit": "law", "desk": 1}
    second = (await office.post("/api/auth/refresh", refresh_token=first["refresh_token"])).json()
    async with office.socket() as socket:
        await socket.init(first["access_token"])
        await socket.subscribe("1", "subscription { billed }")
        await office.ask(first["access_token"], "mutation { bill }")
        assert (await socket.receive())["payload"]["data"] == {"billed": "1"}
        payload = {"authorization": f"Bearer {second['access_token']}"}
        await socket.send({"type": "ping", "payload": payload})
        told = [await socket.receive(), await socket.receive()]
        ended = next(each for each in told if each["type"] == "error")
        assert ended["payload"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("fault", [LookupError("no table"), {"sub": "eve"}, {"unit": {1}}, 7])
async def test_a_hook_that_fails_refuses_the_sign_in_and_the_log_says_why(
    fault: Any, office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.claims["ada"] = fault
    refused = await office.login("ada")
    assert refused.status_code == 503
    assert "claims of this account" in refused.json()["error_description"]
    logged = [each for each in caplog.records if "Domain.claims failed" in each.getMessage()]
    assert len(logged) == 1
    # The session that no client has a token of is over.
    async with office.watchword.pipeline.services.database.read() as db:
        sessions = (await db.execute(select(Session))).scalars().all()
    assert [each.revoked_at is None for each in sessions] == [False]
    office.claims["ada"] = {"unit": "billing"}
    assert (await office.login("ada")).status_code == 200


async def test_while_the_hook_fails_a_refresh_token_is_not_used_up(
    office: Office, clock: MovedClock
) -> None:
    before = (await office.login("ada")).json()["refresh_token"]
    office.claims["ada"] = LookupError("no table")
    for _ in range(3):
        refused = await office.post("/api/auth/refresh", refresh_token=before)
        assert refused.status_code == 503
        clock.move(60)
        await asyncio.sleep(0)
    office.claims["ada"] = {}
    assert (await office.post("/api/auth/refresh", refresh_token=before)).status_code == 200


@pytest.mark.parametrize("name", sorted(REGISTERED))
def test_a_claim_with_a_fixed_meaning_is_refused_by_name(name: str) -> None:
    with pytest.raises(Unusable, match=f"'{name}', whose meaning is fixed"):
        checked({name: 1})


@pytest.mark.parametrize("name", ["", 1, "x" * 301, "a\nb", "\ud800"])
def test_a_claim_has_a_name(name: Any) -> None:
    with pytest.raises(Unusable, match="which is no name"):
        checked({name: 1})


def test_claims_have_a_largest_size() -> None:
    assert checked({"a": "x" * (LONGEST - 8)}).size == LONGEST
    with pytest.raises(Unusable, match=f"{LONGEST + 1} bytes"):
        checked({"a": "x" * (LONGEST - 7)})
